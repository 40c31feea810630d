"""Loaders of grain, of Hugging Face's datasets and of PyTorch as a Stream."""

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from jaxdl import data
from jaxdl._warnings import warn
from jaxdl.types import Batch, PyTree

_MOST = 2**48
"""No loader that ends has more batches."""


def stream(
    loader: Any,
    validation: Batch | None = None,
    *,
    names: Sequence[str] = ("inputs", "labels"),
    batch_size: int | None = None,
    steps: int | None = None,
    seed: int = 0,
) -> data.Stream:
    """Makes a Stream for ``fit`` from another library's loader.

    A loader that shuffles is iterated again in each epoch. PyTorch's yield a new order each time; a
    ``grain.MapDataset`` is repeated, which reshuffles it; a ``datasets.IterableDataset`` gets the
    epoch's number. Only a ``grain.DataLoader`` repeats its order: make it in a function of the
    epoch, or endless (``num_epochs=None``) with ``steps``.

    Args:
        loader: an iterable of batches, such as a ``torch.utils.data.DataLoader`` or one of
            ``grain``; a function of the epoch's number that makes one; or a ``datasets.Dataset``
            or ``datasets.IterableDataset`` of rows.
        validation: the validation part, a dict of arrays.
        names: names of the parts of a batch, if batches are tuples.
        batch_size: rows per step, for ``datasets``; a ``datasets.Dataset`` is reshuffled in each
            epoch.
        steps: batches per epoch, for a loader without an end; each epoch continues where the
            previous one ended.
        seed: seed of the order of a ``datasets.Dataset``.

    Returns:
        A Stream of dicts of NumPy arrays.

    Raises:
        TypeError: if it isn't a loader, or a batch is neither a dict nor a tuple.
        ValueError: if a loader is endless, or has no length and so may be endless, without
            ``steps``; if ``datasets`` have no ``batch_size``; if a tuple has another length than
            ``names``.

    Warns:
        UserWarning: if a ``grain.DataLoader`` would repeat its shuffled order in each epoch.

    Example:
        >>> batches = [(np.ones((4, 3)), np.zeros(4, int))] * 5
        >>> made = stream(batches)
        >>> {name: array.shape for name, array in next(iter(made.train(0))).items()}
        {'inputs': (4, 3), 'labels': (4,)}
    """
    if hasattr(loader, "with_format") and hasattr(loader, "column_names"):
        if hasattr(loader, "__len__"):
            return data.Stream(_rows(loader, batch_size, seed), validation)
        loader = _parts(loader, batch_size)
    is_function = callable(loader) and not isinstance(loader, Iterable)
    make = loader if is_function else _epochs(loader, steps)

    def batches(epoch: int) -> Iterator[Batch]:
        for batch in itertools.islice(make(epoch), steps):
            yield _named(batch, names)

    return data.Stream(batches, validation)


def _epochs(loader: Any, steps: int | None) -> Callable[[int], Iterable[Batch]]:
    """What a loader yields in each epoch."""
    if not isinstance(loader, Iterable):
        raise TypeError(f"interop.stream got {type(loader).__name__}; it must yield batches")
    if steps is not None:
        return _going_on(loader, steps)
    if isinstance(loader, Iterator):
        raise ValueError("interop.stream got an iterator, which ends after one epoch; pass steps=…")
    length = _length(loader)
    if length is None:
        raise ValueError(
            "interop.stream: the loader has no length, so that it may have no end; pass steps=…, "
            "the batches per epoch, or give lambda epoch: loader if it ends by itself"
        )
    if length > _MOST:
        raise ValueError(
            "interop.stream: the loader has no end; pass steps=…, the batches per epoch"
        )
    if hasattr(loader, "repeat") and hasattr(loader, "to_iter_dataset"):  # grain's, by number
        again = loader.repeat()
        return lambda epoch: map(again.__getitem__, range(epoch * length, (epoch + 1) * length))
    return lambda epoch: loader


def _going_on(loader: Iterable[Batch], steps: int) -> Callable[[int], Iterator[Batch]]:
    """Batches of epoch after epoch; any but the next starts over and skips those before it."""
    following: int | None = None
    rest: Iterator[Batch] = iter(())

    def make(epoch: int) -> Iterator[Batch]:
        nonlocal following, rest
        if isinstance(loader, Iterator):
            return loader
        if following != epoch:
            rest = itertools.islice(_again_and_again(loader), epoch * steps, None)
        following = epoch + 1
        return rest

    return make


def _again_and_again(loader: Iterable[Batch]) -> Iterator[Batch]:
    empty = False
    while not empty:
        empty = True
        for batch in loader:
            empty = False
            yield batch


def _parts(dataset: Any, batch_size: int | None) -> Callable[[int], Iterator[Batch]]:
    """Batches of a ``datasets.IterableDataset``, which shuffles by the epoch it is given."""
    if batch_size is None:
        raise ValueError("interop.stream: a datasets.IterableDataset has rows; pass batch_size=…")

    arrays = dataset.with_format("numpy")

    def make(epoch: int) -> Iterator[Batch]:
        arrays.set_epoch(epoch)
        return arrays.iter(batch_size)

    return make


def _rows(dataset: Any, batch_size: int | None, seed: int) -> data.Reader:
    if isinstance(dataset.column_names, Mapping):
        parts = ", ".join(map(repr, dataset.column_names))
        raise TypeError(f"interop.stream got a dict of the datasets {parts}; give one of them")
    if batch_size is None:
        raise ValueError("interop.stream: a datasets.Dataset has rows; pass batch_size=…")
    arrays = dataset.with_format("numpy")
    read = lambda rows: {name: np.asarray(column) for name, column in arrays[rows].items()}
    return data.Reader(read, len(dataset), batch_size, seed)


def _length(loader: Any) -> int | None:
    """Batches of a loader; grain marks an endless one by an absurd length."""
    sampler: Any = getattr(loader, "_sampler", None)  # of a grain.DataLoader, which has no length
    if hasattr(sampler, "_num_epochs"):
        return _MOST + 1 if sampler._num_epochs is None else _of_sampler(sampler)
    try:
        return len(loader)
    except TypeError:
        return None
    except OverflowError:
        return _MOST + 1


def _of_sampler(sampler: Any) -> int:
    """A length that isn't used; warns where a shuffle gives the same order in each epoch."""
    if getattr(sampler, "_shuffle", False):
        warn(
            "interop.stream: a grain.DataLoader shuffles once, so that all epochs have one order; "
            "make it with num_epochs=None and pass steps=…, or give a function of the epoch"
        )
    return 1


def _named(batch: PyTree, names: Sequence[str]) -> Batch:
    if isinstance(batch, Mapping):
        return {name: _array(value) for name, value in batch.items()}
    if not isinstance(batch, tuple | list):
        raise TypeError(f"interop.stream: a batch is {type(batch).__name__}, not a dict or a tuple")
    if len(batch) != len(names):
        raise ValueError(
            f"interop.stream: a batch has {len(batch)} parts, and there are {len(names)} names: "
            f"{', '.join(names)}"
        )
    return {name: _array(value) for name, value in zip(names, batch, strict=True)}


def _array(value: object) -> np.ndarray:
    return value.detach().cpu().numpy() if hasattr(value, "detach") else np.asarray(value)
