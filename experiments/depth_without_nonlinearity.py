"""Depth without a nonlinearity adds nothing: linear layers on linear layers are one linear layer.

Networks of 1, 2, 4 and 8 dense layers, with nothing or with relu between them, learn two spirals,
which no line separates, and the ten animals. A single layer with the product of a deep linear
network's matrices gives the same outputs up to rounding.

Command:  python experiments/depth_without_nonlinearity.py [--seeds 3]
Result:   test accuracy, mean ± standard deviation of seeds 0 to 2. Spirals: linear 0.640 ± 0.041
          with 1 layer and 0.645 ± 0.032 with 2, 4 and 8; relu 0.934 ± 0.005 with 2, and 1.000 with
          4 and 8. Animals: linear 0.744, 0.783, 0.797 and 0.796 ± 0.004 with 1, 2, 4 and 8 layers,
          which is one set of functions, trained differently; relu 0.860 ± 0.014, 0.886 ± 0.008
          and 0.869 ± 0.005 with 2, 4 and 8
Time:     41 s of CPU time a seed when three are trained together, 30 s of it compiling
"""

import dataclasses
from collections.abc import Mapping
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import optax

import harness
from jaxdl import activations, data, initializers, layers, losses, metrics, models, serial, train
from jaxdl.types import Array, Layer, LossFn, Params

# --- Config ---------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Config(harness.Config):
    """The flags of this experiment."""

    output: Path = Path("runs/depth_without_nonlinearity")
    """folder for numbers, checkpoints and pictures"""
    epochs: int = 15
    """passes over the animals; ten times that over the spirals, a smaller set"""
    depths: tuple[int, ...] = (1, 2, 4, 8)
    """numbers of dense layers"""
    width: int = 64
    """units of each hidden layer"""
    batch_size: int = 128
    """rows per step"""
    learning_rate: float = 3e-3
    """of Adam, at the start; it falls to 0 along half a cosine"""


# --- Data -----------------------------------------------------------------------------------------


def load(config: Config) -> dict[str, data.Dataset]:
    """Two spirals of 1,000 points for each part, and the animals that come with jaxdl."""
    part = lambda i: spirals(np.random.default_rng([config.seed, i]))
    toy = data.Dataset(part(0), part(1), part(2), classes=("inward", "outward"))
    return {"spirals": toy, "animals": harness.load("animals", config)}


