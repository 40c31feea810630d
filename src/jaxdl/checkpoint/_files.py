"""One checkpoint on disk: written whole or not at all, and checked to the bit when read.

A checkpoint is a folder of ``arrays/``, as Orbax writes them, ``contents.json``, which names the
leaves and holds the history, and ``SHA256SUMS``, a line for every other file, in the format of the
command ``sha256sum -c``. It comes to be under another name and is renamed when all is on the disk.
"""

import errno
import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from jaxdl import _checks
from jaxdl.checkpoint._leaves import Leaf

FORMAT = 1
ARRAYS, CONTENTS, SUMS = "arrays", "contents.json", "SHA256SUMS"
UNFINISHED = ".unfinished"
"""How the name of a folder ends that is being written, or removed."""
LITTER = frozenset((".DS_Store", "Thumbs.db", "desktop.ini"))
"""What the file managers of macOS and Windows leave in folders; it damages nothing."""


class Contents(NamedTuple):
    """What stands in a checkpoint."""

    step: int
    history: list[dict[str, Any]]
    leaves: dict[str, Leaf]
    arrays: dict[str, np.ndarray]


def write(folder: Path, contents: Contents) -> None:
    """Writes a checkpoint; a damaged one of the same name is replaced.

    Raises:
        OSError: if it can't be written; what was there before is as it was.
        TypeError: if the history holds something that JSON can't.
    """
    draft = folder.with_name(folder.name + UNFINISHED)
    shutil.rmtree(draft, ignore_errors=True)
    try:
        draft.mkdir(parents=True)
        _check_space(draft, contents.arrays)
        _write_arrays(draft / ARRAYS, contents.arrays)
        (draft / CONTENTS).write_text(_encode(contents))
        (draft / SUMS).write_text(_sums(draft))
        for path in (draft, *draft.rglob("*")):
            _sync(path)
        remove(folder)
        draft.rename(folder)
        _sync(folder.parent)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise


def remove(folder: Path) -> None:
    """Removes a checkpoint, if it is there, so that no half of it can be taken for a damaged one.

    Raises:
        OSError: if it can't be removed.
    """
    if folder.exists():
        gone = folder.with_name(f"{folder.name}.removed{UNFINISHED}")
        shutil.rmtree(gone, ignore_errors=True)
        folder.rename(gone)
        shutil.rmtree(gone, ignore_errors=True)


def read(folder: Path) -> Contents:
    """Reads a checkpoint; none of its bytes is ever run as code.

    Raises:
        ValueError: if it is damaged, or isn't a checkpoint; says how.
    """
    wrong = faults(folder)
    if wrong:
        raise ValueError(f"{folder}: {'; '.join(wrong)}")
    try:
        contents = decode(folder)
        arrays = _read_arrays(folder / ARRAYS, contents.leaves)
        return contents._replace(arrays=arrays)
    except Exception as error:  # the sums are right, so someone else wrote it: anything can be
        raise ValueError(f"{folder}: not a checkpoint of jaxdl: {error!r}") from error


def faults(folder: str | Path) -> list[str]:
    """Compares every file of a checkpoint with the SHA-256 that was noted when it was written.

    Args:
        folder: one checkpoint, as ``runs/animals/checkpoints/0000000120``.

    Returns:
        A line for each file that is changed, missing or too many; none if the checkpoint is good.

    Example:
        >>> faults("no/such/0000000120")
        ['SHA256SUMS is missing']
    """
    folder = Path(folder)
    try:
        noted = (folder / SUMS).read_bytes()
        odd = [p for p in _files(folder) if p.is_symlink() or not p.is_file()]
        if odd:
            return [f"{p.relative_to(folder)} isn't a plain file" for p in odd]
        found = _sums(folder)
    except FileNotFoundError:
        return [f"{SUMS} is missing"]
    except OSError as error:
        return [f"can't be read: {error}"]
    return [] if noted == found.encode() else _compare(noted.decode(errors="replace"), found)


def decode(folder: Path) -> Contents:
    """Reads ``contents.json``, without the arrays and without a check."""
    fields = json.loads((folder / CONTENTS).read_text())
    if fields["format"] != FORMAT:
        raise ValueError(f"format {fields['format']}; this version of jaxdl reads {FORMAT}")
    leaves = {
        name: Leaf(tuple(leaf["path"]), tuple(leaf["shape"]), leaf["dtype"], leaf["key"])
        for name, leaf in fields["leaves"].items()
    }
    return Contents(fields["step"], fields["history"], leaves, {})


