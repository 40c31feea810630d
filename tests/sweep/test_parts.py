"""Sampling, successive halving, ensembles, tables and pictures."""

import functools
import itertools

import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxdl import layers, plots, sweep, train
from jaxdl.sweep import _memory, _programs, _store
from jaxdl.sweep._store import Stored
from sweep.population import DATASET, OPTIONS, TEST, make_run

SPACE = {
    "learning_rate": sweep.log_uniform(1e-4, 1e-1),
    "depth": sweep.integers(1, 4),
    "optimizer": sweep.choices(["adam", "sgd"]),
    "rate": sweep.uniform(0.0, 0.5),
}


@pytest.mark.parametrize("draw", ["random", "sobol"])
def test_samples_follow_their_distributions(draw, key):
    points = sweep.random(key, 2000, SPACE) if draw == "random" else sweep.sobol(2000, SPACE)
    assert {name: len(x) for name, x in points.items()} == dict.fromkeys(SPACE, 2000)
    logs = np.log10(points["learning_rate"])
    assert logs.min() >= -4 and logs.max() < -1 and abs(logs.mean() + 2.5) < 0.07
    shares = [points["depth"].count(n) / 2000 for n in (1, 2, 3, 4)]
    np.testing.assert_allclose(shares, 0.25, atol=0.04)
    assert abs(points["optimizer"].count("adam") / 2000 - 0.5) < 0.05


def test_sobol_fills_every_cell():
    points = sweep.sobol(64, {"x": sweep.uniform(0, 8), "y": sweep.uniform(0, 8)})
    cells = {(int(x), int(y)) for x, y in zip(points["x"], points["y"], strict=True)}
    assert len(cells) == 64
    assert sweep.sobol(5, SPACE) == sweep.sobol(5, SPACE)
    assert sweep.sobol(5, SPACE) != sweep.sobol(5, SPACE, seed=1)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: sweep.sobol(0, SPACE), "n is 0"),
        (lambda: sweep.random(jax.random.key(0), 3, {}), "space is empty"),
        (lambda: sweep.sobol(3, {"rate": 0.5}), "rate is 0.5.*distribution"),
        (lambda: sweep.log_uniform(0.0, 1.0), "low is 0.0"),
        (lambda: sweep.uniform(1.0, 1.0), "low must be less"),
        (lambda: sweep.choices([]), "one value"),
        (lambda: sweep.rungs(8, 4, factor=1), "factor is 1"),
        (lambda: sweep.survivors([1.0], 2), "keep is 2 of 1"),
    ],
)
def test_bad_samples_are_named(call, message):
    with pytest.raises((ValueError, TypeError), match=message):
        call()


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 300), st.integers(1, 100), st.integers(2, 5))
def test_rungs_shrink_and_end_with_all_epochs(points, epochs, factor):
    found = sweep.rungs(points, epochs, factor=factor)
    assert found[0] == sweep.Rung(points, 1) and found[-1].epochs == epochs
    for before, after in itertools.pairwise(found):
        assert after.points == -(-before.points // factor)
        assert before.epochs < after.epochs <= factor * before.epochs


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(width=32), min_size=1, max_size=30), st.data())
def test_survivors_are_the_best(values, data):
    keep = data.draw(st.integers(1, len(values)))
    kept = sweep.survivors(values, keep).tolist()
    assert len(set(kept)) == keep and kept == sorted(kept)
    plain = np.where(np.isnan(values), -np.inf, values)
    assert sorted(plain[kept]) == sorted(plain)[-keep:]


@pytest.fixture(scope="module")
def halved():
    points = {"learning_rate": [1e-6, 0.01, 0.03, 1e30], "rate": [0.0, 0.1, 0.2, 0.3]}
    return sweep.halve(make_run, DATASET, epochs=4, metric="loss", points=points, seeds=2,
                       batch_size=16)  # fmt: skip


def test_halving_goes_on_with_the_best(halved):
    assert [len(result.members) for result in halved] == [8, 4, 2]
    assert [result.history["loss"].shape[1] for result in halved] == [1, 2, 4]
    kept = {member["learning_rate"] for member in halved[1].members}
    assert kept <= {1e-6, 0.01, 0.03} and 1e30 not in kept
    # A survivor has the numbers that it has in a population that nobody left.
    last = halved[-1]
    points = {name: [last.members[0][name]] for name in ("learning_rate", "rate")}
    whole = sweep.run(make_run, DATASET, seeds=2, points=points, epochs=4, batch_size=16)
    for i in (0, 1):
        close = lambda a, b: np.testing.assert_allclose(a, b, atol=1e-6, rtol=1e-5)
        jax.tree.map(close, sweep.state(last, i).params, sweep.state(whole, i).params)
        np.testing.assert_allclose(last.history["loss"][i], whole.history["loss"][i], rtol=1e-5)


