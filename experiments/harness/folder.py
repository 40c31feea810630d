"""The folder of a run: what in it is ours, and files that are written whole or not at all.

``manifest.json`` lists what a run has written. Nothing else is ever overwritten, and nothing is
removed: where a new run starts in the folder of an earlier one, that is moved to ``earlier-1``.
"""

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from harness.config import UserError

MANIFEST, RESULT = "manifest.json", "result.json"
MARK = "an experiment of jaxdl"


def claim(folder: Path, names: Iterable[str]) -> None:
    """Notes names of files and folders as the run's own.

    Raises:
        UserError: if one of them is there already and no run has written it.
    """
    known, wanted = claimed(folder), set(names)
    check_ours(folder, wanted)
    if not wanted <= known:
        write_json(folder / MANIFEST, {"written_by": MARK, "files": sorted(known | wanted)})


def check_ours(folder: Path, names: Iterable[str]) -> None:
    """Refuses to write over what no run has written.

    Raises:
        UserError: if there is something under one of the names that the manifest doesn't list.
    """
    unknown = set(names) - claimed(folder)
    foreign = sorted(name for name in unknown if os.path.lexists(folder / name))
    if foreign:
        raise UserError(
            f"--output {folder}: {', '.join(foreign)} would be overwritten, and no {MANIFEST} says"
            " that an experiment has written it; choose another folder"
        )


def claimed(folder: Path) -> set[str]:
    """What the manifest lists; nothing where there is none.

    Raises:
        UserError: if the file of this name isn't ours, or is damaged.
    """
    path = folder / MANIFEST
    if not os.path.lexists(path):
        return set()
    try:
        content = json.loads(path.read_text())
        if content["written_by"] != MARK:
            raise ValueError("another program's")
        return {str(name) for name in content["files"]}
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"--output {folder}: its {MANIFEST} isn't that of an experiment, or is damaged;"
            " choose another folder"
        ) from error


def move_aside(folder: Path, names: Iterable[str]) -> Path | None:
    """Moves what an earlier run has written into a folder of its own; None if that is nothing.

    The manifest goes last: after a crash the rest is still known as ours.
    """
    names = [name for name in sorted(names) if os.path.lexists(folder / name)]
    if not names:
        return None
    free = (folder / f"earlier-{i}" for i in range(1, 10**6))
    place = next(path for path in free if not os.path.lexists(path))
    place.mkdir()
    for name in (*names, MANIFEST):
        (folder / name).rename(place / name)
    return place


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Writes a file that is whole at every moment: the old content, then the new."""
    write_text(path, json.dumps(content, indent=2, default=str) + "\n")


def write_text(path: Path, text: str) -> None:
    """Writes a file that is whole at every moment: the old content, then the new."""
    draft = path.with_name(f"{path.name}.unfinished")
    try:
        with draft.open("w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError as error:  # a write's error doesn't name its file
        raise OSError(error.errno, error.strerror, str(path)) from error
    finally:
        draft.unlink(missing_ok=True)


def is_finished(folder: Path) -> bool:
    """Whether a folder has the result of a run that came to its end."""
    try:
        content = json.loads((folder / RESULT).read_text())
    except (OSError, ValueError):
        return False
    return isinstance(content, dict) and content.get("finished") is True
