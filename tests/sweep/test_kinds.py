"""What else can be swept: any step, losses that meet rows, what depends on the seed or changes."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxdl import layers, losses, metrics, sweep, train
from sweep.population import DATASET, make_run

OPTIONS = {"epochs": 2, "batch_size": 16}
NET = layers.dense(5, 3)


def close(a, b):
    jax.tree.map(lambda x, y: np.testing.assert_allclose(x, y, atol=1e-6, rtol=1e-5), a, b)


class Pair(NamedTuple):
    """Two networks, the second of which follows the first."""

    step: jax.Array
    online: Any
    target: Any
    opt_state: Any
    key: jax.Array


def pair(learning_rate=0.1, follow=0.5):
    tx = optax.sgd(learning_rate)

    def init(key):
        params, _ = NET.init(key)
        return Pair(jnp.int32(0), params, params, tx.init(params), key)

    def step(ts, batch):
        def loss(params):
            out = NET.apply(params, (), batch["inputs"])[0]
            wanted = NET.apply(ts.target, (), batch["inputs"])[0] + 1.0
            return jnp.mean((out - wanted) ** 2)

        value, grads = jax.value_and_grad(loss)(ts.online)
        updates, opt_state = tx.update(grads, ts.opt_state)
        online = optax.apply_updates(ts.online, updates)
        target = jax.tree.map(lambda t, o: t + follow * (o - t), ts.target, online)
        return Pair(ts.step + 1, online, target, opt_state, ts.key), {"loss": value}

    def measure(ts, data):
        return {"size": jnp.abs(ts.online["kernel"]).mean()}

    return sweep.Steps(init, step, measure)


def test_any_step_is_swept_and_is_what_the_loop_makes_of_it():
    grid = {"learning_rate": [0.05, 0.1], "follow": [0.5]}
    result = sweep.run(pair, DATASET, grid=grid, seeds=2, order="own", **OPTIONS)
    made = pair(0.1, 0.5)
    end, history = train.loop(
        made.step, made.init(jax.random.key(1)), DATASET,
        validate=lambda ts: made.measure(ts, DATASET.validation), hooks=(), **OPTIONS,
    )  # fmt: skip
    found = sweep.state(result, 3)
    assert type(found) is Pair and int(found.step) == int(end.step) == 8
    close((found.online, found.target), (end.online, end.target))
    for name in ("loss", "validation_size"):
        np.testing.assert_allclose(result.history[name][3], [row[name] for row in history], 1e-5)
    tested = sweep.evaluate(pair, result, DATASET.test)["size"]
    np.testing.assert_allclose(tested, result.history["validation_size"][:, -1], 1e-6)
    one = sweep.run(pair, DATASET, grid={"learning_rate": [0.1]}, seeds=[1], **OPTIONS)
    close(sweep.state(one, 0).online, end.online)


BETA = 1.0


def stale(learning_rate):
    """A run whose loss reads a global, and forgets the weight of its rows."""

    def loss_fn(params, state, batch, *, key, train):
        out, state = NET.apply(params, state, batch["inputs"])
        rows = losses.cross_entropy(out, batch["labels"], reduction="none")
        return BETA * jnp.mean(rows), (state, {})

    return sweep.Run(NET, loss_fn, optax.sgd(learning_rate))


def test_each_call_sees_what_a_loss_computes_now(monkeypatch):
    """And rows that the loss doesn't weigh are no padding: the last batch of 50 has 2."""
    grid, ends = {"learning_rate": [0.1, 0.2]}, []
    for beta in (1.0, 5.0):
        monkeypatch.setitem(globals(), "BETA", beta)
        result = sweep.run(stale, DATASET, grid=grid, **OPTIONS)
        made = stale(0.2)
        start = train.init_state(NET, made.tx, jax.random.key(0))
        end, _ = train.fit(made.loss_fn, made.tx, start, DATASET, hooks=(), **OPTIONS)
        close(sweep.state(result, 1).params, end.params)
        ends.append(sweep.evaluate(stale, result, DATASET.test)["loss"])
        again = train.evaluate(made.loss_fn, end, DATASET.test)["loss"]
        np.testing.assert_allclose(ends[-1][1], again, 1e-5)
    monkeypatch.setitem(globals(), "BETA", 1.0)
    now = sweep.evaluate(stale, result, DATASET.test)["loss"]
    np.testing.assert_allclose(5 * now, ends[-1], 1e-5)


def test_what_depends_on_the_seed_is_traced_split_or_refused():
    rate = lambda seed: stale(0.05 * (1 + jnp.asarray(seed, float)))
    result, _ = sweep.run_seeds(rate, DATASET, n=2, **OPTIONS)
    made = stale(0.1)
    start = train.init_state(NET, made.tx, jax.random.key(1))
    end, _ = train.fit(made.loss_fn, made.tx, start, DATASET, hooks=(), **OPTIONS)
    close(sweep.state(result, 1).params, end.params)

    wide = lambda seed: make_run(width=4 + seed)
    with pytest.raises((ValueError, TypeError)) as error:
        sweep.run_seeds(wide, DATASET, n=2, **OPTIONS)
    assert any("static=['seed']" in note for note in error.value.__notes__)
    result, _ = sweep.run_seeds(wide, DATASET, n=2, static=("seed",), **OPTIONS | {"epochs": 1})
    shapes = [sweep.state(result, i).params[0]["kernel"].shape for i in (0, 1)]
    assert shapes == [(5, 4), (5, 5)]


