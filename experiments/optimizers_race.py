"""Every optimizer of jaxdl.optim in a race: on four surfaces, paths drawn, and on Fashion-MNIST.

Each has learning rates to choose from, half a power of ten apart. On a surface the one of nine that
ends lowest counts, on Fashion-MNIST (784-64-64-10) the one of five that validates best.

Command:  python experiments/optimizers_race.py --seeds 3  (9 minutes of CPU a seed)
Result:   Fashion-MNIST, test accuracy (mean ± standard deviation of 3 seeds): muon 0.882 ± 0.002;
          adamw 0.868 ± 0.003, sparse_adam 0.867, nadam 0.865, adam 0.864; others 0.844 to 0.861
          but for two that batches mislead, rprop 0.776 and lbfgs 0.741 ± 0.053. On Rosenbrock's,
          height after 200 steps: lbfgs 5e-10, momentum 2e-9, adam 1e-4, descent 9e-2, radam 4.9
Reference: Schmidt, Schneider and Hennig, Descending through a crowded valley, 2021
"""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax

import common
from jaxdl import data, initializers, layers, losses, metrics, models, optim, serial, sweep, train
from jaxdl.types import Array, Layer

# --- Config ---------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Config(common.Config):
    """The flags of this experiment."""

    output: Path = Path("runs/optimizers_race")
    """folder for numbers, checkpoints and pictures"""
    epochs: int = 5
    """passes over Fashion-MNIST"""
    steps: int = 200
    """steps on each surface"""
    batch_size: int = 128
    """images a step"""
    data_dir: Path | None = None
    """folder with the data, where it is in no usual place"""


def muon(rate: Array) -> optax.GradientTransformation:
    """Muon for kernels; it isn't made for biases, which adamw takes."""
    part = lambda path: "kernel" if optim.is_kernel(path) else "rest"
    return optim.by_path(part, {"kernel": optim.muon(rate), "rest": optim.adamw(rate / 10)})


RACERS: dict[str, tuple[float, Callable[[Array], optax.GradientTransformation]]] = {
    "gradient_descent": (1e-1, optim.gradient_descent),
    "sgd, momentum": (3e-2, lambda rate: optim.sgd(rate, momentum=0.9)),
    "sgd, nesterov": (3e-2, lambda rate: optim.sgd(rate, momentum=0.9, nesterov=True)),
    "adagrad": (3e-2, optim.adagrad),
    "rmsprop": (1e-3, optim.rmsprop),
    "adadelta": (1.0, optim.adadelta),
    "adam": (1e-3, optim.adam),
    "adamw": (1e-3, optim.adamw),
    "adamax": (3e-3, optim.adamax),
    "nadam": (1e-3, optim.nadam),
    "radam": (1e-3, optim.radam),
    "sparse_adam": (1e-3, optim.sparse_adam),
    "adafactor": (3e-2, optim.adafactor),
    "asgd": (1e-1, optim.asgd),
    "lbfgs": (1.0, lambda rate: optim.lbfgs(rate, max_iter=1, line_search_fn="strong_wolfe")),
    "rprop": (1e-3, optim.rprop),
    "muon": (1e-2, muon),
}
FACTORS = 10.0 ** np.array([-1, -0.5, 0, 0.5, 1], "f")
SURFACE_FACTORS = 10.0 ** np.arange(-2, 2.1, 0.5, dtype="f")  # steep ones and flat ones

# --- Data -----------------------------------------------------------------------------------------

SURFACES: dict[str, tuple[Callable[[Array, Array], Array], tuple, tuple]] = {
    # function of x and y, start, and what is drawn: (left, right, bottom, top)
    "ravine": (lambda x, y: x**2 / 40 + y**2, (-9.0, 2.0), (-10, 2, -3, 3)),
    "rosenbrock": (lambda x, y: (1 - x) ** 2 + 20 * (y - x**2) ** 2, (-1.4, 1.8), (-2, 2, -1, 3)),
    "saddle": (lambda x, y: x**2 - y**2 + y**4 / 4, (-2.0, 1e-3), (-2.4, 2.4, -2.4, 2.4)),
    "valleys": (lambda x, y: x**4 / 4 - x**2 + x / 4 + y**2, (0.3, 2.0), (-2, 2, -1, 2.4)),
}


def load(config: Config) -> data.Dataset:
    """48,000 images to train on, 12,000 to validate, 10,000 to test."""
    return data.hold_out(common.load("fashion_mnist", config, data_dir=config.data_dir), 0.2)


# --- Model ----------------------------------------------------------------------------------------


def network() -> Layer:
    """Bytes to [0, 1], image to vector, two hidden layers of 64."""
    mlp = models.mlp((28 * 28, 64, 64, 10), init=initializers.he_default)
    return serial(layers.rescale(1 / 255), layers.flatten(axes=3), mlp)


# --- Loss and step --------------------------------------------------------------------------------


