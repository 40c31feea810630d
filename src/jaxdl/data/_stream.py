"""Data that arrives batch by batch, because it doesn't fit into memory or is made on the fly."""

import atexit
import itertools
import queue
import threading
import weakref
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias, TypeVar

import jax
import numpy as np

from jaxdl import _checks
from jaxdl._plain import plain_numbers
from jaxdl.data._dataset import Dataset, at, leaves, listed, plain, rows_of
from jaxdl.data._splits import check_seed
from jaxdl.data._validity import check_width
from jaxdl.types import Batch, PyTree

T = TypeVar("T")
_LAST_SECONDS = 10.0  # to wait at exit for a source to yield its next item


class Reader(NamedTuple):
    """Rows that are read when needed, in a new order each epoch.

    The order depends only on ``seed`` and the epoch's number, and is the same on every machine.

    Example:
        >>> numbers = Reader(lambda rows: {"inputs": rows}, size=5, batch_size=2, shuffle=False)
        >>> [batch["inputs"].tolist() for batch in batches_of(numbers, 0)]
        [[0, 1], [2, 3], [4]]
    """

    read: Callable[[np.ndarray], Batch]  # maps row indices, (batch,), to the rows
    size: int  # number of rows
    batch_size: int
    seed: int = 0
    shuffle: bool = True


Batches: TypeAlias = Reader | Iterable[Batch] | Callable[[int], Iterable[Batch]]
"""Yields the batches of an epoch: a Reader, a function of the epoch's number (from 0), or an
iterable that can be iterated once per epoch, such as a DataLoader. A run interrupted within an
epoch resumes exactly if the epoch's batches depend only on its number."""


class Stream(NamedTuple):
    """Training and validation batches for ``fit``, each like a Dataset's part: a dict, or a tree.

    Example:
        >>> def batches(epoch):
        ...     rng = np.random.default_rng(epoch)
        ...     for _ in range(100):
        ...         x = rng.normal(size=(32, 5)).astype("float32")
        ...         yield {"inputs": x, "labels": x.argmax(axis=1)}
        >>> Stream(batches).validation is None
        True
    """

    train: Batches
    validation: Batches | Batch | None = None


class Buffer(NamedTuple):
    """Batches of one shape, one after the other."""

    data: PyTree  # of arrays
    batch_size: int
    steps: int  # number of batches; rows after them are padding
    last: bool  # whether it ends the epoch


def batches_of(source: Batches, epoch: int, *, skip: int = 0) -> Iterator[Batch]:
    """Returns an iterator over an epoch's batches.

    Args:
        source: the batches.
        epoch: number of the epoch, from 0.
        skip: number of batches to skip. A Reader doesn't read them; other sources yield them, and
            they are dropped.

    Returns:
        The remaining batches.

    Example:
        >>> next(batches_of([{"inputs": np.ones(2)}], 0))
        {'inputs': array([1., 1.])}
        >>> numbers = Reader(lambda rows: {"inputs": rows}, size=5, batch_size=2)
        >>> [batch["inputs"].tolist() for batch in batches_of(numbers, 3, skip=1)]
        [[1, 2], [3]]
    """
    if isinstance(source, Reader):
        return read(source, epoch, skip)
    found = source(epoch) if callable(source) else source
    if not isinstance(found, Iterable):
        raise TypeError(f"a stream's source yielded a {type(found).__name__}; it needs batches")
    batches = iter(found)
    return itertools.islice(batches, skip, None) if skip else batches


def read(
    source: Reader, epoch: int, skip: int, share: Callable[[int], slice] = slice
) -> Iterator[Batch]:
    """Reads an epoch's batches, or a share of the rows of each.

    Args:
        source: the batches.
        epoch: number of the epoch, from 0.
        skip: number of batches to skip.
        share: which of a number of rows to read. Defaults to all.

    Returns:
        The remaining batches.

    Raises:
        ValueError: if ``source`` returns another number of rows than it was asked for.

    Example:
        >>> numbers = Reader(lambda rows: {"inputs": rows}, size=4, batch_size=2, shuffle=False)
        >>> [batch["inputs"].tolist() for batch in read(numbers, 0, 0, lambda n: slice(1, n))]
        [[1], [3]]
    """
    _checks.positive_ints("Reader", size=source.size, batch_size=source.batch_size)
    check_seed("Reader", source.seed)
    order = np.arange(source.size)
    if source.shuffle:
        order = np.random.RandomState([source.seed, epoch]).permutation(order)
    for start in range(skip * source.batch_size, source.size, source.batch_size):
        whole = order[start : start + source.batch_size]
        rows = whole[share(len(whole))]
        batch = source.read(rows)
        if jax.tree.leaves(batch) and rows_of(batch) != len(rows):
            raise ValueError(
                f"Reader: read got {len(rows)} row numbers, but returned {listed(batch)}"
            )
        yield batch


