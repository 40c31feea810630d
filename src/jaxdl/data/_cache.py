"""The cache: arrays converted once, checked by SHA-256 whenever they are read again.

A dataset's folder holds one .npy file per array, with the start of its SHA-256 in its name, and
manifest.json. Every file is written whole under another name and moved into place, the manifest
last, so that at any moment a reader or a second writer sees either the old or the new dataset.
"""

import hashlib
import io
import json
import os
import re
from pathlib import Path
from typing import Any

import numpy as np

from jaxdl.data._catalogue import Source
from jaxdl.data._dataset import Dataset, parts

LAYOUT = 1  # raised when the layout of the folder changes: older folders are then converted again


class Damaged(Exception):
    """A cached file isn't what was written; the message names it."""


def folder_of(name: str, data_dir: Path | None) -> Path:
    """Returns the folder of a dataset; copies from an explicit ``data_dir`` have their own.

    The cache lies in ``$JAXDL_CACHE``, else ``$XDG_CACHE_HOME/jaxdl``, else ``~/.cache/jaxdl``.
    """
    folder = re.sub(r"[^\w.-]", "-", name)
    if data_dir is not None:
        folder += "@" + _sha256(os.fsencode(data_dir.resolve()))[:8]
    return root() / folder


def downloads() -> Path:
    """Returns the folder for downloads if there is no ``data_dir``."""
    return root() / "downloads"


def root() -> Path:
    """The folder of what jaxdl keeps for later processes."""
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join("~", ".cache")
    return Path(os.path.expanduser(os.environ.get("JAXDL_CACHE") or os.path.join(base, "jaxdl")))


def read(folder: Path) -> Dataset | None:
    """Reads a dataset back and checks every byte.

    Args:
        folder: see ``folder_of``.

    Returns:
        The Dataset; None if the folder holds none or one of another layout, or if the files that
        it was converted from have changed since. Files that were deleted don't matter.

    Raises:
        Damaged: if a file is missing, can't be read, or has another SHA-256 than recorded.
    """
    manifest = _manifest(folder)
    if manifest is None or manifest["layout"] != LAYOUT or _stale(manifest["source_files"]):
        return None
    batches: dict[str, dict[str, np.ndarray]] = {}
    for array in manifest["arrays"]:
        part = batches.setdefault(array["part"], {})
        part[array["name"]] = _array(folder / array["file"], array["sha256"])
    classes, description = tuple(manifest["classes"]), manifest["description"]
    return Dataset(**batches, classes=classes, description=description)


def write(folder: Path, dataset: Dataset, source: Source) -> None:
    """Writes a dataset, and then removes the files of the one that it replaces.

    Args:
        folder: see ``folder_of``; it is created if missing.
        dataset: of arrays.
        source: what the arrays were converted from.

    Raises:
        OSError: if the folder can't be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    before = _files_of(folder)
    arrays = []
    for part, batch in parts(dataset):
        for name, x in batch.items():
            data = _npy(np.asarray(x))
            digest = _sha256(data)
            file = f"{part}_{name}.{digest[:12]}.npy"
            _put(folder / file, data)
            arrays.append({"part": part, "name": name, "file": file, "sha256": digest})
    manifest = {
        "layout": LAYOUT,
        "source": source.description,
        "source_files": _stamps(source.files),
        "classes": dataset.classes,
        "description": dataset.description,
        "arrays": arrays,
    }
    signed = {"sha256": _sha256(_json(manifest)), "manifest": manifest}
    _put(folder / "manifest.json", json.dumps(signed, indent=1).encode())
    for file in before - {array["file"] for array in arrays}:
        (folder / file).unlink(missing_ok=True)


def _manifest(folder: Path) -> dict[str, Any] | None:
    path = folder / "manifest.json"
    if path.exists() and not path.is_file():
        raise Damaged(f"{path} is damaged: it isn't a regular file")
    try:
        signed = json.loads(path.read_bytes())
        manifest, recorded = signed["manifest"], signed["sha256"]
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise Damaged(f"{path} can't be read: {error}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise Damaged(f"{path} is damaged: {error!r}") from error
    _compare(path, _sha256(_json(manifest)), recorded)
    return manifest


def _array(path: Path, recorded: str) -> np.ndarray:
    if path.exists() and not path.is_file():
        raise Damaged(f"{path} is damaged: it isn't a regular file")
    try:
        data = np.fromfile(path, np.uint8)
    except OSError as error:
        raise Damaged(f"{path} can't be read: {error}") from error
    _compare(path, _sha256(data), recorded)
    header = io.BytesIO(data[:4096].tobytes())
    np.lib.format.read_magic(header)
    shape, _, dtype = np.lib.format.read_array_header_1_0(header)
    return data[header.tell() :].view(dtype).reshape(shape)  # a view: nothing is copied twice


def _compare(path: Path, got: str, recorded: str) -> None:
    if got != recorded:
        raise Damaged(f"{path} is damaged: its SHA-256 is {got}, and {recorded} was recorded")


def _npy(x: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    x = np.ascontiguousarray(x)
    np.lib.format.write_array(buffer, x, version=(1, 0), allow_pickle=False)
    return buffer.getvalue()


def _put(path: Path, data: bytes) -> None:
    """Writes a file whole or not at all."""
    temporary = path.with_name(f"{path.name}.{os.urandom(4).hex()}.tmp")
    try:
        temporary.write_bytes(data)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def _files_of(folder: Path) -> set[str]:
    try:
        manifest = _manifest(folder)
    except Damaged:
        return set()
    return {array["file"] for array in manifest["arrays"]} if manifest else set()


def _stamps(files: tuple[Path, ...]) -> list[list[str | int]]:
    stamps = ((file.resolve(), file.stat()) for file in files)
    return [[str(file), stat.st_size, stat.st_mtime_ns] for file, stat in stamps]


def _stale(stamps: list[list[str | int]]) -> bool:
    """Returns whether one of the files is still there and has changed."""
    for file, size, modified in stamps:
        try:
            stat = os.stat(file)
        except OSError:
            continue
        if (stat.st_size, stat.st_mtime_ns) != (size, modified):
            return True
    return False


def _json(value: object) -> bytes:
    return json.dumps(value, sort_keys=True).encode()


def _sha256(data: Any) -> str:
    return hashlib.sha256(data).hexdigest()
