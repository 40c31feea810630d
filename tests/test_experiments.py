"""Every experiment runs from its command line, and says what is wrong with a wrong one."""

import ast
import gzip
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

FOLDER = Path(__file__).parent.parent / "experiments"
EXPERIMENTS = sorted(p for p in FOLDER.glob("*.py") if p.stem != "common")
SECTIONS = ["Config", "Data", "Model", "Loss and step", "Run and report"]


def started(name, *flags, devices=1, command=(sys.executable,)):
    """An experiment in a process of its own, as a user would start it."""
    environment = dict(os.environ, PJRT_NPROC=str(2 * devices), MPLBACKEND="agg")
    environment["XLA_FLAGS"] = f"--xla_force_host_platform_device_count={devices}"
    return subprocess.Popen(
        [*command, FOLDER / f"{name}.py", *map(str, flags)],
        env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def run(name, *flags, check=True, **options):
    """Runs an experiment to its end."""
    with started(name, *flags, **options) as process:
        out, errors = process.communicate()
    assert process.returncode == 0 or not check, errors
    return subprocess.CompletedProcess(process.args, process.returncode, out, errors)


@pytest.fixture
def idx(tmp_path):
    """The four files of an MNIST-like set, with images that can be told apart."""
    rng = np.random.default_rng(0)
    for split, size in (("train", 512), ("t10k", 128)):
        labels = rng.integers(0, 10, size).astype("uint8")
        images = rng.integers(0, 60, (size, 28, 28)).astype("uint8")
        images[np.arange(size), labels] = 255
        for stem, x in (("images-idx3", images), ("labels-idx1", labels)):
            header = bytes([0, 0, 8, x.ndim]) + np.array(x.shape, ">u4").tobytes()
            path = tmp_path / f"{split}-{stem}-ubyte.gz"
            path.write_bytes(gzip.compress(header + x.tobytes()))
    return tmp_path


@pytest.mark.parametrize("path", EXPERIMENTS, ids=lambda p: p.stem)
def test_it_reads_from_top_to_bottom(path):
    text = path.read_text()
    assert len(text.splitlines()) <= 200
    header = ast.get_docstring(ast.parse(text))
    assert "Command:" in header and "Result:" in header and "PENDING" not in header
    places = [text.index(f"# --- {section} ---") for section in SECTIONS]
    assert places == sorted(places)


@pytest.mark.parametrize("path", EXPERIMENTS, ids=lambda p: p.stem)
def test_smoke(path, idx, tmp_path):
    out = tmp_path / "out"
    flags = () if path.stem == "animals_mlp" else ("--data-dir", idx)
    done = run(path.stem, "--smoke", "--output", out, *flags)
    assert "test accuracy" in done.stdout and str(out / "confusion.png") in done.stdout
    result = json.loads((out / "result.json").read_text())
    assert result["epochs"] == len(result["seconds_per_epoch"]) == 2
    needed = {"test_accuracy", "test_loss", "compile_seconds", "seed", "parallel", "devices"}
    assert needed | {"versions", "commit"} <= set(result)
    rows = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    assert [row["epoch"] for row in rows] == [1, 2]
    assert json.loads((out / "config.json").read_text())["epochs"] == 2
    for picture in ("history", "predictions", "confusion"):
        assert (out / f"{picture}.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("engine", ["jit", "pmap", "shard_map"])
def test_it_runs_on_several_devices(engine, tmp_path):
    flags = ("--smoke", "--parallel", engine, "--output", tmp_path / engine, "--rate", 0)
    run("animals_mlp", *flags, devices=4)
    result = json.loads((tmp_path / engine / "result.json").read_text())
    assert result["devices"].startswith("4 x")
    run("animals_mlp", "--smoke", "--output", tmp_path / "one", "--rate", 0)
    alone = json.loads((tmp_path / "one" / "result.json").read_text())
    assert result["test_loss"] == pytest.approx(alone["test_loss"], rel=1e-3)


def test_resume_goes_on_where_the_run_stopped(tmp_path):
    flags = ("--hidden", 16, "--output")
    run("animals_mlp", "--epochs", 2, *flags, tmp_path / "a")
    # The schedule depends on the number of epochs, so both runs are told of the same one: the
    # second is started again after its end, which must change nothing.
    before = json.loads((tmp_path / "a" / "result.json").read_text())
    run("animals_mlp", "--epochs", 2, *flags, tmp_path / "a", "--resume")
    again = json.loads((tmp_path / "a" / "result.json").read_text())
    assert again["test_loss"] == before["test_loss"]
    run("animals_mlp", "--epochs", 3, *flags, tmp_path / "a", "--resume")
    rows = (tmp_path / "a" / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(row)["epoch"] for row in rows] == [1, 2, 3]


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--epoch", 3), "unrecognized arguments: --epoch 3"),
        (("--parallel", "tpu"), "invalid choice: 'tpu'"),
        (("--epochs", "many"), "invalid int value: 'many'"),
        (("--resume", "--output", "{tmp}/none"), "no checkpoint to go on from"),
        (("--output", "{tmp}/file/out"), "--output {tmp}/file/out can't be written"),
    ],
)
def test_a_wrong_command_line_is_told_without_a_traceback(flags, message, tmp_path):
    (tmp_path / "file").write_text("in the way")
    flags = [str(flag).format(tmp=tmp_path) for flag in flags]
    done = run("animals_mlp", "--smoke", *flags, check=False)
    assert done.returncode != 0
    assert message.format(tmp=tmp_path) in done.stderr
    assert "Traceback" not in done.stderr


def test_data_that_is_nowhere_is_told_at_once(tmp_path):
    done = run("fashion_mnist_adam", "--dataset", "mnist", "--data-dir", tmp_path, check=False)
    assert done.returncode != 0 and "Traceback" not in done.stderr
    assert "mnist" in done.stderr and str(tmp_path) in done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_run_that_can_go_on(number, tmp_path):
    flags = ("--epochs", 80, "--hidden", 16, "--output", tmp_path)
    with started("animals_mlp", *flags) as process:
        deadline = time.monotonic() + 60
        while not (tmp_path / "metrics.jsonl").exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        process.send_signal(number)
        errors = process.communicate(timeout=60)[1]
    assert process.returncode == 128 + number, errors
    assert f"stopped by {number.name} at step " in errors and "--resume goes on" in errors
    run("animals_mlp", *flags, "--resume")
    rows = (tmp_path / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(row)["epoch"] for row in rows] == list(range(1, 81))
