"""Runs logged to Weights & Biases and MLflow, offline; needs the extra [trackers]."""

import os
import signal
import sys

import jax
import numpy as np
import optax
import pytest

from jaxdl import data, interop, layers, losses, train

X = np.linspace(-1, 1, 24, dtype="float32")[:, None]
LINE = data.Dataset({"inputs": X, "labels": 3 * X + 1})


def fitted(hook, epochs, train_state=None, history=(), hooks=()):
    net, tx = layers.dense(1, 1), optax.sgd(0.1)
    start = train_state or train.init_state(net, tx, jax.random.key(0))
    loss_fn = train.supervised(net, losses.mse_loss)
    return train.fit(
        loss_fn, tx, start, LINE, epochs=epochs, batch_size=8, chunk=1, shuffle=False,
        hooks=(hook, *hooks), history=list(history),
    )  # fmt: skip


def interrupts(event):
    if event.kind == "chunk" and int(event.train_state.step) == 4:
        os.kill(os.getpid(), signal.SIGTERM)


def check(curves, history, steps):
    """A point a step, each once, and a point an epoch."""
    assert [step for step, _ in curves["steps/loss"]] == list(range(1, steps + 1))
    assert curves["loss"] == [(row["step"], row["loss"]) for row in history]
    of_steps = np.array([value for _, value in curves["steps/loss"]])
    np.testing.assert_allclose(of_steps.reshape(-1, 3).mean(1), [r["loss"] for r in history], 1e-6)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")  # its own
def test_a_resumed_run_of_mlflow_has_each_step_once(tmp_path):
    library = pytest.importorskip("mlflow")
    client = library.MlflowClient(f"sqlite:///{tmp_path}/runs.db")
    run_id = client.create_run(client.create_experiment("e")).info.run_id
    half, history = fitted(interop.mlflow(run_id, client), 1)
    fitted(interop.mlflow(run_id, client), 2, half, history)  # goes on, and is lost
    _, history = fitted(interop.mlflow(run_id, client), 3, half, history)
    found = lambda name: client.get_metric_history(run_id, name)
    curves = {name: [(m.step, m.value) for m in found(name)] for name in ("loss", "steps/loss")}
    check(curves, history, 9)
    with pytest.raises(train.Interrupted):
        fitted(interop.mlflow(run_id, client), 5, hooks=(interrupts,))
    assert client.get_run(run_id).info.status == "KILLED"


def test_wandb_offline(tmp_path, monkeypatch):
    library = pytest.importorskip("wandb")
    run, logged, finished = library.Run.__new__(library.Run), [], []
    log = lambda self, row, step: logged.append((step, row))
    monkeypatch.setattr(library.Run, "log", log)
    monkeypatch.setattr(library.Run, "finish", lambda self, exit_code: finished.append(exit_code))
    monkeypatch.setattr(library.Run, "resumed", property(lambda self: bool(logged)))
    monkeypatch.setattr(library.Run, "step", property(lambda self: logged[-1][0] + 1))
    half, history = fitted(interop.wandb(run), 1)
    fitted(interop.wandb(run), 2, half, history)  # goes on, and is lost
    _, history = fitted(interop.wandb(run), 3, half, history)
    curve = lambda name: [(step, row[name]) for step, row in logged if name in row]
    check({name: curve(name) for name in ("loss", "steps/loss")}, history, 9)
    with pytest.raises(train.Interrupted):
        fitted(interop.wandb(run), 5, hooks=(interrupts,))
    assert finished == [128 + signal.SIGTERM]
    with pytest.raises(TypeError, match=r"interop.wandb got str; it needs what wandb.init returns"):
        interop.wandb("cats")


@pytest.mark.slow
def test_wandb_writes_its_file(tmp_path, monkeypatch):
    library = pytest.importorskip("wandb")
    monkeypatch.chdir(tmp_path)
    with library.init(project="cats", mode="offline") as run:
        fitted(interop.wandb(run), 2)
        assert run.step == 6
    assert list(tmp_path.glob("wandb/offline-run-*/run-*.wandb"))


@pytest.mark.parametrize("name", ["mlflow", "wandb"])
def test_a_missing_library_is_named_with_its_extra(name, monkeypatch):
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ImportError, match=rf"interop.{name} needs {name}: .*\[trackers\]"):
        getattr(interop, name)("run")
