"""Starts scripts under the launcher, and finds their processes."""

import contextlib
import itertools
import json
import os
import subprocess
import sys
from pathlib import Path

from processes import environment

HERE = Path(__file__).parent


@contextlib.contextmanager
def started(script, processes, *arguments, flags=(), **changed):
    paths = os.pathsep.join([str(HERE.parent), *filter(None, sys.path)])
    command = [sys.executable, "-m", "jaxdl.parallel.launch", "--processes", str(processes), *flags]
    with subprocess.Popen(
        [*command, str(script), *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(**{"PYTHONPATH": paths} | changed),
    ) as process:
        try:
            yield process
        finally:
            process.terminate()  # and with it all that it started


def finished(script, processes, *arguments, **options):
    """Runs to the end; returns what process 0 found last, and the errors."""
    with started(script, processes, *arguments, **options) as process:
        out, errors = process.communicate(timeout=300)
    found = [line for line in out.splitlines() if line.startswith("found ")]
    assert process.returncode == 0 and found, errors
    return json.loads(found[-1].removeprefix("found ")), errors


def children(process):
    """Process ids of the ranks, by rank."""
    found: dict[int, int] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if int((folder / "stat").read_text().rsplit(")", 1)[1].split()[1]) != process.pid:
                continue
            known = (folder / "environ").read_text().split("\0")
        except (OSError, ValueError):
            continue
        rank = [line.split("=")[1] for line in known if line.startswith("JAXDL_PROCESS=")]
        found |= {int(rank[0]): int(folder.name)} if rank else {}
    return found


def wait_for_lines(process, start, count):
    """Waits for lines that begin in some way; JAX writes some too."""
    lines = (line for line in process.stdout if line.startswith(start))
    assert len(list(itertools.islice(lines, count))) == count, process.stderr.read()
