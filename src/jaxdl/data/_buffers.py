"""Batches gathered into buffers, which go to the device at once."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import jax
import numpy as np

from jaxdl import _checks
from jaxdl.data._dataset import at, leaves, listed, plain, rows_of
from jaxdl.data._validity import check_width
from jaxdl.types import Batch, PyTree


class Buffer(NamedTuple):
    """Batches of one shape, one after the other."""

    data: PyTree  # of arrays
    batch_size: int
    steps: int  # number of batches; rows after them are padding
    last: bool  # whether it ends the epoch


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
