"""Runs whose disk is full, becomes read-only, refuses large files, or loses their folder.

Command:  PYTHONPATH=tests unshare --mount python -m faults.disk {full,read-only,sweep} …
          PYTHONPATH=tests python -m faults.disk {size-limit,removed} …
"""

import atexit
import errno
import json
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import warnings
from pathlib import Path

import numpy as np

from faults import campaign
from jaxdl import checkpoint, train
from jaxdl.checkpoint import _files

MIB = 2**20


def mounted(size: int) -> Path:
    """A disk of a few bytes, for as long as this process lives."""
    folder = Path(tempfile.mkdtemp(prefix="disk-"))
    atexit.register(folder.rmdir)
    atexit.register(subprocess.run, ["umount", str(folder)], check=True)  # before that
    mount("-t", "tmpfs", "-o", f"size={size}", "none", str(folder))
    return folder


def mount(*arguments: str) -> None:
    subprocess.run(["mount", *arguments], check=True)


def fill(path: Path, leave: int = 0) -> None:
    """Takes all of the disk but ``leave`` bytes."""
    with path.open("wb", buffering=0) as file:
        file.write(bytes(max(0, shutil.disk_usage(path.parent).free - leave)))


def full() -> dict:
    """The disk is full from the third epoch to the sixth."""
    disk = mounted(2 * MIB)
    return during(disk / "checkpoints", lambda: fill(disk / "ballast"), (disk / "ballast").unlink)


def read_only() -> dict:
    """The disk can't be written to from the third epoch to the sixth."""
    disk = mounted(8 * MIB)
    remount = lambda how: mount("-o", f"remount,{how}", str(disk))
    return during(disk / "checkpoints", lambda: remount("ro"), lambda: remount("rw"))


def size_limit() -> dict:
    """No file may be longer than 4 kB, which Python and Orbax meet at different places."""
    directory = Path(tempfile.mkdtemp(prefix="disk-")) / "checkpoints"
    _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    limit = lambda size: resource.setrlimit(resource.RLIMIT_FSIZE, (size, most))
    found = during(directory, lambda: limit(4096), lambda: limit(most))
    shutil.rmtree(directory.parent)
    return found


def removed() -> dict:
    """From the second epoch on the folder is removed again and again; a later run is kept again."""
    parent, ended = Path(tempfile.mkdtemp(prefix="disk-")), threading.Event()

    def remove():
        while not ended.wait(0.01):
            shutil.rmtree(parent / "run", ignore_errors=True)

    remover = threading.Thread(target=remove)

    def begin(event):
        if event.kind == "epoch" and len(event.history) == 2:
            remover.start()

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            digest = campaign.run(parent / "run" / "checkpoints", (begin,), background=False)
    finally:
        ended.set()  # or this process would never end
        if remover.is_alive():
            remover.join()
    shutil.rmtree(parent / "run", ignore_errors=True)  # half a checkpoint may be left
    digests = {digest, campaign.run(parent / "run" / "checkpoints"), campaign.run(None)}
    restored, _ = checkpoint.restore(parent / "run" / "checkpoints", campaign.parts()[2])
    unfinished = len(list((parent / "run" / "checkpoints").glob(f"*{_files.UNFINISHED}")))
    shutil.rmtree(parent)
    return {
        "same": len(digests) == 1, "restored": int(restored.step), "unfinished": unfinished
    }  # fmt: skip


def during(directory: Path, begin, end) -> dict:
    """Trains with a trouble that comes before the third checkpoint and goes before the sixth."""
    good = []

    def trouble(event):
        if event.kind == "epoch":
            good.append([p.name for p in sorted(directory.glob("*")) if not checkpoint.faults(p)])
        if len(good) == 3:
            begin()
        if len(good) == 6:
            end()

    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        digest = campaign.run(directory, (trouble,), background=False)
    return {
        "same": digest == campaign.run(None),
        "warnings": [str(w.message) for w in told],
        "good": good,
        "left": sorted(path.name for path in directory.iterdir()),
    }


def sweep() -> dict:
    """Saves with every amount of free space, without asking before how much there is."""
    disk = mounted(2 * MIB)
    _files._check_space = lambda *args: None
    tree = lambda step: train.TrainState(
        np.int32(step), {"kernel": np.full((100, 100), step, "float32")}, (), (), np.zeros(2)
    )
    directory, found = disk / "checkpoints", {"failed": 0, "saved": 0}
    checkpoint.save(directory, tree(0), keep=2)
    # A thread of Orbax that still writes when a save has failed may leave something unfinished.
    good = lambda: max(p.name for p in directory.iterdir() if not checkpoint.faults(p))
    for step, leave in enumerate(range(0, 160 * 1024, 4096), start=1):
        newest = good()
        fill(disk / "ballast", leave)
        try:
            checkpoint.save(directory, tree(step), keep=2)
            newest = f"{step:010d}"
            found["saved"] += 1
        except OSError as error:
            found["failed" if error.errno == errno.ENOSPC else f"{error}"] += 1
        (disk / "ballast").unlink()
        assert good() == newest, sorted(path.name for path in directory.iterdir())
        again, _ = checkpoint.restore(directory, tree(0))
        assert (again.params["kernel"] == int(newest)).all()
    return found


if __name__ == "__main__":
    faults = {
        "full": full,
        "read-only": read_only,
        "size-limit": size_limit,
        "removed": removed,
        "sweep": sweep,
    }
    print(json.dumps({name: faults[name]() for name in sys.argv[1:]}))
