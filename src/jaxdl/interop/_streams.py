"""Loaders of grain, of Hugging Face's datasets and of PyTorch as a Stream."""

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from jaxdl import data
from jaxdl.types import Batch


def stream(
    loader: Any,
    validation: Batch | None = None,
    *,
    names: Sequence[str] = ("inputs", "labels"),
    batch_size: int | None = None,
    steps: int | None = None,
    seed: int = 0,
) -> data.Stream:
    """Makes a Stream for ``fit`` of another library's loader.

    Args:
        loader: an iterable of batches, such as a ``torch.utils.data.DataLoader`` or one of
            ``grain``; a function of the epoch's number that makes one, for loaders that would
            give the same order again; or a ``datasets.Dataset`` of rows.
        validation: the validation part, a dict of arrays.
        names: what the parts of a batch are called, where batches are tuples.
        batch_size: rows per step, for a ``datasets.Dataset``, which is shuffled anew in each epoch.
        steps: batches an epoch, for a loader without an end.
        seed: seed of the order of a ``datasets.Dataset``.

    Returns:
        A Stream of dicts of NumPy arrays.

    Raises:
        TypeError: if it isn't a loader, or a batch is neither a dict nor a tuple.
        ValueError: if a loader without an end has no ``steps``, a ``datasets.Dataset`` no
            ``batch_size``, or a tuple another length than ``names``.

    Example:
        >>> batches = [(np.ones((4, 3)), np.zeros(4, int))] * 5
        >>> made = stream(batches)
        >>> {name: array.shape for name, array in next(iter(made.train(0))).items()}
        {'inputs': (4, 3), 'labels': (4,)}
    """
    if hasattr(loader, "with_format") and hasattr(loader, "column_names"):
        return data.Stream(_rows(loader, batch_size, seed), validation)
    if steps is None and _is_endless(loader):
        raise ValueError("interop.stream: the loader has no end; say steps=…, the batches an epoch")
    if not callable(loader) and not isinstance(loader, Iterable):
        raise TypeError(f"interop.stream got {type(loader).__name__}; it must yield batches")
    if isinstance(loader, Iterator) and steps is None:
        raise ValueError("interop.stream got an iterator, which ends after one epoch; say steps=…")
    make = (lambda epoch: loader) if isinstance(loader, Iterable) else loader

    def batches(epoch: int) -> Iterator[Batch]:
        for batch in itertools.islice(make(epoch), steps):
            yield _named(batch, names)

    return data.Stream(batches, validation)


def _rows(dataset: Any, batch_size: int | None, seed: int) -> data.Reader:
    if batch_size is None:
        raise ValueError("interop.stream: a datasets.Dataset has rows; say batch_size=…")
    arrays = dataset.with_format("numpy")
    read = lambda rows: {name: np.asarray(column) for name, column in arrays[rows].items()}
    return data.Reader(read, len(dataset), batch_size, seed)


def _is_endless(loader: Any) -> bool:
    """Whether a loader says that it never ends; grain says so by a length out of all reason."""
    options = getattr(getattr(loader, "_sampler", None), "_num_epochs", 1)
    try:
        return len(loader) > 2**48 or options is None
    except (TypeError, OverflowError):
        return options is None


def _named(batch: Any, names: Sequence[str]) -> Batch:
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


def _array(value: Any) -> np.ndarray:
    return value.detach().cpu().numpy() if hasattr(value, "detach") else np.asarray(value)
