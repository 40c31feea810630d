"""One checkpoint on disk: written whole or not at all, and checked to the bit when read.

A checkpoint is a folder with ``arrays/``, written by Orbax, ``contents.json``, which names the
leaves and holds the history, and ``SHA256SUMS``, one line per other file, in the format of
``sha256sum -c``. It is written under a temporary name and renamed once it is all on disk.

Files have the modes that the umask gives, except that nobody but owner and group may write to them.
Links, pipes and devices inside a checkpoint are refused, and never opened. Only folders that hold
these files and no others are ever removed.
"""

import contextlib
import errno
import hashlib
import json
import operator
import os
import shutil
import stat
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from jaxdl import _checks, _paths
from jaxdl.checkpoint import _arrays, _leaves
from jaxdl.checkpoint._leaves import Leaf, Outline
from jaxdl.types import Row

FORMAT = 2
"""The format written; format 1, which had no outline, can still be read."""
ARRAYS, CONTENTS, SUMS = "arrays", "contents.json", "SHA256SUMS"
UNFINISHED = ".unfinished"
"""How the name of a folder ends while it is written or removed."""
LITTER = frozenset((".DS_Store", "Thumbs.db", "desktop.ini"))
"""What the file managers of macOS and Windows leave in folders; it damages nothing."""


class Damaged(ValueError):
    """A checkpoint that can't be read as it was written."""


class Contents(NamedTuple):
    """The contents of a checkpoint."""

    step: int
    history: list[Row]
    leaves: dict[str, Leaf]
    outline: Outline
    arrays: dict[str, np.ndarray]


def write(folder: Path, contents: Contents) -> None:
    """Writes a checkpoint, replacing a damaged one of the same name.

    Raises:
        OSError: if it can't be written; earlier files are unchanged.
        TypeError: if the history holds anything that JSON can't represent.
    """
    draft = folder.with_name(folder.name + UNFINISHED)
    remove_unfinished(draft)
    try:
        draft.mkdir(parents=True)
        (draft / CONTENTS).write_text(_encode(contents))  # first: it says whose folder this is
        _check_space(draft, contents)
        _arrays.write(draft / ARRAYS, contents.leaves, contents.arrays)
        (draft / SUMS).write_text(_sums(draft))
        for path in (draft, *draft.rglob("*")):
            path.chmod(stat.S_IMODE(path.stat().st_mode) & ~stat.S_IWOTH)
            _sync(path)
        remove(folder)
        draft.rename(folder)
        _sync(folder.parent)
    except BaseException:
        remove_unfinished(draft)
        raise


def is_ours(folder: Path) -> bool:
    """Whether a folder holds a checkpoint or a part of one, and nothing else."""
    names = {path.name for path in folder.iterdir()} - LITTER
    others = names - {CONTENTS, SUMS}
    # Orbax writes to ``arrays.orbax-checkpoint-tmp…`` before it renames.
    return all(name.split(".")[0] == ARRAYS for name in others) and names != others


def remove(folder: Path) -> None:
    """Removes a checkpoint, if it is one, without leaving a half that would look damaged.

    Raises:
        OSError: if it can't be removed.
    """
    if folder.is_symlink():
        folder.unlink()
    elif folder.exists() and is_ours(folder):
        gone = folder.with_name(f"{folder.name}.removed{UNFINISHED}")
        remove_unfinished(gone)
        folder.rename(gone)
        remove_unfinished(gone)


def remove_unfinished(folder: Path) -> None:
    """Removes, as far as possible, what a kill or a full disk left half-written or half-removed."""
    with contextlib.suppress(OSError):
        if folder.is_symlink():
            return
        if is_ours(folder):
            for path in folder.glob(f"{ARRAYS}*"):  # what bears our name goes last
                shutil.rmtree(path, ignore_errors=True)
            shutil.rmtree(folder, ignore_errors=True)
        else:
            folder.rmdir()  # if it is empty


def read(folder: Path, check: Callable[[Contents], None] = lambda contents: None) -> Contents:
    """Reads a checkpoint; none of its bytes is ever run as code.

    Args:
        folder: the checkpoint.
        check: may raise an error about the contents before any array is read.

    Raises:
        ValueError: if it is damaged or isn't a checkpoint; says why.
    """
    wrong = faults(folder)
    if wrong:
        raise Damaged(f"{folder}: {'; '.join(wrong)}")
    try:
        contents = decode(folder)
    except Exception as error:  # the sums are right, so someone else wrote it: anything can fail
        raise _foreign(folder, error) from error
    check(contents)
    try:
        return contents._replace(arrays=_arrays.read(folder / ARRAYS, contents.leaves))
    except Exception as error:
        raise _foreign(folder, error) from error