def is_batch(data: object) -> bool:
    """Whether data is itself a batch of rows, and not a source of batches.

    Example:
        >>> x = np.ones(3)
        >>> [is_batch(data) for data in ({"x": x}, (x, x), x, [{"x": x}, {"x": x}])]
        [True, True, True, False]
    """
    if isinstance(data, Reader | Stream | Dataset):
        return False
    return isinstance(data, Mapping | tuple | np.ndarray | jax.Array)


def buffers(batches: Iterator[Batch], *, size: int = 2**23, most: int = 256) -> Iterator[Buffer]:
    """Gathers batches into larger buffers that are sent to the device together.

    Args:
        batches: trees of arrays, such as dicts.
        size: approximate bytes per buffer.
        most: largest number of batches per buffer.

    Returns:
        Buffers; those with the same batch shape share one shape, so that nothing compiles again.

    Raises:
        ValueError: if a batch is empty, or its arrays differ in length.
        TypeError: if an array doesn't hold numbers.

    Example:
        >>> rows = [{"inputs": np.ones(n)} for n in (4, 4, 4, 2)]
        >>> [(b.batch_size, b.steps, b.last) for b in buffers(iter(rows), most=2)]
        [(4, 2, False), (4, 1, False), (2, 1, True)]
    """
    full: dict[object, int] = {}  # batch capacity of the buffers, by batch shape
    for group, last in _groups(map(_checked, batches), size, most):
        capacity = full.setdefault(_shape(group[0]), len(group))
        data = jax.tree.map(lambda *parts: _joined(parts, capacity), *group)  # noqa: B023
        rows = len(jax.tree.leaves(group[0])[0])
        yield Buffer(data, rows, len(group), last)


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
        >>> [batch["inputs"].sum().item() for batch in prefetch([{"inputs": np.ones(3)}])]
        [3.0]
    """
    _checks.positive_ints("prefetch", depth=depth)
    return prefetched((jax.device_put(batch, placement) for batch in batches), depth=depth)


def _groups(batches: Iterator[Batch], size: int, most: int) -> Iterator[tuple[list[Batch], bool]]:
    """Yields runs of consecutive batches of one shape, as many as fit, and whether they end it."""
    group: list[Batch] = []
    for batch in batches:
        limit = min(most, max(1, size // max(1, sum(x.nbytes for x in jax.tree.leaves(batch)))))
        if group and (len(group) >= limit or _shape(batch) != _shape(group[0])):
            yield group, False
            group = []
        group.append(batch)
    if group:
        yield group, True


def _checked(batch: Batch) -> Batch:
    batch = jax.tree.map(np.asarray, plain(batch))
    if not rows_of(batch):
        raise ValueError(
            f"a stream yielded a batch of {listed(batch) or 'nothing'}; its arrays need rows"
        )
    for path, x in leaves(batch):
        if x.dtype.kind in "OSUMm":
            where = at("a stream's batch", path)
            raise TypeError(f"{where} is {_checks.describe(x)}, not of numbers")
        check_width(at("a stream's batch", path), x)
    return batch


def _shape(batch: Batch) -> tuple[object, ...]:
    structure: object = jax.tree.structure(batch)
    return structure, *((x.shape, x.dtype) for x in jax.tree.leaves(batch))


def _joined(parts: Sequence[np.ndarray], capacity: int) -> np.ndarray:
    rows = len(parts[0])
    # Zeros after the last batch: uninitialised memory may hold signalling NaNs.
    joined = np.zeros((capacity * rows, *parts[0].shape[1:]), parts[0].dtype)
    np.concatenate(parts, out=joined[: rows * len(parts)])
    return joined
