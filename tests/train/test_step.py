"""The step: gradients, metrics, randomness, and what adding dropout leaves alone."""

import jax
import jax.numpy as jnp
import jax.test_util
import numpy as np
import optax
import pytest

from jaxdl import activations, layers, losses, metrics, models, serial, train
from jaxdl._checks import ShapeError


def batch(n=12):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(n, 4)).astype("float32")
    return {"inputs": x, "labels": rng.integers(0, 3, n).astype("int32")}


def test_one_step_of_sgd_is_gradient_descent(key):
    net, tx = layers.dense(4, 3), optax.sgd(0.5)
    loss_fn = train.supervised(net, losses.cross_entropy)
    start = train.init_state(net, tx, key)
    end, sums = jax.jit(train.make_step(loss_fn, tx))(start, batch())
    # By hand: dL/dz = (softmax(z) - onehot)/n, dW = xᵀ dz, db = Σ dz.
    x, labels = batch()["inputs"], batch()["labels"]
    z = x @ start.params["kernel"] + start.params["bias"][None]
    p = np.exp(z - z.max(1, keepdims=True))
    p /= p.sum(1, keepdims=True)
    dz = (p - np.eye(3)[labels]) / len(x)
    np.testing.assert_allclose(
        end.params["kernel"], start.params["kernel"] - 0.5 * x.T @ dz, rtol=1e-5, atol=1e-6
    )
    np.testing.assert_allclose(
        end.params["bias"], start.params["bias"] - 0.5 * dz.sum(0), rtol=1e-5, atol=1e-6
    )
    expected = -np.log(p[np.arange(len(x)), labels]).mean()
    np.testing.assert_allclose(metrics.compute(sums)["loss"], expected, rtol=1e-5)


def test_gradient_against_finite_differences():
    with jax.enable_x64(True):
        net = models.mlp((4, 6, 3), activation=activations.relu)
        loss_fn = train.supervised(net, losses.cross_entropy)
        params, state = net.init(jax.random.key(0))
        params = jax.tree.map(lambda p: p.astype("float64"), params)
        wide = {**batch(), "inputs": batch()["inputs"].astype("float64")}
        f = jax.jit(lambda p: loss_fn(p, state, wide, key=None, train=True)[0])
        jax.test_util.check_grads(f, (params,), order=1, modes=["rev"], eps=1e-6)


def test_a_start_is_the_same_within_other_programs(key):
    net, tx = layers.dense(3, 2), optax.sgd(0.1, momentum=0.9)
    start = lambda key: train.init_state(net, tx, key)
    shapes = jax.eval_shape(start, key)
    assert shapes.params["kernel"].shape == (3, 2)
    several = jax.vmap(start)(jax.random.split(key, 4))
    assert several.params["kernel"].shape == (4, 3, 2)
    for one, other in zip(*map(jax.tree.leaves, (start(key), jax.jit(start)(key))), strict=True):
        assert (one == other).all()


def test_dropout_draws_anew_each_step_and_changes_no_line_of_the_training_code(key):
    net = models.mlp((4, 64, 3), rate=0.5)
    tx = optax.sgd(0.0)  # parameters stand still, so only the draws can change the loss
    step = jax.jit(train.make_step(train.supervised(net, losses.cross_entropy), tx))
    train_state = train.init_state(net, tx, key)
    values = []
    for _ in range(3):
        train_state, sums = step(train_state, batch())
        values.append(metrics.compute(sums)["loss"])
    assert len(set(values)) == 3


def test_weight_0_takes_a_row_out_of_loss_gradient_and_metrics(key):
    net, tx = models.mlp((4, 8, 3)), optax.adam(0.1)
    loss_fn = train.supervised(net, losses.cross_entropy, metrics={"accuracy": metrics.accuracy})
    step, start = jax.jit(train.make_step(loss_fn, tx)), train.init_state(net, tx, key)
    real = batch(9)
    padded = {k: np.concatenate([v, v[:3] * 0]) for k, v in real.items()}
    padded["weight"] = np.array([1] * 9 + [0] * 3, "float32")
    (a, sums_a), (b, sums_b) = step(start, real), step(start, padded)
    jax.tree.map(lambda x, y: np.testing.assert_allclose(x, y, atol=1e-6), a.params, b.params)
    assert metrics.compute(sums_a) == pytest.approx(metrics.compute(sums_b), rel=1e-6)


def test_repeated_steps_trace_once(key):
    traces = []

    def loss_fn(params, state, batch, *, key, train):
        traces.append(1)
        return jnp.square(params["kernel"]).sum(), (state, {})

    net, tx = layers.dense(4, 3), optax.sgd(0.1)
    step, train_state = jax.jit(train.make_step(loss_fn, tx)), train.init_state(net, tx, key)
    for _ in range(3):
        train_state, _ = step(train_state, batch())
    assert len(traces) == 1


def test_sizes_that_do_not_chain_name_both_layers(key):
    net = serial(layers.dense(4, 8), activations.relu, serial(layers.dense(9, 3)))
    params, state = net.init(key)
    with pytest.raises(ShapeError) as error:
        jax.eval_shape(net.apply, params, state, jnp.ones((2, 4)))
    assert "dense(9, 3) got float32[2,8]" in str(error.value)
    assert "output of dense(4, 8), then relu" in str(error.value)


def test_a_batch_of_the_wrong_width_says_what_came_and_what_is_needed(key):
    net, tx = models.mlp((4, 8, 3)), optax.sgd(0.1)
    step = jax.jit(train.make_step(train.supervised(net, losses.cross_entropy), tx))
    wrong = {**batch(), "inputs": batch()["inputs"][:, :3]}
    with pytest.raises(ShapeError, match=r"dense\(4, 8\) got float32\[12,3\].*4 entries"):
        step(train.init_state(net, tx, key), wrong)


def test_bytes_into_a_dense_layer_are_a_type_error(key):
    params, state = layers.dense(4, 3).init(key)
    with pytest.raises(TypeError, match=r"dense\(4, 3\): x is uint8\[2,4\].*floating"):
        layers.dense(4, 3).apply(params, state, jnp.zeros((2, 4), "uint8"))


def test_float_labels_for_an_index_loss(key):
    net, tx = models.mlp((4, 8, 3)), optax.sgd(0.1)
    step = jax.jit(train.make_step(train.supervised(net, losses.cross_entropy), tx))
    wrong = {**batch(), "labels": batch()["labels"].astype("float32")}
    with pytest.raises(TypeError, match=r"float32\[12\].*integers"):
        step(train.init_state(net, tx, key), wrong)


def test_a_loss_that_does_not_give_a_value_a_row(key):
    net = layers.dense(4, 3)
    loss_fn = train.supervised(net, lambda predictions, labels, reduction: jnp.float32(1))
    params, state = net.init(key)
    with pytest.raises(ShapeError, match=r"float32\[\] for labels int32\[12\].*a value per row"):
        loss_fn(params, state, batch(), key=None, train=True)


def test_dropout_in_training_without_a_key_names_itself():
    with pytest.raises(ValueError, match=r"dropout\(0.3\) needs a key"):
        layers.dropout(0.3).apply((), (), jnp.ones(3), train=True)
