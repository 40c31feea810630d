"""The hook saves at the right moments, beside the run, and says what went wrong."""

import importlib
import os
import threading
import types

import numpy as np
import pytest

from checkpoint.made import events, row, steps, tree
from jaxdl import checkpoint, train
from jaxdl.checkpoint import _directory


@pytest.mark.parametrize("background", [False, True])
@pytest.mark.parametrize("last", ["finish", "interrupt"])
def test_the_last_checkpoint_is_on_the_disk_when_the_run_ends(tmp_path, background, last):
    events(checkpoint.hook(tmp_path, background=background), epochs=3, last=last)
    assert steps(tmp_path) == [12]
    again, history = checkpoint.restore(tmp_path, tree())
    np.testing.assert_array_equal(again.params["kernel"], tree(12).params["kernel"])
    assert history == [row(4), row(8), row(12)]


def test_the_clock_says_when(tmp_path, monkeypatch):
    now = [0.0]
    module = importlib.import_module("jaxdl.checkpoint._hook")
    monkeypatch.setattr(module, "time", types.SimpleNamespace(monotonic=lambda: now[0]))
    keep = checkpoint.hook(tmp_path, every_seconds=10, keep=9, background=False)

    def clock(event):
        now[0] += 4.0

    events(clock, keep, epochs=8)
    assert steps(tmp_path) == [4, 16, 28, 32]  # at 4 s, soon; at 16 s, at 28 s, and the last


def test_every_so_many_steps(tmp_path):
    for name, options, expected in [
        ("steps", {"every_steps": 10}, [12, 24, 32]),
        ("both", {"every_steps": 10, "every_seconds": 0}, [*range(4, 33, 4)]),
    ]:
        keep = checkpoint.hook(tmp_path / name, keep=9, background=False, **options)
        events(keep, epochs=8)
        assert steps(tmp_path / name) == expected


def test_a_relative_path_is_that_of_the_moment(tmp_path, monkeypatch):
    (tmp_path / "other").mkdir()
    monkeypatch.chdir(tmp_path)
    keep = checkpoint.hook("kept", every_seconds=0)
    events(lambda event: os.chdir(tmp_path / "other"), keep, epochs=2)
    assert steps(tmp_path / "kept") == [4, 8] and not list((tmp_path / "other").iterdir())


def test_no_checkpoint_starts_while_one_is_written(tmp_path, monkeypatch):
    going, add = threading.Event(), _directory.add
    monkeypatch.setattr(_directory, "add", lambda *args: (going.wait(), add(*args)))
    keep = checkpoint.hook(tmp_path, every_seconds=0, keep=9)
    history = []
    for step in (4, 8, 12):
        history.append(row(step))
        keep(train.Event("epoch", tree(step), history, 3))  # returns at once
    assert steps(tmp_path) == []
    going.set()
    keep(train.Event("finish", tree(12), history, 3))
    assert steps(tmp_path) == [4, 12]
    # The history is that of the moment, not what it has grown to.
    assert checkpoint.restore(tmp_path / "0000000004", tree())[1] == [row(4)]


@pytest.mark.parametrize("background", [False, True])
def test_the_best_is_saved_at_once_and_stays(tmp_path, background):
    values = {1: 0.2, 2: 0.8, 3: float("nan"), 4: 0.8, 5: 0.1, 6: 0.3}
    options = {"every_seconds": 3600, "keep": 1, "background": background}
    keep = checkpoint.hook(tmp_path, best=("accuracy", "max"), **options)
    events(keep, metrics=lambda epoch: {"accuracy": values[epoch]})
    assert steps(tmp_path) == [8, 24]
    assert checkpoint.best(tmp_path, "accuracy").name == "0000000008"


def test_a_metric_that_is_not_there_is_told_in_the_first_epoch(tmp_path):
    keep = checkpoint.hook(tmp_path, best=("acuracy", "max"))
    with pytest.raises(ValueError, match="best is 'acuracy'; the history has epoch, step, accur"):
        events(keep, metrics=lambda epoch: {"accuracy": 0.5})


def test_the_directory_of_another_run_is_refused_at_the_first_checkpoint(tmp_path):
    checkpoint.save(tmp_path, tree(400))
    keep = checkpoint.hook(tmp_path, every_seconds=0)
    with pytest.raises(ValueError, match="0000000400 is of a later step than this run's step 4"):
        events(keep)


def test_what_is_no_fault_of_the_disk_is_raised(tmp_path, monkeypatch):
    def add(*args):
        raise RuntimeError("a mistake")

    monkeypatch.setattr(_directory, "add", add)
    with pytest.raises(RuntimeError, match="a mistake"):
        events(checkpoint.hook(tmp_path))


def test_wrong_numbers(tmp_path):
    with pytest.raises(ValueError, match=r"checkpoint\.hook: keep is 0"):
        checkpoint.hook(tmp_path, keep=0)
    with pytest.raises(ValueError, match=r"checkpoint\.hook: every_steps is 0"):
        checkpoint.hook(tmp_path, every_steps=0)


def test_every_chunk_counts(tmp_path):
    keep = checkpoint.hook(tmp_path, every_seconds=0, background=False)
    for step in (1, 2, 3):
        keep(train.Event("chunk", tree(step), [], 3))
    assert steps(tmp_path) == [1, 2, 3]


def test_the_end_may_bring_other_parameters_at_the_same_step(tmp_path):
    keep = checkpoint.hook(tmp_path, every_seconds=0, background=False)
    keep(train.Event("epoch", tree(8), [row(4), row(8)], 9))
    ended = tree(8)._replace(params=tree(4).params)  # those of the best epoch
    keep(train.Event("finish", ended, [row(4), row(8)], 9))
    again, _ = checkpoint.restore(tmp_path, tree())
    assert (again.params["kernel"] == 4).all()


@pytest.mark.parametrize("best", ["accuracy", ("accuracy", "highest"), ("accuracy",)])
def test_a_best_that_says_neither_max_nor_min_is_refused(tmp_path, best):
    message = "best is .*; it needs a metric and .max. or .min."
    with pytest.raises(ValueError, match=f"checkpoint.hook: {message}"):
        checkpoint.hook(tmp_path, best=best)
    with pytest.raises(ValueError, match=f"checkpoint.save: {message}"):
        checkpoint.save(tmp_path, tree(), best=best)
    with pytest.raises(ValueError, match=f"checkpoint.best: {message}"):
        checkpoint.best(tmp_path, "accuracy", "highest")


@pytest.mark.parametrize("seconds", [-1.0, float("nan"), "5"])
def test_every_so_many_seconds_is_a_number_from_nought_on(tmp_path, seconds):
    with pytest.raises(ValueError, match=f"every_seconds is {seconds!r}; it must be 0 or more"):
        checkpoint.hook(tmp_path, every_seconds=seconds)
