"""Folders of images, one subfolder a class."""

import concurrent.futures
import os
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np

from jaxdl.data import _optional_import
from jaxdl.data._dataset import Dataset
from jaxdl.data._splits import split_rows

SUFFIXES = frozenset((".bmp", ".gif", ".jpeg", ".jpg", ".png", ".ppm", ".tif", ".tiff", ".webp"))
_PARTS = {
    "train": "train", "training": "train",
    "validation": "validation", "val": "validation", "valid": "validation",
    "test": "test", "testing": "test",
}  # fmt: skip
_NAMED = 5  # how many corrupt files a message names


class Files(NamedTuple):
    """The images of a part.

    Example:
        >>> Files([Path("cat/1.png")], np.zeros(1, np.int32)).paths[0].name
        '1.png'
    """

    paths: list[Path]
    labels: np.ndarray  # int32


def image_folder(
    path: str | os.PathLike[str],
    *,
    image_size: tuple[int, int] | None = None,
    channels: Literal[1, 3] = 3,
    on_corrupt: Literal["raise", "skip"] = "raise",
    fractions: tuple[float, float, float] = (0.8, 0.1, 0.1),
    seed: int = 0,
) -> Dataset:
    """Reads images from a folder with a subfolder for each class.

    Where the subfolders are ``train``, ``test`` and perhaps ``validation`` (or ``val``), in small
    letters or not, with the classes below them, these are the parts; else the images are split,
    stratified by class. What has a name that begins with a dot doesn't count. Grey of 16 bits is
    brought to 8.

    Args:
        path: the folder.
        image_size: (height, width); images are scaled and cut to it from their middle. Unless
            given, all must have one size.
        channels: 3 for colour or 1 for grey; images of another kind are converted.
        on_corrupt: whether files that can't be decoded end the reading or are left out with a
            warning; either names and counts them.
        fractions: shares to train on, to validate on and to test, where the folder has no parts.
        seed: of the split.

    Returns:
        A Dataset: ``inputs`` uint8 (N, height, width, channels), ``labels`` int32 (N,), classes by
        the names of the subfolders, in alphabetical order.

    Raises:
        FileNotFoundError: if there is no such folder.
        ValueError: if a file is corrupt, images differ in size, or a class has none; names them.
        ImportError: if Pillow isn't installed.

    Warns:
        UserWarning: which files were skipped.

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
    check_corrupt("image_folder", on_corrupt)
    listed, classes = found("image_folder", path)
    parts = {}
    for part, files in listed.items():  # no comprehension, a frame of its own only before 3.12
        parts[part] = _read(files, image_size, channels, on_corrupt)
    _check_sizes(list(parts.values()))
    about = f"{Path(path).name}: images of {len(classes)} classes"
    arrays = {part: {"inputs": np.stack(x), "labels": y} for part, (x, y, _) in parts.items()}
    if listed.keys() != {"all"}:
        return Dataset(**arrays, classes=classes, description=about)
    rows = arrays["all"]
    strata = rows["labels"]
    return split_rows(rows, strata, fractions, seed=seed, classes=classes, description=about)


def check_corrupt(function: str, on_corrupt: str) -> None:
    """Raises a ValueError unless it is a known way to deal with corrupt files.

    Example:
        >>> check_corrupt("image_folder", "skip")
    """
    if on_corrupt not in ("raise", "skip"):
        raise ValueError(f"{function}: on_corrupt is {on_corrupt!r}; it is 'raise' or 'skip'")


def found(function: str, path: str | os.PathLike[str]) -> tuple[dict[str, Files], tuple[str, ...]]:
    """Returns the images of each part, or of ``"all"`` where the folder has none, and the classes.

    Args:
        function: who asks, for messages.
        path: the folder.

    Raises:
        FileNotFoundError: if there is no such folder.
        ValueError: if it has no subfolders, one of them no images, or two are the same part.

    Example:
        >>> found("image_folder", "nowhere")
        Traceback (most recent call last):
        ...
        FileNotFoundError: image_folder: there is no folder nowhere
    """
    folder = Path(path).expanduser()
    if not folder.is_dir():
        raise FileNotFoundError(f"{function}: there is no folder {folder}")
    roots = _roots(function, folder)
    classes = tuple(sorted({name for root in roots.values() for name in _subfolders(root)}))
    if not classes:
        raise ValueError(f"{function}: {folder} has no subfolders, one of which is a class")
    return {part: _listed(function, root, classes) for part, root in roots.items()}, classes


def _roots(function: str, folder: Path) -> dict[str, Path]:
    """The folder of each part, or of all."""
    parts = {name: _PARTS.get(name.lower(), "") for name in _subfolders(folder)}
    if "train" not in parts.values() or "" in parts.values():
        return {"all": folder}
    roots: dict[str, Path] = {}
    for name, part in parts.items():
        if part in roots:
            raise ValueError(f"{function}: {roots[part]} and {folder / name} are the same part")
        roots[part] = folder / name
    return roots


def _subfolders(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.is_dir() and path.name[0] != ".")


def _listed(function: str, root: Path, classes: Sequence[str]) -> Files:
    """The images of a part in the order of their names."""
    paths: list[Path] = []
    counts = []
    for name in classes:
        place = root / name
        images = sorted(path for path in place.rglob("*") if _is_image(path, place))
        if place.is_dir() and not images:
            raise ValueError(f"{function}: {place} holds no images")
        paths += images
        counts.append(len(images))
    return Files(paths, np.repeat(np.arange(len(classes), dtype=np.int32), counts))


def _is_image(path: Path, place: Path) -> bool:
    """Whether a file has the name of an image; macOS and Jupyter leave hidden ones beside it."""
    hidden = any(part[0] == "." for part in path.relative_to(place).parts)
    return path.suffix.lower() in SUFFIXES and not hidden and not path.is_dir()


def _read(
    files: Files, image_size: tuple[int, int] | None, channels: int, on_corrupt: str
) -> tuple[list[np.ndarray], np.ndarray, list[Path]]:
    """The images that can be decoded, their labels and their files."""
    _optional_import.module("image_folder", "PIL.Image", "pillow")
    with concurrent.futures.ThreadPoolExecutor() as pool:
        images = list(pool.map(lambda path: decoded(path, image_size, channels), files.paths))
    bad = [path for path, x in zip(files.paths, images, strict=True) if isinstance(x, str)]
    if bad:
        reason = next(x for x in images if isinstance(x, str))
        report("image_folder", bad, len(files.paths), reason, on_corrupt)
    good = [i for i, x in enumerate(images) if not isinstance(x, str)]
    kept: Any = [images[i] for i in good]
    return kept, files.labels[good], [files.paths[i] for i in good]


def decoded(path: Any, image_size: tuple[int, int] | None, channels: int) -> np.ndarray | str:
    """Returns an image as uint8 (height, width, channels), or in words why it can't be had.

    Args:
        path: a file, or an open one.
        image_size: (height, width) to scale and cut to.
        channels: 1 or 3.

    Example:
        >>> import io
        >>> decoded(io.BytesIO(b"no image"), None, 3).split(" ")[0]
        'UnidentifiedImageError:'
    """
    import PIL.Image
    import PIL.ImageOps

    try:
        with PIL.Image.open(path) as file:
            # Cameras write how they were held, and the pixels as if they hadn't been turned.
            image = _in_bytes(PIL.ImageOps.exif_transpose(file))
            image = image.convert("L" if channels == 1 else "RGB")
    except (OSError, SyntaxError, ValueError, PIL.Image.DecompressionBombError) as error:
        return f"{type(error).__name__}: {error}"
    if image_size is not None:
        image = PIL.ImageOps.fit(image, image_size[::-1], PIL.Image.Resampling.BILINEAR)
    return np.asarray(image).reshape(*image.size[::-1], channels)


def _in_bytes(image: Any) -> Any:
    """Brings grey of 16 bits to 8, where Pillow makes all that is over 255 white."""
    if image.mode.startswith("I;16"):
        import PIL.Image

        return PIL.Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    if image.mode in ("I", "F"):
        raise ValueError(
            f"pixels of mode {image.mode!r} have no range known; it needs 8 or 16 bits"
        )
    return image


def report(function: str, bad: list[Path], total: int, reason: str, on_corrupt: str) -> None:
    """Raises or warns of corrupt files, four frames up.

    Example:
        >>> report("image_folder", [Path("cat.png")], 1, "OSError: broken", "skip")
        Traceback (most recent call last):
        ...
        ValueError: image_folder: 1 corrupt file of 1: cat.png (OSError: broken). None is left
    """
    named = ", ".join(map(str, bad[:_NAMED])) + (", …" if len(bad) > _NAMED else "")
    files = "file" if len(bad) == 1 else "files"
    text = f"{function}: {len(bad)} corrupt {files} of {total}: {named} ({reason})"
    if on_corrupt == "raise":
        raise ValueError(f'{text}. Delete them, or pass on_corrupt="skip"')
    if len(bad) == total:
        raise ValueError(f"{text}. None is left")
    warnings.warn(f"{text}. Left out", stacklevel=4)


def _check_sizes(parts: list[tuple[list[np.ndarray], np.ndarray, list[Path]]]) -> None:
    first: dict[tuple[int, ...], Path] = {}
    for images, _, paths in parts:
        for x, path in zip(images, paths, strict=True):
            first.setdefault(x.shape, path)
    if len(first) > 1:
        (one, a), (other, b) = list(first.items())[:2]
        raise ValueError(
            f"image_folder: images differ in size: {a} has shape {one}, {b} {other}; "
            "pass image_size=(height, width)"
        )
