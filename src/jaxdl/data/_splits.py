"""Splits: fixed partitions of a dataset's rows."""

import numbers
from collections.abc import Sequence
from typing import Any, overload

import numpy as np
from numpy.typing import ArrayLike

from jaxdl import _checks
from jaxdl._plain import plain_numbers
from jaxdl.data._dataset import (
    Dataset,
    Split,
    TrainTest,
    TrainValidation,
    check_dataset,
    plain,
    rows_of,
    take,
)
from jaxdl.types import Batch


@plain_numbers
def stratified_split(
    labels: ArrayLike, fractions: Sequence[float], *, seed: int = 0
) -> tuple[np.ndarray, ...]:
    """Partitions rows at random, dividing every class in the same proportions.

    All rows are permuted once. Of the n rows of a class, in their new order, part i gets those
    from ``round(n·Σ_{j<i} fⱼ)`` to ``round(n·Σ_{j≤i} fⱼ)``. If the classes are so small that this
    leaves a part empty, rows of several classes move to it until its share of all rows is right.

    Args:
        labels: the class of each row, shape (N,); integers or strings.
        fractions: the share of each part, above 0; their sum is at most 1.
        seed: seed of the permutation, 0 … 2³² − 1. A seed gives the same split on every machine and
            with every version of NumPy: ``RandomState`` has a frozen stream.

    Returns:
        An array of row indices for each part: disjoint, none of them empty, classes mixed; they
        cover all rows if the fractions add up to 1.

    Raises:
        ValueError: if the fractions, the seed or the labels' shape are invalid, or there are fewer
            rows than parts.
        TypeError: if ``fractions`` isn't a sequence of numbers.

    Example:
        >>> train, test = stratified_split([0, 0, 0, 0, 1, 1, 1, 1], (0.75, 0.25))
        >>> len(train), len(test)
        (6, 2)
    """
    labels = np.asarray(labels)
    if labels.ndim != 1:
        raise ValueError(f"stratified_split: labels has shape {labels.shape}; it needs (N,)")
    check_split("stratified_split", fractions, seed)
    check_rows("stratified_split", len(labels), len(fractions))
    order = np.random.RandomState(seed).permutation(len(labels))
    names, classes = np.unique(labels[order], return_inverse=True)  # nan is one of the names
    bounds, part = np.cumsum(fractions), np.empty(len(labels), int)
    for i in range(len(names)):
        rows = np.flatnonzero(classes == i)
        part[rows] = np.searchsorted(np.rint(bounds * len(rows)), np.arange(len(rows)), "right")
    _fill_empty_parts(part, classes, np.append(fractions, 1 - bounds[-1]))
    return tuple(order[part == i] for i in range(len(bounds)))


def _fill_empty_parts(part: np.ndarray, classes: np.ndarray, shares: np.ndarray) -> None:
    """Moves rows, at most one per class, into each part that rounding left empty.

    Args:
        part: the part of each row, changed in place; the last part holds the unused rows.
        classes: the class of each row.
        shares: the share of each part.
    """
    for empty in np.flatnonzero(np.bincount(part, minlength=len(shares))[:-1] == 0):
        counts = np.zeros((classes.max(initial=0) + 1, len(shares)), int)
        np.add.at(counts, (classes, part), 1)
        total, surplus = counts.sum(axis=0), counts - counts.sum(axis=1, keepdims=True) * shares
        surplus = np.where((counts > 0) & ((total > 1) | (total == total[-1])), surplus, -np.inf)
        donors = surplus.argmax(axis=1)
        needed = max(1, int(shares[empty] * len(part) + 1e-9))
        for i in np.argsort(-surplus.max(axis=1), kind="stable")[:needed]:
            rows = np.flatnonzero((classes == i) & (part == donors[i]))
            if len(rows) and (part == donors[i]).sum() > 1:
                part[rows[-1]] = empty


