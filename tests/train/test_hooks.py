"""What hooks write and say, when a run ends early, and what compiled."""

import csv
import io
import json
import logging

import jax
import jax.numpy as jnp
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
    assert text.count("\n") == 1 and text.count("\r") == 4
    for part in ("epoch 3/3", "loss 1.", "validation accuracy 0.", "examples/s", "0 s left"):
        assert part in text


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
    lines = terminal.getvalue().split("\r\x1b[K")
    assert lines[1] == "epoch 1/2  25%" and lines[4].startswith("epoch 1/2  accuracy")
    assert lines[5].startswith("epoch 2/2  25%  accuracy")


def test_json_lines_and_csv_hold_the_history_and_go_on(tmp_path):
    loss_fn, tx, start, _ = recipe()
    go = lambda ts, epochs, rows: train.fit(
        loss_fn, tx, ts, dataset(), epochs=epochs, history=rows, **OPTIONS,
        hooks=(train.jsonl(tmp_path / "new" / "m.jsonl"), train.csv(tmp_path / "m.csv")),
    )  # fmt: skip
    half, rows = go(start, 2, [])
    _, history = go(half, 4, rows)
    lines = (tmp_path / "new" / "m.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == history
    with (tmp_path / "m.csv").open() as file:
        table = list(csv.DictReader(file))
    assert [float(row["loss"]) for row in table] == [row["loss"] for row in history]
    assert list(table[0]) == list(history[0])


@pytest.mark.parametrize("kind", [train.jsonl, train.csv])
def test_rows_that_can_not_be_written_come_later(kind, tmp_path):
    path, rows = tmp_path / "metrics", [{"epoch": n, "loss": 1 / n} for n in (1, 2, 3, 4)]
    write, whole = kind(path), kind(tmp_path / "whole")
    tell = lambda hook, n: hook(train.Event("epoch", None, rows[:n], 4))
    path.mkdir()
    with pytest.raises(IsADirectoryError):  # it never worked: better told at once
        tell(write, 1)
    path.rmdir()
    tell(write, 1)
    path.rename(tmp_path / "aside")
    path.mkdir()
    with pytest.warns(UserWarning, match="metrics lacks epoch 2 for now: Is a directory; the run"):
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
    from tensorboardX.proto.event_pb2 import Event
    from tensorboardX.record_writer import RecordWriter  # noqa: F401  (the format's writer)

    loss_fn, tx, start, _ = recipe()
    _, history = train.fit(
        loss_fn, tx, start, dataset(), epochs=2, hooks=(train.tensorboard(tmp_path),), **OPTIONS
    )
    (file,) = tmp_path.iterdir()
    data, events = file.read_bytes(), []
    while data:  # a record: length (8 bytes), its checksum (4), the event, its checksum (4)
        size = int.from_bytes(data[:8], "little")
        events.append(Event.FromString(data[12 : 12 + size]))
        data = data[16 + size :]
    found = {
        (value.tag, event.step): value.simple_value
        for event in events
        for value in event.summary.value
    }
    for row in history:
        assert found["validation_loss", row["step"]] == pytest.approx(row["validation_loss"])


def test_tensorboard_without_its_library_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "tensorboardX", None)
    with pytest.raises(ImportError, match="pip install tensorboardX"):
        train.tensorboard(tmp_path)


def test_plotting_draws_after_each_epoch(tmp_path):
    class Figure:
        def __init__(self, rows):
            self.rows = rows

        def savefig(self, path):
            path.write_text(str(self.rows))

    loss_fn, tx, start, _ = recipe()
    draw = train.plotting(lambda history: Figure(len(history)), tmp_path / "a" / "b.png")
    train.fit(loss_fn, tx, start, dataset(), epochs=3, hooks=(draw,), **OPTIONS)
    assert (tmp_path / "a" / "b.png").read_text() == "3"


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


@pytest.fixture
def nothing_kept():
    """Without the folder that keeps the programs of all tests."""
    from jax.experimental.compilation_cache import compilation_cache

    names = "jax_compilation_cache_dir", "jax_persistent_cache_min_compile_time_secs"
    before = {name: getattr(jax.config, name) for name in names}
    jax.config.update("jax_compilation_cache_dir", None)
    compilation_cache.reset_cache()
    yield
    for name, value in before.items():
        jax.config.update(name, value)
    compilation_cache.reset_cache()


@pytest.mark.usefixtures("nothing_kept")
def test_the_compile_report_names_programs_and_says_why_again():
    @jax.jit
    def double(x):
        return 2 * x

    a, b = jnp.ones(3), jnp.ones((2, 2))
    with train.compile_report() as report:
        double(a), double(a), double(b)
    assert [program.name for program in report.programs] == ["double", "double"]
    assert all(p.compile > 0 and not p.cached for p in report.programs)
    (reason,) = report.reasons
    assert "for double defined at" in reason
    assert "now f32[2,2]" in reason and "before f32[3]" in reason
    text = train.describe_compilations(report)
    assert text.count("double: ") == 2 and reason in text
    double(jnp.ones(5))
    assert len(report.programs) == 2
    assert not [h for h in logging.getLogger("jax").handlers if h.__class__ is logging.Handler]


@pytest.mark.usefixtures("nothing_kept")
def test_programs_kept_in_a_folder_are_read_from_there(tmp_path):
    f = lambda x: jnp.sin(jnp.linalg.inv(x @ x.T))
    x = jnp.eye(7)
    train.keep_compilations(tmp_path)
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)  # however quick it is
    reports = []
    for _ in range(2):
        jax.clear_caches()
        with train.compile_report() as report:
            jax.jit(f)(x)
        reports.append(report.programs)
    assert [p.cached for p in reports[0]] == [False]
    assert [p.cached for p in reports[1]] == [True]
    assert any(tmp_path.iterdir())
