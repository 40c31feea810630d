"""Splits: fixed partitions of a dataset's rows."""

from collections.abc import Sequence

import numpy as np
from jax.typing import ArrayLike

from jaxdl.data._dataset import Dataset, take
from jaxdl.types import Batch


def stratified_split(
    labels: ArrayLike, fractions: Sequence[float], *, seed: int = 0
) -> tuple[np.ndarray, ...]:
    """Partitions rows at random so that every class is divided in the same proportions.

    All rows are permuted once. Of the n rows of a class, in their new order, part i gets those
    from ``round(n·Σ_{j<i} fⱼ)`` to ``round(n·Σ_{j≤i} fⱼ)``.

    Args:
        labels: one class a row, shape (N,); integers or strings.
        fractions: the share of each part, above 0, together at most 1.
        seed: of the permutation. A seed gives the same split on every machine and with every
            version of NumPy: ``RandomState`` has a frozen stream.

    Returns:
        An array of row indices for each part: disjoint, classes mixed; they cover all rows where
        the fractions add up to 1.

    Raises:
        ValueError: if the fractions or the labels' shape make no sense.

    Example:
        >>> train, test = stratified_split([0, 0, 0, 0, 1, 1, 1, 1], (0.75, 0.25))
        >>> len(train), len(test)
        (6, 2)
    """
    labels = np.asarray(labels)
    bounds = np.cumsum(fractions)
    if labels.ndim != 1:
        raise ValueError(f"stratified_split: labels has shape {labels.shape}; it needs (N,)")
    if not len(bounds) or min(fractions) <= 0 or bounds[-1] > 1 + 1e-9:
        raise ValueError(
            f"stratified_split: fractions is {tuple(fractions)}; "
            "each must be above 0, and their sum at most 1"
        )
    order = np.random.RandomState(seed).permutation(len(labels))
    part = np.empty(len(labels), int)
    names, numbers = np.unique(labels[order], return_inverse=True)  # nan is one of the names
    for i in range(len(names)):
        rows = np.flatnonzero(numbers == i)
        part[rows] = np.searchsorted(np.rint(bounds * len(rows)), np.arange(len(rows)), "right")
    return tuple(order[part == i] for i in range(len(bounds)))


def split_rows(
    rows: Batch,
    strata: ArrayLike,
    fractions: tuple[float, float, float],
    *,
    seed: int = 0,
    classes: tuple[str, ...] = (),
    description: str = "",
) -> Dataset:
    """Returns rows as a Dataset, split by ``stratified_split``.

    Args:
        rows: arrays (N, …) by name.
        strata: what is divided in the same proportions, (N,); zeros where nothing is to be.
        fractions: shares to train on, to validate on and to test.
        seed: of the split.
        classes: of the Dataset.
        description: of the Dataset.

    Returns:
        The Dataset.

    Example:
        >>> split_rows({"inputs": np.arange(10)}, np.zeros(10), (0.8, 0.1, 0.1)).test
        {'inputs': array([5])}
    """
    parts = stratified_split(strata, fractions, seed=seed)
    train, validation, test = (take(rows, part) for part in parts)
    return Dataset(train, validation, test, classes, description)


def hold_out(dataset: Dataset, fraction: float) -> Dataset:
    """Moves the last rows of the training part to a validation part, as Keras does.

    Of N rows, the first ``int(N·(1 − fraction))`` stay: Keras's ``validation_split``, so that
    its runs can be repeated. Nothing is shuffled.

    Args:
        dataset: without a validation part.
        fraction: the share of rows that moves, in (0, 1).

    Returns:
        The Dataset with the two parts.

    Raises:
        ValueError: if the dataset has a validation part, or one of the parts would be empty.

    Example:
        >>> split = hold_out(Dataset(train={"inputs": np.arange(10)}), 0.2)
        >>> split.train["inputs"], split.validation["inputs"]
        (array([0, 1, 2, 3, 4, 5, 6, 7]), array([8, 9]))

    Reference: https://keras.io/api/models/model_training_apis/
    """
    if dataset.validation is not None:
        raise ValueError("hold_out: the dataset has a validation part already")
    size = min((len(x) for x in dataset.train.values()), default=0)
    kept = int(size * (1 - fraction))
    if not 0 < kept < size:
        raise ValueError(
            f"hold_out: fraction {fraction} of {size} rows leaves {kept} to train on and "
            f"{size - kept} to validate on; both need one or more"
        )
    return dataset._replace(
        train=take(dataset.train, slice(kept)), validation=take(dataset.train, slice(kept, None))
    )
