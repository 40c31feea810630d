"""IDX files: the format in which MNIST and its relatives are published."""

import functools
import gzip
import math
from io import BufferedIOBase
from pathlib import Path

import numpy as np

from jaxdl.data import _cache, _files
from jaxdl.data._catalogue import ENTRIES, Entry, Source
from jaxdl.data._dataset import Dataset, TrainTest
from jaxdl.data._files import Unreadable

SYSTEM = Path("/usr/share/datasets")  # where Debian's dataset-* packages put theirs
_UNSIGNED_BYTES = 0x08  # the only type code that these datasets use


def read_idx(path: Path) -> np.ndarray:
    """Reads an array of unsigned bytes from an IDX file, plain or compressed with gzip.

    The file holds ``0, 0, 8, rank``, then ``rank`` big-endian uint32 sizes, then the bytes.

    Args:
        path: the file; compressed if its name ends in ``.gz``.

    Returns:
        A uint8 array.

    Raises:
        ValueError: if the file isn't a whole IDX file of unsigned bytes, or holds more of them
            than ``$JAXDL_MAX_BYTES``; no more is decompressed than its header says.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "labels"
        >>> path.write_bytes(bytes([0, 0, 8, 1, 0, 0, 0, 2, 7, 9]))
        10
        >>> read_idx(path)
        array([7, 9], dtype=uint8)

    Reference: http://yann.lecun.com/exdb/mnist/
    """
    _files.check_regular("load", path)
    with _files.reading("load", path, "IDX"), _opened(path) as file:
        start = file.read(4)
        sizes = file.read(4 * start[3]) if len(start) == 4 else b""
        if start[:3] != bytes([0, 0, _UNSIGNED_BYTES]) or len(sizes) != 4 * start[3]:
            raise Unreadable(f"load: {path} is no IDX file of unsigned bytes; it starts {start!r}")
        shape = tuple(int(n) for n in np.frombuffer(sizes, ">u4"))
        size = math.prod(shape)
        _files.check_size("load", path, size)
        values = file.read(size + 1)
        if len(values) != size:
            held = f"more than {size}" if len(values) > size else len(values)
            raise Unreadable(f"load: {path} holds {held} values; its header says {shape}")
    return np.frombuffer(values, np.uint8).reshape(shape)


def find(name: str, folder: Path | None) -> Source | None:
    """Returns the four IDX files of a dataset in a folder, or in the system's if it is None."""
    if name not in ENTRIES:
        return None
    for place in places(name, folder):
        files = [_plain_or_compressed(place / file) for file in ENTRIES[name].files]
        found = tuple(file for file in files if file)
        if len(found) == len(files):
            _check_not_of_another(name, place)
            read = functools.partial(_read, ENTRIES[name], found)
            return Source(f"the IDX files in {place}", found, read)
    return None


def places(name: str, folder: Path | None) -> list[Path]:
    """Returns where ``find`` looks: the folder, a subfolder of the dataset's name, torchvision's.

    Without a folder, the system's and that of earlier downloads.
    """
    hyphenated = name.replace("_", "-").replace("/", "-")
    if folder is None:
        return [SYSTEM / hyphenated, _cache.downloads() / hyphenated]
    torchvision = folder / ENTRIES[name].folder / "raw"
    below = [folder / name, folder / hyphenated, torchvision, folder / "raw"]
    return list(dict.fromkeys([folder, *below]))


def _plain_or_compressed(path: Path) -> Path | None:
    both = path, path.with_name(path.name + ".gz")
    return next((file for file in both if file.is_file()), None)


def _check_not_of_another(name: str, place: Path) -> None:
    # The files of several datasets have the same names: only the folder tells digits from clothes.
    folder = place.parent if place.name == "raw" else place
    plain = lambda word: word.lower().replace("-", "").replace("_", "").replace("/", "")
    others = [other for other in ENTRIES if plain(other) == plain(folder.name) and other != name]
    if others and ENTRIES[others[0]].files == ENTRIES[name].files:
        raise ValueError(f"load: {place} is, by its name, a folder of {others[0]}, not of {name}")


def _read(entry: Entry, files: tuple[Path, ...]) -> Dataset:
    train, test = _pair(*files[:2]), _pair(*files[2:])
    return TrainTest(train, None, test, entry.classes, entry.description)


def _pair(images_path: Path, labels_path: Path) -> dict[str, np.ndarray]:
    images, labels = read_idx(images_path), read_idx(labels_path)
    if images.ndim != 3 or labels.shape != images.shape[:1]:
        raise Unreadable(
            f"load: {images_path} has shape {images.shape} and {labels_path} {labels.shape}; "
            "they need to be (N, height, width) and (N,)"
        )
    return {"inputs": images[..., None], "labels": labels.astype(np.int32)}


def _opened(path: Path) -> BufferedIOBase:
    return gzip.open(path) if path.suffix == ".gz" else path.open("rb")
