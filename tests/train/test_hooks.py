"""What hooks write and say, when a run ends early, and what is kept of compilations."""

import io
import json

import numpy as np
import pytest

from jaxdl import metrics, train
from jaxdl.train._early import best_row, is_over
from train.recipes import dataset, recipe, same_bits

OPTIONS = {"batch_size": 16}


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_progress_is_one_line_on_a_terminal_and_nothing_elsewhere():
    loss_fn, tx, start, _ = recipe()
    terminal, file = Terminal(), io.StringIO()
    hooks = (train.progress(terminal), train.progress(file))
    train.fit(loss_fn, tx, start, dataset(), epochs=3, hooks=hooks, **OPTIONS)
    assert file.getvalue() == ""
    text = terminal.getvalue()
    assert text.count("\n") == 1 and text.endswith("\n")
    shown = text.rstrip("\n").split("\r")
    assert all(len(line) < 80 for line in shown)  # a wider one would leave copies
    for part in ("epoch 3/3", "00:00 left", "/s  loss ", "  val loss ", "  accuracy 0."):
        assert part in shown[-1]


def test_progress_within_an_epoch():
    loss_fn, tx, start, _ = recipe()
    terminal = Terminal()
    train.fit(
        loss_fn,
        tx,
        start,
        dataset(),
        epochs=2,
        chunk=1,
        hooks=(train.progress(terminal),),
        **OPTIONS,
    )
    lines = [line for line in terminal.getvalue().split("\r") if line.strip()]
    assert lines[0].startswith("epoch 1/2 25%, ") and lines[3].startswith("epoch 1/2, 00:")
    assert lines[4].startswith("epoch 2/2 25%, ") and "loss" in lines[4]


def test_json_lines_hold_the_history_and_continue(tmp_path):
    loss_fn, tx, start, _ = recipe()
    go = lambda ts, epochs, rows: train.fit(
        loss_fn, tx, ts, dataset(), epochs=epochs, history=rows, **OPTIONS,
        hooks=(train.jsonl(tmp_path / "new" / "m.jsonl"),),
    )  # fmt: skip
    half, rows = go(start, 2, [])
    _, history = go(half, 4, rows)
    lines = (tmp_path / "new" / "m.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == history


def test_rows_that_can_not_be_written_come_later(tmp_path):
    path, rows = tmp_path / "metrics", [{"epoch": n, "loss": 1 / n} for n in (1, 2, 3, 4)]
    write, whole = train.jsonl(path), train.jsonl(tmp_path / "whole")
    tell = lambda hook, n: hook(train.Event("epoch", None, rows[:n], 4))
    path.mkdir()
    with pytest.raises(IsADirectoryError):  # it never worked: better told at once
        tell(write, 1)
    path.rmdir()
    tell(write, 1)
    path.rename(tmp_path / "aside")
    path.mkdir()
    with pytest.warns(UserWarning, match=r"could not write epoch 2 .*metrics: Is a.*retry"):
        tell(write, 2)
    path.rmdir()
    for n in (3, 4):
        tell(write, n)
    tell(whole, 4)
    assert path.read_text() == (tmp_path / "whole").read_text()


def test_arrays_in_the_history_are_lists_in_json(tmp_path):
    write = train.jsonl(tmp_path / "m.jsonl")
    row = {"epoch": 1, "matrix": np.eye(2), "mean": metrics.Mean(1.0, 2.0)}
    write(train.Event("epoch", None, [row], 1))
    assert json.loads((tmp_path / "m.jsonl").read_text())["matrix"] == [[1, 0], [0, 1]]


def test_tensorboard_files_hold_the_scalars(tmp_path):
    loss_fn, tx, start, _ = recipe()
    _, history = train.fit(
        loss_fn, tx, start, dataset(), epochs=2, hooks=(train.tensorboard(tmp_path),), **OPTIONS
    )
    (file,) = tmp_path.iterdir()
    found = scalars(file)
    for row in history:
        assert found["validation_loss", row["step"]] == pytest.approx(row["validation_loss"])


def events(file):
    """A record: length (8 bytes), its checksum (4), the event, its checksum (4)."""
    from tensorboardX.proto.event_pb2 import Event

    data = file.read_bytes()
    while data:
        size = int.from_bytes(data[:8], "little")
        yield Event.FromString(data[12 : 12 + size])
        data = data[16 + size :]


def scalars(file):
    return {(v.tag, e.step): v.simple_value for e in events(file) for v in e.summary.value}


def test_tensorboard_keeps_runs_of_one_second_apart_and_replaces_what_comes_again(tmp_path):
    row = lambda step: {"epoch": step, "step": step, "loss": 1.0 / step}
    write = lambda hook, *steps: [
        hook(train.Event("epoch", None, [row(s) for s in range(1, step + 1)], 9)) for step in steps
    ]
    for steps in ((1, 2, 3), (3, 4)):
        hook = train.tensorboard(tmp_path)
        write(hook, *steps)
        hook(train.Event("interrupt", None, [row(4)], 9))
    files = sorted(tmp_path.iterdir(), key=lambda file: len(scalars(file)))
    assert [sorted({step for _, step in scalars(f)}) for f in files] == [[3, 4], [1, 2, 3]]
    # TensorBoard drops what it has read of this step and of later ones.
    marks = [e.step for e in events(files[0]) if e.session_log.status == e.session_log.START]
    assert 3 in [e.step for e in events(files[0]) if e.HasField("session_log")], marks


def test_tensorboard_without_its_library_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "tensorboardX", None)
    with pytest.raises(ImportError, match="pip install tensorboardX"):
        train.tensorboard(tmp_path)


