"""Optuna's studies train their trials side by side, or prune them one by one."""

import sys

import jax
import numpy as np
import optax
import pytest

from jaxdl import data, interop, layers, losses, sweep, train

X = np.linspace(-1, 1, 24, dtype="float32")[:, None]
PART = {"inputs": X, "labels": 3 * X + 1}
LINE = data.Dataset(PART, validation=PART)
NET = layers.dense(1, 1)
LOSS = train.supervised(NET, losses.mse_loss)
HOW = {"epochs": 3, "batch_size": 8}


def make_run(rate):
    return sweep.Run(NET, LOSS, optax.sgd(rate))


def suggest(trial):
    return {"rate": trial.suggest_float("rate", 1e-4, 1e-1, log=True)}


@pytest.fixture
def optuna():
    library = pytest.importorskip("optuna")
    library.logging.set_verbosity(library.logging.WARNING)
    return library


def test_a_study_is_told_what_fit_gives(optuna):
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=0, n_startup_trials=2))
    results = sweep.study(study, suggest, make_run, LINE, trials=3, rounds=2, **HOW)
    assert len(results) == 2 and [t.state.name for t in study.trials] == ["COMPLETE"] * 6
    for trial in study.trials[::5]:
        tx = optax.sgd(trial.params["rate"])
        start = train.init_state(NET, tx, jax.random.key(0))
        _, history = train.fit(LOSS, tx, start, LINE, hooks=(), **HOW)
        losses_of = [row["validation_loss"] for row in history]
        np.testing.assert_allclose(list(trial.intermediate_values.values()), losses_of, 1e-4)
        assert trial.value == trial.intermediate_values[3]
    best = min(row["validation_loss"] for result in results for row in sweep.table(result))
    assert study.best_value == pytest.approx(best)


def test_trials_that_fail_are_told_of(optuna):
    study = optuna.create_study()
    rates = iter([0.01, 1e30])
    sweep.study(study, lambda t: {"rate": next(rates)}, make_run, LINE, trials=2, seeds=2, **HOW)
    assert [t.state.name for t in study.trials] == ["COMPLETE", "FAIL"]
    names = iter(["rate", "other"])
    with pytest.raises(ValueError, match="one trial has rate, another other"):
        sweep.study(study, lambda t: {next(names): 0.1}, make_run, LINE, trials=2, **HOW)
    with pytest.raises(ValueError, match="no metric"):
        sweep.study(study, suggest, make_run, LINE, trials=1, metric="f1", **HOW)
    assert [t.state.name for t in study.trials[2:]] == ["FAIL"] * 3
    with pytest.raises(TypeError, match="got list; it needs a study of Optuna"):
        sweep.study([], suggest, make_run, LINE, trials=1, **HOW)


def test_the_hook_prunes(optuna):
    pruner = optuna.pruners.ThresholdPruner(upper=5.0)
    study = optuna.create_study(pruner=pruner)
    tx = optax.sgd(1e-4)
    start = train.init_state(NET, tx, jax.random.key(0), params={
        "kernel": np.full((1, 1), 9.0, "float32"), "bias": np.zeros(1, "float32")})  # fmt: skip

    def objective(trial, metric="validation_loss"):
        hooks = (interop.pruning(trial, metric),)
        return train.fit(LOSS, tx, start, LINE, hooks=hooks, **HOW)[1][-1]["validation_loss"]

    study.optimize(objective, n_trials=1)
    assert study.trials[0].state.name == "PRUNED" and len(study.trials[0].intermediate_values) == 1
    with pytest.raises(ValueError, match="metric is 'f1'; there are epoch, step"):
        objective(study.ask(), "f1")
    with pytest.raises(TypeError, match="got int; it needs a trial"):
        interop.pruning(3)


def test_without_optuna_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(ImportError, match=r"interop.pruning needs optuna: .*\[trackers\]"):
        interop.pruning(None)
