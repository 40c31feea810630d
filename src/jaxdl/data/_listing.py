"""Listings: the images below a folder, by part and class."""

import collections
import os
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from jaxdl._warnings import warn
from jaxdl.data._images import SUFFIXES
from jaxdl.data._splits import check_rows, check_split, stratified_split

_PARTS = {
    "train": "train", "training": "train",
    "validation": "validation", "val": "validation", "valid": "validation",
    "dev": "validation", "eval": "validation",
    "test": "test", "testing": "test",
}  # fmt: skip
_NOTES = frozenset((".csv", ".db", ".html", ".ini", ".json", ".md", ".txt", ".xml", ".yaml"))
_NAMED = 5  # how many corrupt files a message names


class Files(NamedTuple):
    """The images of a part."""

    paths: list[Path]
    labels: np.ndarray  # int32


class Listing(NamedTuple):
    """The images of a folder, divided into parts."""

    parts: dict[str, Files]
    classes: tuple[str, ...]
    description: str


def check_options(
    function: str, on_corrupt: str, fractions: tuple[float, float, float], seed: int
) -> None:
    """Raises a ValueError unless the options of ``image_folder`` make sense."""
    if on_corrupt not in ("raise", "skip"):
        raise ValueError(f"{function}: on_corrupt is {on_corrupt!r}; it must be 'raise' or 'skip'")
    check_split(function, fractions, seed, parts=3)


def found(function: str, path: str | os.PathLike[str]) -> Listing:
    """Returns the images of a folder, in the order of their names.

    Args:
        function: the caller's name, for messages.
        path: the folder.

    Raises:
        FileNotFoundError: if there is no such folder.
        ValueError: if it has no subfolders, one of them has no images, or two are the same part.

    Warns:
        UserWarning: how many files of other kinds there are.
    """
    folder = Path(path).expanduser()
    if not folder.is_dir():
        raise FileNotFoundError(f"{function}: there is no folder {folder}")
    roots = _roots(function, folder)
    below = [(part, place) for part, root in roots.items() for place in _subfolders(root)]
    classes = tuple(sorted({_nfc(place.name) for _, place in below}))
    if not classes:
        raise ValueError(f"{function}: {folder} has no subfolders; each class needs one")
    images: dict[str, list[tuple[int, Path]]] = {part: [] for part in roots}
    others: collections.Counter[str] = collections.Counter()
    for part, place in below:
        files = sorted(_images(place, others))
        if not files:
            raise ValueError(f"{function}: {place} holds no images{_counted(others)}")
        images[part] += [(classes.index(_nfc(place.name)), file) for file in files]
    strays = [path for root in roots.values() for path in root.iterdir() if _is_image(path)]
    others.update(["images beside the classes"] * len(strays))
    if others:
        warn(f"{function}: {folder} has{_counted(others)}")
    parts = {part: _files_of(sorted(pairs)) for part, pairs in images.items()}
    return Listing(parts, classes, f"{folder.name}: images of {len(classes)} classes")


def without(function: str, listing: Listing, reasons: dict[Path, str], on_corrupt: str) -> Listing:
    """Leaves out files that can't be decoded, with a warning, or raises; names and counts them."""
    total = sum(len(files.paths) for files in listing.parts.values())
    text = unreadable(function, reasons, total)
    if on_corrupt == "raise":
        raise ValueError(f'{text}. Delete them, or pass on_corrupt="skip"')
    if len(reasons) == total:
        raise ValueError(f"{text}. None is left")
    warn(f"{text}. Left out")
    good = lambda files: np.flatnonzero([path not in reasons for path in files.paths])
    return listing._replace(parts={n: taken(f, good(f)) for n, f in listing.parts.items()})


