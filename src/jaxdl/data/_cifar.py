"""CIFAR-10 and CIFAR-100 in their published binary archives."""

import functools
import tarfile
from pathlib import Path

import numpy as np

from jaxdl.data import _cache, _files
from jaxdl.data._catalogue import Source
from jaxdl.data._dataset import TrainTest
from jaxdl.data._files import Unreadable

FILES = {"cifar10": "cifar-10-binary.tar.gz", "cifar100": "cifar-100-binary.tar.gz"}
_TRAIN = {"cifar10": [f"data_batch_{i}.bin" for i in range(1, 6)], "cifar100": ["train.bin"]}
_TEST = {"cifar10": ["test_batch.bin"], "cifar100": ["test.bin"]}
_NAMES = {"cifar10": "batches.meta.txt", "cifar100": "fine_label_names.txt"}
_PIXELS = 3 * 32 * 32  # bytes of a row, channel by channel, after one label, or two in CIFAR-100


def find(name: str, folder: Path | None) -> Source | None:
    """Returns the archive of a dataset in a folder, or in that of earlier downloads."""
    for place in places(name, folder):
        archive = place / FILES[name]
        if archive.is_file():
            read_it = functools.partial(read, name, archive)
            return Source(f"the archive {archive}", (archive,), read_it)
    return None


def places(name: str, folder: Path | None) -> list[Path]:
    """Returns where ``find`` looks: nowhere for a set that isn't CIFAR."""
    if name not in FILES:
        return []
    return [_cache.downloads() / name] if folder is None else [folder, folder / name]


def read(name: str, archive: Path) -> TrainTest:
    """Reads an archive.

    Args:
        name: ``"cifar10"`` or ``"cifar100"``.
        archive: its ``.tar.gz``.

    Returns:
        A Dataset: ``inputs`` uint8 (N, 32, 32, 3), ``labels`` int32 (N,), rows as published.

    Raises:
        ValueError: if the archive is damaged, or one of its files is missing or too large.

    Reference: https://www.cs.toronto.edu/~kriz/cifar.html
    """
    wanted = {*_TRAIN[name], *_TEST[name], _NAMES[name]}
    found: dict[str, bytes] = {}
    with _files.reading("load", archive, "CIFAR"), tarfile.open(archive, "r:gz") as files:
        for member in files:
            if member.isfile() and (file := Path(member.name).name) in wanted:
                _files.check_size("load", archive, member.size)
                content = files.extractfile(member)
                found[file] = content.read() if content else b""
        if missing := sorted(wanted - found.keys()):
            raise Unreadable(f"load: {archive} has no file {missing[0]}")
        classes = tuple(found[_NAMES[name]].decode().split())
        labels = 1 if name == "cifar10" else 2
        train, test = (_rows(found, names[name], labels) for names in (_TRAIN, _TEST))
    about = f"{name}: colour photos of {len(classes)} classes, 32 x 32"
    return TrainTest(train, None, test, classes, about)


def _rows(found: dict[str, bytes], names: list[str], labels: int) -> dict[str, np.ndarray]:
    """The rows of some files; the last label before the pixels is the finest."""
    data = np.frombuffer(b"".join(found[name] for name in names), np.uint8)
    rows = data.reshape(-1, labels + _PIXELS)
    images = rows[:, labels:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
    return {"inputs": np.ascontiguousarray(images), "labels": rows[:, labels - 1].astype(np.int32)}
