"""Where rows of a batch meet, as far as a traced program shows it."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxdl import layers, losses, metrics, models, parallel, serial, train
from jaxdl._checks import ShapeError
from jaxdl.train._meeting import meet
from train.recipes import close, dataset

X = jnp.ones((4, 3))


def backwards(x):
    return len(x) - 1 - jnp.arange(len(x))


def pooled(x, window):
    return jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, window, (1, 1), "SAME")


MEET = {
    "mean": lambda x: x - x.mean(0, keepdims=True),
    "softmax": lambda x: jax.nn.softmax(x, axis=0),
    "similarity": lambda x: x @ x.T,
    "distances": lambda x: jnp.abs(x[:, None] - x[None]).sum((1, 2)),
    "covariance": lambda x: x @ (x.T @ x),
    "roll": lambda x: jnp.roll(x, 1, axis=0),
    "reversed": lambda x: x[::-1],
    "sorted": lambda x: jnp.sort(x, axis=0),
    "cumulated": lambda x: jnp.cumsum(x, axis=0),
    "permuted": lambda x: x[jax.random.permutation(jax.random.key(0), len(x))],
    "carried": lambda x: jax.lax.scan(lambda c, r: (c + r, c), x[0] * 0, x)[1],
    "first": lambda x: x - x[:1],
    "four only": lambda x: x.reshape(4, 3),
    "reshaped across": lambda x: x.T.reshape(x.shape),
    "unrolled across": lambda x: x.reshape(-1)[: len(x)],
    "interleaved": lambda x: jnp.concatenate([x, 2 * x]).reshape(len(x), -1),
    "transformed": lambda x: jnp.fft.fft(x, axis=0).real,
    "pooled": lambda x: pooled(x, (2, 1)),
    "scattered": lambda x: (0 * x).at[backwards(x)].set(x),
    "summed by segment": lambda x: jax.ops.segment_sum(x, backwards(x), len(x)),
    "largest by segment": lambda x: (0 * x).at[backwards(x)].max(x),
    "gradient of pooling": jax.grad(lambda x: pooled(x, (2, 1)).sum()),
    "seen outside": lambda x: jax.pure_callback(lambda x: x, x, x),
    "padded": lambda x: jnp.pad(x, ((len(x), 0), (0, 0)))[: len(x)],
}
APART = {
    "features": lambda x: x - x.mean(1, keepdims=True),
    "mapped": jax.vmap(lambda row: row / jnp.linalg.norm(row)),
    "two views": lambda x: jnp.split(jnp.concatenate([x, 2 * x]), 2)[0],
    "one of its values": lambda x: jnp.take_along_axis(x, x.argmax(1)[:, None], axis=1),
    "over time": lambda x: jax.lax.scan(lambda c, v: (c + v, c), x[:, 0], x.T)[1].T,
    "not used": lambda x: (x.sum(), x)[1],
    "unrolled": lambda x: (2 * x.reshape(-1)).reshape(x.shape),
    "unrolled, the first": lambda x: x.reshape(-1)[::3],
    "unrolled over time": lambda x: (2 * x.T.reshape(-1)).reshape(3, -1).T,
    "the second view": lambda x: jnp.concatenate([x, 2 * x])[len(x) :],
    "summed by segment of a row": jax.vmap(lambda row: row.at[jnp.array([0, 0, 1])].add(row)),
    "gradient of pooling over features": jax.grad(lambda x: pooled(x, (1, 2)).sum()),
    "transformed over features": lambda x: jnp.fft.fft(x).real,
    "pooled over features": lambda x: jax.lax.reduce_window(
        x, 0.0, jax.lax.max, (1, 2), (1, 1), "SAME"
    ),
    "repeated": lambda x: jnp.repeat(x, 2, axis=0).reshape(len(x), -1),
}
NETS = {
    "mlp": (models.mlp((5, 8, 3), rate=0.1), jnp.zeros((2, 5)), (2,)),
    "convnet": (models.convnet((8, 8, 1), 3, rate=0.1), jnp.zeros((2, 8, 8, 1)), (2,)),
    "lstm": (models.sequence_classifier(4, 4, 3, n_tokens=9), jnp.zeros((2, 6), int), (2,)),
    "lm": (
        models.transformer_lm(9, n_features=4, n_heads=2, n_layers=1, rate=0.1, rotary=True),
        jnp.zeros((2, 6), int),
        (2, 6),
    ),
}


@pytest.mark.parametrize("name", MEET)
def test_rows_meet(name):
    MEET[name](X)  # it isn't for an error that it is said
    assert meet(MEET[name], X)


@pytest.mark.parametrize("name", APART)
def test_rows_stay_apart(name):
    assert not meet(APART[name], X)


@pytest.mark.parametrize("name", NETS)
def test_rows_stay_apart_in_networks_of_ours(name, key):
    net, inputs, labels = NETS[name]
    loss_fn = train.supervised(net, losses.cross_entropy)
    params, state = jax.eval_shape(net.init, key)
    losses_of = vars(loss_fn)["losses_of"]
    rows = lambda batch, params: losses_of(batch, params, state, key=key, train=True)[0]
    batch = {"inputs": inputs, "labels": jnp.zeros(labels, int)}
    assert not meet(rows, batch, params)


def test_a_last_batch_is_of_real_rows_alone_where_they_meet(key):
    net, tx = serial(layers.dense(5, 4), MEET["mean"], layers.dense(4, 3)), optax.sgd(0.5)
    loss_fn, data = train.supervised(net, losses.cross_entropy), dataset(11)
    start = train.init_state(net, tx, key)
    end, _ = train.fit(loss_fn, tx, start, data, epochs=1, batch_size=4, shuffle=False, hooks=())
    loss = lambda params, x, y: losses.cross_entropy(net.apply(params, start.state, x)[0], y)
    both = jax.jit(jax.value_and_grad(loss))
    params, parts = start.params, np.split(np.arange(11), (4, 8))
    x, y = data.train["inputs"], data.train["labels"]
    for i in parts:
        _, grads = both(params, x[i], y[i])
        params = jax.tree.map(lambda p, g: p - 0.5 * g, params, grads)
    close(end.params, params)
    value = sum(len(i) * float(both(end.params, x[i], y[i])[0]) for i in parts) / 11
    found = train.evaluate(loss_fn, end, data.train, batch_size=4)
    assert found["loss"] == pytest.approx(value, rel=1e-5)


def test_a_last_batch_is_of_real_rows_alone_where_they_meet_in_a_batch_function(key):
    net, tx, data = layers.dense(5, 3), optax.sgd(0.5), dataset(6)
    center = lambda key, batch: {**batch, "inputs": MEET["mean"](batch["inputs"])}
    loss_fn, start = train.supervised(net, losses.cross_entropy), train.init_state(net, tx, key)
    options = {"epochs": 1, "batch_size": 4, "shuffle": False, "hooks": ()}
    end, _ = train.fit(loss_fn, tx, start, data, batch_fns=(center,), **options)
    step, expected = train.make_step(loss_fn, tx, batch_fns=(center,)), start
    for i in ([0, 1, 2, 3], [4, 5]):
        expected, _ = step(expected, {name: x[np.array(i)] for name, x in data.train.items()})
    close(end.params, expected.params)


def test_a_metric_of_the_users_sees_real_rows_alone(key):
    spread = lambda y, labels, weight: ((y - y.mean(0, keepdims=True)) ** 2).mean()
    net, data = layers.dense(5, 3), dataset(11)
    loss_fn = train.supervised(net, losses.cross_entropy, metrics={"spread": spread})
    start = train.init_state(net, optax.sgd(0.1), key)
    y = np.asarray(net.apply(start.params, start.state, data.train["inputs"])[0])
    parts = [y[:4], y[4:8], y[8:]]
    right = sum(len(part) * ((part - part.mean(0)) ** 2).mean() for part in parts) / 11
    evaluate = jax.jit(train.make_evaluation(loss_fn, batch_size=4))
    found = evaluate(start.params, start.state, data.train)
    assert metrics.compute(found)["spread"] == pytest.approx(right, rel=1e-5)


@pytest.mark.parametrize("wrap", [parallel.pmap_step, parallel.shard_map_step])
def test_a_mapped_step_gives_all_devices_a_batch_whose_rows_meet(wrap, key):
    net, tx = serial(layers.dense(5, 4), layers.batch_norm(4), layers.dense(4, 3)), optax.sgd(0.5)
    loss_fn, start = train.supervised(net, losses.cross_entropy), train.init_state(net, tx, key)
    batch = dataset(11).train
    step = train.make_step(loss_fn, tx, axis_name=parallel.AXIS)
    mapped = wrap(step, *([parallel.data_mesh()] if wrap is parallel.shard_map_step else []))
    end, sums = mapped(start, batch)
    right, numbers = jax.jit(train.make_step(loss_fn, tx))(start, batch)
    close((end.params, end.state), (right.params, right.state))
    expected = metrics.compute(numbers)["loss"]
    assert metrics.compute(sums)["loss"] == pytest.approx(expected, rel=1e-5)


def test_predict_computes_the_batches_that_it_says():
    net, x = (
        serial(lambda x: x - x.mean(0, keepdims=True)),
        np.arange(22.0, dtype="f").reshape(11, 2),
    )
    start = train.init_state(net, optax.sgd(0.1), jax.random.key(0))
    right = np.concatenate([x[i : i + 4] - x[i : i + 4].mean(0) for i in (0, 4, 8)])
    np.testing.assert_allclose(train.predict(net, start, x, batch_size=4), right, atol=1e-6)
    total = serial(lambda x: x.sum())
    with pytest.raises(ShapeError, match=r"returned float32\[\] for 11 rows"):
        train.predict(total, start, x)
