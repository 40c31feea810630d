"""The loss that a layer adds for its activations."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxdl import combinators, layers, losses, parallel, serial, train

BATCH = {
    "inputs": np.random.default_rng(0).normal(size=(13, 4)).astype("float32"),
    "labels": np.zeros((13, 2), "float32"),
}


def net():
    return serial(
        layers.dense(4, 3), layers.activity_regularizer(l1=0.3, l2=0.7), layers.dense(3, 2)
    )


def test_the_loss_in_training_has_the_penalty_and_so_has_its_gradient(key):
    params, state = net().init(key)
    loss_fn = train.supervised(net(), losses.mse_loss)

    def by_hand(params):
        a = BATCH["inputs"] @ params[0]["kernel"] + params[0]["bias"][None]
        y = a @ params[2]["kernel"] + params[2]["bias"][None]
        penalty = (0.3 * jnp.abs(a) + 0.7 * jnp.square(a)).sum(axis=1).mean()
        return jnp.square(y - BATCH["labels"]).mean() + penalty

    ours = lambda p: loss_fn(p, state, BATCH, key=None, train=True)[0]
    (value, grads), (wanted, expected) = (jax.value_and_grad(f)(params) for f in (ours, by_hand))
    np.testing.assert_allclose(value, wanted, 1e-6)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, 1e-5, 1e-6), grads, expected)
    evaluated = loss_fn(params, state, BATCH, key=None, train=False)[0]
    assert evaluated < value - 0.1


def test_a_silent_unit_is_left_alone():
    layer = layers.activity_regularizer(l1=1.0, axes=2)
    penalty = lambda x: layer.apply((), {}, x, train=True)[1]["penalty"]
    np.testing.assert_array_equal(jax.grad(penalty)(jnp.array([[-1.0, 0.0, 2.0]])), [[-1, 0, 1]])


def test_the_penalties_of_repeated_layers_add_up(key):
    block = serial(layers.dense(4, 4), layers.activity_regularizer(l2=1.0))
    stack = combinators.repeat(block, 3)
    params, state = stack.init(key)
    loss = lambda train_: train.supervised(stack, lambda p, t, reduction: p[:, 0] * 0)(
        params, state, BATCH, key=None, train=train_
    )[0]
    after = stack.apply(params, state, BATCH["inputs"], train=True)[1]
    np.testing.assert_allclose(loss(True), sum(x.sum() for x in jax.tree.leaves(after)), 1e-6)
    assert loss(False) == 0


@pytest.mark.parametrize("engine", ["pmap", "shard_map"])
def test_rows_on_several_devices_count_once(engine, key):
    tx = optax.sgd(0.1)
    make = lambda axis: train.make_step(
        train.supervised(net(), losses.mse_loss), tx, axis_name=axis
    )
    run = {
        "pmap": lambda step: parallel.pmap_step(step, devices=4),
        "shard_map": lambda step: parallel.shard_map_step(step, parallel.data_mesh(4)),
    }[engine](make(parallel.AXIS))
    start, batch = train.init_state(net(), tx, key), {k: x[:12] for k, x in BATCH.items()}
    got, expected = run(start, batch)[0], jax.jit(make(None))(start, batch)[0]
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, 1e-5, 1e-6),
        (got.params, got.state),
        (expected.params, expected.state),
    )


@pytest.mark.parametrize(
    ("options", "message"), [({"l1": -1.0}, "l1 is -1.0"), ({"axes": 0}, "axes")]
)
def test_wrong_arguments_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        layers.activity_regularizer(**options)
