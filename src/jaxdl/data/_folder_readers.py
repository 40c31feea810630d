"""Folders of images that don't fit into memory: files are decoded as their batches are needed."""

import concurrent.futures
import functools
import os
from collections.abc import Callable
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from jaxdl.data import _optional_import
from jaxdl.data._folders import Files, check_corrupt, decoded, found, report
from jaxdl.data._splits import stratified_split
from jaxdl.data._stream import Reader
from jaxdl.types import Batch

Decode = Callable[[Path], np.ndarray | str]


class ImageReaders(NamedTuple):
    """The parts of a folder of images, each to be read batch by batch.

    Example:
        >>> numbers = Reader(lambda rows: {"inputs": rows}, size=5, batch_size=2)
        >>> ImageReaders(train=numbers).validation is None
        True
    """

    train: Reader  # in a new order each epoch
    validation: Reader | None = None
    test: Reader | None = None
    classes: tuple[str, ...] = ()  # label i means classes[i]
    description: str = ""  # one line


def image_readers(
    path: str | os.PathLike[str],
    *,
    image_size: tuple[int, int],
    batch_size: int,
    channels: Literal[1, 3] = 3,
    on_corrupt: Literal["raise", "skip"] = "raise",
    fractions: tuple[float, float, float] = (0.8, 0.1, 0.1),
    seed: int = 0,
) -> ImageReaders:
    """Opens a folder with a subfolder for each class, to read its images while a network trains.

    Parts, classes, split and pixels are those of ``image_folder``, which reads all at once.

    Args:
        path: the folder.
        image_size: (height, width); images are scaled and cut to it from their middle.
        batch_size: images a step.
        channels: 3 for colour or 1 for grey; images of another kind are converted.
        on_corrupt: whether a file that can't be decoded ends the reading when its batch is due,
            or all files are tried first and such ones left out with a warning.
        fractions: shares to train on, to validate on and to test, where the folder has no parts.
        seed: of the split, and of the order of the training images.

    Returns:
        A Reader for each part, with ``inputs`` uint8 (batch, height, width, channels) and
        ``labels`` int32 (batch,), and the classes. ``Stream(readers.train, readers.validation)``
        is what ``fit`` takes.

    Raises:
        FileNotFoundError: if there is no such folder.
        ValueError: if a class has no image; while reading, if a file is corrupt; names them.
        ImportError: if Pillow isn't installed.

    Warns:
        UserWarning: which files were left out.

    Example:
        >>> import tempfile, PIL.Image
        >>> from jaxdl.data._stream import batches_of
        >>> folder = Path(tempfile.mkdtemp())
        >>> for name in ("cat", "dog"):
        ...     (folder / name).mkdir()
        ...     for i in range(10):
        ...         PIL.Image.new("RGB", (5, 4)).save(folder / name / f"{i}.png")
        >>> pets = image_readers(folder, image_size=(4, 4), batch_size=8)
        >>> [batch["inputs"].shape for batch in batches_of(pets.train, 0)]
        [(8, 4, 4, 3), (8, 4, 4, 3)]
    """
    check_corrupt("image_readers", on_corrupt)
    _optional_import.module("image_readers", "PIL.Image", "pillow")
    listed, classes = found("image_readers", path)
    decode = functools.partial(decoded, image_size=image_size, channels=channels)
    if on_corrupt == "skip":
        for part, files in listed.items():
            listed[part] = _readable(files, decode)
    if listed.keys() == {"all"}:
        listed = _split(listed["all"], fractions, seed)
    readers = {
        part: Reader(_reader(files, decode), len(files.paths), batch_size, seed, part == "train")
        for part, files in listed.items()
    }
    about = f"{Path(path).name}: images of {len(classes)} classes"
    return ImageReaders(**readers, classes=classes, description=about)


def _split(files: Files, fractions: tuple[float, float, float], seed: int) -> dict[str, Files]:
    parts = stratified_split(files.labels, fractions, seed=seed)
    names = ("train", "validation", "test")
    return {name: _taken(files, rows) for name, rows in zip(names, parts, strict=True)}


def _taken(files: Files, rows: np.ndarray) -> Files:
    return Files([files.paths[i] for i in rows], files.labels[rows])


def _readable(files: Files, decode: Decode) -> Files:
    """The files that can be decoded; their pixels aren't kept."""
    reason_of = lambda path: x if isinstance(x := decode(path), str) else ""
    with concurrent.futures.ThreadPoolExecutor() as pool:
        reasons = list(pool.map(reason_of, files.paths))
    bad = [path for path, reason in zip(files.paths, reasons, strict=True) if reason]
    if bad:
        report("image_readers", bad, len(reasons), next(filter(None, reasons)), "skip")
    return _taken(files, np.flatnonzero([not reason for reason in reasons]))


def _reader(files: Files, decode: Decode) -> Callable[[np.ndarray], Batch]:
    """Decodes the images of a batch side by side; Pillow's decoders let other threads run."""
    pool = concurrent.futures.ThreadPoolExecutor()

    def read(rows: np.ndarray) -> Batch:
        part = _taken(files, rows)
        images = list(pool.map(decode, part.paths))
        bad = [path for path, x in zip(part.paths, images, strict=True) if isinstance(x, str)]
        if bad:
            reason = next(x for x in images if isinstance(x, str))
            report("image_readers", bad, len(images), reason, "raise")
        return {"inputs": np.stack(images), "labels": part.labels}

    return read