def test_halving_is_stopped_and_goes_on(tmp_path, monkeypatch):
    points = {"learning_rate": [0.01, 0.02, 0.03, 0.04]}
    halve = functools.partial(sweep.halve, make_run, DATASET, epochs=4, metric="loss",
                              points=points, batch_size=16, checkpoints=tmp_path)  # fmt: skip
    with monkeypatch.context() as patch:  # a signal in the second rung
        stop = lambda should_stop, n, moment: 15 if len(moment.at) == 2 else None
        patch.setattr("jaxdl.sweep._runs._asked", stop)
        with pytest.raises(sweep.Interrupted) as stopped:
            halve()
    assert (stopped.value.code, stopped.value.signal) == (143, 15)
    assert [len(result.members) for result in stopped.value.results] == [4, 2]
    (tmp_path / "rung_2").mkdir()  # begun, and killed before its first checkpoint
    whole, again = halve(checkpoints=None), halve(resume=True)
    for a, b in zip(whole, again, strict=True):
        np.testing.assert_array_equal(a.history["loss"], b.history["loss"])


def test_a_first_rung_of_too_many_epochs_trains_nothing():
    with pytest.raises(ValueError, match="first at most all epochs"):
        sweep.halve(None, None, epochs=4, metric="loss", first=5)


def test_seeds_and_ensemble():
    made = make_run(rate=0.1)
    result, measured = sweep.run_seeds(made, DATASET, first=7, n=4, **OPTIONS)
    assert [member["seed"] for member in result.members] == [7, 8, 9, 10]
    each = sweep.evaluate(lambda: made, result, DATASET.test)
    assert measured["test_accuracy"] == pytest.approx(each["accuracy"].mean())
    assert measured["test_loss_error"] == pytest.approx(each["loss"].std(ddof=1) / 2)
    states = sweep.states(result, range(4))
    said = sweep.ensemble(made.net, states, batch_size=7)(TEST["inputs"])
    by_hand = [
        jax.nn.softmax(made.net.apply(end.params, end.state, TEST["inputs"])[0])
        for end in (sweep.state(result, i) for i in range(4))
    ]
    np.testing.assert_allclose(said.probabilities, np.mean(by_hand, 0), rtol=1e-5)
    found = sweep.evaluate_ensemble(said, TEST["labels"])
    assert found["member_accuracy"] == pytest.approx(each["accuracy"].mean(), abs=1e-6)
    # The mean of convex losses is at least the loss of the mean.
    assert found["negative_log_likelihood"] <= found["member_negative_log_likelihood"]
    assert 0 <= found["disagreement"] <= 1 and (said.information > -1e-9).all()


@pytest.mark.parametrize(("net", "lanes"), [
    (layers.conv(1, 2, (3,)), 1), (layers.conv(1, 2, (3, 3)), 1), (layers.dense(3, 2), 4)
])  # fmt: skip
def test_convolutions_take_turns_on_a_cpu(net, lanes):
    params, state = jax.vmap(net.init)(jax.random.split(jax.random.key(0), 4))
    stored = Stored(train.TrainState(np.zeros(4), params, state, (), ()), np.zeros(4))
    found = _programs.layout_of(4, 1, _store.bytes_of(stored), _memory.lanes_of(stored))
    assert found == (1, 4 // lanes, lanes)


def test_an_ensemble_needs_members():
    made = make_run()
    state = train.init_state(made.net, made.tx, jax.random.key(0))
    with pytest.raises(ValueError, match="one first axis"):
        sweep.ensemble(made.net, state)


def test_table_and_pictures(halved):
    rows = sweep.table(halved[0])
    assert [row["seeds"] for row in rows] == [2] * 4 and rows[3]["diverged"] == 2
    loss = halved[0].history["loss"][2:4, 0]
    assert rows[1]["loss"] == pytest.approx(loss.mean())
    assert rows[1]["loss_error"] == pytest.approx(loss.std(ddof=1) / np.sqrt(2))
    assert "learning_rate" in sweep.format_table(rows).splitlines()[0]
    figure = plots.population(halved[0])
    assert [axes.get_ylabel() for axes in figure.axes] == ["validation accuracy", "rate"]
    with pytest.raises(ValueError, match="no metric 'recall'"):
        plots.population(halved[0], "recall")


def test_a_member_that_is_not_there(halved):
    with pytest.raises(IndexError, match="there is no member 9; there are 8"):
        sweep.state(halved[0], 9)
    with pytest.raises(ValueError, match="members is 0"):
        sweep.select(halved[0], [])
