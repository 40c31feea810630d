"""``fit`` with parameters and optimizer state split over devices: the numbers of a plain run."""

import functools

import jax
import numpy as np
import pytest
from jax.sharding import PartitionSpec

from jaxdl import parallel, train
from train import recipes

COLUMNS, ROWS = PartitionSpec(None, "model"), PartitionSpec("model")


def by_path(**specs):
    """Splits a few parameters, and leaves the others whole."""
    label = lambda path: path if path in specs else "rest"
    return parallel.by_path(label, specs | {"rest": PartitionSpec()})


def fitted(start=None, **options):
    loss_fn, tx, whole, _ = recipes.recipe(rate=0.2)
    # The last batch isn't full, and no batch divides by the devices.
    placed = {name: options.pop(name) for name in ("engine", "mesh", "rule") if name in options}
    placed = {"devices": parallel.Placement(**placed)} if placed else {}
    options = {"epochs": 3, "batch_size": 12, "hooks": (), "chunk": 2} | placed | options
    return train.fit(loss_fn, tx, start or whole, recipes.dataset(), **options)


@pytest.fixture(scope="module")
def plain():
    with jax.numpy_dtype_promotion("standard"):
        return fitted(mesh=parallel.data_mesh(1))


def same(run, plain):
    recipes.close(jax.device_get(run[0].params), jax.device_get(plain[0].params))
    for name in ("loss", "accuracy", "validation_loss", "validation_accuracy"):
        ours, theirs = ([row[name] for row in history] for _, history in (run, plain))
        np.testing.assert_allclose(ours, theirs, rtol=1e-6)


def test_fully_sharded_trains_as_one_device_and_stays_split(plain, key):
    mesh = parallel.data_mesh()
    rule = parallel.fully_sharded(mesh, least=16)
    loss_fn, tx, _, net = recipes.recipe(rate=0.2)
    start = functools.partial(train.init_state, net, tx)
    split = parallel.shardings(jax.eval_shape(start, key), mesh, rule)
    run = fitted(jax.jit(start, out_shardings=split)(key), mesh=mesh, rule=rule)
    same(run, plain)
    for tree in (run[0].params, run[0].opt_state[0].trace):
        kernel = tree[0]["kernel"]
        assert kernel.addressable_shards[0].data.size == kernel.size // 8
    test = recipes.dataset().test
    ours, theirs = (train.evaluate(loss_fn, end, test)["loss"] for end, _ in (run, plain))
    np.testing.assert_allclose(ours, theirs, rtol=1e-6)
    ours, theirs = (train.predict(net, end, test["inputs"]) for end, _ in (run, plain))
    np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-6)


def test_two_axes_share_batches_and_kernels(plain):
    mesh = parallel.mesh_of(data=4, model=2)
    rule = by_path(**{"0/kernel": COLUMNS, "0/bias": ROWS})
    run = fitted(mesh=mesh, rule=rule)
    same(run, plain)
    assert run[0].params[0]["kernel"].addressable_shards[0].data.shape == (5, 8)


def test_a_split_run_goes_on_whole_and_a_whole_one_split(plain):
    mesh = parallel.data_mesh()
    rule = parallel.fully_sharded(mesh, least=16)
    loss_fn, tx, _, _ = recipes.recipe(rate=0.2)
    train_state, history = fitted(epochs=1, rule=rule)
    options = {"batch_size": 12, "hooks": ()}
    for epochs, split in ((2, None), (3, rule)):
        train_state, history = train.fit(
            loss_fn, tx, train_state, recipes.dataset(),
            epochs=epochs, history=history, **options,
            devices=parallel.Placement(rule=split),
        )  # fmt: skip
    same((train_state, history), plain)


def test_a_number_that_is_not_finite_is_found_in_a_split_run():
    mesh = parallel.data_mesh()
    data = recipes.dataset(classes=())  # without classes nobody sees that a label is too large
    data.train["labels"][43] = 3
    loss_fn, tx, start, _ = recipes.recipe()
    with pytest.raises(train.NonFiniteError, match=r"at step 4 .*rows with the labels 3"):
        train.fit(
            loss_fn, tx, start, data, epochs=1, batch_size=10, shuffle=False, hooks=(),
            devices=parallel.Placement(rule=parallel.fully_sharded(mesh, least=16)),
        )  # fmt: skip


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            lambda: {"rule": parallel.fully_sharded(parallel.data_mesh()), "engine": "pmap"},
            "engine is 'pmap'; a rule, or a second axis, needs \"jit\"",
        ),
        (
            lambda: {"mesh": parallel.mesh_of(data=4, model=2), "engine": "shard_map"},
            "engine is 'shard_map'; a rule, or a second axis",
        ),
        (lambda: {"mesh": parallel.mesh_of(rows=8)}, r"no axis 'data'; its axes are \('rows',\)"),
        (
            lambda: {"rule": by_path(**{"0/kernel": COLUMNS})},
            r"no axis 'model'; its axes are \('data',\)",
        ),
        (
            lambda: {"rule": by_path(**{"0/kernel": PartitionSpec("data")})},
            r"0/kernel: 5 entries don't divide by 8 devices",
        ),
    ],
)
def test_what_does_not_fit_is_named(options, message):
    with pytest.raises(ValueError, match=message):
        fitted(**options())
