"""The population in checkpoints: where a run begins or resumes, and when it is saved."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np

from jaxdl import checkpoint, parallel
from jaxdl.checkpoint._hook import FIRST_SECONDS
from jaxdl.sweep import _store
from jaxdl.sweep._loop import Moment, Work
from jaxdl.sweep._plan import Plan, checksum
from jaxdl.sweep._result import Result
from jaxdl.sweep._store import Stored
from jaxdl.train._hooks import Event
from jaxdl.types import PyTree, Row

EVERY_SECONDS = 10.0
"""The least time between checkpoints; the first comes sooner."""


def begin(
    works: Sequence[Work],
    plan: Plan,
    start: Result | None,
    checkpoints: str | Path | None,
    resume: bool,
) -> tuple[list[Stored], list[Row]]:
    """The initial population: a new one, a given one, or that of a checkpoint."""
    if start is not None:
        stored, rows = [jax.tree.map(_copy, each) for each in start.groups], list(start.rows)
    else:
        key = _store.shared_key(works[0].spec, works[0].group)
        stored = [_store.begin(work.spec, work.group, key, work.memory) for work in works]
        rows = []
    if not resume:
        return stored, rows
    if checkpoints is None:
        raise ValueError("sweep.run: resume needs checkpoints, the folder to resume from")
    mark = checksum(plan, works[0].spec.batch_size)
    found, rows = checkpoint.restore(checkpoints, _store.population(stored, mark))
    if int(found.plan) != mark:
        raise ValueError(
            f"sweep.run: the population in {checkpoints} has other hyperparameters, seeds or batch"
            " size; continue with the same, or choose another folder"
        )
    return [jax.tree.map(_copy, each) for each in found.groups], rows


def _copy(x: object) -> PyTree:
    """Copies host arrays, which are overwritten; keys never are."""
    return np.array(x) if isinstance(x, np.ndarray) else x


def saver(folder: str | Path | None, mark: int) -> Callable[..., None]:
    """Makes a function that writes a checkpoint, periodically and at the end."""
    if folder is None:

        def nothing(moment: Moment, stored: object, rows: object, *, last: bool) -> None:
            if last:
                moment.keep()

        return nothing
    write = checkpoint.hook(folder, every_seconds=0.0, background=False)
    newest = time.monotonic() + FIRST_SECONDS - EVERY_SECONDS

    def save(moment: Moment, stored: Sequence[Stored], rows: list[Row], *, last: bool) -> None:
        nonlocal newest
        if not last and not parallel.broadcast_from_primary(
            time.monotonic() - newest >= EVERY_SECONDS
        ):
            return
        newest = time.monotonic()
        moment.keep()  # in all processes: each has some of the members
        tree: Any = _store.population(stored, mark)
        write(Event("finish" if last else "epoch", tree, rows, 0))

    return save