@pytest.mark.parametrize(
    ("values", "mode", "margin", "best"),
    [
        ([3, 2, 1, 2], "min", 0, 2),
        ([3, 2, 2, 2], "min", 0, 1),
        ([1, 2, 3, 2], "max", 0, 2),
        ([3, 2.9, 2.4, 2.3], "min", 0.5, 2),
        ([np.nan, 2, 1], "min", 0, 2),
        ([np.nan], "min", 0, -1),
        ([], "min", 0, -1),
    ],
)
def test_the_best_row_of_a_history(values, mode, margin, best):
    stopping = train.early_stopping("x", mode=mode, margin=margin)
    assert best_row(stopping, [{"x": v} for v in values]) == best


def test_patience_runs_out():
    rows = [{"x": v} for v in (3, 1, 2, 2, 2)]
    over = [is_over(train.early_stopping("x", patience=3), rows[:n]) for n in range(6)]
    assert over == [False] * 5 + [True]


def test_early_stopping_restores_the_best_parameters():
    loss_fn, tx, start, _ = recipe()
    set_, kept = dataset(40), []
    noise = {**set_.validation, "labels": (set_.validation["labels"] + 1) % 3}
    set_ = set_._replace(validation=noise)  # the better it learns, the worse is validation
    stopping = train.early_stopping(patience=2)
    hook = lambda event: kept.append((event.kind, event.train_state))
    options = {"epochs": 30, "early_stopping": stopping, "hooks": (hook,), **OPTIONS}
    end, history = train.fit(loss_fn, tx, start, set_, **options)
    best = best_row(stopping, history)
    assert len(history) == best + 3 < 30
    states = [ts for kind, ts in kept if kind == "epoch"]
    assert kept[-1][0] == "finish" and kept[-1][1] is end
    same_bits(end, states[-1]._replace(params=states[best].params))
    measured = train.evaluate(loss_fn, end, noise)["loss"]
    assert measured == min(row["validation_loss"] for row in history)

    # Asked again it does nothing more, and one that goes on from a kept best ends alike.
    again, same = train.fit(loss_fn, tx, end, set_, history=history, **options)
    assert same == history
    same_bits(again, end)
    cut = best + 2
    part = stopping._replace(best=states[best])
    on, _ = train.fit(
        loss_fn,
        tx,
        states[cut - 1],
        set_,
        history=history[:cut],
        **options | {"early_stopping": part},
    )
    same_bits(on, end)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: train.early_stopping(patience=0), "patience is 0"),
        (lambda: train.early_stopping(mode="lowest"), "mode is 'lowest'"),
        (lambda: train.early_stopping(margin=-1.0), "margin is -1.0"),
        (
            lambda: best_row(train.early_stopping("x"), [{"loss": 1}]),
            "metric is 'x'; there are loss",
        ),
    ],
)
def test_early_stopping_with_what_makes_no_sense(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_events_tell_of_the_steps_since_the_one_before(tmp_path):
    loss_fn, tx, start, _ = recipe()
    for chunk, pieces in ((1, 8), (3, 4)):
        told: list[tuple[int, dict]] = []
        keep = lambda event, told=told: told.append((int(event.train_state.step), event.metrics))
        hooks = (keep, train.tensorboard(tmp_path / str(chunk)))
        _, history = train.fit(
            loss_fn, tx, start, dataset(), epochs=2, chunk=chunk, hooks=hooks, **OPTIONS
        )
        (at, found), ends = zip(*told[:-1], strict=True), told[-1]
        assert len(found) == pieces and ends[1] == {}
        rows = np.diff([0, *at]) * 16.0
        rows[[step % 4 == 0 for step in at]] -= 64 - len(dataset().train["labels"])
        losses = np.array([one["loss"] for one in found])
        for row in history:
            own = [row["step"] - 4 < step <= row["step"] for step in at]
            assert np.average(losses[own], weights=rows[own]) == pytest.approx(row["loss"], 1e-5)
        (file,) = (tmp_path / str(chunk)).iterdir()
        written = {step: v for (tag, step), v in scalars(file).items() if tag == "steps/loss"}
        assert written == pytest.approx(dict(zip(at, losses, strict=True)), 1e-5)


@pytest.mark.parametrize("bad", ["chunk", "epoch", "finish"])
def test_a_hook_that_raises_keeps_no_event_from_the_others(bad):
    loss_fn, tx, start, _ = recipe()
    told: list[str] = []
    first: list[tuple] = []
    last: list[tuple] = []

    def fails(event):
        told.append(event.kind)
        if event.kind == bad:
            raise ValueError("no room")

    note = lambda kept: lambda event: kept.append((event.kind, event.train_state, event.history))
    options = {"epochs": 2, "chunk": 3, **OPTIONS}
    with pytest.raises(ValueError, match="no room"):
        train.fit(loss_fn, tx, start, dataset(), hooks=(note(first), fails, note(last)), **options)
    events = {"chunk": ["chunk"], "epoch": ["chunk", "epoch"], "finish": ["chunk", "epoch"] * 2}
    ends = ["finish" if bad == "finish" else "interrupt"]
    assert told == [kind for kind, *_ in first] == [kind for kind, *_ in last] == events[bad] + ends
    whole, _ = train.fit(loss_fn, tx, start, dataset(), hooks=(), **options)
    _, half, rows = last[-1]
    again, _ = train.fit(loss_fn, tx, half, dataset(), hooks=(), history=rows, **options)
    same_bits(again, whole)


def test_a_validation_that_fails_leaves_a_state_and_history_that_belong_together():
    told: list = []

    def validate(train_state):
        raise OSError("no such file")

    step = lambda ts, batch: (ts._replace(step=ts.step + 1), {"loss": 1.0})
    start = train.TrainState(np.int32(0), (), (), (), ())
    with pytest.raises(OSError, match="no such file"):
        train.loop(step, start, max_steps=4, steps_per_epoch=4, chunk=3, validate=validate,
                   hooks=(told.append,))  # fmt: skip
    assert [(event.kind, int(event.train_state.step)) for event in told] == [
        ("chunk", 3), ("interrupt", 3),
    ]  # fmt: skip
    assert told[-1].history == [] and told[-1].signal is None
