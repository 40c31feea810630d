"""Every optimizer of jaxdl.optim in a race: on four surfaces, paths drawn, and on Fashion-MNIST.

Each may choose among learning rates half a power of ten apart. On a surface, the one of nine that
ends lowest counts; on Fashion-MNIST (784-64-64-10), the one of five that validates best.

Command:  python experiments/optimizers_race.py --seeds 3  (9 minutes of CPU a seed)
Result:   Fashion-MNIST, test accuracy (mean ± standard deviation of 3 seeds): muon 0.882 ± 0.002;
          adamw 0.868 ± 0.003, sparse_adam 0.867, nadam 0.865, adam 0.864; others 0.844 to 0.861
          except two that batches mislead, rprop 0.776 and lbfgs 0.741 ± 0.053. On Rosenbrock's,
          height after 200 steps: lbfgs 5e-10, momentum 2e-9, adam 1e-4, descent 9e-2, radam 4.9
Reference: Schmidt, Schneider and Hennig, Descending through a crowded valley, 2021
"""

import dataclasses
import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

import harness
from jaxdl import data, initializers, layers, losses, metrics, models, optim, serial, sweep, train
from jaxdl.types import Array, Layer

# --- Config ---------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Config(harness.Config):
    """The flags of this experiment."""

    output: Path = Path("runs/optimizers_race")
    """folder for numbers, checkpoints and pictures"""
    epochs: int = 5
    """passes over Fashion-MNIST"""
    steps: int = 200
    """steps on each surface"""
    batch_size: int = 128
    """images per step"""
    data_dir: Path | None = None
    """folder of the data. Defaults to the usual places"""


def muon(rate: Array) -> optax.GradientTransformation:
    """Muon for kernels; adamw for biases, which muon isn't made for."""
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

SURFACES: dict[str, tuple[Callable[[Any, Any], Any], tuple[float, ...], tuple[float, ...]]] = {
    # function of x and y, start, and what is drawn: (left, right, bottom, top)
    "ravine": (lambda x, y: x**2 / 40 + y**2, (-9.0, 2.0), (-10, 2, -3, 3)),
    "rosenbrock": (lambda x, y: (1 - x) ** 2 + 20 * (y - x**2) ** 2, (-1.4, 1.8), (-2, 2, -1, 3)),
    "saddle": (lambda x, y: x**2 - y**2 + y**4 / 4, (-2.0, 1e-3), (-2.4, 2.4, -2.4, 2.4)),
    "valleys": (lambda x, y: x**4 / 4 - x**2 + x / 4 + y**2, (0.3, 2.0), (-2, 2, -1, 2.4)),
}


def load(config: Config) -> data.Dataset:
    """48,000 images to train on, 12,000 to validate, 10,000 to test."""
    return data.hold_out(harness.load("fashion_mnist", config, data_dir=config.data_dir), 0.2)


# --- Model ----------------------------------------------------------------------------------------


def network() -> Layer:
    """Bytes to [0, 1], image to vector, two hidden layers of 64."""
    mlp = models.mlp((28 * 28, 64, 64, 10), init=initializers.he_default)
    return serial(layers.rescale(1 / 255), layers.flatten(axes=3), mlp)


# --- Loss and step --------------------------------------------------------------------------------


