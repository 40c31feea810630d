"""What a mean is over, rows or tokens or their weights: one number by every road."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxdl import data, layers, losses, metrics, parallel, serial, sweep, train
from jaxdl._checks import ShapeError
from jaxdl.train import all_rows
from train.recipes import close

N, T, F, C, BATCH = 13, 6, 4, 5, 8
WEIGHTS = np.array([1.0, 4.0, 0.5, 2.0, 1.0], "float32")
SGD = optax.sgd(0.5)


def tokens():
    """Padded sentences of 1 to 6 tokens, and one that is padding alone."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, C, (N, T)).astype("int32")
    lengths = rng.integers(1, T + 1, N)
    lengths[3] = 0
    labels[np.arange(T) >= lengths[:, None]] = -100
    weight = rng.uniform(0.2, 2, N).astype("float32")
    inputs = rng.normal(size=(N, T, F)).astype("float32")
    return {"inputs": inputs, "labels": labels, "weight": weight}


def plain(net, batch, of_class=(1,) * C, index=-100):
    """The sums of a token mean, in NumPy's manner, with PyTorch's weights of classes."""

    def sums(params):
        logits, _ = net.apply(params, net.init(jax.random.key(0))[1], batch["inputs"])
        log_p, y = jax.nn.log_softmax(logits), batch["labels"]
        real = (y != index).astype("float32") * batch["weight"][:, None]
        y = np.where(y < 0, 0, y)
        nll = -jnp.take_along_axis(log_p, y[..., None], -1)[..., 0]
        share = real * np.array(of_class, "float32")[y]
        hits = (logits.argmax(-1) == y).astype("float32")
        return (share * nll).sum() / share.sum(), (share.sum(), (real * hits).sum(), real.sum())

    return sums


NET = serial(layers.dense(F, C))
LOSSES = {
    "cross_entropy": (losses.cross_entropy, NET, {}),
    "class weights": (
        functools.partial(losses.cross_entropy, weight=WEIGHTS), NET, {"of_class": WEIGHTS},
    ),
    "another index": (
        functools.partial(losses.cross_entropy, ignore_index=2), NET, {"index": 2},
    ),
    "a lambda": (
        lambda z, y, *, reduction: losses.cross_entropy(z, y, reduction=reduction), NET, {},
    ),
    "nll_loss": (losses.nll_loss, serial(NET, jax.nn.log_softmax), {}),
}  # fmt: skip


def batch_of(name):
    batch = tokens()
    if name == "another index":
        batch["labels"] = np.where(batch["labels"] < 0, 2, batch["labels"])
    return batch


def expected(name):
    """An epoch by hand: a gradient a batch, and the epoch's means."""
    _, net, options = LOSSES[name]
    start = train.init_state(net, SGD, jax.random.key(0))
    params, whole = start.params, batch_of(name)
    seen = []
    for i in range(0, N, BATCH):
        batch = {k: v[i : i + BATCH] for k, v in whole.items()}
        (loss, found), grads = jax.value_and_grad(plain(net, batch, **options), has_aux=True)(
            params
        )
        params = jax.tree.map(lambda p, g: p - 0.5 * g, params, grads)
        seen.append((loss * found[0], *found))
    total, count, hits, real = np.sum(seen, axis=0)
    return start, params, {"loss": total / count, "accuracy": hits / real}


def loss_of(name):
    loss, net, _ = LOSSES[name]
    return train.supervised(net, loss, metrics={"accuracy": metrics.accuracy})


ROADS: dict[str, dict[str, Any]] = {
    "jit": {},
    "accumulate": {"accumulate": 3},
    "pmap": {"devices": parallel.Placement("pmap")},
    "shard_map": {"devices": parallel.Placement("shard_map")},
    "shard_map, accumulate": {"devices": parallel.Placement("shard_map"), "accumulate": 1 + 1},
}


