"""A population spread over two processes is that of one."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from jaxdl import checkpoint
from processes import environment
from sweep import ranks

TESTS = Path(__file__).parents[1]


def started(folder, *arguments):
    path = os.pathsep.join([str(TESTS), *filter(None, [os.environ.get("PYTHONPATH")])])
    return subprocess.Popen(
        [sys.executable, "-m", "jaxdl.parallel.launch", "--processes", "2",
         str(TESTS / "sweep" / "ranks.py"), str(folder), *arguments],
        env=environment(PYTHONPATH=path),
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def check(folder, *, but=()):
    """Both processes have what one process makes of it."""
    mine = ranks.kept(*ranks.train())
    for process in (0, 1):
        with np.load(folder / f"process_{process}.npz") as theirs:
            assert set(theirs) == set(mine)
            for name in mine.keys() - but:
                x = mine[name]
                np.testing.assert_allclose(theirs[name], x, atol=1e-6, rtol=1e-5, err_msg=name)


def test_members_are_spread_over_processes(tmp_path):
    with started(tmp_path, "new") as process:
        errors = process.communicate(timeout=120)[1]
    assert process.returncode == 0, errors
    check(tmp_path)
    assert int(checkpoint.load(tmp_path / "checkpoints")[0]["step"]) == 3 * 12


@pytest.mark.slow
def test_a_signal_ends_all_processes_and_they_go_on(tmp_path):
    with started(tmp_path, "new") as process:
        deadline = time.monotonic() + 60
        while not (tmp_path / "checkpoints").exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        process.send_signal(signal.SIGTERM)
        errors = process.communicate(timeout=60)[1]
    assert process.returncode == 128 + signal.SIGTERM, errors
    assert 0 < int(checkpoint.load(tmp_path / "checkpoints")[0]["step"]) < 3 * 12
    with started(tmp_path, "resume") as process:
        errors = process.communicate(timeout=120)[1]
    assert process.returncode == 0, errors
    # The row of an epoch that a run went on in is of the steps since.
    check(tmp_path, but={"history_loss", "history_accuracy"})