def descend(surface: str, racer: str, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """Paths (rates, steps + 1, 2) on a surface from its start, and the heights (rates,) at last."""
    (f, start, _), (usual, make) = SURFACES[surface], RACERS[racer]
    # The two coordinates are a kernel, as muon needs it; the unused bias completes its parts.
    height = lambda params: f(*params["kernel"][0]) + 0 * params["bias"][0]

    def path(rate: Array) -> Array:
        tx = optax.with_extra_args_support(make(rate))

        def step(carry: Any, _: None) -> tuple[Any, Array]:
            params, opt_state = carry
            value, grad = jax.value_and_grad(height)(params)
            extra = {"value": value, "grad": grad, "value_fn": height}
            updates, opt_state = tx.update(grad, opt_state, params, **extra)
            return (optax.apply_updates(params, updates), opt_state), params["kernel"][0]

        params = {"kernel": jnp.array([start]), "bias": jnp.zeros(1)}
        return jax.lax.scan(step, (params, tx.init(params)), length=steps + 1)[1]

    paths = np.asarray(jax.jit(jax.vmap(path))(usual * SURFACE_FACTORS))
    heights = np.asarray(jax.vmap(f)(*paths[:, -1].T))
    return paths, np.where(np.isfinite(heights), heights, np.inf)


def make_run(racer: str, place: Array) -> sweep.Run:
    """Cross entropy, and an optimizer with one of its five learning rates."""
    net, (usual, make) = network(), RACERS[racer]
    loss_fn = train.supervised(net, losses.cross_entropy, metrics={"accuracy": metrics.accuracy})
    return sweep.Run(net, loss_fn, make(usual * jnp.asarray(FACTORS)[place]))


# --- Run and report -------------------------------------------------------------------------------


def build(config: Config) -> harness.Population:
    """What is to be trained: each optimizer with each of its rates on Fashion-MNIST."""
    # A rate is named by its place among five: their size depends on the optimizer.
    grid = {"racer": harness.some(config, RACERS), "place": range(len(FACTORS))}
    return harness.Population(load(config), make_run, config.epochs, config.batch_size, grid=grid)


def report(config: Config, swept: harness.Swept) -> harness.Report:
    """How low each gets on the surfaces, how well it does on images, and both drawn."""
    numbers: dict[str, float] = {}
    figures: dict[str, Callable[[], harness.Figure]] = {}
    for surface in harness.some(config, SURFACES):
        paths = {x: descend(surface, x, config.steps) for x in harness.some(config, RACERS)}
        numbers |= {f"{surface}_{racer}": float(low.min()) for racer, (_, low) in paths.items()}
        figures[f"{surface}.png"] = functools.partial(draw_paths, surface, paths)
    accuracies = tested(swept)
    numbers |= {f"{racer}_accuracy": accuracy for racer, accuracy in accuracies.items()}
    return harness.Report(numbers, figures | {"fashion_mnist.png": lambda: draw_bars(accuracies)})


def tested(swept: harness.Swept) -> dict[str, float]:
    """The test accuracy of each optimizer at the rate that validates best."""
    members, validation = swept.result.members, swept.result.history["validation_accuracy"][:, -1]
    accuracy, best = harness.tested_each(swept)["accuracy"], {}
    for racer in dict.fromkeys(member["racer"] for member in members):
        own = [i for i, member in enumerate(members) if member["racer"] == racer]
        i = max(own, key=lambda i: np.nan_to_num(validation[i], nan=-1.0))
        best[racer] = float(accuracy[i])
        rate = RACERS[racer][0] * FACTORS[members[i]["place"]]
        print(f"{racer:18} test accuracy {best[racer]:.4f}, learning rate {rate:.1e}")
    return best


def draw_paths(surface: str, paths: dict[str, tuple[np.ndarray, np.ndarray]]) -> "harness.Figure":
    """A panel for each optimizer: the surface's contours and the path of its best rate."""
    f, start, (left, right, bottom, top) = SURFACES[surface]
    grid = np.meshgrid(np.linspace(left, right, 120), np.linspace(bottom, top, 120))
    height = np.asarray(f(*grid))
    figure = harness.canvas(-(-len(paths) // 6), 6, width=2.2, height=2.1)
    figure.axes[-1].axis("off")  # 17 optimizers leave one panel of 18
    for axes, (racer, (path, low)) in zip(figure.axes, paths.items(), strict=False):
        axes.contour(*grid, np.log(height - height.min() + 0.03), 14, cmap="Greys", linewidths=0.7)
        axes.plot(*path[low.argmin()].T, ".-", ms=3, lw=1.2)
        axes.plot(*start, "o", color=harness.COLOURS[1])
        axes.set(xlim=(left, right), ylim=(bottom, top), xticks=[], yticks=[])
        axes.set_title(f"{racer}\n{low.min():.1e}", fontsize=10)
    figure.suptitle(f"{surface}: the path of the best of nine rates, and how low it ends")
    return figure


def draw_bars(accuracies: dict[str, float]) -> "harness.Figure":
    """Test accuracies, the best on top."""
    figure = harness.canvas(1, 1, width=6.4, height=5.2)
    (axes,) = figure.axes
    order, values = zip(*sorted(accuracies.items(), key=lambda item: item[1]), strict=True)
    axes.bar_label(axes.barh(order, values), [f" {v:.3f}" for v in values], fontsize=9)
    axes.set(xlabel="test accuracy", xlim=(min(0.8, min(values) - 0.02), 0.92))
    axes.set_title("Fashion-MNIST, each with the best of five rates")
    return figure


if __name__ == "__main__":
    harness.main(Config, build, report, __doc__)