def check_split(function: str, fractions: Any, seed: Any, *, parts: int | None = None) -> None:
    """Raises an error if the fractions or the seed are invalid."""
    is_sequence = isinstance(fractions, Sequence | np.ndarray) and not isinstance(fractions, str)
    if not is_sequence or not all(isinstance(share, numbers.Real) for share in fractions):
        raise TypeError(f"{function}: fractions is {fractions!r}; it must be a tuple of numbers")
    if parts is not None and len(fractions) != parts:
        raise ValueError(
            f"{function}: fractions is {tuple(fractions)}; it needs {parts} numbers, for"
            " training, validation and test"
        )
    if not len(fractions) or not min(fractions) > 0 or not sum(fractions) <= 1 + 1e-9:
        raise ValueError(
            f"{function}: fractions is {tuple(fractions)}; "
            "each must be above 0, and their sum at most 1"
        )
    check_seed(function, seed)


def check_rows(function: str, rows: int, parts: int = 3) -> None:
    """Raises a ValueError unless there are as many rows as parts."""
    if rows < parts:
        raise ValueError(f"{function}: {rows} rows can't fill {parts} parts")


def check_seed(function: str, seed: int) -> None:
    """Raises a ValueError unless a seed is an integer that NumPy accepts."""
    if not _checks.is_whole(seed) or not 0 <= seed < 2**32:
        raise ValueError(f"{function}: seed is {seed!r}; it must be an integer from 0 to 2**32 - 1")


def split_rows(
    rows: Batch,
    strata: ArrayLike,
    fractions: tuple[float, float, float],
    *,
    seed: int = 0,
    classes: tuple[str, ...] = (),
    description: str = "",
) -> Split:
    """Returns rows as a Dataset, split by ``stratified_split``.

    Args:
        rows: arrays (N, …) by name.
        strata: the classes to divide in the same proportions, (N,); zeros to ignore classes.
        fractions: shares for training, validation and test.
        seed: seed of the split.
        classes: the Dataset's class names.
        description: the Dataset's description.

    Returns:
        The Dataset.
    """
    parts = stratified_split(strata, fractions, seed=seed)
    train, validation, test = (take(rows, part) for part in parts)
    return Split(train, validation, test, classes, description)


@overload
def hold_out(  # type: ignore[overload-overlap]  # a Split has a validation part too
    dataset: TrainTest, fraction: float
) -> Split: ...
@overload
def hold_out(dataset: Dataset, fraction: float) -> TrainValidation: ...
@plain_numbers
def hold_out(dataset: Dataset, fraction: float) -> Dataset:
    """Moves the last rows of the training part to a validation part, as Keras does.

    Of N rows, the first ``int(N·(1 − fraction))`` stay, as with Keras's ``validation_split``, so
    that Keras runs can be reproduced. Nothing is shuffled.

    Args:
        dataset: has no validation part.
        fraction: share of rows to move, in (0, 1).

    Returns:
        The Dataset with the two parts.

    Raises:
        ValueError: if the dataset already has a validation part, or a part would be empty.
        TypeError: if ``fraction`` isn't a number.

    Example:
        >>> split = hold_out(Dataset(train={"inputs": np.arange(10)}), 0.2)
        >>> split.train["inputs"], split.validation["inputs"]
        (array([0, 1, 2, 3, 4, 5, 6, 7]), array([8, 9]))

    Reference: https://keras.io/api/models/model_training_apis/
    """
    check_dataset("hold_out", dataset)
    if dataset.validation is not None:
        raise ValueError("hold_out: the dataset has a validation part already")
    if not isinstance(fraction, numbers.Real):
        raise TypeError(f"hold_out: fraction is {fraction!r}; it must be a number in (0, 1)")
    size = rows_of(dataset.train) or 0
    kept = int(size * (1 - fraction)) if 0 < fraction < 1 else 0
    if not 0 < kept < size:
        raise ValueError(
            f"hold_out: fraction {fraction} of {size} rows leaves {kept} to train on and "
            f"{size - kept} to validate on; both need one or more"
        )
    first, last = (take(plain(dataset.train), rows) for rows in (slice(kept), slice(kept, None)))
    kind = TrainValidation if dataset.test is None else Split
    return kind(first, last, *dataset[2:])