def spirals(rng: np.random.Generator, rows: int = 1000) -> dict[str, np.ndarray]:
    """Points of two arms that wind one and a half times around each other."""
    labels = rng.integers(0, 2, rows).astype(np.int32)
    turn = np.sqrt(rng.uniform(0.02, 1, rows))
    angle = 3 * np.pi * turn + np.pi * labels
    points = turn[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return {"inputs": (points + 0.02 * rng.normal(size=(rows, 2))).astype("f"), "labels": labels}


# --- Model ----------------------------------------------------------------------------------------


def network(config: Config, name: str, depth: int, *, relu: bool) -> Layer:
    """Dense layers with relu, or with nothing, between them."""
    n_in, n_out = (2, 2) if name == "spirals" else (28 * 28, 10)
    sizes = (n_in, *[config.width] * (depth - 1), n_out)
    activation = activations.relu if relu else activations.identity
    # Variances that depth keeps: 2 / n_in for relu, 1 / n_in where nothing is cut off.
    kernel = initializers.he_normal() if relu else initializers.lecun_normal()
    init = initializers.he_default._replace(kernel=kernel)
    before = () if name == "spirals" else (layers.rescale(1 / 255), layers.flatten(axes=3))
    return serial(*before, models.mlp(sizes, activation=activation, init=init))


def as_one(params: Params) -> tuple[Array, Array]:
    """The matrix and the bias that a network of linear layers amounts to."""
    dense = params[-1][::2]  # every other part is an activation
    kernel, bias = dense[0]["kernel"], dense[0]["bias"]
    for layer in dense[1:]:
        kernel, bias = kernel @ layer["kernel"], bias @ layer["kernel"] + layer["bias"]
    return kernel, bias


# --- Loss and step --------------------------------------------------------------------------------


def objective(
    config: Config, net: Layer, dataset: data.Dataset, epochs: int
) -> tuple[LossFn, optax.GradientTransformation]:
    """Cross entropy and Adam."""
    loss_fn = train.supervised(net, losses.cross_entropy, metrics={"accuracy": metrics.accuracy})
    steps = epochs * -(-len(dataset.train["labels"]) // config.batch_size)
    return loss_fn, optax.adam(optax.cosine_decay_schedule(config.learning_rate, steps))


# --- Run and report -------------------------------------------------------------------------------


def build(config: Config) -> dict[str, harness.Run]:
    """A network of each depth and kind for each of the two tasks."""

    def run(name: str, dataset: data.Dataset, depth: int, *, relu: bool) -> harness.Run:
        epochs = config.epochs * (10 if name == "spirals" else 1)
        net = network(config, name, depth, relu=relu)
        loss_fn, tx = objective(config, net, dataset, epochs)
        return harness.Run(dataset, net, loss_fn, tx, epochs=epochs, batch_size=config.batch_size)

    return {
        f"{name}_{'relu' if relu else 'linear'}_depth_{depth}": run(name, dataset, depth, relu=relu)
        for name, dataset in load(config).items()
        for depth in (config.depths[:2] if config.smoke else config.depths)
        for relu in (False, True)
        if depth > 1 or not relu
    }


def report(config: Config, trained: Mapping[str, harness.Trained]) -> harness.Report:
    """Test accuracies, how far deep linear networks are from one matrix, and the spirals."""
    numbers: dict[str, float] = {}
    for name, each in trained.items():
        numbers[f"{name}_accuracy"] = harness.tested(config, each)["test_accuracy"]
        print(f"{name:27} test accuracy {numbers[f'{name}_accuracy']:.3f}")
    linear = [each for name, each in trained.items() if name.startswith("animals_linear")]
    numbers["collapse_difference"] = max(map(collapse, linear))
    print(f"one matrix for all layers changes outputs by {numbers['collapse_difference']:.1e}")
    return harness.Report(numbers, {"spirals.png": lambda: draw(trained, numbers)})


def collapse(trained: harness.Trained) -> float:
    """How far the outputs of all layers are from those of the one matrix: ‖Δ‖ / ‖z‖."""
    images = np.asarray(harness.part_of(trained.run.data, "test")["inputs"])
    kernel, bias = as_one(trained.train_state.params)
    outputs = train.predict(trained.run.net, trained.train_state, images)
    one = jnp.asarray(images.reshape(len(images), -1) / np.float32(255)) @ kernel + bias[None]
    return float(jnp.linalg.norm(outputs - one) / jnp.linalg.norm(outputs))


GRID = np.stack(np.meshgrid(*[np.linspace(-1.15, 1.15, 200)] * 2), -1).reshape(-1, 2).astype("f")


def draw(trained: Mapping[str, harness.Trained], numbers: Mapping[str, float]) -> "harness.Figure":
    """What each network makes of the plane, with the points that test it."""
    shown = [x for x in trained if x.startswith("spirals") and not x.endswith("depth_8")]
    shown.sort(key=lambda name: "relu" in name)
    figure = harness.canvas(1, len(shown), width=2.7, height=3)
    for axes, name in zip(figure.axes, shown, strict=True):
        run, train_state, *_ = trained[name]
        plane = np.asarray(train.predict(run.net, train_state, GRID)).argmax(axis=1)
        colours = ["#cfe3f1", "#f7dccb"]
        axes.contourf(plane.reshape(200, 200), levels=1, colors=colours, extent=(-1.15, 1.15) * 2)
        points = harness.part_of(run.data, "test")
        x, y = points["inputs"].T
        axes.scatter(x, y, s=3, c=np.array(harness.COLOURS)[points["labels"]])
        _, kind, _, depth = name.split("_")
        layers_of = "1 layer" if depth == "1" else f"{depth} layers, {kind}"
        axes.set_title(f"{layers_of}\n{numbers[f'{name}_accuracy']:.0%} right", fontsize=12)
        axes.set(xticks=[], yticks=[], aspect="equal")
    return figure


if __name__ == "__main__":
    harness.main(Config, build, report, __doc__)
