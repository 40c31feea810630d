"""Scaling and class weights, measured on the training part."""

from collections.abc import Sequence
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike

from jaxdl import _checks
from jaxdl._checks import describe
from jaxdl._plain import plain_numbers
from jaxdl.data._dataset import D, check_dataset, check_named, parts, with_parts


class Scaling(NamedTuple):
    """Mean and standard deviation of features."""

    mean: np.ndarray
    std: np.ndarray  # 1 where a feature is constant


@plain_numbers
def fit_scaling(x: ArrayLike, *, axis: int | Sequence[int] = 0) -> Scaling:
    """Computes the mean μ and standard deviation σ of features, in float64.

    σ is the population's, without Bessel's correction, as in scikit-learn's ``StandardScaler``. A
    feature that is constant up to rounding gets σ = 1, so that scaling makes it 0.

    Args:
        x: numbers, shape (N, …).
        axis: axes to average over, including 0: use 0 for each feature, (0, 1, 2) for each channel
            of images.

    Returns:
        The Scaling, float64; its arrays have the shape of a row, with size 1 along averaged axes.

    Raises:
        ValueError: if x has no rows or holds nan or infinity, or ``axis`` isn't distinct
            axes with 0 among them.
        TypeError: if x doesn't hold numbers.

    Example:
        >>> fit_scaling([[1.0, 5.0], [3.0, 5.0]])
        Scaling(mean=array([2., 5.]), std=array([1., 1.]))
    """
    x = np.asarray(x)
    if not jnp.issubdtype(x.dtype, jnp.number):
        raise TypeError(f"fit_scaling: x is {describe(x)}; it must hold numbers")
    if x.ndim == 0 or len(x) == 0:
        raise ValueError(f"fit_scaling: x is {describe(x)}; it needs rows")
    if not np.isfinite(x).all():
        raise ValueError("fit_scaling: x holds nan or infinity")
    axes = tuple(axis) if isinstance(axis, Sequence) else (axis,)
    distinct = all(map(_checks.is_whole, axes)) and len(set(axes)) == len(axes)
    if not distinct or 0 not in axes:
        raise ValueError(
            f"fit_scaling: axis is {axis!r}; it must be different axes, including 0, the rows"
        )
    mean = x.mean(axis=axes, dtype=np.float64, keepdims=True)
    std = x.std(axis=axes, dtype=np.float64, keepdims=True)
    constant = std <= 10 * np.finfo(np.float64).eps * np.abs(mean)
    # The mean of many equal numbers is rounded, and σ may then exceed the bound above.
    constant |= x.min(axis=axes, keepdims=True) == x.max(axis=axes, keepdims=True)
    return Scaling(mean[0], np.where(constant, 1.0, std)[0])


def scaled(x: ArrayLike, scaling: Scaling) -> np.ndarray:
    """Standardises: (x − μ)/σ.

    Args:
        x: shape (N, …).
        scaling: from ``fit_scaling``.

    Returns:
        float32, the shape of x.

    Raises:
        ValueError: if the rows of x don't have the shape that was measured.

    Example:
        >>> scaled([[3.0]], Scaling(np.array([2.0]), np.array([0.5])))
        array([[2.]], dtype=float32)
    """
    x = np.asarray(x)
    sizes = zip(x.shape[1:], scaling.mean.shape, strict=False)
    if x.ndim - 1 != scaling.mean.ndim or any(m not in (1, n) for n, m in sizes):
        raise ValueError(f"scaled: x is {describe(x)}, the scaling's mean {describe(scaling.mean)}")
    # In float64: subtracting the mean from large numbers cancels most of their digits.
    return ((x.astype(np.float64) - scaling.mean) / scaling.std).astype(np.float32)


@plain_numbers
def standardize(dataset: D, *, axis: int | Sequence[int] = 0) -> tuple[D, Scaling]:
    """Standardises the inputs of every part by the training part's mean and standard deviation.

    Args:
        dataset: has numbers as ``inputs`` in each part.
        axis: see ``fit_scaling``.

    Returns:
        The Dataset with float32 inputs, and the Scaling, for later data.

    Example:
        >>> from jaxdl.data import Dataset
        >>> line = {"inputs": np.array([[0.0], [2.0]])}
        >>> standardized, scaling = standardize(Dataset(line, test={"inputs": np.array([[3.0]])}))
        >>> standardized.test["inputs"], scaling.std
        (array([[2.]], dtype=float32), array([1.]))
    """
    check_dataset("standardize", dataset)
    for name, part in parts(dataset):
        check_named("standardize", part, "inputs", f"dataset.{name}")
    scaling = fit_scaling(dataset.train["inputs"], axis=axis)
    change = lambda part: {**part, "inputs": scaled(part["inputs"], scaling)}
    return with_parts(dataset, change), scaling


@plain_numbers
def balanced_class_weights(labels: ArrayLike, classes: int) -> np.ndarray:
    """Returns weights that make all classes count equally: N / (C·N_c), with mean 1 over rows.

    Args:
        labels: integers in [0, classes), any shape.
        classes: C.

    Returns:
        float32 (classes,), to pass to ``train.class_weights`` or ``losses.cross_entropy``.

    Raises:
        ValueError: if a class has no rows, or a label is out of range.
        TypeError: if labels aren't integers.

    Example:
        >>> balanced_class_weights([0, 0, 0, 1], 2)
        array([0.6666667, 2.       ], dtype=float32)
    """
    _checks.positive_ints("balanced_class_weights", classes=classes)
    labels = np.asarray(labels)
    if labels.dtype.kind not in "iu":
        raise TypeError(
            f"balanced_class_weights: labels is {describe(labels)}; it must hold integers"
        )
    if labels.size and not 0 <= labels.min() <= labels.max() < classes:
        raise ValueError(
            f"balanced_class_weights: labels run from {labels.min()} to {labels.max()}, and there"
            f" are {classes} classes, 0 … {classes - 1}"
        )
    counts = np.bincount(labels.ravel(), minlength=classes)
    if (counts == 0).any():
        raise ValueError(
            f"balanced_class_weights: the labels' classes have {counts.tolist()} rows; "
            f"it needs some of each of {classes}"
        )
    return (counts.sum() / (classes * counts)).astype(np.float32)