def descend(surface: str, racer: str, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """Paths (rates, steps + 1, 2) on a surface from its start, and the heights (rates,) at last."""
    f, start, _ = SURFACES[surface]
    usual, make = RACERS[racer]
    # The two numbers are a kernel, for muon; a bias that is of no use completes its parts.
    height = lambda params: f(*params["kernel"][0]) + 0 * params["bias"][0]

    def path(rate: Array) -> Array:
        tx = optax.with_extra_args_support(make(rate))

        def step(carry, _):
            params, opt_state = carry
            value, grad = jax.value_and_grad(height)(params)
            extra = {"value": value, "grad": grad, "value_fn": height}
            updates, opt_state = tx.update(grad, opt_state, params, **extra)
            params = optax.apply_updates(params, updates)
            return (params, opt_state), params["kernel"][0]

        params = {"kernel": jnp.array([start]), "bias": jnp.zeros(1)}
        return jax.lax.scan(step, (params, tx.init(params)), length=steps)[1]

    paths = np.asarray(jax.jit(jax.vmap(path))(usual * SURFACE_FACTORS))
    paths = np.concatenate([np.broadcast_to(np.float32(start), paths[:, :1].shape), paths], axis=1)
    heights = np.asarray(jax.vmap(f)(*paths[:, -1].T))
    return paths, np.where(np.isfinite(heights), heights, np.inf)


def make_run(racer: str, place: Array) -> sweep.Run:
    """Cross entropy, and an optimizer with one of its five learning rates."""
    net, (usual, make) = network(), RACERS[racer]
    loss_fn = train.supervised(net, losses.cross_entropy, metrics={"accuracy": metrics.accuracy})
    return sweep.Run(net, loss_fn, make(usual * jnp.asarray(FACTORS)[place]))


# --- Run and report -------------------------------------------------------------------------------


def race(config: Config, racers: list[str], dataset: data.Dataset) -> dict[str, dict[str, float]]:
    """Trains a network with each rate; the test accuracy of the rate that validates best."""
    # A rate is told by which of five it is: how large they are depends on the optimizer.
    grid, size = {"racer": racers, "place": range(len(FACTORS))}, config.batch_size
    result = common.population(config, make_run, dataset, batch_size=size, grid=grid)
    validation = result.history["validation_accuracy"][:, -1]
    test = sweep.evaluate(make_run, result, dataset.test)["accuracy"]
    runs = {}
    for racer in racers:
        own = [i for i, member in enumerate(result.members) if member["racer"] == racer]
        best = max(own, key=lambda i: np.nan_to_num(validation[i], nan=-1.0))
        rate = RACERS[racer][0] * FACTORS[result.members[best]["place"]]
        runs[racer] = {"accuracy": float(test[best]), "rate": float(rate)}
    return runs


def main(config: Config) -> dict:
    """Runs the race on the surfaces and on images, and draws; returns what result.json says."""
    dataset, numbers, pictures = load(config), {}, {}
    racers, surfaces = common.some(config, RACERS), common.some(config, SURFACES)
    for surface in surfaces:
        paths = {racer: descend(surface, racer, config.steps) for racer in racers}
        numbers |= {f"{surface}_{racer}": float(low.min()) for racer, (_, low) in paths.items()}
        pictures[f"{surface}.png"] = draw_paths(surface, paths)
    runs = race(config, racers, dataset)
    for racer, run in runs.items():
        print(f"{racer:18} test accuracy {run['accuracy']:.4f}, learning rate {run['rate']:.1e}")
        numbers[f"{racer}_accuracy"] = run["accuracy"]
    return common.finish(config, numbers, pictures | {"fashion_mnist.png": draw_bars(runs)})


def draw_paths(surface: str, paths: dict):
    """A panel for each optimizer: the surface's contours and the path of its best rate."""
    f, start, (left, right, bottom, top) = SURFACES[surface]
    grid = np.meshgrid(np.linspace(left, right, 120), np.linspace(bottom, top, 120))
    height = np.asarray(f(*grid))
    figure = common.canvas(-(-len(paths) // 6), 6, width=2.2, height=2.1)
    figure.axes[-1].axis("off")  # 17 optimizers leave one panel of 18
    for axes, (racer, (path, low)) in zip(figure.axes, paths.items(), strict=False):
        axes.contour(*grid, np.log(height - height.min() + 0.03), 14, cmap="Greys", linewidths=0.7)
        axes.plot(*path[low.argmin()].T, ".-", ms=3, lw=1.2)
        axes.plot(*start, "o", color=common.COLOURS[1])
        axes.set(xlim=(left, right), ylim=(bottom, top), xticks=[], yticks=[])
        axes.set_title(f"{racer}\n{low.min():.1e}", fontsize=10)
    figure.suptitle(f"{surface}: the path of the best of nine rates, and how low it ends")
    return figure


def draw_bars(runs: dict):
    """Test accuracies, the best on top."""
    figure = common.canvas(1, 1, width=6.4, height=5.2)
    (axes,) = figure.axes
    order = sorted(runs, key=lambda racer: runs[racer]["accuracy"])
    values = [runs[racer]["accuracy"] for racer in order]
    axes.bar_label(axes.barh(order, values), [f" {v:.3f}" for v in values], fontsize=9)
    axes.set(xlabel="test accuracy", xlim=(min(0.8, min(values) - 0.02), 0.92))
    axes.set_title("Fashion-MNIST, each with the best of five rates")
    return figure


if __name__ == "__main__":
    common.start(main, Config, __doc__)
