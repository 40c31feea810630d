"""What the tests of training share: a small dataset and recipe, and plain loops to compare with."""

import functools

import jax
import numpy as np
import optax
import pytest

from jaxdl import data, losses, metrics, models, train

CLASSES = ("a", "b", "c")


def dataset(n=50, validation=21, seed=0, **changes):
    rng = np.random.default_rng(seed)

    def part(size):
        x = rng.normal(size=(size, 5)).astype("float32")
        return {"inputs": x, "labels": (x[:, :3].argmax(1)).astype("int32")}

    return data.Dataset(part(n), part(validation), part(30), CLASSES)._replace(**changes)


@functools.cache  # one loss function for many tests: its programs compile once
def recipe(rate=0.0, tx=None):
    """Loss function, optimizer, first TrainState and network."""
    net = models.mlp((5, 16, 3), rate=rate)
    measured = {"accuracy": metrics.accuracy}
    loss_fn = train.supervised(net, losses.cross_entropy, metrics=measured)
    tx = tx or optax.sgd(0.1, momentum=0.9)
    return loss_fn, tx, train.init_state(net, tx, jax.random.key(0)), net


def interrupted(*args, **options):
    """What a run that is asked to stop leaves behind."""
    with pytest.raises(train.Interrupted) as stop:
        train.fit(*args, **options)
    assert stop.value.code == 128 + stop.value.signal
    return stop.value.train_state, stop.value.history


def same_bits(a, b):
    """All of two TrainStates but their keys, which are compared as such."""
    jax.tree.map(np.testing.assert_array_equal, a._replace(key=()), b._replace(key=()))
    assert (a.key == b.key).all()


def close(a, b, atol=1e-6):
    jax.tree.map(lambda x, y: np.testing.assert_allclose(x, y, atol=atol, rtol=1e-5), a, b)


def losses_of(history):
    return [row["loss"] for row in history]


def compilations(run):
    """How many programs XLA compiles while ``run`` runs."""
    counted = []

    def listen(event, seconds, **_):
        if event == "/jax/core/compile/backend_compile_duration":
            counted.append(event)

    jax.monitoring.register_event_duration_secs_listener(listen)
    try:
        run()
    finally:
        jax.monitoring.unregister_event_duration_listener(listen)
    return len(counted)