def measured(name, road):
    start, params, row = expected(name)
    options = {"epochs": 1, "batch_size": BATCH, "shuffle": False, "hooks": ()}
    set_ = data.Dataset(batch_of(name))
    end, history = train.fit(loss_of(name), SGD, start, set_, **options, **ROADS[road])
    return (end.params, history[0]), (params, row)


@pytest.mark.parametrize(
    ("name", "road"),
    [*((name, "jit") for name in LOSSES), *(("class weights", road) for road in ROADS)],
)
def test_tokens_give_one_number_by_every_road(name, road):
    (params, row), (right, numbers) = measured(name, road)
    close(params, right, atol=1e-5)
    assert {k: row[k] for k in numbers} == pytest.approx(numbers, rel=1e-5)


def test_a_sweep_gives_it_too():
    _, _, numbers = expected("class weights")
    make = lambda rate: sweep.Run(NET, loss_of("class weights"), optax.sgd(rate))
    result = sweep.run(
        make, data.Dataset(batch_of("class weights")), epochs=1, batch_size=BATCH, shuffle=False,
        points={"rate": [0.5, 0.1]}, hooks=(),
    )  # fmt: skip
    row = result.rows[0]
    assert row["loss"][0] == pytest.approx(numbers["loss"], rel=1e-5)
    assert row["accuracy"][0] == pytest.approx(numbers["accuracy"], rel=1e-5)


@pytest.mark.parametrize("name", ["class weights", "another index"])
def test_evaluation_in_any_batches(name):
    start, _, _ = expected(name)
    _, net, options = LOSSES[name]
    loss, (_, hits, real) = plain(net, batch_of(name), **options)(start.params)
    for size in (4, 1000):
        found = train.evaluate(loss_of(name), start, batch_of(name), batch_size=size)
        assert found["loss"] == pytest.approx(float(loss), rel=1e-5)
        assert found["accuracy"] == pytest.approx(float(hits / real), rel=1e-5)


def as_mean(params, state, batch, *, key, train):
    """The same by one's own loss, with a weight for each token and metrics in every form."""
    logits, state = NET.apply(params, state, batch["inputs"])
    real = (batch["labels"] != -100) * batch["weight"][:, None]
    rows = losses.cross_entropy(logits, batch["labels"], reduction="none")
    loss = metrics.Mean((rows * real).sum(), real.sum())
    return loss, (state, {"again": loss, "cost": (rows * real).sum() / real.sum()})


@pytest.mark.parametrize("road", ["accumulate", "shard_map"])
def test_a_loss_may_be_a_mean_of_its_own(road):
    start, params, row = expected("cross_entropy")
    options = {"epochs": 1, "batch_size": BATCH, "shuffle": False, "hooks": ()}
    if "devices" in ROADS[road]:  # 5 rows are left, which 8 devices don't divide
        options["devices"] = ROADS[road]["devices"]._replace(mesh=parallel.data_mesh(1))
    more = {k: v for k, v in ROADS[road].items() if k != "devices"}
    end, history = train.fit(as_mean, SGD, start, data.Dataset(tokens()), **options, **more)
    close(end.params, params, atol=1e-5)
    assert history[0]["loss"] == history[0]["again"] == pytest.approx(row["loss"], rel=1e-5)


def test_a_weight_for_each_token():
    batch = tokens()
    batch["weight"] = np.random.default_rng(1).uniform(size=(N, T)).astype("float32")
    start = train.init_state(NET, SGD, jax.random.key(0))
    loss_fn = train.supervised(NET, losses.mse_loss)
    batch["labels"] = np.zeros((N, T, C), "float32")
    found = train.evaluate(loss_fn, start, batch, batch_size=4)["loss"]
    rows = np.asarray(NET.apply(start.params, start.state, batch["inputs"])[0]) ** 2
    right = (rows.mean(-1) * batch["weight"]).sum() / batch["weight"].sum()
    assert found == pytest.approx(right, rel=1e-5)


