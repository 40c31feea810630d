"""Folders of images, one subfolder per class, read whole."""

import concurrent.futures
import os
from pathlib import Path
from typing import Literal

import numpy as np

from jaxdl._plain import plain_numbers
from jaxdl.data._dataset import Dataset
from jaxdl.data._images import Pixels, decoded, pixels
from jaxdl.data._listing import Files, check_options, divided, found, without


@plain_numbers
def image_folder(
    path: str | os.PathLike[str],
    *,
    image_size: tuple[int, int] | None = None,
    channels: Literal[1, 3, 4] = 3,
    background: int | tuple[int, int, int] | None = None,
    bits: int | None = None,
    on_corrupt: Literal["raise", "skip"] = "raise",
    fractions: tuple[float, float, float] = (0.8, 0.1, 0.1),
    seed: int = 0,
) -> Dataset:
    """Reads images from a folder with a subfolder for each class.

    If there is a subfolder ``train`` with the classes below it, and perhaps ``validation`` (or
    ``val``, ``dev``, ``eval``) and ``test``, in upper or lower case, these are the parts; otherwise
    the images are split, stratified by class. Subfolders and links to folders below a class belong
    to it. Names that begin with a dot are ignored.

    Args:
        path: the folder.
        image_size: (height, width), to which images are scaled and cropped around their centre.
            Defaults to the images' own size, which must then be the same for all.
        channels: 3 for colour, 1 for grey, 4 for colour and alpha; images of another kind are
            converted.
        background: the grey level or colour, 0 … 255, behind transparent pixels when there are 1
            or 3 channels. By default transparent pixels are an error.
        bits: how many bits 16-bit grey images actually use; they are reduced to 8. Defaults to
            16, but images that seem to use 12 or fewer are then an error.
        on_corrupt: whether files that can't be decoded are an error or are left out with a warning;
            both name and count them.
        fractions: shares for training, validation and test, if the folder has no parts.
        seed: seed of the split.

    Returns:
        A Dataset: ``inputs`` uint8 (N, height, width, channels), ``labels`` int32 (N,), classes by
        the names of the subfolders (in Unicode's form NFC), in alphabetical order.

    Raises:
        FileNotFoundError: if there is no such folder.
        ValueError: if a file can't be decoded (or has more pixels than Pillow's
            ``PIL.Image.MAX_IMAGE_PIXELS``), images differ in size, a class has no images, or it
            isn't clear which subfolders are parts and which are classes; names them.
        ImportError: if Pillow isn't installed.

    Warns:
        UserWarning: if files are left out; the warning names them.

    Example:
        >>> import tempfile, PIL.Image
        >>> folder = Path(tempfile.mkdtemp())
        >>> for name in ("cat", "dog"):
        ...     (folder / name).mkdir()
        ...     for i in range(10):
        ...         PIL.Image.new("RGB", (5, 4)).save(folder / name / f"{i}.png")
        >>> pets = image_folder(folder)
        >>> pets.classes, pets.train["inputs"].shape
        (('cat', 'dog'), (16, 4, 5, 3))
    """
    wanted = pixels("image_folder", image_size, channels, background, bits)
    check_options("image_folder", on_corrupt, fractions, seed)
    listing = found("image_folder", path)
    parts = divided("image_folder", listing, fractions, seed)
    x, reasons = _filled(parts, wanted)
    if reasons:
        listing = without("image_folder", listing, reasons, on_corrupt)
        parts = divided("image_folder", listing, fractions, seed)
        x, _ = _filled(parts, wanted)
    ends = np.cumsum([len(part.paths) for part in parts.values()])
    arrays = {
        name: {"inputs": x[end - len(part.paths) : end], "labels": part.labels}
        for (name, part), end in zip(parts.items(), ends, strict=True)
    }
    return Dataset(**arrays, classes=listing.classes, description=listing.description)


def _filled(parts: dict[str, Files], wanted: Pixels) -> tuple[np.ndarray, dict[Path, str]]:
    """All images in one array, so that memory holds them once; why some can't be decoded."""
    paths = [path for files in parts.values() for path in files.paths]
    images = (decoded(path, wanted) for path in paths)
    first = next((x for x in images if not isinstance(x, str)), np.zeros((0, 0, 0), np.uint8))
    array = np.empty((len(paths), *first.shape), np.uint8)
    shapes: dict[tuple[int, ...], Path] = {}

    def read(i: int) -> str:
        x = decoded(paths[i], wanted)
        if isinstance(x, str):
            return x
        if shapes.setdefault(x.shape, paths[i]) and x.shape == first.shape:
            array[i] = x
        return ""

    with concurrent.futures.ThreadPoolExecutor() as pool:
        reasons = list(pool.map(read, range(len(paths))))
    if len(shapes) > 1:
        (one, a), (other, b) = sorted(shapes.items(), key=lambda item: item[0] != first.shape)[:2]
        raise ValueError(
            f"image_folder: images differ in size: {a} has shape {one}, {b} {other}; "
            "pass image_size=(height, width)"
        )
    return array, {path: why for path, why in zip(paths, reasons, strict=True) if why}
