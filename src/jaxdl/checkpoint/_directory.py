"""The folder of a run's checkpoints: which exist, where the next goes, which is the best."""

import itertools
import math
import os
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np

from jaxdl._warnings import warn
from jaxdl.checkpoint import _files
from jaxdl.checkpoint._files import Contents
from jaxdl.types import Row

NAME = r"\d{10}(\.\d+)?"
"""A checkpoint's folder: its step, and which of that step it is if there are several."""
Best = tuple[str, Literal["max", "min"]]
"""A column of the history, and whether more of it is better or less."""


def add(directory: Path, contents: Contents, keep: int, best: Best | None) -> None:
    """Writes a checkpoint unless it exists, and removes those that are no longer kept."""
    for rest in directory.glob(f"*{_files.UNFINISHED}"):
        if re.fullmatch(rf"{NAME}(\.removed)?{re.escape(_files.UNFINISHED)}", rest.name):
            _files.remove_unfinished(rest)
    place = _place(directory, contents)
    if place is not None:
        _files.write(place, contents)
    # Beyond this step there can only be damaged ones: they don't count, and stay for inspection.
    folders = [folder for folder in listed(directory) if _order(folder)[0] <= contents.step]
    kept = {*folders[-keep:], *(ranked(folders, best)[:1] if best else ())}
    for past in folders:
        if past not in kept:
            _files.remove(past)


def check_order(directory: str | Path, step: int) -> None:
    """Raises a ValueError if a good checkpoint is of a later step: it belongs to another run."""
    for folder in listed(Path(directory)):
        if _order(folder)[0] > step and not _files.faults(folder):
            raise ValueError(
                f"save: {folder} is of a later step than this run's step {step}: resume from it"
                " with restore, or choose another directory"
            )


def check_best(function: str, best: Any) -> None:
    """Raises a ValueError unless ``best`` is None or a metric and ``"max"`` or ``"min"``."""
    pair = isinstance(best, Sequence) and not isinstance(best, str) and len(best) == 2
    pair = pair and isinstance(best[0], str)
    if best is not None and not (pair and best[1] in ("max", "min")):
        raise ValueError(
            f'{function}: best is {best!r}; it needs a metric and "max" or "min", as'
            ' ("validation_accuracy", "max")'
        )


def value(row: Row, best: Best) -> float:
    """The score of a history row, higher is better; -∞ if it is missing or nan."""
    metric, mode = best
    x = float(row.get(metric, math.nan)) * (1 if mode == "max" else -1)
    return -math.inf if math.isnan(x) else x


def newest(
    directory: Path, check: Callable[[Contents], None] = lambda contents: None
) -> tuple[Path, Contents]:
    """Reads the newest good checkpoint, or ``directory`` itself if it is one."""
    alone = any((directory / name).exists() for name in (_files.SUMS, _files.CONTENTS))
    folders = [directory] if alone else listed(directory)
    if not folders:
        raise FileNotFoundError(f"no checkpoint in {directory}")
    wrong: list[str] = []
    for folder in reversed(folders):
        try:
            contents = _files.read(folder, check)
        except _files.Damaged as error:
            wrong.append(str(error))
            continue
        if wrong:
            lines = "\n  ".join(wrong)
            warn(f"skipped for {folder}:\n  {lines}")
        return folder, contents
    raise ValueError("no checkpoint is good:\n  " + "\n  ".join(wrong))


def listed(directory: Path) -> list[Path]:
    """The checkpoints, ordered by step."""
    named = (path for path in directory.glob("*") if re.fullmatch(NAME, path.name))
    return sorted(named, key=_order)


def _order(folder: Path) -> tuple[int, int]:
    """The step of a checkpoint and its number within that step: 0000000120, then 0000000120.2."""
    step, _, number = folder.name.partition(".")
    return int(step), int(number or 1)


def _place(directory: Path, contents: Contents) -> Path | None:
    """Where a checkpoint goes: never over a good one, and nowhere if it is already saved.

    A run that ends with the parameters of its best epoch has two at its last step.
    """
    of_step = [path for path in listed(directory) if _order(path)[0] == contents.step]
    good = [path for path in of_step if not _files.faults(path)]
    if not good:
        return _free(directory, contents.step, 1)
    try:
        there = _files.read(good[-1])
    except _files.Damaged:
        if not _files.faults(good[-1]):
            raise  # its sums are right, so it is another program's
        return _place(directory, contents)  # it was removed while being read
    if _equal(there.arrays, contents.arrays):
        return None
    return _free(directory, contents.step, _order(good[-1])[1] + 1)


def _free(directory: Path, step: int, first: int) -> Path:
    """A free name, or that of a damaged checkpoint: whatever isn't ours is left alone."""
    names = (directory / f"{step:010d}{f'.{n}' * (n > 1)}" for n in itertools.count(first))
    return next(p for p in names if not os.path.lexists(p) or (p.is_dir() and _files.is_ours(p)))


def ranked(folders: Sequence[Path], best: Best) -> list[Path]:
    """The checkpoints that have a metric, best first, the newest first among equals."""
    values = {}
    for folder in reversed(folders):
        try:
            step, history, *_ = _files.decode(folder)
            # A checkpoint within an epoch has the row of the previous epoch, not its own.
            if history and history[-1].get("step", step) == step:
                values[folder] = value(history[-1], best)
        except Exception:  # damaged: whatever went wrong, it isn't the best
            continue
    found = [folder for folder, x in values.items() if x > -math.inf]
    return sorted(found, key=values.__getitem__, reverse=True)


def _equal(some: Mapping[str, np.ndarray], others: Mapping[str, np.ndarray]) -> bool:
    bits = lambda arrays: {name: x.tobytes() for name, x in arrays.items()}
    return bits(some) == bits(others)