def test_a_loss_that_sums_over_labels_itself_counts_by_row():
    row = lambda z, y, *, reduction: losses.cross_entropy(z, y, reduction="none").sum(-1)
    start = train.init_state(NET, SGD, jax.random.key(0))
    found = train.evaluate(train.supervised(NET, row), start, tokens())["loss"]
    logits = NET.apply(start.params, start.state, tokens()["inputs"])[0]
    rows = losses.cross_entropy(logits, tokens()["labels"], reduction="none").sum(-1)
    assert found == pytest.approx(np.average(rows, weights=tokens()["weight"]), rel=1e-5)
    wrong = tokens() | {"weight": np.ones((N, T), "float32")}
    with pytest.raises(ValueError, match="weight is"):
        train.evaluate(train.supervised(NET, row), start, wrong)


def heedless(params, state, batch, *, key, train):
    """Never looks at the weight, and has scalar metrics."""
    logits, state = NET.apply(params, state, batch["inputs"])
    rows = (logits**2).mean((1, 2))
    return rows.mean(), (state, {"cost": rows.mean(), "n": jnp.float32(len(rows))})


def test_a_loss_without_the_weight_is_right_on_ragged_batches():
    batch = {"inputs": tokens()["inputs"]}
    start = train.init_state(NET, optax.sgd(0.0), jax.random.key(0))
    rows = (np.asarray(NET.apply(start.params, start.state, batch["inputs"])[0]) ** 2).mean((1, 2))
    fit = lambda **more: train.fit(
        heedless, optax.sgd(0.0), start, data.Dataset(batch, batch), epochs=1,
        batch_size=BATCH, hooks=(), **more,
    )[1][0]  # fmt: skip
    row = fit()
    numbers = [row[f"{part}{name}"] for part in ("", "validation_") for name in ("loss", "cost")]
    assert numbers == pytest.approx([rows.mean()] * 4, rel=1e-5)
    assert row["n"] == pytest.approx((8 * 8 + 5 * 5) / 13)  # a mean over rows
    with pytest.raises(ValueError, match=r"heedless: a batch of 13 rows doesn't .*rowwise"):
        fit(devices=parallel.Placement("pmap"))


@pytest.mark.parametrize("wrap", [parallel.pmap_step, parallel.shard_map_step])
def test_a_mapped_step_refuses_to_fill_up_for_it(wrap):
    start = train.init_state(NET, SGD, jax.random.key(0))
    step = train.make_step(heedless, SGD, axis_name=parallel.AXIS)
    mapped = wrap(step, *([parallel.data_mesh()] if wrap is parallel.shard_map_step else []))
    with pytest.raises(ValueError, match="13 rows doesn't divide by 8 devices, and its loss"):
        mapped(start, {"inputs": tokens()["inputs"]})
    end, _ = mapped(start, {"inputs": tokens()["inputs"][:8]})
    assert int(end.step) == 1


def rows_of_a_batch(params, state, batch, *, key=None, train=False):
    logits, state = NET.apply(params, state, batch["inputs"])
    rows = (logits**2).mean((1, 2))
    return (rows, {"half": rows / 2}), state


def test_rowwise_masks_and_sums():
    loss_fn = train.rowwise(NET._replace(apply=rows_of_a_batch))
    start = train.init_state(NET, SGD, jax.random.key(0))
    batch = {name: x for name, x in tokens().items() if name != "labels"}
    found = train.evaluate(loss_fn, start, batch, batch_size=5)
    rows = (np.asarray(NET.apply(start.params, start.state, batch["inputs"])[0]) ** 2).mean((1, 2))
    right = np.average(rows, weights=batch["weight"])
    assert found == pytest.approx({"loss": right, "half": right / 2}, rel=1e-5)


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        (lambda rows: rows, TypeError, r"rowwise\(.*\): it returned a .*, not \(rows, \{…\}\)"),
        (lambda rows: (rows, rows), TypeError, "it returned a tuple"),
        (lambda rows: (rows[:3], {}), ShapeError, r"loss is float32\[3\]; the batch has 13 rows"),
        (lambda rows: (rows, {"half": rows[:3]}), ShapeError, r"half is float32\[3\]"),
    ],
)
def test_rowwise_says_what_a_network_gives_instead(given, error, message):
    def apply(params, state, batch, *, key=None, train=False):
        return given(batch["weight"]), state

    with pytest.raises(error, match=message):
        train.rowwise(NET._replace(apply=apply))((), (), tokens(), key=None, train=False)


