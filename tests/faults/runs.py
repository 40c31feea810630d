"""Starts the fault scripts in processes of their own and returns what they found."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from processes import environment

TESTS = Path(__file__).parent.parent


def module(name, *arguments):
    """Runs a module of the tests."""
    return _json([sys.executable, "-m", name, *arguments])


def campaign(*arguments):
    """Runs ``campaign.py``."""
    return module("faults.campaign", *arguments)


def disk(*faults):
    """Runs ``disk.py`` with a small disk of its own, where this system lets a test mount one."""
    unshare = ["unshare", "--mount"] + ["--user", "--map-root-user"] * (os.geteuid() != 0)
    if not shutil.which("unshare") or subprocess.run([*unshare, "true"], check=False).returncode:
        pytest.skip("no disk can be mounted here: the size limit on files stands in for it")
    return _json([*unshare, sys.executable, "-m", "faults.disk", *faults])


def without_a_disk(*faults):
    """Runs the parts of ``disk.py`` that need no mount."""
    return module("faults.disk", *faults)


def _json(command):
    paths = os.pathsep.join([str(TESTS), *filter(None, sys.path)])
    # One device is enough, and starts sooner.
    env = environment(PYTHONPATH=paths, JAX_PLATFORMS="cpu")
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False, cwd=TESTS)
    assert done.returncode == 0, done.stderr[-4000:]
    return json.loads(done.stdout.splitlines()[-1])
