"""Checkpoints written in the background during a run."""

import dataclasses
import importlib
import math
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from jaxdl import _checks, parallel
from jaxdl._plain import plain_numbers
from jaxdl._warnings import warn
from jaxdl.checkpoint import _directory, _store
from jaxdl.checkpoint._directory import Best

FIRST_SECONDS = 1.0
"""When the first checkpoint comes: so little is lost if a run ends soon."""


@plain_numbers
def hook(
    directory: str | Path,
    *,
    every_seconds: float | None = None,
    every_steps: int | None = None,
    keep: int = 3,
    best: Best | None = None,
    background: bool = True,
) -> Callable[[Any], None]:
    """Saves checkpoints during a run: at intervals, at the best epoch, on interruption, at the end.

    If the disk is full or the folder isn't writable, a warning says so, training continues, earlier
    checkpoints are kept, and the next due event tries again. A removed folder is created again,
    with a warning. With several processes all have the hook; the first decides when, and writes.

    Args:
        directory: folder for the checkpoints, created at once if missing. A relative path is
            resolved when the hook is made.
        every_seconds: minimum time between checkpoints; 0 saves at every event. The first comes
            within a second. Defaults to 10, or to no time limit if ``every_steps`` is set.
        every_steps: minimum number of steps between checkpoints, checked at the events of ``fit``.
            With both, whichever comes first counts.
        keep: number of newest checkpoints to keep.
        best: a column of the history and ``"max"`` or ``"min"``, e.g.
            ``("validation_accuracy", "max")``: a new best epoch is saved at once, and kept.
        background: continue training while files are written. Until they are, a copy of the
            TrainState stays in memory and no other checkpoint starts.

    Returns:
        A hook for ``fit``: a function of an event with ``kind``, ``train_state`` and ``history``.
        The TrainState may be any tree of arrays with a ``step``. At ``"interrupt"`` and
        ``"finish"`` it returns once the last checkpoint is on disk. It raises a ValueError if the
        directory holds another run or the history has no column ``best``.

    Raises:
        OSError: if the directory can't be created or written to.
        ValueError: if a number or ``best`` is invalid.

    Example:
        >>> import tempfile
        >>> folder = tempfile.mkdtemp()
        >>> hooks = (hook(folder, best=("validation_loss", "min")),)  # and fit(…, hooks=hooks)
    """
    _checks.path("checkpoint.hook", "directory", directory)
    _checks.positive_ints("checkpoint.hook", keep=keep)
    _directory.check_best("checkpoint.hook", best)
    due = _due(every_seconds, every_steps)
    directory, writer = Path(directory).absolute(), ThreadPoolExecutor(1, "checkpoint")
    # It takes an eighth of a second, and here the first program is compiled meanwhile.
    writer.submit(importlib.import_module, "orbax.checkpoint")
    primary = parallel.is_primary()
    if primary:
        _check_writable(directory)
    newest = _Newest(begun=time.monotonic())

    def on_event(event: Any) -> None:
        step = _store.step_of("checkpoint.hook", event.train_state)
        last = event.kind in ("interrupt", "finish")
        urgent = last or _is_best(event, best)
        _settle(newest, directory, wait=urgent)
        # The end may have other parameters at the same step: those of the best epoch.
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
            parallel.broadcast_from_primary(0)  # no process ends before it is on disk

    return on_event


@dataclasses.dataclass
class _Newest:
    """The checkpoint started last."""

    begun: float
    step: int | None = None  # also None if it failed
    future: Future[None] | None = None  # while it is being written
    looked: bool = False  # whether the directory was found to be this run's


def _due(every_seconds: float | None, every_steps: int | None) -> Callable[[_Newest, int], bool]:
    """Makes a function that tells whether a checkpoint is due at a step."""
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
        # By the clock, the first checkpoint comes early.
        early = FIRST_SECONDS if not newest.looked and seconds < math.inf else math.inf
        passed = time.monotonic() - newest.begun >= min(seconds, early)
        enough = every_steps is not None and step - (newest.step or 0) >= every_steps
        return newest.future is None and (passed or enough)

    return due


def _settle(newest: _Newest, directory: Path, *, wait: bool) -> None:
    """Records the outcome of a finished write; warns if it failed."""
    if newest.future is None or not (wait or newest.future.done()):
        return
    future, newest.future = newest.future, None
    try:
        future.result()
    except OSError as error:
        warn(
            f"no checkpoint of step {newest.step} in {directory}: {error.strerror or error};"
            " training continues, and the earlier checkpoints are as they were"
        )
        newest.step = None


def _is_best(event: Any, best: Best | None) -> bool:
    """Whether the epoch that has just ended is the best so far."""
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
    """Refuses another run's directory at the first checkpoint; later, warns if it is missing."""
    if not newest.looked:
        _directory.check_order(directory, step)
    elif not directory.exists():
        warn(f"{directory} was removed, and the earlier checkpoints with it; it is created again")
    newest.looked = True


def _check_writable(directory: Path) -> None:
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=directory):
            pass
    except OSError as error:
        message = f"checkpoint.hook: {directory} can't be written to: {error.strerror}"
        raise OSError(error.errno, message) from error