def test_rowwise_keeps_metrics_that_are_sums():
    def apply(params, state, batch, *, key=None, train=False):
        return (batch["weight"], {"hits": metrics.Mean(jnp.float32(3), jnp.float32(4))}), state

    loss_fn = train.rowwise(NET._replace(apply=apply))
    _, (_, found) = loss_fn((), (), tokens(), key=None, train=False)
    assert metrics.compute(found)["hits"] == 0.75


def test_a_batch_without_labels_says_what_it_has():
    loss_fn = train.supervised(NET, losses.cross_entropy)
    with pytest.raises(ValueError, match="the batch has no 'labels', only inputs"):
        loss_fn((), (), {"inputs": tokens()["inputs"]}, key=None, train=False)


def info_nce(params, state, batch, *, key, train):
    z, state = NET.apply(params, state, batch["inputs"][:, 0])
    whole, own = all_rows(z)
    rows = losses.cross_entropy(z @ whole.T, own, reduction="none")
    return metrics.mean(rows, weight=batch["weight"]), (state, {})


@pytest.mark.parametrize("engine", ["pmap", "shard_map"])
def test_rows_that_meet_are_gathered_from_all_devices(engine):
    start = train.init_state(NET, SGD, jax.random.key(0))
    batch = {"inputs": np.concatenate([tokens()["inputs"]] * 2)[:16]}
    fit = lambda set_, engine: train.fit(
        info_nce, SGD, start, data.Dataset(set_), epochs=1, batch_size=8, shuffle=False, hooks=(),
        devices=parallel.Placement(engine, parallel.data_mesh(4)),
    )  # fmt: skip
    (end, rows), (right, numbers) = fit(batch, engine), fit(batch, "jit")
    assert rows[0]["loss"] == pytest.approx(numbers[0]["loss"], rel=1e-5)
    close(end.params, right.params)
    ragged = {name: x[:14] for name, x in batch.items()}
    with pytest.raises(ValueError, match=r"6 rows doesn't divide by 4 .* exchange"):
        fit(ragged, engine)


def test_each_row_has_its_own_draw_on_every_device():
    seen = lambda p, s, b, *, key, train: (
        (p["w"] * b["x"]).mean(), (s, {"seen": jnp.zeros(64).at[b["i"]].set(b["x"])}),
    )  # fmt: skip
    noise = lambda key, b: {**b, "x": jax.random.uniform(key, b["x"].shape)}
    step = train.make_step(seen, SGD, axis_name="data", batch_fns=(noise,))
    params = {"w": jnp.ones(())}
    start = train.TrainState(jnp.int32(0), params, (), SGD.init(params), jax.random.key(0))
    batch = {"x": np.zeros(64, "float32"), "i": np.arange(64)}
    _, sums = parallel.pmap_step(step)(start, batch)
    assert len(np.unique(sums["seen"])) == 64


def test_half_precision_parts_are_summed_in_float32():
    def loss_fn(params, state, batch, *, key, train):
        return (params * batch["x"]).mean(dtype=jnp.float32), (state, {})

    step = jax.jit(train.make_step(loss_fn, optax.sgd(1.0), accumulate=2048))
    params = jnp.bfloat16(0)
    start = train.TrainState(jnp.int32(0), params, (), SGD.init(params), jax.random.key(0))
    x = np.random.default_rng(0).uniform(0, 1, 2048).astype("float32")
    end, _ = step(start, {"x": x.astype(jnp.bfloat16)})
    assert float(-end.params) == pytest.approx(x.mean(), rel=0.01)
