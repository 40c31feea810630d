"""A batch may be any tree of arrays: the numbers are those of the same arrays in a dict."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxdl import data, layers, losses, parallel, sweep, train
from jaxdl.combinators import stateless
from jaxdl.types import Layer
from train.recipes import close, dataset, same_bits

NET, TX = layers.dense(5, 3), optax.sgd(0.5)


class Pair(NamedTuple):
    x: Any
    y: Any


def named(params, state, batch, *, key, train):
    rows = losses.cross_entropy(stateless(NET)(params, batch["x"]), batch["y"], reduction="none")
    return rows.mean(), (state, {"cost": rows.mean()})


def paired(params, state, batch, *, key, train):
    x, y = batch
    return named(params, state, {"x": x, "y": y}, key=key, train=train)


def arrays(n=21):
    part = dataset(n).train
    return part["inputs"], part["labels"]


def sets(n=21):
    x, y = arrays(n)
    return data.Dataset({"x": x, "y": y}, {"x": x[:9], "y": y[:9]}), data.Dataset(
        (x, y), Pair(x[:9], y[:9])
    )


def begun():
    return train.init_state(NET, TX, jax.random.key(0))


def same(run, expected):
    close(run[0].params, expected[0].params)
    for row, other in zip(run[1], expected[1], strict=True):
        for name in ("loss", "cost", "validation_loss", "validation_cost"):
            assert row[name] == pytest.approx(other[name], rel=1e-6)


@pytest.mark.parametrize("options", [{}, {"accumulate": 3}, {"chunk": 1}])
def test_a_tuple_trains_as_a_dict_does(options):
    by_name, pair = sets()
    fit = lambda loss_fn, dataset: train.fit(
        loss_fn, TX, begun(), dataset, epochs=2, batch_size=8, hooks=(), **options
    )
    same(fit(paired, pair), fit(named, by_name))


@pytest.mark.parametrize("engine", ["jit", "pmap", "shard_map"])
def test_and_on_many_devices_where_they_divide_it(engine):
    by_name, pair = sets(16)
    place = parallel.Placement(engine, parallel.data_mesh(4))
    fit = lambda loss_fn, dataset, **more: train.fit(
        loss_fn, TX, begun(), dataset, epochs=1, batch_size=8, hooks=(), **more
    )
    halves = lambda dataset: data.hold_out(dataset._replace(validation=None), 0.5)
    same(fit(paired, halves(pair), devices=place), fit(named, halves(by_name)))
    if engine != "jit":
        with pytest.raises(ValueError, match=r"of 9 rows doesn't divide .* Pair has no place for"):
            fit(paired, pair, devices=place)
        step = train.make_step(paired, TX, axis_name="data")
        wrap: Any = {"pmap": parallel.pmap_step, "shard_map": parallel.shard_map_step}[engine]
        mapped = wrap(step, *([place.mesh] if engine == "shard_map" else []))
        with pytest.raises(ValueError, match="of 9 rows doesn't divide by the devices, and a Pair"):
            mapped(begun(), pair.validation)
        expected, _ = train.make_step(paired, TX)(begun(), pair.train)
        close(mapped(begun(), pair.train)[0].params, expected.params)


def test_streams_readers_and_evaluation_take_trees():
    by_name, pair = sets()
    rows = [slice(i, i + 8) for i in range(0, 21, 8)]
    cut = lambda tree: [jax.tree.map(lambda a, at=at: a[at], tree) for at in rows]
    fit = lambda loss_fn, stream: train.fit(loss_fn, TX, begun(), stream, epochs=2, hooks=())
    expected = fit(named, data.Stream(cut(by_name.train), by_name.validation))
    same(fit(paired, data.Stream([list(b) for b in cut(pair.train)], pair.validation)), expected)
    same(fit(paired, data.Stream(cut(pair.train), [pair.validation])), expected)
    read = lambda rows: Pair(*(x[rows] for x in pair.train))
    reader = data.Reader(read, size=21, batch_size=8, shuffle=False)
    same(fit(paired, data.Stream(reader, pair.validation)), expected)
    right = train.evaluate(named, begun(), by_name.train)
    for whole in (pair.train, cut(pair.train), reader):
        found = train.evaluate(paired, begun(), whole, batch_size=4)
        assert found["loss"] == pytest.approx(right["loss"], rel=1e-6)


def test_sweeps_loops_and_rowwise_take_trees():
    by_name, pair = sets()
    make = lambda loss_fn: lambda rate: sweep.Run(NET, loss_fn, optax.sgd(rate))
    run = lambda loss_fn, dataset: sweep.run(
        make(loss_fn), dataset, epochs=2, batch_size=8, grid={"rate": [0.1, 0.5]}, hooks=()
    )
    ours, theirs = run(paired, pair), run(named, by_name)
    for row, other in zip(ours.rows, theirs.rows, strict=True):
        np.testing.assert_allclose(row["loss"], other["loss"], rtol=1e-6)
        np.testing.assert_allclose(row["validation_loss"], other["validation_loss"], rtol=1e-6)
    found = sweep.evaluate(make(paired), ours, pair.train)["loss"]
    np.testing.assert_allclose(found, sweep.evaluate(make(named), theirs, by_name.train)["loss"])
    options = {"epochs": 2, "batch_size": 8, "hooks": ()}
    end, _ = train.loop(train.make_step(paired, TX), begun(), pair, **options)
    same_bits(end, train.fit(paired, TX, begun(), pair, **options)[0])

    def rows(params, state, batch, *, key=None, train=False):
        x, y = batch
        each = losses.cross_entropy(stateless(NET)(params, x), y, reduction="none")
        return (each, {"half": each / 2}), state

    found = train.evaluate(train.rowwise(Layer(NET.init, rows)), begun(), pair.train, batch_size=8)
    loss = train.evaluate(named, begun(), by_name.train)["loss"]
    assert found == pytest.approx({"loss": loss, "half": loss / 2}, rel=1e-6)


def test_the_check_looks_into_trees():
    x, y = arrays()
    bad = x.copy()
    bad[3, 0] = np.nan
    data.check(data.Dataset((x, {"y": (y, y)})))
    for part, message in (
        ((bad, y), r"dataset.train\['0'\] has 1 row with nan"),
        (bad, "dataset.train has 1 row with nan"),
        ((x, y[:5]), "arrays of different lengths: 0 float32.21,5., 1 int32.5."),
        ((x, np.full(21, 2**40)), r"dataset.train\['1'\] is int64.21. and holds 1099511627776"),
    ):
        with pytest.raises(ValueError, match=message):
            data.check(data.Dataset(part))
    for part, message in (
        ([x, y], "dataset.train is a list; it must be an array, or a tuple of arrays if a row has"),
        ({"inputs": [x, x]}, r"train\['inputs'\] is a list; it must be an array, or a tuple of"),
        ("text", "dataset.train is a str; it must be a dict of arrays, such as"),
    ):
        with pytest.raises(TypeError, match=message):
            data.check(data.Dataset(part))


def test_what_needs_names_says_so():
    x, y = arrays()
    pair, batch = data.Dataset((x, y), classes=("a", "b", "c")), (jnp.asarray(x), jnp.asarray(y))
    key = jax.random.key(0)
    for call, function in (
        (lambda: data.standardize(pair), "standardize: dataset.train is a tuple"),
        (lambda: data.select_classes(pair, ("a",)), "select_classes: a part is a tuple"),
        (lambda: data.problems(pair), "problems: dataset.train is a tuple"),
        (lambda: train.mixup(0.2, classes=3)(key, batch), "mixup: the batch is a tuple"),
        (lambda: train.class_weights([1, 2, 3])(key, batch), "class_weights: the batch is a tuple"),
        (lambda: data.augment(data.random_flip)(key, batch), "augment: the batch is a tuple"),
    ):
        with pytest.raises(ValueError, match=function + "; it needs a dict with"):
            call()
    with pytest.raises(TypeError, match="supervised: the batch is a tuple; it must be a dict"):
        train.evaluate(train.supervised(NET, losses.cross_entropy), begun(), (x, y))
    assert data.hold_out(pair, 0.5).validation[0].shape == (11, 5)


@pytest.mark.parametrize("engine", ["pmap", "shard_map"])
def test_a_mapped_step_takes_trees_of_inputs_and_a_weight_for_each_label(engine):
    """Padding multiplies the weights of rows, whatever axes they have behind."""
    rng = np.random.default_rng(0)
    inputs = {"a": rng.normal(size=(10, 2, 5)), "b": (rng.normal(size=(10, 2, 5)),)}
    batch = {
        "inputs": jax.tree.map(lambda x: x.astype("float32"), inputs),
        "labels": rng.integers(0, 3, (10, 2)),
        "weight": rng.uniform(size=(10, 2)).astype("float32"),
    }
    begin = lambda key: ({"scale": jnp.ones((1, 1, 3))}, ())
    both = lambda d: stateless(NET)(begun().params, d["a"]) + d["b"][0][..., :3]
    loss_fn = train.supervised(
        Layer(begin, lambda p, s, x, **_: (p["scale"] * both(x), s)), losses.cross_entropy
    )
    net = Layer(begin, lambda p, s, x, **_: (x, s))
    start = train.init_state(net, TX, jax.random.key(0))
    mesh = parallel.data_mesh(4)
    step = train.make_step(loss_fn, TX, axis_name="data")
    mapped = (
        parallel.pmap_step(step, devices=4)
        if engine == "pmap"
        else parallel.shard_map_step(step, mesh)
    )
    (end, sums), (right, numbers) = mapped(start, batch), train.make_step(loss_fn, TX)(start, batch)
    close(end.params, right.params)
    assert float(sums["loss"].total) == pytest.approx(float(numbers["loss"].total), rel=1e-5)
    assert float(sums["loss"].count) == pytest.approx(batch["weight"].sum(), rel=1e-5)
