"""Items that a thread gets ready ahead of their consumer."""

import atexit
import queue
import threading
import weakref
from collections.abc import Generator, Iterable
from typing import Any, TypeVar

import jax

from jaxdl import _checks
from jaxdl._plain import plain_numbers
from jaxdl.types import PyTree

T = TypeVar("T")
_LAST_SECONDS = 10.0  # to wait at exit for a source to yield its next item


def prefetched(items: Iterable[T], *, depth: int = 2) -> Generator[T, None, None]:
    """Iterates over items in a thread, ahead of their consumer.

    Args:
        items: any iterable; an error it raises is raised again by the result.
        depth: largest number of items kept ready.

    Returns:
        The items. The thread ends after the last one, or when the result is closed.

    Example:
        >>> list(prefetched(range(3)))
        [0, 1, 2]
    """
    ready: queue.Queue[tuple[Any, bool, BaseException | None]] = queue.Queue(depth)
    closed = threading.Event()

    def put(item: object, more: bool, error: BaseException | None = None) -> None:
        while not closed.is_set():
            try:
                return ready.put((item, more, error), timeout=0.1)
            except queue.Full:
                continue

    def work() -> None:
        try:
            for item in items:
                put(item, True)
                if closed.is_set():
                    return
            put(None, False)
        except BaseException as error:
            put(None, False, error)

    thread = threading.Thread(target=work, name="prefetch", daemon=True)
    _at_work[thread] = closed
    thread.start()
    try:
        while (got := ready.get())[1]:
            yield got[0]
        if got[2] is not None:
            raise got[2]
    finally:
        closed.set()


_at_work: weakref.WeakKeyDictionary[threading.Thread, threading.Event] = weakref.WeakKeyDictionary()


@atexit.register
def _end_threads() -> None:
    """Waits for prefetching threads: one still inside JAX at exit would abort the interpreter."""
    for closed in list(_at_work.values()):
        closed.set()
    for thread in list(_at_work):
        thread.join(_LAST_SECONDS)


@plain_numbers
def prefetch(
    batches: Iterable[PyTree],
    *,
    depth: int = 2,
    placement: jax.Device | jax.sharding.Sharding | None = None,
) -> Generator[PyTree, None, None]:
    """Puts batches on the device before they are needed; ``fit`` does this by itself.

    Args:
        batches: arrays, or trees of them such as dicts and tuples.
        depth: largest number of batches kept ready, at least 1.
        placement: a device or a sharding. Defaults to the default device.

    Returns:
        The batches, on the device.

    Raises:
        ValueError: if ``depth`` isn't a positive integer.

    Example:
        >>> [batch["inputs"].sum().item() for batch in prefetch([{"inputs": jax.numpy.ones(3)}])]
        [3.0]
    """
    _checks.positive_ints("prefetch", depth=depth)
    return prefetched((jax.device_put(batch, placement) for batch in batches), depth=depth)
