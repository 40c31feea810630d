"""What a user may do wrong ends as one line, and what may happen to a run is said in one."""

import atexit
import gc
import json
import os
import re
import signal
import subprocess
import sys
import time

import jax
import pytest

from experiments.conftest import FOLDER
from processes import environment


def started(name, *flags, devices=1):
    """An experiment in a process of its own, as a user would start it."""
    return subprocess.Popen(
        [sys.executable, FOLDER / f"{name}.py", *map(str, flags)],
        env=environment(devices), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--epoch", 3), "Unrecognized options: --epoch"),
        (("--parallel", "tpu"), "invalid choice 'tpu' for argument '--parallel'"),
        (("--epochs", "many"), "Error parsing --epochs: invalid literal"),
        (("--seeds", 0), "argument --seeds: got 0; it needs 1 or more"),
        (("--seed", -1), "argument --seed: got -1; it needs 0 or more"),
        (("--seed", 2**32), "argument --seed: got 4294967296; it needs less than 2**32"),
        (("--epochs", 0), "argument --epochs: got 0; it needs 1 or more"),
        (("--batch-size", -1), "argument --batch-size: got -1; it needs 1 or more"),
        (("--batch-size", 300), "--batch-size: got 300, but there are only 256 rows to train on"),
        (("--rate", 2), "rate"),
        (("--hidden", 8, -5), "argument --hidden: got -5; it needs 1 or more"),
        (("--learning-rate", "nan"), "argument --learning-rate: got nan; it needs 0 or more"),
        (("--weight-decay", -0.1), "argument --weight-decay: got -0.1; it needs 0 or more"),
        (("--output", "{tmp}/file/out"), "--output {tmp}/file/out can't be written: Not a dir"),
        (("--output", "{tmp}/" + 300 * "x"), "can't be written: File name too long"),
        (("--output", "{tmp}/" + 60 * f"{90 * 'x'}/"), "can't be written: File name too long"),
    ],
)
def test_a_wrong_command_line_is_one_line_of_error(flags, message, tmp_path, here, capsys):
    (tmp_path / "file").write_text("in the way")
    flags = [str(flag).format(tmp=tmp_path) for flag in flags]
    default = () if "--output" in flags else ("--output", tmp_path / "out")
    with pytest.raises(SystemExit) as ended:
        here("animals_mlp", "--smoke", *flags, *default)
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ") and message.format(tmp=tmp_path) in line
    assert ended.value.code == 2 and not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--dataset", "mnist", "--data-dir", "{tmp}"), "mnist"),
        (("--data-dir", "{tmp}/wrong"), "--data-dir {tmp}/wrong: there is no such folder"),
    ],
)
def test_data_that_is_not_there_is_one_line_of_error(flags, message, tmp_path, here, capsys):
    with pytest.raises(SystemExit, match="2"):
        here("fashion_mnist_adam", "--smoke", *(flag.format(tmp=tmp_path) for flag in flags))
    printed = capsys.readouterr().err
    assert printed.startswith("error: ") and message.format(tmp=tmp_path) in printed


@pytest.mark.parametrize("name", ["matplotlib", "tyro"])
def test_a_missing_package_is_named_before_the_training(name, tmp_path, here, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(SystemExit):
        here("animals_mlp", "--output", tmp_path / "out")
    assert f'{name}: pip install -e ".[experiments]"' in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_help_names_flags_their_negation_and_each_default_once(here, capsys):
    with pytest.raises(SystemExit, match="0"):
        here("cifar10_resnet", "--help")
    text = " ".join(capsys.readouterr().out.split())
    assert "--bfloat16, --no-bfloat16" in text and "--batch-size INT" in text
    assert text.count("(default: runs/cifar10_resnet)") == 1


@pytest.mark.parametrize(
    ("flags", "folder_of_jax", "kept"),
    [
        (("--cache", "there"), "", ["there"]),
        ((), "", [None]),
        ((), "told", []),
        (("--cache", "off"), "", []),
    ],
)
def test_programs_are_kept_where_the_flag_says(flags, folder_of_jax, kept, here, monkeypatch):
    folders: list[str | None] = []
    monkeypatch.setattr("jaxdl.train.keep_compilations", folders.append)
    before = jax.config.values["jax_compilation_cache_dir"]
    jax.config.update("jax_compilation_cache_dir", folder_of_jax)
    try:
        with pytest.raises(SystemExit):  # for its output; this is about what comes before
            here("animals_mlp", *flags, "--output", "/dev/null/out")
    finally:
        jax.config.update("jax_compilation_cache_dir", before)
    assert folders == kept


def test_the_collector_is_spared_what_stays(here, monkeypatch):
    at_the_end: list[object] = []
    monkeypatch.setattr(atexit, "register", at_the_end.append)
    thresholds: list[int] = []
    monkeypatch.setattr(gc, "set_threshold", lambda *numbers: thresholds.append(numbers[0]))
    before = gc.get_freeze_count()
    with pytest.raises(SystemExit):
        here("animals_mlp", "--cache", "off", "--output", "/dev/null/out")
    assert gc.get_freeze_count() > before
    assert gc.freeze in at_the_end
    assert thresholds == [50_000]


def test_a_folder_of_programs_that_is_a_file(tmp_path, here, capsys):
    (tmp_path / "file").touch()
    with pytest.raises(SystemExit, match="2"):
        here("animals_mlp", "--cache", tmp_path / "file", "--output", tmp_path / "out")
    assert "error: argument --cache: " in capsys.readouterr().err


@pytest.mark.parametrize(
    "number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)]
)
@pytest.mark.usefixtures("alone")
def test_a_signal_ends_a_run_that_can_be_resumed(number, tmp_path, here, capsys):
    flags = ("--epochs", 20, "--hidden", 16, "--output", tmp_path)
    with started("animals_mlp", *flags) as process:
        deadline = time.monotonic() + 60
        while not (tmp_path / "metrics.jsonl").exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        process.send_signal(number)
        out, errors = process.communicate(timeout=60)
    assert process.returncode == 128 + number, errors
    assert f"stopped by {number.name} at step " in errors and "--resume continues" in errors
    assert "test accuracy" not in out
    result = json.loads((tmp_path / "result.json").read_text())
    assert result["finished"] is False and number.name in result["why"]
    here("animals_mlp", *flags, "--resume")
    assert "after 20 of 20 epochs" in capsys.readouterr().out
    rows = (tmp_path / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(row)["epoch"] for row in rows] == list(range(1, 21))


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a disk that is always full")
@pytest.mark.usefixtures("alone")
def test_numbers_are_on_the_disk_before_pictures_that_fail(tmp_path, here, monkeypatch, capsys):
    def full(figure, path):
        with open("/dev/full", "wb", buffering=0) as file:
            file.write(b"x")

    monkeypatch.setattr("matplotlib.figure.Figure.savefig", full)
    with pytest.raises(SystemExit) as ended:
        here("animals_mlp", "--smoke", "--hidden", 16, "--output", tmp_path)
    (line,) = capsys.readouterr().err.splitlines()
    assert re.match(r"error: .*history.png isn't written: No space left", line)
    assert ended.value.code == 1
    result = json.loads((tmp_path / "result.json").read_text())
    assert result["finished"] is True and "test_accuracy" in result
