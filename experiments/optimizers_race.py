"""Every optimizer of jaxdl.optim in a race: on four surfaces, paths drawn, and on Fashion-MNIST.

Each has five learning rates to choose from, half a power of ten apart. On a surface the one that
ends lowest counts, on Fashion-MNIST (784-64-64-10) the one with the best validation accuracy. All
rates run together, in one program, by ``vmap``.

Command:  python experiments/optimizers_race.py [--seeds 3]
Result:   not measured yet
Time:     not measured yet
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
from jaxdl import data, initializers, layers, losses, models, optim, serial, train
from jaxdl.types import Array, Layer

# --- Config ---------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Config(common.Study):
    """The flags of this experiment."""

    output: Path = Path("runs/optimizers_race")
    """folder for numbers and pictures"""
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
    return serial(layers.rescale(1 / 255), layers.flatten(), mlp)


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

    # A surface asks for larger steps: its two numbers aren't weights near 0.
    rates = usual * FACTORS * (1 if racer == "lbfgs" else 10)
    paths = np.asarray(jax.jit(jax.vmap(path))(rates))
    paths = np.concatenate([np.broadcast_to(np.float32(start), paths[:, :1].shape), paths], axis=1)
    heights = np.asarray(jax.vmap(f)(*paths[:, -1].T))
    return paths, np.where(np.isfinite(heights), heights, np.inf)


# --- Run and report -------------------------------------------------------------------------------


def fit(config: Config, net: Layer, dataset: data.Dataset, racer: str) -> dict[str, float]:
    """Trains a network with each rate; the test accuracy of the rate that validates best."""
    loss_fn, (usual, make) = train.supervised(net, losses.cross_entropy), RACERS[racer]
    init_key, train_key = jax.random.split(jax.random.key(config.seed))

    def one(rate: Array, arrays: dict) -> tuple[Array, Array]:
        tx = make(rate)
        epoch = train.make_epoch(train.make_step(loss_fn, tx), batch_size=config.batch_size)
        params, state = net.init(init_key)
        first = train.TrainState(jnp.int32(0), params, state, tx.init(params), train_key)
        go_on = lambda train_state, _: (epoch(train_state, arrays["train"])[0], None)
        last, _ = jax.lax.scan(go_on, first, length=config.epochs)
        says = lambda part: net.apply(last.params, last.state, part["inputs"])[0].argmax(axis=-1)
        right = lambda part: (says(arrays[part]) == arrays[part]["labels"]).mean()
        return right("validation"), right("test")

    rates = usual * FACTORS
    arrays = {part: getattr(dataset, part) for part in ("train", "validation", "test")}
    validation, test = jax.jit(jax.vmap(one, (0, None)))(rates, arrays)
    best = int(jnp.nanargmax(validation))
    return {"accuracy": float(test[best]), "rate": float(rates[best])}


def main(config: Config) -> dict:
    """Runs the race on the surfaces and on images, and draws; returns what result.json says."""
    dataset, net, numbers, pictures = load(config), network(), {}, {}
    racers, surfaces = common.some(config, RACERS), common.some(config, SURFACES)
    for surface in surfaces:
        paths = {racer: descend(surface, racer, config.steps) for racer in racers}
        numbers |= {f"{surface}_{racer}": float(low.min()) for racer, (_, low) in paths.items()}
        pictures[f"{surface}.png"] = draw_paths(surface, paths)
    runs = {racer: fit(config, net, dataset, racer) for racer in racers}
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
    figure.suptitle(f"{surface}: the path of the best of five rates, and where it ends")
    return figure


def draw_bars(runs: dict):
    """Test accuracies, the best on top."""
    figure = common.canvas(1, 1, width=6.4, height=5.2)
    (axes,) = figure.axes
    order = sorted(runs, key=lambda racer: runs[racer]["accuracy"])
    values = [runs[racer]["accuracy"] for racer in order]
    axes.bar_label(axes.barh(order, values), [f" {v:.3f}" for v in values], fontsize=9)
    axes.set(xlabel="test accuracy", xlim=(min(0.8, min(values)), 0.92))
    axes.set_title("Fashion-MNIST, each with the best of five rates")
    return figure


if __name__ == "__main__":
    common.start(main, Config, __doc__)