def faults(folder: str | Path) -> list[str]:
    """Compares every file of a checkpoint with the SHA-256 recorded when it was written.

    Args:
        folder: one checkpoint, e.g. ``runs/animals/checkpoints/0000000120``.

    Returns:
        A line for each changed, missing or unexpected file; empty if the checkpoint is good.

    Example:
        >>> faults("no/such/0000000120")
        ['SHA256SUMS is missing']
    """
    _checks.path("checkpoint.faults", "folder", folder)
    folder = Path(folder)
    try:
        noted = _read(folder / SUMS).decode(errors="replace")
        odd = [path for path in _entries(folder) if not _is_plain(path)]
        if odd:
            return [f"{path.relative_to(folder)} is a link, pipe or device" for path in odd]
        found = _sums(folder)
    except FileNotFoundError:
        return [f"{SUMS} is missing"]
    except OSError as error:
        return [f"can't be read: {error}"]
    if noted != found:
        return _compare(noted, found)
    # Sums of nothing are right, too, if all was removed before they were taken.
    return [] if (folder / CONTENTS).exists() else [f"{CONTENTS} is missing"]


def decode(folder: Path) -> Contents:
    """Reads ``contents.json`` only, without checking the sums."""
    fields = json.loads(_read(folder / CONTENTS))
    if fields["format"] not in (1, FORMAT):
        raise ValueError(f"format {fields['format']}; this version of jaxdl reads 1 and {FORMAT}")
    leaves = {}
    for name, leaf in fields["leaves"].items():
        path = tuple(map(str, leaf["path"]))
        shape = tuple(map(operator.index, leaf["shape"]))
        own = Leaf(path, shape, leaf["dtype"], leaf.get("array", name), leaf["key"])
        _leaves.describe(own)  # raises if there is no such dtype or kind of key
        leaves[_paths.join(path)] = own
    outline = fields["tree"] if "tree" in fields else _leaves.outline_of_paths(leaves)
    history = [dict(row) for row in fields["history"]]
    return Contents(operator.index(fields["step"]), history, leaves, outline, {})


def _encode(contents: Contents) -> str:
    fields = {
        "format": FORMAT,
        "step": contents.step,
        "leaves": {name: leaf._asdict() for name, leaf in contents.leaves.items()},
        "tree": contents.outline,
        "history": contents.history,
    }
    number = lambda x: x.tolist()  # of an array or a NumPy scalar; a TypeError tells of the rest
    try:
        return json.dumps(fields, indent=1, default=number) + "\n"
    except AttributeError as error:
        raise TypeError(f"the history holds what JSON can't: {error}") from error


def _foreign(folder: Path, error: Exception) -> Damaged:
    return Damaged(f"{folder}: not a checkpoint of jaxdl: {error!r}")


def _read(path: Path) -> bytes:
    with open(path, "rb", opener=_open_plain) as file:
        return file.read()


def _open_plain(path: str, flags: int) -> int:
    """Opens a plain file; a link could lead elsewhere, and a pipe would block."""
    more = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    descriptor = os.open(path, flags | more)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "isn't a plain file", path)
    return descriptor


def _entries(folder: Path) -> list[Path]:
    """Everything below a folder, sorted, without the sums and the traces of file browsers."""
    found = (
        Path(at) / name
        for at, folders, files in os.walk(folder)
        for name in {*folders, *files} - LITTER
    )
    return sorted((path for path in found if path != folder / SUMS), key=Path.as_posix)


def _is_plain(path: Path) -> bool:
    return not path.is_symlink() and (path.is_file() or path.is_dir())


def _sums(folder: Path) -> str:
    lines = []
    for path in (path for path in _entries(folder) if not path.is_dir()):
        with open(path, "rb", opener=_open_plain) as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        lines.append(f"{digest}  {path.relative_to(folder).as_posix()}\n")
    return "".join(lines)


def _compare(noted: str, found: str) -> list[str]:
    """Describes how two different texts of sums differ."""
    before, now = (dict(line.split("  ", 1)[::-1] for line in text.splitlines() if "  " in line)
                   for text in (noted, found))  # fmt: skip
    lines = [f"{name} is missing" for name in before.keys() - now.keys()]
    lines += [f"{name} is unexpected" for name in now.keys() - before.keys()]
    lines += [f"{n} is changed" for n in before.keys() & now.keys() if before[n] != now[n]]
    return sorted(lines) or [f"{SUMS} is changed"]


def _sync(path: Path) -> None:
    """Waits until a file, or the names in a folder, would survive a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _check_space(folder: Path, contents: Contents) -> None:
    """Checks free space first: Orbax reports a full disk in pages of tracebacks from threads."""
    needed = 1.05 * sum(x.nbytes for x in contents.arrays.values()) + 2**18
    if shutil.disk_usage(folder).free < needed:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder))
