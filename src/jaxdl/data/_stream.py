"""Data that arrives batch by batch, because it doesn't fit into memory or is made on the fly."""

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple, TypeAlias

import jax
import numpy as np

from jaxdl import _checks
from jaxdl.data._dataset import Dataset, listed, rows_of
from jaxdl.data._splits import check_seed
from jaxdl.types import Batch


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
