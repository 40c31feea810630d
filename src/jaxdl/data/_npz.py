"""Arrays of NPZ files, none of which takes more memory than its file says."""

import math
import os
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np


def members(path: Path) -> Mapping[str, zipfile.ZipInfo]:
    """Returns what an NPZ file holds, by the arrays' names.

    Raises:
        Exception: of many kinds, if the file is damaged; a ValueError for two arrays of the same
            name, or for fewer than the file says it has.
    """
    with zipfile.ZipFile(path) as archive:
        infos = archive.infolist()
        promised = _promised(path, archive)
    found = {info.filename.removesuffix(".npy"): info for info in infos}
    if len(found) < len(infos):
        raise ValueError("it has two arrays of the same name")
    if promised not in (len(infos), 0xFFFF):  # true, or too many for the field
        raise ValueError(f"it lists {len(infos)} arrays and says it has {promised}")
    return found


def _promised(path: Path, archive: zipfile.ZipFile) -> int:
    """The number of members at the archive's end.

    ``zipfile`` ignores it, so that one wrong length in the list hides the members that follow.
    """
    with path.open("rb") as file:
        file.seek(-12 - len(archive.comment), os.SEEK_END)
        return int.from_bytes(file.read(2), "little")


def read(path: Path, wanted: Sequence[zipfile.ZipInfo]) -> list[np.ndarray]:
    """Returns some arrays of an NPZ file, and compares their checksums.

    Raises:
        Exception: of many kinds, if the file is damaged or holds Python objects.
    """
    with zipfile.ZipFile(path) as archive:
        return [_array(archive, member) for member in wanted]


def _array(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> np.ndarray:
    """An array of an archive; it takes no more memory than the bytes that the archive claims."""
    with archive.open(member) as file:
        version = np.lib.format.read_magic(file)
        headers = {
            (1, 0): np.lib.format.read_array_header_1_0,
            (2, 0): np.lib.format.read_array_header_2_0,
        }
        shape, columns_first, dtype = headers[version](file)
        size, left = math.prod(shape) * dtype.itemsize, member.file_size - file.tell()
        if dtype.hasobject or size != left or min(shape, default=0) < 0:
            raise ValueError(f"{member.filename} says it is {dtype}{shape}, but has {left} bytes")
        x = np.frombuffer(bytearray(file.read()), dtype)
    return x.reshape(shape, order="F" if columns_first else "C")
