"""Validity: what a dataset must be before anything is trained on it."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxdl import _checks
from jaxdl.data._dataset import Dataset, parts
from jaxdl.types import Batch


def check(dataset: Dataset) -> None:
    """Raises the ValueError that says in plain words why a dataset can't be trained on.

    It runs once, before training: inside a compiled step nothing can look at values. Only
    floating-point arrays are searched for nan, so images in ``uint8`` cost next to nothing.

    Args:
        dataset: any.

    Raises:
        ValueError: if a part is empty, its arrays differ in length, a floating-point array holds
            nan or infinity, labels aren't the integers ``0 … len(classes) - 1`` though classes are
            named, weights are negative or all 0, or the rows of two parts differ in shape.
        TypeError: if a part holds something else than arrays of numbers.

    Example:
        >>> check(Dataset(train={"inputs": np.array([[1.0], [np.nan]])}))
        Traceback (most recent call last):
        ValueError: dataset.train['inputs'] has 1 row with nan or infinity, the first is row 1
    """
    for name, part in parts(dataset):
        where = f"dataset.{name}"
        _check_arrays(where, part)
        _check_lengths(where, part)
        for array, x in part.items():
            _check_finite(f"{where}[{array!r}]", x)
        if dataset.classes and "labels" in part:
            _check_labels(f"{where}['labels']", part["labels"], len(dataset.classes))
        if "weight" in part:
            _check_weight(f"{where}['weight']", np.asarray(part["weight"]))
        _check_same_rows(where, part, dataset.train)


def _check_arrays(where: str, part: Batch) -> None:
    """Lists would be taken for trees of arrays, and text has no place on a device."""
    for name, x in part.items():
        if not isinstance(x, np.ndarray | jax.Array):
            raise TypeError(f"{where}[{name!r}] is a {type(x).__name__}; it must be an array")
        if isinstance(x, np.ndarray) and x.dtype.kind in "OSUMm":
            raise TypeError(
                f"{where}[{name!r}] is {_checks.describe(x)}; it must hold numbers, as those of"
                " classes from 0 on"
            )


def _check_lengths(where: str, part: Batch) -> None:
    if not part:
        raise ValueError(f"{where} is empty: it has no arrays")
    listed = ", ".join(f"{name} {_checks.describe(x)}" for name, x in part.items())
    if any(np.ndim(x) == 0 for x in part.values()):
        raise ValueError(f"{where} holds {listed}; each needs a first axis of rows")
    lengths = {np.shape(x)[0] for x in part.values()}
    if len(lengths) > 1:
        raise ValueError(f"{where} holds arrays of different lengths: {listed}")
    if lengths == {0}:
        raise ValueError(f"{where} is empty: {listed}; it needs one row or more")


def _check_finite(where: str, x: Any) -> None:
    x = np.asarray(x)
    if not jnp.issubdtype(x.dtype, jnp.inexact) or np.isfinite(x).all():
        return
    bad = np.flatnonzero(~np.isfinite(x).reshape(len(x), -1).all(axis=1))
    rows = "1 row" if len(bad) == 1 else f"{len(bad)} rows"
    raise ValueError(f"{where} has {rows} with nan or infinity, the first is row {bad[0]}")


def _check_labels(where: str, labels: Any, classes: int) -> None:
    labels = np.asarray(labels)
    if not jnp.issubdtype(labels.dtype, jnp.integer):
        raise ValueError(
            f"{where} is {_checks.describe(labels)}; with {classes} classes it must hold integers"
        )
    low, high = labels.min(), labels.max()
    if low < 0 or high >= classes:
        outside = int(((labels < 0) | (labels >= classes)).sum())
        raise ValueError(
            f"{where} runs from {low} to {high}, and {outside} of {labels.size} labels lie outside "
            f"the {classes} classes 0 … {classes - 1}"
        )


def _check_weight(where: str, weight: np.ndarray) -> None:
    if (weight < 0).any() or not weight.any():
        raise ValueError(
            f"{where} runs from {weight.min()} to {weight.max()}; weights must be 0 or more, and"
            " some of them more"
        )


def _check_same_rows(where: str, part: Batch, train: Batch) -> None:
    for name in part.keys() & train.keys():
        ours, theirs = np.shape(part[name])[1:], np.shape(train[name])[1:]
        if ours != theirs:
            raise ValueError(
                f"{where}[{name!r}] has rows of shape {ours}, and dataset.train of shape {theirs}"
            )
