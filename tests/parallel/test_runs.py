"""Runs of ``fit`` and of experiments over processes: the numbers of one, whatever is killed."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import jax
import numpy as np
import pytest

from jaxdl import checkpoint, parallel
from parallel import launched, runs
from processes import environment

SCRIPT = Path(runs.__file__)
EXPERIMENT = Path(__file__).parents[2] / "experiments" / "animals_mlp.py"


@pytest.fixture(autouse=True)
def standard_promotion():
    with jax.numpy_dtype_promotion("standard"):  # optax's adam mixes dtypes
        yield


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """The undisturbed run of one process, on its eight devices, and what its end gives."""
    with jax.numpy_dtype_promotion("standard"):
        train_state, history = runs.resume(tmp_path_factory.mktemp("alone"), 4)
        return jax.device_get(train_state.params), history, runs.measure(train_state)


def check(params, alone):
    compare = lambda a, b: np.testing.assert_allclose(a, b, 1e-5, 1e-6)
    jax.tree.map(compare, jax.device_get(params), alone[0])


def check_saved(directory, alone, columns=("loss", "validation_loss")):
    train_state, history = checkpoint.restore(directory, runs.parts()[3])
    check(train_state.params, alone)
    assert [row["epoch"] for row in history] == [1, 2, 3, 4]
    for name in columns:
        expected = [row[name] for row in alone[1]]
        np.testing.assert_allclose([row[name] for row in history], expected, 1e-6)


def test_a_checkpoint_of_two_processes_goes_on_on_one_and_on_eight_devices(tmp_path, alone):
    launched.finished(SCRIPT, 2, "resume", tmp_path / "one", 2, "split", 0)
    shutil.copytree(tmp_path / "one", tmp_path / "eight")
    runs.resume(tmp_path / "eight", 4, split=True)
    runs.resume(tmp_path / "one", 4, mesh=parallel.data_mesh(1))
    for name in ("eight", "one"):
        check_saved(tmp_path / name, alone)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["split", "whole"])
def test_a_checkpoint_of_four_processes_goes_on_on_fewer_and_on_eight_devices(
    kind, tmp_path, alone
):
    launched.finished(SCRIPT, 4, "resume", tmp_path / "two", 2, kind, 0)
    for name in ("eight", "one"):
        shutil.copytree(tmp_path / "two", tmp_path / name)
    found, _ = launched.finished(SCRIPT, 2, "measure", tmp_path / "two", 4)
    np.testing.assert_allclose(found, alone[2], 1e-6)
    runs.resume(tmp_path / "eight", 4, split=True)
    runs.resume(tmp_path / "one", 4, mesh=parallel.data_mesh(1))
    for name in ("two", "eight", "one"):
        check_saved(tmp_path / name, alone)


@pytest.mark.slow
def test_streams_early_stopping_and_each_engine_over_two_processes():
    found, _ = launched.finished(SCRIPT, 2, "others")
    expected = runs.others()
    assert [len(x) for x in found] == [2, 2, 1, 1]
    for got, wanted in zip(found[:2], expected[:2], strict=True):
        np.testing.assert_allclose(got, wanted, 1e-6)
    # Under these each device draws its own dropout: so that there's one of them less is seen.
    np.testing.assert_array_equal(*found[2:])
    np.testing.assert_allclose(found[2:], expected[2:], 0.1)


def test_what_processes_do_differently_is_named():
    found, _ = launched.finished(SCRIPT, 2, "wrong")
    says = {
        "shares": "fit: processes differ in data: checksum ",
        "epochs": "fit: processes differ in epochs: 2, 3",
        "parameters": "fit: processes differ in train_state: checksum ",
        "batches": "fit: processes differ in batches: 3, 2",
        "rows": "global_batch: processes have [2, 3] rows each",
        "odd": "fit: a batch of 15 rows doesn't divide by 2 processes",
    }
    assert found.keys() == says.keys()
    assert [name for name in says if not found[name].startswith(says[name])] == [], found


FAULTS = [
    pytest.param(signal.SIGKILL, 1),
    pytest.param(signal.SIGKILL, 0, marks=pytest.mark.slow),
    pytest.param(signal.SIGTERM, 1, marks=pytest.mark.slow),
    pytest.param(signal.SIGTERM, 0, marks=pytest.mark.slow),
]


@pytest.mark.parametrize(("number", "rank"), FAULTS)
def test_a_run_that_is_restarted_ends_as_if_nothing_had_been(number, rank, tmp_path, alone):
    flags = ["--restarts", "1", "--grace", "10"]
    with launched.started(SCRIPT, 2, "resume", tmp_path, 4, "whole", 0.4, flags=flags) as process:
        launched.wait_for_lines(process, 'found ["chunk", 1]', 1)
        began = time.monotonic()
        os.kill(launched.children(process)[rank], number)
        _, errors = process.communicate(timeout=300)
    assert time.monotonic() - began < 120
    assert process.returncode == 0, errors
    if number == signal.SIGKILL:
        assert f"process {rank} was ended by SIGKILL; 1 restart left" in errors
    else:
        assert re.search(r"process \d ended with code 143, as SIGTERM asked it to", errors)
    check_saved(tmp_path, alone, ["validation_loss"])  # losses are of the steps since


@pytest.mark.slow
@pytest.mark.parametrize("rank", [0, 1])
def test_a_signal_during_a_save_leaves_a_good_checkpoint(rank, tmp_path, alone):
    flags = ["--restarts", "1", "--grace", "10"]
    with launched.started(SCRIPT, 2, "resume", tmp_path, 4, "whole", 0.3, flags=flags) as process:
        deadline = time.monotonic() + 100
        while not any(tmp_path.glob("*.unfinished")) and time.monotonic() < deadline:
            time.sleep(0.001)
        os.kill(launched.children(process)[rank], signal.SIGTERM)
        _, errors = process.communicate(timeout=300)
    assert process.returncode == 0 and "as SIGTERM asked it to; 1 restart left" in errors, errors
    check_saved(tmp_path, alone, ["validation_loss"])


@pytest.mark.parametrize("rank", [pytest.param(0, marks=pytest.mark.slow), 1])
def test_a_process_that_never_starts_is_named(rank):
    with launched.started(SCRIPT, 2, "late", rank, flags=["--grace", "1"]) as process:
        began = time.monotonic()
        _, errors = process.communicate(timeout=100)
    assert time.monotonic() - began < 60
    assert process.returncode == 128 + signal.SIGABRT
    assert f"process {1 - rank} of 2 is still waiting for all processes to connect to" in errors
    assert f": process {rank} hasn't started, or can't reach that address" in errors


@pytest.mark.slow
def test_an_experiment_stops_and_goes_on_over_two_processes(tmp_path):
    flags = ("--epochs", 40, "--hidden", 16)
    with launched.started(
        EXPERIMENT, 2, *flags, "--output", tmp_path / "two", flags=["--restarts", "1"]
    ) as process:
        deadline = time.monotonic() + 100
        while not (tmp_path / "two/metrics.jsonl").exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        os.kill(launched.children(process)[1], signal.SIGTERM)
        out, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    assert len(re.findall("stopped by SIGTERM at step", errors)) == 1  # process 0 speaks for all
    assert len(re.findall("test accuracy", out + errors)) == 1
    alone = [sys.executable, EXPERIMENT, *flags, "--output", tmp_path / "one"]
    subprocess.run([str(word) for word in alone], env=environment(), check=True)
    expected, result = (
        json.loads((tmp_path / name / "result.json").read_text()) for name in ("one", "two")
    )
    assert result["processes"] == 2 and result["devices"].startswith("2 x")
    assert result["test_loss"] == pytest.approx(expected["test_loss"], rel=1e-4)
    ends = [checkpoint.load(tmp_path / name / "checkpoints")[0] for name in ("one", "two")]
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, 1e-3, 1e-4), *(x["params"] for x in ends)
    )
