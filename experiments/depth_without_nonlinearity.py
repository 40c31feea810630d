"""Depth without a nonlinearity adds nothing: linear layers on linear layers are one linear layer.

Networks of 1, 2, 4 and 8 dense layers with nothing between them, and the same with relu, learn two
spirals, which no line divides, and the ten animals. The product of a deep linear network's
matrices, as one layer, gives the same outputs to rounding.

Command:  python experiments/depth_without_nonlinearity.py [--seeds 3]
Result:   test accuracy, mean ± standard deviation of seeds 0 to 2. Spirals: linear 0.640 ± 0.041
          with 1 layer and 0.645 ± 0.032 with 2, 4 and 8; relu 0.934 ± 0.005 with 2, and 1.000 with
          4 and 8. Animals: linear 0.744, 0.783, 0.797 and 0.796 ± 0.004 with 1, 2, 4 and 8 layers,
          which is the same set of functions differently trained; relu 0.860 ± 0.014, 0.886 ± 0.008
          and 0.869 ± 0.005 with 2, 4 and 8
Time:     41 s of CPU time a seed where three train together, of which 30 s compile
"""

import dataclasses
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import optax

import common
from jaxdl import (
    activations,
    data,
    initializers,
    layers,
    losses,
    metrics,
    models,
    parallel,
    serial,
    train,
)
from jaxdl.types import Array, Layer, LossFn, Params

# --- Config ---------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Config(common.Config):
    """The flags of this experiment."""

    output: Path = Path("runs/depth_without_nonlinearity")
    """folder for numbers, checkpoints and pictures"""
    epochs: int = 15
    """passes over the animals; ten times as many over the spirals, which are fewer"""
    depths: tuple[int, ...] = (1, 2, 4, 8)
    """how many dense layers"""
    width: int = 64
    """units of each hidden layer"""
    batch_size: int = 128
    """rows a step"""
    learning_rate: float = 3e-3
    """of Adam, at the start; it falls to 0 along half a cosine"""


# --- Data -----------------------------------------------------------------------------------------


def load(config: Config) -> dict[str, data.Dataset]:
    """Two spirals of 1,000 points for each part, and the animals that come with jaxdl."""
    parts = [spirals(np.random.default_rng([config.seed, i])) for i in range(3)]
    toy = data.Dataset(*parts, classes=("inward", "outward"))
    return {"spirals": toy, "animals": common.load("animals", config)}


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
    config: Config, net: Layer, dataset: data.Dataset
) -> tuple[LossFn, optax.GradientTransformation]:
    """Cross entropy and Adam."""
    loss_fn = train.supervised(net, losses.cross_entropy, metrics={"accuracy": metrics.accuracy})
    steps = config.epochs * -(-len(dataset.train["labels"]) // config.batch_size)
    return loss_fn, optax.adam(optax.cosine_decay_schedule(config.learning_rate, steps))


# --- Run and report -------------------------------------------------------------------------------


def fit(config: Config, name: str, dataset: data.Dataset, depth: int, *, relu: bool) -> dict:
    """Trains and tests one network."""
    long = dataclasses.replace(config, epochs=config.epochs * (10 if name == "spirals" else 1))
    net = network(config, name, depth, relu=relu)
    loss_fn, tx = objective(long, net, dataset)
    label = f"{name}_{'relu' if relu else 'linear'}_depth_{depth}"
    train_state, history = common.run(
        common.part(long, label),
        net,
        loss_fn,
        tx,
        dataset,
        batch_size=config.batch_size,
        data_of_seed=name == "spirals",
    )
    measured = train.evaluate(
        loss_fn, train_state, dataset.test, devices=parallel.Placement(config.parallel)
    )
    print(f"{label:27} test accuracy {measured['accuracy']:.3f}")
    run = {"label": label, "accuracy": measured["accuracy"], "history": history}
    if name == "spirals":
        return run | {"grid": train.predict(net, train_state, GRID).argmax(axis=1)}
    inputs = dataset.test["inputs"]
    return run | {"off": None if relu else collapse(net, train_state, inputs)}


def collapse(net: Layer, train_state: train.TrainState, images: np.ndarray) -> float:
    """How far the outputs of all layers are from those of the one matrix: ‖Δ‖ / ‖z‖."""
    kernel, bias = as_one(train_state.params)
    outputs = train.predict(net, train_state, images)
    one = jnp.asarray(images.reshape(len(images), -1) / np.float32(255)) @ kernel + bias[None]
    return float(jnp.linalg.norm(outputs - one) / jnp.linalg.norm(outputs))


GRID = np.stack(np.meshgrid(*[np.linspace(-1.15, 1.15, 200)] * 2), -1).reshape(-1, 2).astype("f")


def main(config: Config) -> dict:
    """Trains all depths on both, tests them and draws; returns what result.json says."""
    datasets = load(config)
    runs = [
        fit(config, name, dataset, depth, relu=relu)
        for name, dataset in datasets.items()
        for depth in (config.depths[:2] if config.smoke else config.depths)
        for relu in (False, True)
        if depth > 1 or not relu
    ]
    numbers = {f"{run['label']}_accuracy": run["accuracy"] for run in runs}
    numbers["collapse_difference"] = max(run["off"] for run in runs if run.get("off") is not None)
    print(f"one matrix in place of all layers: outputs off by {numbers['collapse_difference']:.1e}")
    pictures = {"spirals.png": draw(runs, datasets["spirals"].test)}
    history = [row for run in runs for row in run["history"]]
    return common.finish(config, numbers, pictures, history=history)


def draw(runs: list[dict], points: dict[str, np.ndarray]):
    """What each network makes of the plane, with the points that test it."""
    shown = [run for run in runs if "grid" in run and "depth_8" not in run["label"]]
    shown.sort(key=lambda run: "relu" in run["label"])
    figure = common.canvas(1, len(shown), width=2.7, height=3)
    for axes, run in zip(figure.axes, shown, strict=True):
        plane = run["grid"].reshape(200, 200)
        axes.contourf(plane, levels=1, colors=["#cfe3f1", "#f7dccb"], extent=(-1.15, 1.15) * 2)
        colours = np.array(common.COLOURS)[points["labels"]]
        axes.scatter(*points["inputs"].T, s=3, c=colours)
        _, kind, _, depth = run["label"].split("_")
        layers_of = "1 layer" if depth == "1" else f"{depth} layers, {kind}"
        axes.set_title(f"{layers_of}\n{run['accuracy']:.0%} right", fontsize=12)
        axes.set(xticks=[], yticks=[], aspect="equal")
    return figure


if __name__ == "__main__":
    common.start(main, Config, __doc__)