def test_arrays_are_swept_by_their_number():
    teachers = jax.vmap(lambda key: NET.init(key)[0])(jax.random.split(jax.random.key(5), 2))

    def taught(teacher):
        own = jax.tree.map(lambda x: x[teacher], teachers)

        def loss_fn(params, state, batch, *, key, train):
            out, wanted = (NET.apply(p, state, batch["inputs"])[0] for p in (params, own))
            return jnp.mean((out - wanted) ** 2), (state, {})

        return sweep.Run(NET, loss_fn, optax.sgd(0.3))

    options = OPTIONS | {"epochs": 30}
    result = sweep.run(taught, DATASET, grid={"teacher": [0, 1]}, **options)
    for i in (0, 1):
        learnt = sweep.state(result, i).params["kernel"]
        assert jnp.abs(learnt - teachers["kernel"][i]).max() < 0.1
        assert jnp.abs(learnt - teachers["kernel"][1 - i]).max() > 0.2


def test_sums_of_several_fields_stay_with_their_member():
    measured = {"calibration": metrics.calibration}
    loss_fn = train.supervised(NET, losses.cross_entropy, metrics=measured)
    make = lambda rate: sweep.Run(NET, loss_fn, optax.sgd(rate))
    options = OPTIONS | {"epochs": 1, "hooks": ()}
    result = sweep.run(make, DATASET, grid={"rate": [0.1, 0.2]}, **options)
    found = sweep.evaluate(make, result, DATASET.test)["calibration"]
    for i in (0, 1):
        ts = sweep.state(result, i)
        for part, mine in (
            (DATASET.validation, result.history["validation_calibration"][i, 0]),
            (DATASET.test, found[i]),
        ):
            close(list(mine), list(train.evaluate(loss_fn, ts, part)["calibration"]))


def scheduled(teacher, schedule):
    """Follows a teacher, at a rate for each step of two epochs."""

    def loss_fn(params, state, batch, *, key, train):
        out, wanted = (NET.apply(p, state, batch["inputs"])[0] for p in (params, teacher))
        return jnp.mean((out - wanted) ** 2), (state, {})

    return sweep.Run(NET, loss_fn, optax.sgd(lambda step: schedule[step]))


def test_arrays_and_trees_of_them_are_swept_as_they_are(tmp_path):
    teachers = [NET.init(jax.random.key(5 + i))[0] for i in (0, 1)]
    schedules = np.linspace([0.1, 0.2, 0.3], 0.0, 8, axis=1)
    swept = {"teacher": teachers, "schedule": schedules}
    options = OPTIONS | {"checkpoints": tmp_path, "hooks": ()}
    result = sweep.run(scheduled, DATASET, grid=swept, **options)
    assert result.members[4] == {"teacher": 1, "schedule": 1, "seed": 0}
    run = scheduled(teachers[1], jnp.asarray(schedules[1]))
    start = train.init_state(NET, run.tx, jax.random.key(0))
    end, _ = train.fit(run.loss_fn, run.tx, start, DATASET, hooks=(), **OPTIONS)
    close(sweep.state(result, 4).params, end.params)
    kept = sweep.select(result, [4])  # goes on with its own arrays
    more, _ = train.fit(run.loss_fn, run.tx, start, DATASET, hooks=(), **OPTIONS | {"epochs": 3})
    again = sweep.run(scheduled, DATASET, start=kept, **OPTIONS | {"epochs": 3, "hooks": ()})
    close(sweep.state(again, 0).params, more.params)
    found = sweep.evaluate(scheduled, result, DATASET.validation)["loss"]
    alone = train.evaluate(run.loss_fn, end, DATASET.validation)["loss"]
    assert found[4] == pytest.approx(alone, rel=1e-5)
    with pytest.raises(ValueError, match="has other hyperparameters"):
        sweep.run(scheduled, DATASET, grid=swept | {"schedule": schedules / 2}, resume=True,
                  **options)  # fmt: skip
    for wrong in ([np.ones(8), np.ones(9)], [np.ones(8), np.ones(8, "int32")]):
        with pytest.raises(ValueError, match=r"schedule has values of different kinds, .*float32"):
            sweep.run(scheduled, DATASET, grid=swept | {"schedule": wrong}, **OPTIONS)


def test_a_state_without_a_step_is_refused():
    wrong = lambda rate: sweep.Steps(lambda key: {"rate": rate}, lambda ts, batch: (ts, {}))
    with pytest.raises(TypeError, match="init returned a dict, not a NamedTuple"):
        sweep.run(wrong, DATASET, grid={"rate": [0.1, 0.2]}, **OPTIONS)
