"""An experiment of no file and few numbers, whose seeds may differ in what they train."""

import dataclasses
import sys

import jax
import jax.numpy as jnp
import numpy as np
import optax

import harness
from jaxdl import data, layers, losses, serial, train
from jaxdl.types import Mean

POINTS = {"inputs": np.eye(8, 5, dtype="f"), "labels": np.arange(8) % 3}


@dataclasses.dataclass(frozen=True)
class Config(harness.Config):
    """Entry n of each tuple is for seed n."""

    epochs: int = 2
    rates: tuple[float, ...] = (0.1, 0.1)
    weights: tuple[float, ...] = (1.0, 1.0)
    widths: tuple[int, ...] = (4, 4)
    rows: tuple[int, ...] = (8, 8)
    captured: tuple[float, ...] = (1.0, 1.0)


def build(config):
    rate, weight, width, rows, captured = (
        getattr(config, name)[config.seed]
        for name in ("rates", "weights", "widths", "rows", "captured")
    )
    factors = jnp.full((1, 3), captured)  # a constant of the program, as a teacher's parameters
    net = serial(layers.dense(5, width), layers.dense(width, 3), lambda x: x * factors)
    supervised = train.supervised(net, losses.cross_entropy)

    def loss_fn(*args, **options):
        loss, rest = supervised(*args, **options)
        if isinstance(loss, Mean):
            return loss._replace(total=loss.total * weight), rest
        return loss * weight, rest

    dataset = data.Dataset({k: x[:rows] for k, x in POINTS.items()}, POINTS)
    return harness.Run(dataset, net, loss_fn, optax.sgd(rate), config.epochs, batch_size=4)


ENDS: list = []
"""The parameters of each seed of the last command line."""


def report(config, trained):
    ENDS.append(jax.device_get(trained.train_state.params))
    return harness.Report({"loss": trained.history[-1]["loss"]}, {"loss.png": draw})


def draw():
    figure = harness.canvas(1, 1, width=1, height=1)
    figure.axes[0].plot([1, 2])
    return figure


def start(folder, *flags, make=build):
    """Runs a command line; returns what ENDS has of it."""
    ENDS.clear()
    before, sys.argv = sys.argv, ["tiny.py", "--output", str(folder), *map(str, flags)]
    try:
        harness.main(Config, make, report, "A small experiment.")
    finally:
        sys.argv = before
    return list(ENDS)
