"""Parameters and optimizer state split over devices: the same numbers in a share of the memory."""

import warnings

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jax.sharding import PartitionSpec

from jaxdl import losses, models, parallel, train

NET = models.mlp((64, 256, 256, 8))
ROWS = PartitionSpec("data")
TX = optax.sgd(0.1, momentum=0.9)
STEP = train.make_step(train.supervised(NET, losses.cross_entropy), TX)


def batch(rows=16):
    random = np.random.default_rng(0)
    return {
        "inputs": random.normal(size=(rows, 64)).astype("float32"),
        "labels": random.integers(8, size=rows).astype("int32"),
    }


@pytest.fixture(scope="module")
def expected():
    train_state = train.init_state(NET, TX, jax.random.key(0))
    step = jax.jit(STEP)
    for _ in range(20):
        train_state, _ = step(train_state, batch())
    return jax.device_get(train_state.params)


def run(mesh, rule, expected):
    step = parallel.jit_step(STEP, mesh, rule=rule)
    train_state = train.init_state(NET, TX, jax.random.key(0))
    for _ in range(20):
        train_state, sums = step(train_state, batch())
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, 1e-5, 1e-6), train_state.params, expected
    )
    return train_state, sums


def test_fully_sharded_gives_the_numbers_of_one_device_and_stays_split(expected):
    mesh = parallel.data_mesh()
    train_state, _ = run(mesh, parallel.fully_sharded(mesh), expected)
    kernel = train_state.params[0]["kernel"]
    assert kernel.sharding.spec == PartitionSpec(None, "data")
    assert kernel.addressable_shards[0].data.size == kernel.size // 8
    momentum = train_state.opt_state[0].trace[0]["kernel"]
    assert momentum.sharding == kernel.sharding


def test_a_device_holds_an_eighth_and_the_collectives_are_the_expected_ones():
    mesh = parallel.data_mesh()
    train_state = train.init_state(NET, TX, jax.random.key(0))
    split = parallel.shardings(train_state, mesh, parallel.fully_sharded(mesh, least=1))
    rows = jax.NamedSharding(mesh, PartitionSpec("data"))
    on_devices = jax.jit(STEP, in_shardings=(split, rows), out_shardings=(split, None))
    compiled = on_devices.lower(train_state, batch()).compile()
    whole = sum(x.nbytes for x in jax.tree.leaves((train_state.params, train_state.opt_state)))
    memory, text = compiled.memory_analysis(), compiled.as_text()
    assert memory is not None and text is not None
    held = memory.argument_size_in_bytes
    held -= sum(x.nbytes for x in batch().values()) // 8 + 16  # the key and the step
    assert held == pytest.approx(whole / 8, rel=0.1)
    assert "all-gather" in text  # kernels come together to compute with
    assert "reduce-scatter" in text or "all-reduce" in text  # gradients are added up


def test_data_and_model_axes_split_kernels_by_columns_and_rows(expected):
    mesh = parallel.mesh_of(data=4, model=2)
    columns, rows = PartitionSpec(None, "model"), PartitionSpec("model")
    parts = {"0/kernel": columns, "0/bias": rows, "2/kernel": rows, "rest": PartitionSpec()}
    rule = parallel.by_path(lambda path: path if path in parts else "rest", parts)
    train_state, _ = run(mesh, rule, expected)
    assert train_state.opt_state[0].trace[0]["kernel"].sharding.spec == columns
    assert train_state.params[0]["kernel"].addressable_shards[0].data.shape == (64, 128)
    assert train_state.params[2]["kernel"].addressable_shards[0].data.shape == (128, 256)
    assert train_state.params[4]["kernel"].is_fully_replicated


def test_what_can_not_be_split_is_said_with_its_share():
    mesh, ones = parallel.data_mesh(), lambda *shape: jax.ShapeDtypeStruct(shape, jnp.float32)
    odd = {"params": {"odd": ones(37, 53), "small": ones(7), "even": ones(64, 16)}}
    with pytest.warns(UserWarning, match=r"66% of all numbers .* params/odd float32\[37,53\] div"):
        split = parallel.shardings(odd, mesh, parallel.fully_sharded(mesh))
    assert split["params"]["even"].spec == PartitionSpec("data")
    assert split["params"]["odd"].is_fully_replicated
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        parallel.shardings({"a": ones(640, 16), "b": ones(7)}, mesh, parallel.fully_sharded(mesh))


def test_the_memory_of_the_train_state_is_reused():
    mesh = parallel.data_mesh()
    step = parallel.jit_step(STEP, mesh, rule=parallel.fully_sharded(mesh))
    train_state, _ = step(train.init_state(NET, TX, jax.random.key(0)), batch())
    before = train_state.params[0]["kernel"]
    step(train_state, batch())
    assert before.is_deleted()


@pytest.mark.parametrize("engine", ["pmap", "shard_map"])
def test_a_step_made_for_another_axis_is_named(engine):
    step = train.make_step(train.supervised(NET, losses.cross_entropy), TX, axis_name="rows")
    mesh = parallel.data_mesh()
    run = parallel.pmap_step(step) if engine == "pmap" else parallel.shard_map_step(step, mesh)
    train_state = train.init_state(NET, TX, jax.random.key(0))
    with pytest.raises(ValueError, match=r"axis that isn't there .*rows.*axis_name='data'"):
        run(train_state, batch())


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m: parallel.fully_sharded(m, axis="model"), r"no axis 'model'.*\('data',\)"),
        (lambda m: parallel.jit_step(STEP, m, axis="rows"), "no axis 'rows'"),
        (lambda m: parallel.mesh_of(data=3), r"mesh_of\(data=3\): there are 8 devices"),
        (lambda m: parallel.mesh_of(data=-1, model=3), "there are 8 devices"),
        (lambda m: parallel.data_mesh(9), r"data_mesh\(9\): there are 8 devices"),
        (
            lambda m: parallel.shardings(
                {"kernel": jnp.ones((6, 3))}, m, lambda path, shape: PartitionSpec("data")
            ),
            r"kernel: 6 entries don't divide by 8 devices",
        ),
        (
            lambda m: parallel.shardings(
                {"k": jnp.ones(8)}, m, parallel.by_path(lambda path: path, {"kernel": ROWS})
            ),
            r"by_path: the label of 'k' is 'k'; it must be one of \['kernel'\]",
        ),
    ],
)
def test_wrong_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call(parallel.data_mesh())


def test_what_is_decided_for_all_is_an_integer():
    with pytest.raises(TypeError, match="broadcast_from_primary: number is 'x'; it must be an int"):
        parallel.broadcast_from_primary("x")
