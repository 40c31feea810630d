"""Several processes on this machine: the same numbers as one, and all end when one does."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import jax
import numpy as np
import pytest

from parallel import launched, ranks
from parallel.launched import children, wait_for_lines

SCRIPT = str(Path(__file__).with_name("ranks.py"))


def started(processes, *arguments, flags=()):
    return launched.started(SCRIPT, processes, *arguments, flags=flags)


@pytest.mark.slow
@pytest.mark.parametrize(("processes", "engine"), [(2, "jit"), (4, "fsdp")])
def test_the_same_losses_as_one_process(processes, engine):
    with started(processes, engine, "0") as process:
        out, errors = process.communicate(timeout=120)
    got = [float(line.split()[1]) for line in out.splitlines() if line.startswith("loss ")]
    assert len(got) == ranks.STEPS, errors
    with jax.numpy_dtype_promotion("standard"):  # optax's adamw mixes dtypes
        mine = ranks.train_steps("jit", slice(None))
    np.testing.assert_allclose(got, mine, 1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("rank", [0, 1])
def test_one_killed_process_ends_all_with_its_name(rank):
    with started(2, "jit", "0.2", flags=["--grace", "5"]) as process:
        wait_for_lines(process, "loss ", 3)
        began = time.monotonic()
        os.kill(children(process)[rank], signal.SIGKILL)
        _, errors = process.communicate(timeout=60)
    assert f"process {rank} was ended by SIGKILL" in errors
    assert process.returncode == 128 + signal.SIGKILL
    assert time.monotonic() - began < 20


@pytest.mark.slow
def test_an_exception_in_one_process_ends_all_at_once_with_its_name():
    with started(2, "raise", "0.1", flags=["--grace", "60"]) as process:
        wait_for_lines(process, "loss ", 3)
        began = time.monotonic()
        _, errors = process.communicate(timeout=100)
    assert "ValueError: of this process alone" in errors
    assert "launch: process 1 ended with code 1; 0 restarts left" in errors
    assert time.monotonic() - began < 20


@pytest.mark.slow
def test_a_signal_to_one_process_stops_all_at_the_same_step():
    with started(2, "jit", "0.2") as process:
        wait_for_lines(process, "loss ", 3)
        os.kill(children(process)[1], signal.SIGTERM)
        out, errors = process.communicate(timeout=60)
    steps = re.findall(r"stopped by 15 at (\d+)", out + errors)
    assert len(steps) == 2 and steps[0] == steps[1]
    assert process.returncode == 128 + signal.SIGTERM


@pytest.mark.slow
def test_a_process_that_never_starts_is_waited_for_no_longer_than_asked():
    known = {"JAXDL_COORDINATOR": "127.0.0.1:1", "JAXDL_PROCESSES": "2", "JAXDL_PROCESS": "1"}
    code = "from jaxdl import parallel; parallel.initialize(timeout=3)"
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | known, capture_output=True, timeout=60,
        check=False,
    )  # fmt: skip
    assert done.returncode != 0
    assert time.monotonic() - began < 30


def test_alone_nothing_is_initialized():
    ranks.parallel.initialize()
    assert jax.process_count() == 1 and not jax.distributed.is_initialized()


def test_a_cluster_is_asked_for_its_numbers(monkeypatch):
    """One that was found, but tells nothing, is an error: to train alone would be wrong."""
    monkeypatch.setenv("SLURM_STEP_NODELIST", "node001")
    with pytest.raises((RuntimeError, ValueError), match=r"before|coordinator"):
        ranks.parallel.initialize()


def test_jax_in_use_is_too_late_to_initialize():
    jax.devices()
    with pytest.raises(RuntimeError, match="before"):
        ranks.parallel.initialize("127.0.0.1:1", 2, 0)
