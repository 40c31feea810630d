"""Checkpoints while a run goes on, written beside it."""

import dataclasses
import math
import tempfile
import time
import warnings
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from jaxdl import _checks, parallel
from jaxdl.checkpoint import _store
from jaxdl.checkpoint._store import Best

FIRST_SECONDS = 1.0
"""How soon the first checkpoint of a run is due."""


def hook(
    directory: str | Path,
    *,
    every_seconds: float = 10.0,
    keep: int = 3,
    best: Best | None = None,
    background: bool = True,
) -> Callable[[Any], None]:
    """Saves checkpoints of a run: now and then, where it is best, when it is stopped, at its end.

    What can't be written because the disk is full, or the folder can't be written to any more,
    costs a warning and is tried again ``every_seconds`` later; the run goes on, and the earlier
    checkpoints stay. A folder that was removed is made again, with a warning. With several
    processes all of them have the hook; the first one decides when, and writes.

    Args:
        directory: where the checkpoints lie; made at once where it doesn't exist.
        every_seconds: how long at least from one checkpoint to the next; 0 for one an event. The
            first comes after a second already, so that a run killed early has something to resume.
        keep: how many of the newest checkpoints stay.
        best: a column of the history and ``"max"`` or ``"min"``, as
            ``("validation_accuracy", "max")``: an epoch that beats all before it is saved at
            once, and stays.
        background: whether training goes on while files are written. Then a copy of the
            TrainState is kept in memory for so long, and no other checkpoint starts.

    Returns:
        A hook for ``fit``: a function of an event with ``kind``, ``train_state`` and ``history``.
        At ``"interrupt"`` and ``"finish"`` it returns when the last checkpoint is on the disk. It
        raises a ValueError if the directory holds another run, or the history no ``best``.

    Raises:
        OSError: if the directory can't be made or written to.
        ValueError: if a number, or ``best``, makes no sense.

    Example:
        >>> import tempfile
        >>> folder = tempfile.mkdtemp()
        >>> hooks = (hook(folder, best=("validation_loss", "min")),)  # and fit(…, hooks=hooks)
    """
    _checks.positive_ints("checkpoint.hook", keep=keep)
    _store.check_best("checkpoint.hook", best)
    if not every_seconds >= 0:
        raise ValueError(f"checkpoint.hook: every_seconds is {every_seconds}; it must be 0 or more")
    directory, writer = Path(directory), ThreadPoolExecutor(1, "checkpoint")
    primary = parallel.is_primary()
    if primary:
        _check_writable(directory)
    newest = _Newest(begun=time.monotonic() + min(FIRST_SECONDS, every_seconds) - every_seconds)

    def on_event(event: Any) -> None:
        step, last = int(event.train_state.step), event.kind in ("interrupt", "finish")
        urgent = last or _is_best(event, best)
        _settle(newest, directory, wait=urgent)
        due = newest.future is None and time.monotonic() - newest.begun >= every_seconds
        # The end may bring other parameters at the same step: those of the best epoch.
        wanted = (urgent or due) and (last or step != newest.step)
        if not parallel.agreed(wanted):  # clocks and disks differ
            return
        contents = _store.snapshot(event.train_state, event.history)
        newest.step, newest.begun = step, time.monotonic()
        if primary:
            _check_directory(newest, directory, step)
            newest.future = writer.submit(_store.add, directory, contents, keep, best)
        _settle(newest, directory, wait=last or not background)
        if last:
            parallel.agreed(0)  # nobody ends before it is on the disk

    return on_event


@dataclasses.dataclass
class _Newest:
    """The checkpoint that was begun last."""

    begun: float
    step: int | None = None  # None too where it failed
    future: Future[None] | None = None  # while it is being written
    looked: bool = False  # whether the directory was found to be this run's


def _settle(newest: _Newest, directory: Path, *, wait: bool) -> None:
    """Takes note of how the writing went, where it is over; of a failure with a warning."""
    if newest.future is None or not (wait or newest.future.done()):
        return
    future, newest.future = newest.future, None
    try:
        future.result()
    except OSError as error:
        warnings.warn(
            f"no checkpoint of step {newest.step} in {directory}: {error.strerror or error};"
            " the run goes on, and earlier checkpoints are as they were",
            stacklevel=3,
        )
        newest.step = None


def _is_best(event: Any, best: Best | None) -> bool:
    """Whether an epoch has just ended that beats all before it."""
    if best is None or event.kind != "epoch":
        return False
    *past, row = event.history
    if best[0] not in row:
        raise ValueError(f"checkpoint.hook: best is {best[0]!r}; the history has {', '.join(row)}")
    return _store.value(row, best) > max((_store.value(r, best) for r in past), default=-math.inf)


def _check_directory(newest: _Newest, directory: Path, step: int) -> None:
    """Refuses another run's directory at the first checkpoint, and misses it at a later one."""
    if not newest.looked:
        _store.check_order(directory, step)
    elif not directory.exists():
        warnings.warn(
            f"{directory} was removed, and the earlier checkpoints with it; it is made again",
            stacklevel=3,
        )
    newest.looked = True


def _check_writable(directory: Path) -> None:
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=directory):
            pass
    except OSError as error:
        message = f"checkpoint.hook: {directory} can't be written to: {error.strerror}"
        raise OSError(error.errno, message) from error