def _encode(contents: Contents) -> str:
    fields = {
        "format": FORMAT,
        "step": contents.step,
        "leaves": {name: leaf._asdict() for name, leaf in contents.leaves.items()},
        "history": contents.history,
    }
    number = lambda x: x.tolist()  # of an array or a NumPy scalar; a TypeError tells of the rest
    try:
        return json.dumps(fields, indent=1, default=number) + "\n"
    except AttributeError as error:
        raise TypeError(f"the history holds what JSON can't: {error}") from error


def _files(folder: Path) -> Iterator[Path]:
    """The paths of all files but the sums and what a look into the folder left, sorted as text."""
    found = (Path(at) / name for at, _, names in os.walk(folder) for name in {*names} - LITTER)
    return iter(sorted((p for p in found if p != folder / SUMS), key=Path.as_posix))


def _sums(folder: Path) -> str:
    lines = []
    for path in _files(folder):
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        lines.append(f"{digest}  {path.relative_to(folder).as_posix()}\n")
    return "".join(lines)


def _compare(noted: str, found: str) -> list[str]:
    """Says what differs between two texts of sums that aren't the same."""
    before, now = (dict(line.split("  ", 1)[::-1] for line in text.splitlines() if "  " in line)
                   for text in (noted, found))  # fmt: skip
    lines = [f"{name} is missing" for name in before.keys() - now.keys()]
    lines += [f"{name} is too many" for name in now.keys() - before.keys()]
    lines += [f"{n} is changed" for n in before.keys() & now.keys() if before[n] != now[n]]
    return sorted(lines) or [f"{SUMS} is changed"]


def _write_arrays(folder: Path, arrays: Mapping[str, np.ndarray]) -> None:
    import orbax.checkpoint as ocp

    # Orbax refuses arrays without entries; their shape in contents.json is all there is to them.
    full = {name: _plain(x) for name, x in arrays.items() if x.size}
    # Numbers that were learned hardly compress, and trying costs as much as writing.
    alone = {"multiprocessing_options": _alone()}
    handler = ocp.PyTreeCheckpointHandler(use_compression=False, **alone)
    try:
        with ocp.Checkpointer(handler, **alone) as checkpointer:
            checkpointer.save(folder.absolute(), full)
    except OSError:
        raise
    except Exception as error:  # those of tensorstore are of all kinds, with the number in the text
        found = re.search(r"os_error_code='(\d+)'", str(error))
        code, text = (int(found[1]), os.strerror(int(found[1]))) if found else (errno.EIO, error)
        raise OSError(code, str(text), str(folder)) from error


def _read_arrays(folder: Path, leaves: Mapping[str, Leaf]) -> dict[str, np.ndarray]:
    import orbax.checkpoint as ocp

    arrays = {n: _plain(np.zeros(x.shape, x.dtype)) for n, x in leaves.items() if 0 in x.shape}
    full = leaves.keys() - arrays.keys()
    as_numpy = {name: ocp.RestoreArgs(restore_type=np.ndarray) for name in full}
    alone = {"multiprocessing_options": _alone()}
    with ocp.Checkpointer(ocp.PyTreeCheckpointHandler(**alone), **alone) as checkpointer:
        arrays |= checkpointer.restore(folder.absolute(), restore_args=as_numpy)
    for name, leaf in leaves.items():
        plain = _plain(np.zeros((), leaf.dtype)).dtype
        if (arrays[name].shape, arrays[name].dtype) != (leaf.shape, plain):
            raise ValueError(f"{name} is {_checks.describe(arrays[name])}, not {leaf}")
    return {name: x.view(leaves[name].dtype) for name, x in arrays.items()}


def _alone() -> Any:
    """Lets Orbax write or read in this process, whatever others there are, and wait for none."""
    import orbax.checkpoint as ocp

    index = jax.process_index()
    return ocp.options.MultiprocessingOptions(
        primary_host=index, active_processes={index}, barrier_sync_key_prefix=str(index)
    )


def _plain(x: np.ndarray) -> np.ndarray:
    """The bits of a dtype that isn't NumPy's own as whole numbers: Orbax doesn't know them all."""
    return x if x.dtype.isbuiltin == 1 else x.view(f"u{x.dtype.itemsize}")


def _check_space(folder: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Orbax reports a full disk in pages of tracebacks from several threads: better ask before."""
    needed = 1.05 * sum(x.nbytes for x in arrays.values()) + 2**18
    if shutil.disk_usage(folder).free < needed:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder))


def _sync(path: Path) -> None:
    """Waits until a file, or the names in a folder, would outlast a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
