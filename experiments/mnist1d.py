"""Four networks on MNIST-1D, through one training function: what the right structure is worth.

Softmax regression, a perceptron of two hidden layers, convolutions and a recurrent network, each
as large as in the paper, read digits written as curves of forty points. Adam for all, with a cosine
schedule, batches of 100. The set is made in the process, the same rows as published.

Command:  python experiments/mnist1d.py
Result:   PENDING
Time:     PENDING
"""

import dataclasses
import functools
import json
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import optax

import common
from jaxdl import activations, data, layers, losses, metrics, models, residual, serial, train
from jaxdl.types import Array, Layer, LossFn

PUBLISHED = {"logistic": 0.32, "mlp": 0.68, "cnn": 0.94, "gru": 0.91}

# --- Config ---------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Config(common.Config):
    """The flags of this experiment."""

    output: Path = Path("runs/mnist1d")
    """folder for numbers, checkpoints and pictures; each network has its own below it"""
    epochs: int = 150
    """passes over the training part"""
    batch_size: int = 100
    """rows a step"""
    learning_rate: float = 1e-2
    """of Adam, at the start; it falls to 0 as a half cosine"""
    weight_decay: float = 0.0
    """of AdamW"""


# --- Data -----------------------------------------------------------------------------------------


def load(config: Config) -> data.Dataset:
    """4,000 rows to train on and 1,000 to test; a few of them for --smoke."""
    dataset = data.mnist1d()
    if not config.smoke:
        return dataset
    few = lambda part: {name: x[:200] for name, x in part.items()}
    return dataset._replace(train=few(dataset.train), test=few(dataset.test))


# --- Model ----------------------------------------------------------------------------------------


def channel(x: Array) -> Array:
    """Gives each of the forty steps an axis of one feature."""
    return jnp.asarray(x)[..., None]


def networks() -> dict[str, Layer]:
    """The paper's four, of 410, 15,210, 5,210 and 5,134 parameters."""
    conv = lambda n_in, size: layers.conv(n_in, 25, (size,), stride=2, padding=1)
    hidden = residual(serial(layers.dense(100, 100), activations.relu))
    relu, flatten = activations.relu, layers.flatten(start=-2)
    convs = (conv(1, 5), relu, conv(25, 3), relu, conv(25, 3), relu)
    return {
        "logistic": layers.dense(40, 10),
        "mlp": serial(layers.dense(40, 100), relu, hidden, layers.dense(100, 10)),
        "cnn": serial(channel, *convs, flatten, layers.dense(125, 10)),
        "gru": serial(
            channel, layers.gru(1, 6, bidirectional=True), flatten, layers.dense(480, 10)
        ),
    }


# --- Loss and step --------------------------------------------------------------------------------


def objective(
    config: Config, net: Layer, steps: int
) -> tuple[LossFn, optax.GradientTransformation]:
    """Cross entropy, and Adam whose rate falls to 0."""
    loss_fn = train.supervised(net, losses.cross_entropy, metrics={"accuracy": metrics.accuracy})
    rate = optax.cosine_decay_schedule(config.learning_rate, steps)
    return loss_fn, optax.adamw(rate, weight_decay=config.weight_decay)


# --- Run and report -------------------------------------------------------------------------------


def main(config: Config) -> dict[str, Any]:
    """Trains, tests and draws each network; returns what result.json says of all."""
    dataset = load(config)
