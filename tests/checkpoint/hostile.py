"""Loads checkpoints that were made to do harm; prints how many were refused.

In a process of its own: Orbax leaves callbacks of tensorstore without an event loop behind where
reading fails, which a later test would be blamed for.

Command:  PYTHONPATH=tests python -m checkpoint.hostile FOLDER
"""

import itertools
import json
import os
import pickle
import shutil
import sys
from pathlib import Path

import numpy as np

from checkpoint.made import tree
from jaxdl import checkpoint
from jaxdl.checkpoint import _files

NAMES = ["contents.json", "arrays/_METADATA", "arrays/manifest.ocdbt"]
LEAF = {"path": ["x"], "shape": [2], "dtype": "float32", "key": None, "array": "1"}
HUGE = LEAF | {"path": ["params", "kernel"], "shape": [2**40]}
CONTENTS = [
    {"format": 3},
    {"leaves": {"params/kernel": LEAF | {"dtype": "O"}}},
    {"leaves": {"params/kernel": LEAF | {"shape": [-1], "key": "os.system"}}},
    {"leaves": {"params/kernel": HUGE}},
    {"tree": {"tuple": [99]}},
    {"tree": {"os.system": []}},
    {"tree": {"fields": 3}},
    {"leaves": {"no": LEAF}},
    {"leaves": {"step": LEAF | {"dtype": "int32"}}},
    {"leaves": {"step": LEAF | {"path": []}}},
    {"step": [], "history": 3, "leaves": []},
]


class Bomb:
    """Makes a folder where it is unpickled."""

    def __init__(self, folder):
        self.folder = folder

    def __reduce__(self):
        return os.mkdir, (str(self.folder),)


def write_pickle(path, folder):
    path.write_bytes(pickle.dumps(Bomb(folder)))


def write_array(path, folder):
    with path.open("wb") as file:
        np.save(file, np.array([Bomb(folder)], object), allow_pickle=True)


def write_deep_json(path, folder):
    path.write_text("[" * 100_000)  # a parser's stack is finite


def refused(folder, spoil):
    """Whether a checkpoint is refused that was spoilt by someone who also rewrote the sums."""
    shutil.rmtree(folder, ignore_errors=True)
    checkpoint.save(folder, tree(1))
    at = folder / "0000000001"
    spoil(at)
    (at / "SHA256SUMS").write_text(_files._sums(at))
    try:
        checkpoint.load(folder)
    except ValueError as error:
        return "not a checkpoint of jaxdl" in str(error)
    return False


def rewrite(fields, at):
    known = json.loads((at / "contents.json").read_text())
    (at / "contents.json").write_text(json.dumps(known | fields))


def main(folder):
    checkpoint.save(folder / "good", tree(1), [{"epoch": 1}])
    checkpoint.load(folder / "good")  # imports what it needs
    seen, bomb = [], folder / "exploded"
    sys.addaudithook(lambda event, _: seen.append(event))
    checkpoint.load(folder / "good")
    asked = sorted(set(seen))
    writers = (write_pickle, write_array, write_deep_json)
    spoilers = [
        lambda at, name=name, write=write: write(at / name, bomb)
        for name, write in itertools.product(NAMES, writers)
    ] + [lambda at, fields=fields: rewrite(fields, at) for fields in CONTENTS]
    results = [refused(folder / "bad", spoil) for spoil in spoilers]
    return {
        "asked": asked,
        "unpickled": sum(event.startswith("pickle") for event in seen),
        "exploded": bomb.exists(),
        "refused": results,
    }


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]))))