def unreadable(function: str, reasons: dict[Path, str], total: int) -> str:
    """Names and counts files that can't be decoded."""
    named = ", ".join(map(str, sorted(reasons)[:_NAMED])) + (", …" if len(reasons) > _NAMED else "")
    files = "file" if len(reasons) == 1 else "files"
    reason = reasons[min(reasons)]
    return f"{function}: {len(reasons)} {files} of {total} can't be read: {named} ({reason})"


def divided(
    function: str, listing: Listing, fractions: tuple[float, float, float], seed: int
) -> dict[str, Files]:
    """Returns the parts of a folder, or of a split stratified by class where it has none."""
    if listing.parts.keys() != {"all"}:
        return listing.parts
    files = listing.parts["all"]
    check_rows(function, len(files.paths))
    rows = stratified_split(files.labels, fractions, seed=seed)
    names = ("train", "validation", "test")
    return {name: taken(files, i) for name, i in zip(names, rows, strict=True)}


def taken(files: Files, rows: np.ndarray) -> Files:
    """Returns some files of a part."""
    return Files([files.paths[i] for i in rows], files.labels[rows])


def _roots(function: str, folder: Path) -> dict[str, Path]:
    """The folder of each part, or of all."""
    places = _subfolders(folder)
    parts = {place: _part(place) for place in places}
    if "train" not in parts.values():
        inner = [place for place in places if "train" in map(_part, _subfolders(place))]
        if inner or (places and all(parts.values())):
            raise ValueError(
                f"{function}: {inner[0]} holds parts, not images of a class; pass that folder"
                if inner
                else f"{function}: {folder} has the parts {', '.join(p.name for p in places)}, and"
                " none to train on"
            )
        return {"all": folder}
    roots: dict[str, Path] = {}
    for place, part in parts.items():
        if not part:
            raise ValueError(
                f"{function}: {folder} has a part to train on, but also {place.name!r}, which"
                f" is none of {', '.join(_PARTS)}; rename it or move it elsewhere"
            )
        if part in roots:
            raise ValueError(f"{function}: {roots[part]} and {place} are the same part")
        roots[part] = place
    return roots


def _part(place: Path) -> str:
    """The part that a folder's name stands for, if its subfolders can be classes; else nothing."""
    is_class = any(map(_is_image, place.iterdir()))
    return "" if is_class or not _subfolders(place) else _PARTS.get(place.name.lower(), "")


def _subfolders(folder: Path) -> list[Path]:
    hidden = lambda path: path.name[0] == "." or path.name == "__MACOSX"
    return sorted(path for path in folder.iterdir() if path.is_dir() and not hidden(path))


def _nfc(name: str) -> str:
    """A name in one of Unicode's two forms of letters with accents."""
    return unicodedata.normalize("NFC", name)


def _images(place: Path, others: collections.Counter[str]) -> Iterator[Path]:
    """The images below a class, links followed; counts files of other kinds by their suffixes."""
    seen = set()  # folders: links may lead in a circle
    for root, folders, names in os.walk(place, onerror=_raised, followlinks=True):
        if (real := os.path.realpath(root)) in seen:
            folders.clear()
            continue
        seen.add(real)
        folders[:] = [name for name in folders if name[0] != "."]
        for path in (Path(root, name) for name in names if name[0] != "."):
            if _is_image(path):
                yield path
            elif path.suffix.lower() not in _NOTES:
                others[path.suffix or "no suffix"] += 1


def _is_image(path: Path) -> bool:
    """Whether a file has the name of an image; a folder may have one, too."""
    return path.suffix.lower() in SUFFIXES and path.name[0] != "." and not path.is_dir()


def _raised(error: OSError) -> None:
    raise error


def _counted(others: collections.Counter[str]) -> str:
    """Files that were left out, in words."""
    if not others:
        return ""
    kinds = ", ".join(f"{kind} ({n})" for kind, n in others.most_common())
    return f" files that were left out: {kinds}"


def _files_of(pairs: list[tuple[int, Path]]) -> Files:
    return Files([path for _, path in pairs], np.array([label for label, _ in pairs], np.int32))
