"""Relu units die of large steps and stay dead; leaky relu and its kin don't.

A unit is dead if its activation has slope 0 for every image of the training part: no gradient
reaches its weights any more. Networks learn the animals by Adam at several learning rates; dead
units are counted after each epoch.

Command:  python experiments/dying_relu.py [--seeds 3]
Result:   share of dead units (test accuracy), mean of seeds 0 to 2, at learning rates
                        0.001         0.01          0.03          0.1
            relu        0.02 (0.865)  0.36 (0.816)  0.66 (0.686)  0.97 (0.107)
            leaky relu  0    (0.866)  0    (0.847)  0    (0.736)  0    (0.519)
            elu         0    (0.878)  0    (0.859)  0.01 (0.773)  0.58 (0.411)
            gelu        0    (0.890)  0    (0.838)  0    (0.762)  0.35 (0.103)
Time:     90 s of CPU time a seed, on 2 CPU cores
Reference: Lu et al., Dying ReLU and initialization: theory and numerical examples, 2020
"""

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax

import harness
from jaxdl import (
    activations,
    data,
    functional,
    initializers,
    layers,
    losses,
    metrics,
    models,
    serial,
    train,
)
from jaxdl.types import Array, Layer, LossFn, Params

# --- Config ---------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Config(harness.Config):
    """The flags of this experiment."""

    output: Path = Path("runs/dying_relu")
    """folder for numbers, checkpoints and pictures"""
    epochs: int = 8
    """passes over the training part"""
    rates: tuple[float, ...] = (0.001, 0.01, 0.03, 0.1)
    """learning rates of Adam"""
    hidden: tuple[int, ...] = (128, 128, 128)
    """units of each hidden layer"""
    batch_size: int = 128
    """images per step"""


ACTIVATIONS: dict[str, Callable[[Array], Array]] = {
    "relu": activations.relu,
    "leaky_relu": activations.leaky_relu,
    "elu": activations.elu,
    "gelu": activations.gelu,
}

# --- Data -----------------------------------------------------------------------------------------


def load(config: Config) -> data.Dataset:
    """9,716 silhouettes of 28x28 that come with jaxdl, split 80/10/10."""
    return harness.load("animals", config)


# --- Model ----------------------------------------------------------------------------------------


def network(config: Config, activation: Callable[[Array], Array]) -> Layer:
    """Bytes to [0, 1], image to vector, dense layers with an activation between them."""
    sizes = (28 * 28, *config.hidden, 10)
    mlp = models.mlp(sizes, activation=activation, init=initializers.he_default)
    return serial(layers.rescale(1 / 255), layers.flatten(axes=3), mlp)


def dead_share(
    activation: Callable[[Array], Array], images: np.ndarray
) -> Callable[[train.TrainState], float]:
    """Makes a function that gives the share of hidden units with slope 0 for every image."""
    slope = jax.vmap(jax.vmap(jax.grad(activation)))
    rows = jnp.asarray(images.reshape(len(images), -1) / np.float32(255))

    @jax.jit
    def share(params: Params, x: Array) -> Array:
        dead = []
        for layer in params[-1][:-1:2]:  # every other part is an activation
            z = functional.dense(layer, x)
            dead.append((slope(z) == 0).all(axis=0))
            x = activation(z)
        return jnp.concatenate(dead).mean()

    return lambda train_state: float(share(train_state.params, rows))


# --- Loss and step --------------------------------------------------------------------------------


def objective(net: Layer, rate: float) -> tuple[LossFn, optax.GradientTransformation]:
    """Cross entropy and Adam; steps no larger than its learning rate can't diverge."""
    loss_fn = train.supervised(net, losses.cross_entropy, metrics={"accuracy": metrics.accuracy})
    return loss_fn, optax.adam(rate)


# --- Run and report -------------------------------------------------------------------------------


def build(config: Config) -> dict[str, harness.Run]:
    """A network of each activation for each learning rate."""
    dataset = load(config)

    def run(name: str, rate: float) -> harness.Run:
        net = network(config, ACTIVATIONS[name])
        loss_fn, tx = objective(net, rate)
        watch = counting(dead_share(ACTIVATIONS[name], np.asarray(dataset.train["inputs"])))
        size = config.batch_size
        return harness.Run(dataset, net, loss_fn, tx, config.epochs, size, hooks=(watch,))

    names, rates = harness.some(config, ACTIVATIONS), harness.some(config, config.rates)
    return {f"{name}_rate_{rate:g}": run(name, rate) for name in names for rate in rates}


def counting(count: Callable[[train.TrainState], float]) -> train.Hook:
    """A hook that adds the share of dead units to each epoch's row of the history."""

    def watch(event: train.Event) -> None:
        if event.kind == "epoch":
            event.history[-1]["dead"] = count(event.train_state)

    return watch


def report(config: Config, trained: Mapping[str, harness.Trained]) -> harness.Report:
    """Test accuracy and dead units of each network, and both drawn."""
    numbers: dict[str, float] = {}
    for name, each in trained.items():
        accuracy = harness.tested(config, each)["test_accuracy"]
        numbers[f"{name}_accuracy"] = accuracy
        numbers[f"{name}_dead"] = dead = each.history[-1]["dead"]
        print(f"{name:20} test accuracy {accuracy:.3f}, {dead:.1%} dead")
    histories = {name: each.history for name, each in trained.items()}
    return harness.Report(numbers, {"dead.png": lambda: draw(numbers, histories)})


def draw(numbers: Mapping[str, float], histories: Mapping[str, train.History]) -> "harness.Figure":
    """Dead units over the epochs, and the accuracy that is left, against the learning rate."""
    figure = harness.canvas(1, 3, width=4.2, height=3.8)
    over_epochs, dead, right = figure.axes
    for activation in ACTIVATIONS:
        own = [name for name in histories if name.startswith(f"{activation}_rate_")]
        rates = [float(name.split("_")[-1]) for name in own]
        last = [numbers[f"{name}_dead"] for name in own]
        dead.plot(rates, last, "o-", lw=2, label=activation.replace("_", " "))
        right.plot(rates, [numbers[f"{name}_accuracy"] for name in own], "o-", lw=2)
        for name in own if activation == "relu" else ():
            rows = histories[name]
            values, label = [row["dead"] for row in rows], f"learning rate {name.split('_')[-1]}"
            over_epochs.plot(range(1, len(rows) + 1), values, "o-", lw=2, label=label)
    over_epochs.set(xlabel="epoch", ylabel="share of dead units", title="relu", ylim=(0, 1))
    over_epochs.legend(frameon=False)
    dead.set(xlabel="learning rate", ylabel="share of dead units", xscale="log", ylim=(-0.02, 1))
    dead.set_title("after the last epoch")
    dead.legend(frameon=False)
    right.set(xlabel="learning rate", ylabel="test accuracy", xscale="log", ylim=(0, 1))
    right.set_title("accuracy that is left")
    return figure


if __name__ == "__main__":
    harness.main(Config, build, report, __doc__)
