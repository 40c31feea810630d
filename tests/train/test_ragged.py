"""The last batch of an epoch where the network has state: its statistics are of real rows."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxdl import layers, losses, metrics, parallel, serial, train
from jaxdl.types import Layer
from train.recipes import close, dataset

TX = optax.sgd(0.1)


def recorder(n):
    """Keeps a moving average of the mean of its batch, and hands its input on."""

    def apply(params, state, x, *, key=None, train=False):
        mean = 0.5 * state["mean"] + 0.5 * x.mean(axis=0)
        return x, {"mean": mean, "batches": state["batches"] + 1} if train else state

    return Layer(lambda key: ((), {"mean": jnp.zeros(n), "batches": jnp.int32(0)}), apply)


NET = serial(recorder(5), layers.dense(5, 3))
LOSS = train.supervised(NET, losses.cross_entropy, metrics={"accuracy": metrics.accuracy})


@jax.jit
@jax.value_and_grad
def loss(params, state, batch):
    return losses.cross_entropy(NET.apply(params, state, batch["inputs"])[0], batch["labels"])


def plain_loop(train_state, data, batch_size):
    """A step a batch, in Python, with nothing but the real rows."""
    mean, batches, total = np.zeros(5), 0, 0.0
    params, opt_state = train_state.params, train_state.opt_state
    for i in range(0, len(data["labels"]), batch_size):
        batch = {k: v[i : i + batch_size] for k, v in data.items()}
        mean = 0.5 * mean + 0.5 * batch["inputs"].mean(axis=0)
        batches += 1
        value, grads = loss(params, train_state.state, batch)
        total += float(value) * len(batch["labels"])
        updates, opt_state = TX.update(grads, opt_state, params)
        params = optax.apply_updates(params, updates)
    return params, {"mean": mean, "batches": batches}, total / len(data["labels"])


def check(end, sums, expected):
    params, state, value = expected
    close(end.params, params)
    close(end.state[0], state)
    assert metrics.compute(sums)["loss"] == pytest.approx(value, rel=1e-6)


@pytest.mark.parametrize(
    ("engine", "devices", "n", "batch_size"),
    [
        ("jit", 1, 53, 16),
        ("jit", 2, 21, 5),  # no batch divides by the devices
        ("jit", 8, 53, 16),  # all do but the last
        ("pmap", 8, 53, 16),
        ("shard_map", 2, 21, 5),
    ],
)
def test_state_is_that_of_a_plain_loop_over_real_rows(key, engine, devices, n, batch_size):
    data, start = dataset(n).train, train.init_state(NET, TX, key)
    expected = plain_loop(start, data, batch_size)
    mesh = parallel.data_mesh(devices)
    where = parallel.placement(engine, mesh)
    step = train.make_step(LOSS, TX, axis_name=where["axis_name"])
    options = {"batch_size": batch_size, "shuffle": False, **where}
    epoch = parallel.compile_replicated(train.make_epoch(step, **options), engine, mesh)
    if n == 53:
        end, sums = epoch(*parallel.replicate((start, data), mesh))
        check(end, sums, expected)

    shapes = jax.eval_shape(epoch, *parallel.replicate((start, data), mesh))[1]
    sums = jax.tree.map(lambda s: np.zeros(s.shape, s.dtype), shapes)
    chunk = parallel.compile_replicated(train.make_chunk(step, **options), engine, mesh)
    end, steps = start, -(-n // batch_size)
    for first, last in [(0, steps - 1), (steps - 1, steps)]:  # the last batch comes alone
        end, sums, finite = chunk(*parallel.replicate((end, sums, data), mesh), first, last)
    check(end, sums, expected)
    assert bool(finite) and int(end.step) == steps


def test_batch_norm_trains_on_ragged_data_as_in_a_plain_loop(key):
    net = serial(layers.dense(5, 8), layers.batch_norm(8), jax.nn.relu, layers.dense(8, 3))
    loss_fn = train.supervised(net, losses.cross_entropy)
    start = train.init_state(net, TX, key)
    end, _ = train.fit(
        loss_fn, TX, start, dataset(53), epochs=2, batch_size=16, shuffle=False, hooks=()
    )
    step = jax.jit(train.make_step(loss_fn, TX))
    expected, data = start, dataset(53).train
    for _ in range(2):
        for i in range(0, 53, 16):
            expected, _ = step(expected, {k: v[i : i + 16] for k, v in data.items()})
    close((end.params, end.state), (expected.params, expected.state))


def test_one_row_that_is_left_is_too_few_for_batch_norm(key):
    net = serial(layers.dense(5, 8), layers.batch_norm(8), layers.dense(8, 3))
    start = train.init_state(net, TX, key)
    loss_fn = train.supervised(net, losses.cross_entropy)
    hooks = (lambda event: pytest.fail("a step was taken"),)  # it is said before the first one
    with pytest.raises(ValueError, match=r"batch_norm\(8\) in training got float32\[1,8\]"):
        train.fit(loss_fn, TX, start, dataset(33), epochs=1, batch_size=16, chunk=1, hooks=hooks)
