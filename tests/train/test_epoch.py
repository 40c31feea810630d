"""An epoch equals an exact loop over the real rows: ragged batches, weights, any engine."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxdl import data, losses, metrics, models, parallel, train
from jaxdl.train._order import shuffled

NET = models.mlp((5, 8, 3))
LOSS = train.supervised(NET, losses.cross_entropy, metrics={"accuracy": metrics.accuracy})
TX = optax.sgd(0.1, momentum=0.9)


def rows(n, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 5)).astype("float32")
    return {"inputs": x, "labels": rng.integers(0, 3, n).astype("int32")}


def exact_loop(train_state, batches):
    """What the engine must equal: one plain step a batch, with no padding anywhere."""

    @jax.jit
    @jax.value_and_grad
    def loss(params, batch):
        logits, _ = NET.apply(params, train_state.state, batch["inputs"])
        log_p = jax.nn.log_softmax(logits)
        rows = -log_p[np.arange(len(log_p)), batch["labels"]]
        weight = batch.get("weight", np.ones(len(rows), "float32"))
        return (rows * weight).sum() / weight.sum()

    params, opt_state = train_state.params, train_state.opt_state
    total = count = 0.0
    for batch in batches:
        value, grads = loss(params, batch)
        weight = batch.get("weight", np.ones(len(batch["labels"]))).sum()
        total, count = total + float(value) * weight, count + weight
        updates, opt_state = TX.update(grads, opt_state, params)
        params = optax.apply_updates(params, updates)
    return params, total / count


def batches_of(batch, size):
    n = len(batch["labels"])
    return [{k: v[i : i + size] for k, v in batch.items()} for i in range(0, n, size)]


def assert_close(a, b, atol=1e-6):
    jax.tree.map(lambda x, y: np.testing.assert_allclose(x, y, atol=atol, rtol=1e-6), a, b)


@pytest.mark.parametrize(
    ("n", "batch_size", "weighted"),
    [
        (64, 16, False),
        (50, 16, False),
        (50, 16, True),
        (17, 16, True),
        (16, 16, True),
        (7, 3, False),
    ],
)
def test_epoch_equals_the_exact_loop_over_real_rows(key, n, batch_size, weighted):
    batch = rows(n)
    if weighted:
        batch["weight"] = np.random.default_rng(1).uniform(0.1, 2, n).astype("float32")
    start = train.init_state(NET, TX, key)
    step = train.make_step(LOSS, TX)
    epoch = jax.jit(train.make_epoch(step, batch_size=batch_size, shuffle=False))
    end, sums = epoch(start, batch)
    params, loss = exact_loop(start, batches_of(batch, batch_size))
    assert_close(end.params, params)
    np.testing.assert_allclose(metrics.compute(sums)["loss"], loss, rtol=1e-6)
    assert int(end.step) == -(-n // batch_size)


@pytest.mark.parametrize(
    ("engine", "devices", "n", "batch_size"),
    [
        (engine, devices, *data)
        for engine in ("jit", "pmap", "shard_map")
        for devices, *data in [(2, 48, 16), (8, 21, 5)]
    ],
)
def test_every_engine_gives_the_numbers_of_one_device(key, engine, devices, n, batch_size):
    batch = rows(n)
    start = train.init_state(NET, TX, key)
    params, loss = exact_loop(start, batches_of(batch, batch_size))
    mesh = parallel.data_mesh(devices)
    where = parallel.placement(engine, mesh)
    step = train.make_step(LOSS, TX, axis_name=where["axis_name"])
    epoch = train.make_epoch(step, batch_size=batch_size, shuffle=False, **where)
    run = parallel.compile_replicated(epoch, engine, mesh)
    end, sums = run(*parallel.replicate((start, batch), mesh))
    assert_close(end.params, params)
    np.testing.assert_allclose(metrics.compute(sums)["loss"], loss, rtol=1e-6)

    evaluation = train.make_evaluation(LOSS, batch_size=batch_size, **where)
    run = parallel.compile_replicated(evaluation, engine, mesh)
    sums = run(*parallel.replicate((params, start.state, batch), mesh))
    logits, _ = NET.apply(params, start.state, batch["inputs"])
    got = metrics.compute(sums)
    hits = (np.asarray(logits).argmax(-1) == batch["labels"]).mean()
    np.testing.assert_allclose(got["accuracy"], hits, rtol=1e-6)
    np.testing.assert_allclose(
        got["loss"], losses.cross_entropy(logits, batch["labels"]), rtol=1e-6
    )


@pytest.mark.parametrize("wrap", ["pmap", "shard_map"])
@pytest.mark.parametrize("n", [13, 3])
def test_a_mapped_step_takes_any_batch(key, wrap, n):
    batch = rows(n)
    start = train.init_state(NET, TX, key)
    step = train.make_step(LOSS, TX, axis_name=parallel.AXIS)
    mesh = parallel.data_mesh(4)
    mapped = (
        parallel.pmap_step(step, devices=4)
        if wrap == "pmap"
        else parallel.shard_map_step(step, mesh)
    )
    end, sums = mapped(start, batch)
    plain, expected = jax.jit(train.make_step(LOSS, TX))(start, batch)
    assert_close(end.params, plain.params)
    assert_close(metrics.compute(sums), metrics.compute(expected))


def test_under_jit_dropout_does_not_depend_on_the_number_of_devices(key):
    net = models.mlp((5, 16, 3), rate=0.5)
    loss_fn = train.supervised(net, losses.cross_entropy)
    start = train.init_state(net, TX, key)
    ends = []
    for devices in (1, 4):
        mesh = parallel.data_mesh(devices)
        where = parallel.placement("jit", mesh)
        epoch = train.make_epoch(train.make_step(loss_fn, TX), batch_size=8, **where)
        run = parallel.compile_replicated(epoch, "jit", mesh)
        ends.append(run(*parallel.replicate((start, rows(40)), mesh))[0].params)
    assert_close(*ends)


def test_each_epoch_sees_every_row_once_in_its_own_order(key):
    seen = lambda ts, b: (ts._replace(step=ts.step + 1), {"times": b["inputs"].sum(0)})
    epoch = train.make_epoch(seen, batch_size=4, shuffle=True)
    start = train.TrainState(jnp.int32(0), (), (), (), key)
    _, sums = epoch(start, {"inputs": jnp.eye(10)})
    np.testing.assert_array_equal(sums["times"], np.ones(10))
    orders = [np.asarray(shuffled(jax.random.fold_in(key, e), 10)) for e in range(3)]
    assert all(sorted(o) == list(range(10)) for o in orders)
    assert len({tuple(o) for o in orders}) == 3


@pytest.mark.parametrize("size", [1, 2, 3, 10, 97, 1000, 65536, 65537])
def test_shuffled_is_a_permutation(key, size):
    order = np.asarray(jax.jit(shuffled, static_argnums=1)(key, size))
    assert order.dtype == np.int32
    np.testing.assert_array_equal(np.sort(order), np.arange(size))


def test_each_device_may_shuffle_by_its_own_key():
    mesh = jax.sharding.Mesh(jax.devices()[:2], ("devices",))
    own = jax.sharding.PartitionSpec("devices")
    keys = jax.random.split(jax.random.key(0), 2)
    run = jax.shard_map(
        lambda key: shuffled(key[0], 50)[None], mesh=mesh, in_specs=own, out_specs=own
    )
    found = jax.jit(run)(keys)  # shard_map keeps track of what differs between devices
    np.testing.assert_array_equal(found, [shuffled(key, 50) for key in keys])


@pytest.mark.parametrize(("size", "limit"), [(4, 49.7), (5, 172.4), (6, 841.0)])
def test_shuffled_is_uniform(size, limit):
    """Chi-square of all permutations, p = 0.001 with 23, 119 and 719 degrees of freedom."""
    draw = jax.jit(jax.vmap(lambda seed: shuffled(jax.random.key(seed), size)))
    codes = np.asarray(draw(jnp.arange(72_000))) @ 8 ** np.arange(size)
    counts = np.unique(codes, return_counts=True)[1]
    expected = 72_000 / math.factorial(size)
    assert len(counts) == math.factorial(size)
    assert ((counts - expected) ** 2 / expected).sum() < limit


def test_the_same_key_gives_the_same_bits_and_another_key_does_not(key):
    set_ = data.Dataset(train=rows(40))
    ends = [
        train.fit(LOSS, TX, train.init_state(NET, TX, k), set_, epochs=2, batch_size=8)[0].params
        for k in (key, key, jax.random.key(1))
    ]
    same = jax.tree.map(lambda a, b: bool((a == b).all()), ends[0], ends[1])
    assert all(jax.tree.leaves(same))
    other = jax.tree.map(lambda a, b: bool((a == b).all()), ends[0], ends[2])
    assert not all(jax.tree.leaves(other))
