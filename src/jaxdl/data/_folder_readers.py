"""Folders of images that don't fit into memory: files are decoded when their batch is due."""

import concurrent.futures
import os
from collections.abc import Callable
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from jaxdl import _checks
from jaxdl._plain import plain_numbers
from jaxdl.data._images import Pixels, checked_size, decoded, pixels
from jaxdl.data._listing import (
    Files,
    Listing,
    check_options,
    divided,
    found,
    taken,
    unreadable,
    without,
)
from jaxdl.data._stream import Reader
from jaxdl.types import Batch


class ImageReaders(NamedTuple):
    """The parts of a folder of images, each read batch by batch.

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


@plain_numbers
def image_readers(
    path: str | os.PathLike[str],
    *,
    image_size: tuple[int, int],
    batch_size: int,
    channels: Literal[1, 3, 4] = 3,
    background: int | tuple[int, int, int] | None = None,
    bits: int | None = None,
    on_corrupt: Literal["raise", "skip"] = "raise",
    fractions: tuple[float, float, float] = (0.8, 0.1, 0.1),
    seed: int = 0,
) -> ImageReaders:
    """Opens a folder with a subfolder for each class, whose images are read during training.

    Parts, classes, split and pixels are those of ``image_folder``, which reads everything at once.

    Args:
        path: the folder.
        image_size: (height, width), to which images are scaled and cropped around their centre.
        batch_size: images per step.
        channels: as in ``image_folder``.
        background: as in ``image_folder``.
        bits: as in ``image_folder``.
        on_corrupt: ``"raise"``: a file that can't be decoded is an error when its batch is due;
            ``"skip"``: all files are tried first, and such files are left out with a warning.
        fractions: shares for training, validation and test, if the folder has no parts.
        seed: seed of the split, and of the order of the training images.

    Returns:
        A Reader for each part, with ``inputs`` uint8 (batch, height, width, channels) and
        ``labels`` int32 (batch,), and the classes. ``Stream(readers.train, readers.validation)``
        is what ``fit`` takes.

    Raises:
        FileNotFoundError: if there is no such folder.
        ValueError: if a class has no image or, while reading, a file is corrupt; names them.
        ImportError: if Pillow isn't installed.

    Warns:
        UserWarning: if files are left out; the warning names them.

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
    _checks.positive_ints("image_readers", batch_size=batch_size)
    wanted = pixels(
        "image_readers", checked_size("image_readers", image_size), channels, background, bits
    )
    check_options("image_readers", on_corrupt, fractions, seed)
    listing = found("image_readers", path)
    if on_corrupt == "skip" and (reasons := _reasons(listing, wanted)):
        listing = without("image_readers", listing, reasons, on_corrupt)
    readers = {
        part: Reader(_reader(files, wanted), len(files.paths), batch_size, seed, part == "train")
        for part, files in divided("image_readers", listing, fractions, seed).items()
    }
    return ImageReaders(**readers, classes=listing.classes, description=listing.description)


def _reasons(listing: Listing, wanted: Pixels) -> dict[Path, str]:
    """Why files can't be decoded; the pixels of the others aren't kept."""
    paths = [path for files in listing.parts.values() for path in files.paths]
    reason_of = lambda path: x if isinstance(x := decoded(path, wanted), str) else ""
    with concurrent.futures.ThreadPoolExecutor() as pool:
        reasons = pool.map(reason_of, paths)
        return {path: reason for path, reason in zip(paths, reasons, strict=True) if reason}


def _reader(files: Files, wanted: Pixels) -> Callable[[np.ndarray], Batch]:
    """Decodes the images of a batch side by side; Pillow's decoders let other threads run."""
    pool = concurrent.futures.ThreadPoolExecutor()

    def read(rows: np.ndarray) -> Batch:
        part = taken(files, rows)
        images = list(pool.map(lambda path: decoded(path, wanted), part.paths))
        pairs = zip(part.paths, images, strict=True)
        if reasons := {path: x for path, x in pairs if isinstance(x, str)}:
            text = unreadable("image_readers", reasons, len(images))
            raise ValueError(f'{text}. Delete them, or pass on_corrupt="skip"')
        return {"inputs": np.stack(images), "labels": part.labels}

    return read
