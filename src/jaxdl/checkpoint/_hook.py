"""Checkpoints during a run, written beside it."""

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
from jaxdl.checkpoint import _directory, _store
from jaxdl.checkpoint._directory import Best

FIRST_SECONDS = 1.0
"""When the first checkpoint comes: little is lost then where a run ends soon."""


def hook(
    directory: str | Path,
    *,
    every_seconds: float | None = None,
    every_steps: int | None = None,
    keep: int = 3,
    best: Best | None = None,
    background: bool = True,
) -> Callable[[Any], None]:
    """Saves checkpoints during a run: at intervals, where it is best, when it stops, at its end.

    Where the disk is full or the folder can't be written to any more, a warning says so, the next
    event that is due tries again, training continues, and the earlier checkpoints stay. A folder
    that was removed is made again, with a warning. With several processes all of them have the
    hook; the first one decides when, and writes.

    Args:
        directory: where the checkpoints lie; made at once where it doesn't exist. A relative path
            is that of the moment in which the hook is made.
        every_seconds: the least time from one checkpoint to the next; 0 for one an event. The
            first comes after a second at most. Defaults to 10, or to the steps alone where
            ``every_steps`` is given.
        every_steps: the least number of steps from one checkpoint to the next, of events that
            ``fit`` has. With both, whichever comes first counts.
        keep: how many of the newest checkpoints stay.
        best: a column of the history and ``"max"`` or ``"min"``, as
            ``("validation_accuracy", "max")``: an epoch that beats all before it is saved at
            once, and stays.
        background: whether training continues while files are written. A copy of the TrainState
            is kept in memory until they are, and no other checkpoint starts.

    Returns:
        A hook for ``fit``: a function of an event with ``kind``, ``train_state`` and ``history``.
        Of the TrainState, any tree of arrays, it needs the ``step`` alone. At ``"interrupt"`` and
        ``"finish"`` it returns when the last checkpoint is on the disk. It raises a ValueError if
        the directory holds another run, or the history has no column ``best``.

    Raises:
        OSError: if the directory can't be made or written to.
        ValueError: if a number or ``best`` makes no sense.

    Example:
        >>> import tempfile
        >>> folder = tempfile.mkdtemp()
        >>> hooks = (hook(folder, best=("validation_loss", "min")),)  # and fit(…, hooks=hooks)
    """
    _checks.positive_ints("checkpoint.hook", keep=keep)
    _directory.check_best("checkpoint.hook", best)
    due = _due(every_seconds, every_steps)
    directory, writer = Path(directory).absolute(), ThreadPoolExecutor(1, "checkpoint")
    primary = parallel.is_primary()
    if primary:
        _check_writable(directory)
    newest = _Newest(begun=time.monotonic())

    def on_event(event: Any) -> None:
        step = _store.step_of("checkpoint.hook", event.train_state)
        last = event.kind in ("interrupt", "finish")
        urgent = last or _is_best(event, best)
        _settle(newest, directory, wait=urgent)
        # The end may bring other parameters at the same step: those of the best epoch.
        wanted = (urgent or due(newest, step)) and (last or step != newest.step)
        if not parallel.broadcast_from_primary(wanted):  # clocks and disks differ
            return
        contents = _store.snapshot("checkpoint.hook", event.train_state, event.history)
        newest.step, newest.begun = step, time.monotonic()
        if primary:
            _check_directory(newest, directory, step)
            newest.future = writer.submit(_directory.add, directory, contents, keep, best)
        _settle(newest, directory, wait=last or not background)
        if last:
            parallel.broadcast_from_primary(0)  # nobody ends before it is on the disk

    return on_event


@dataclasses.dataclass
class _Newest:
    """The checkpoint that was begun last."""

    begun: float
    step: int | None = None  # None too where it failed
    future: Future[None] | None = None  # while it is being written
    looked: bool = False  # whether the directory was found to be this run's


def _due(every_seconds: float | None, every_steps: int | None) -> Callable[[_Newest, int], bool]:
    """Whether it is time for a checkpoint at a step."""
    if every_steps is not None:
        _checks.positive_ints("checkpoint.hook", every_steps=every_steps)
    if every_seconds is None:
        every_seconds = 10.0 if every_steps is None else math.inf
    if not isinstance(every_seconds, int | float) or not every_seconds >= 0:
        raise ValueError(
            f"checkpoint.hook: every_seconds is {every_seconds!r}; it must be 0 or more"
        )
    seconds = every_seconds

    def due(newest: _Newest, step: int) -> bool:
        # Where the clock counts, the first comes early.
        early = FIRST_SECONDS if not newest.looked and seconds < math.inf else math.inf
        passed = time.monotonic() - newest.begun >= min(seconds, early)
        enough = every_steps is not None and step - (newest.step or 0) >= every_steps
        return newest.future is None and (passed or enough)

    return due


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
            " training continues, and the earlier checkpoints are as they were",
            stacklevel=3,
        )
        newest.step = None


def _is_best(event: Any, best: Best | None) -> bool:
    """Whether an epoch has just ended that beats all before it."""
    if best is None:
        return False
    columns = getattr(event, "columns", ())
    known = columns or (event.history[-1] if event.kind == "epoch" else ())
    if known and best[0] not in known:
        raise ValueError(
            f"checkpoint.hook: best is {best[0]!r}; the history has {', '.join(known)}"
        )
    if event.kind != "epoch":
        return False
    *past, row = event.history
    value = lambda row: _directory.value(row, best)
    return value(row) > max(map(value, past), default=-math.inf)


def _check_directory(newest: _Newest, directory: Path, step: int) -> None:
    """Refuses another run's directory at the first checkpoint, and misses it at a later one."""
    if not newest.looked:
        _directory.check_order(directory, step)
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
