"""Validity: what a dataset must satisfy before anything is trained on it."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxdl import _checks, _paths
from jaxdl._warnings import warn
from jaxdl.data._dataset import (
    Dataset,
    at,
    check_dataset,
    has,
    leaves,
    listed,
    parts,
    rows_of,
)
from jaxdl.data._leaks import leaks
from jaxdl.types import Batch, PyTree


def check(dataset: Dataset) -> None:
    """Raises the error that says in plain words why a dataset can't be trained on.

    It runs once, before training: inside a compiled step nothing can look at values. Only
    floating-point arrays are searched for nan, so images in ``uint8`` cost next to nothing. Labels
    may have any shape, such as one for each position: the loss says which it needs.

    Args:
        dataset: any.

    Raises:
        ValueError: if a part is empty; its arrays differ in length; a floating-point array holds
            nan or infinity, or becomes infinite in float32; an integer doesn't fit the 32 bits that
            JAX keeps without ``jax_enable_x64``; labels aren't the integers ``0 … len(classes) -
            1`` though classes are named; weights are negative or all 0; the rows of two parts
            differ in shape.
        TypeError: if a part holds something other than arrays of numbers.

    Warns:
        UserWarning: if one feature of a table alone separates the classes, or numbers the rows.

    Example:
        >>> check(Dataset(train={"inputs": np.array([[1.0], [np.nan]])}))
        Traceback (most recent call last):
        ValueError: dataset.train['inputs'] has 1 row with nan or infinity, the first is row 1
    """
    validate(dataset)
    for leak in leaks(dataset):
        warn(f"check: {leak}")


def validate(dataset: Dataset) -> None:
    """Raises what ``check`` raises, and warns of nothing."""
    check_dataset("check", dataset)
    if isinstance(dataset.classes, str):
        raise TypeError(f"dataset.classes is the string {dataset.classes!r}; it must be a tuple")
    for name, part in parts(dataset):
        where = f"dataset.{name}"
        _check_arrays(where, part)
        _check_lengths(where, part)
        for path, x in leaves(part):
            _check_finite(at(where, path), x)
            check_width(at(where, path), x)
        if dataset.classes and has(part, "labels"):
            _check_labels(f"{where}['labels']", part["labels"], len(dataset.classes))
        if has(part, "weight"):
            _check_weight(f"{where}['weight']", np.asarray(part["weight"]), rows_of(part))
        _check_same_rows(where, part, dataset.train)


def _check_arrays(where: str, part: object) -> None:
    """Lists would be taken for trees of arrays, and text has no place on a device."""
    lists = jax.tree.leaves_with_path(part, is_leaf=lambda x: isinstance(x, list))
    for path, x in ((_paths.spell(path), x) for path, x in lists):
        if not isinstance(x, np.ndarray | jax.Array):
            raise TypeError(
                f"{at(where, path)} is a {type(x).__name__}; it must be {_must(path, x)}"
            )
        if isinstance(x, np.ndarray) and x.dtype.kind in "OSUMm":
            raise TypeError(
                f"{at(where, path)} is {_checks.describe(x)}; it must hold numbers, for classes"
                " integers from 0"
            )


def _must(path: str, x: object) -> str:
    if isinstance(x, list) and any(hasattr(y, "dtype") for y in x):
        return "an array, or a tuple of arrays if a row has several"
    return "an array" if path else 'a dict of arrays, such as {"inputs": …, "labels": …}'


def _check_lengths(where: str, part: Batch) -> None:
    arrays = jax.tree.leaves(part)
    if not arrays:
        raise ValueError(f"{where} is empty: it has no arrays")
    if any(np.ndim(x) == 0 for x in arrays):
        raise ValueError(f"{where} holds {listed(part)}; each needs a first axis of rows")
    rows = rows_of(part)
    if rows is None:
        raise ValueError(f"{where} holds arrays of different lengths: {listed(part)}")
    if rows == 0:
        raise ValueError(f"{where} is empty: {listed(part)}; it needs one row or more")


def _check_finite(where: str, x: object) -> None:
    x = np.asarray(x)
    if not jnp.issubdtype(x.dtype, jnp.inexact):
        return
    finite = np.isfinite(x)
    if not finite.all():
        bad = np.flatnonzero(~finite.reshape(len(x), -1).all(axis=1))
        rows = "1 row" if len(bad) == 1 else f"{len(bad)} rows"
        raise ValueError(f"{where} has {rows} with nan or infinity, the first is row {bad[0]}")
    if x.dtype == np.float64 and _narrows() and (top := np.abs(x).max()) > np.finfo("f4").max:
        raise ValueError(
            f"{where} is {_checks.describe(x)} and reaches {top:.3g}, infinite in float32"
        )


def check_widths(where: str, tree: PyTree) -> None:
    """Raises a ValueError if an array of a tree holds an integer that JAX would wrap."""
    for path, x in leaves(tree):
        if isinstance(x, np.ndarray):
            check_width(at(where, path), x)


def check_width(where: str, x: Any) -> None:
    """Raises a ValueError if an array holds an integer that JAX would wrap."""
    if (value := too_wide(x)) is not None:
        kept = "int32" if x.dtype.kind == "i" else "uint32"
        raise ValueError(
            f"{where} is {_checks.describe(x)} and holds {value}, which {kept} can't hold; "
            "jax.config.update('jax_enable_x64', True) keeps 64 bits"
        )


def too_wide(x: Any) -> int | None:
    """Returns an integer of an array that doesn't fit the bits that JAX keeps, if there is one."""
    if isinstance(x, jax.Array) or not x.size or x.dtype.kind not in "iuO":
        return None
    if x.dtype.itemsize < 8 or not (_narrows() or x.dtype == object):
        return None
    low, high = (0, 2**32) if x.dtype.kind == "u" else (-(2**31), 2**31)
    ends = int(x.min()), int(x.max())
    return next((value for value in ends if not low <= value < high), None)


def _narrows() -> bool:
    """Whether JAX keeps 32 bits of numbers of 64."""
    return not jax.config.read("jax_enable_x64")


def _check_labels(where: str, labels: object, classes: int) -> None:
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


def _check_weight(where: str, weight: np.ndarray, rows: int | None) -> None:
    if weight.shape != (rows,):
        raise ValueError(f"{where} is {_checks.describe(weight)}; it needs one number per row")
    if (weight < 0).any() or not weight.any():
        raise ValueError(
            f"{where} runs from {weight.min()} to {weight.max()}; weights must be 0 or more, and"
            " some above 0"
        )


def _check_same_rows(where: str, part: Batch, train: Batch) -> None:
    trained = dict(leaves(train))
    for path, x in leaves(part):
        if path in trained and np.shape(x)[1:] != np.shape(trained[path])[1:]:
            raise ValueError(
                f"{at(where, path)} has rows of shape {np.shape(x)[1:]}, and dataset.train of shape"
                f" {np.shape(trained[path])[1:]}"
            )
