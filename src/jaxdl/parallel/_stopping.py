"""Signals that ask a run to stop, in one process or in all at the same step."""

import contextlib
import itertools
import os
import signal
import threading
from collections.abc import Callable, Iterator
from typing import Any

import jax
from jax.experimental import multihost_utils

ShouldStop = Callable[[int], int | None]

# JAX counts how often each process has asked, and lets all stop at the same count, which every
# process must reach: steps can't be counted, since a chunk has many of them.
_ASKED = itertools.count()


@contextlib.contextmanager
def stopping() -> Iterator[ShouldStop]:
    """Combines Ctrl-C, SIGTERM and a cluster's preemption notice into one check.

    The first signal is only recorded, so that the current step and a checkpoint can finish; the
    second acts as usual. After ``jax.distributed.initialize`` JAX handles SIGTERM itself, as the
    preemption notice, and stops all processes at the same step; a Ctrl-C to one process is then
    passed on as that notice too.

    Returns:
        A context whose value is a function ``should_stop(step)``: None, or the number of the
        signal. With several processes each must ask as often as the others.

    Example:
        >>> with stopping() as should_stop:
        ...     print(should_stop(0))
        None
    """
    noted: list[int] = []
    together = jax.process_count() > 1

    def should_stop(step: int) -> int | None:
        if together and multihost_utils.reached_preemption_sync_point(next(_ASKED)):
            return noted[0] if noted else signal.SIGTERM
        return noted[0] if noted and not together else None

    if threading.current_thread() is not threading.main_thread():
        yield should_stop  # only the main thread may handle signals
        return
    numbers = (signal.SIGINT,) if together else (signal.SIGINT, signal.SIGTERM)
    before: dict[int, Any] = {number: signal.getsignal(number) for number in numbers}

    def note(number: int, frame: object) -> None:
        noted.append(number)
        signal.signal(number, before[number] or signal.SIG_DFL)
        if together:
            os.kill(os.getpid(), signal.SIGTERM)

    for number in numbers:
        signal.signal(number, note)
    try:
        yield should_stop
    finally:
        for own, handler in before.items():
            signal.signal(own, handler or signal.SIG_DFL)
