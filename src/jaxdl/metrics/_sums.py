"""Sums that add up over batches and devices, and row weights."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.typing import ArrayLike

from jaxdl._checks import ShapeError, array, describe
from jaxdl._precision import wide_dtype, widen
from jaxdl.types import Array, Mean, PyTree


def mean(values: ArrayLike, *, weight: ArrayLike | None = None) -> Mean:
    """Sums weighted values and their weights, whose ratio is the mean.

    Args:
        values: one value per row, shape (N,), or several, shape (N, …).
        weight: weight of each row, shape (N,), or of each value, same shape as ``values``.
            Defaults to 1.

    Returns:
        ``Mean(Σ wᵢ·vᵢ, Σ wᵢ)``. Values of weight 0 are ignored, even if they are nan.

    Raises:
        ShapeError: if ``weight`` has another shape.

    Example:
        >>> compute(mean(jnp.array([1.0, 2.0, 9.0]), weight=jnp.array([1.0, 1.0, 0.0])))
        1.5
    """
    values = widen(values)
    if weight is None:
        return Mean(values.sum(), jnp.asarray(values.size, values.dtype))
    weight = weight_of("mean", values, weight)
    return Mean((without_rows(values, weight) * weight).sum(), weight.sum())


def weight_of(function: str, values: Array, weight: ArrayLike | None) -> Array:
    """Returns the weight of each value in the dtype of the sums: that of its row, or 1."""
    dtype = wide_dtype(values.dtype)
    if weight is None:
        return jnp.ones(values.shape, dtype)
    weight = array(function, "weight", weight)
    if weight.shape not in (values.shape, values.shape[:1]):
        raise ShapeError(
            f"{function}: weight is {describe(weight)} for values of shape {values.shape}; it must "
            "have their shape, or one entry for each row"
        )
    weight = weight.reshape(weight.shape + (1,) * (values.ndim - weight.ndim))
    return jnp.broadcast_to(weight, values.shape).astype(dtype)


def without_rows(values: Array, weight: Array) -> Array:
    """Returns values with 0 where the weight is 0, so that nan times 0 can't occur."""
    return jnp.where(weight == 0, 0, values)


def merge(a: PyTree, b: PyTree) -> PyTree:
    """Adds two trees of sums, which gives the sums of both batches together.

    Args:
        a: sums of one batch, a Mean or a tree of them.
        b: the same sums of another batch.

    Returns:
        The sums of both batches.

    Example:
        >>> compute(merge(mean(jnp.array([1.0])), mean(jnp.array([2.0, 3.0]))))
        2.0
    """
    return optax.tree.add(a, b)


def compute(sums: PyTree) -> PyTree:
    """Turns every Mean in a tree into a number on the host, and leaves other sums unchanged.

    A Mean of arrays, such as from ``vmap`` over models, becomes a NumPy array. Nothing is compiled:
    all sums are fetched at once and divided on the host in double precision.

    Args:
        sums: a tree of sums.

    Returns:
        The tree with a float for each Mean, nan if its count is 0.

    Example:
        >>> compute({"loss": Mean(jnp.float32(3), jnp.float32(2))})
        {'loss': 1.5}
    """
    leaf = lambda x: isinstance(x, Mean)
    return jax.tree.map(lambda x: _ratio(x) if leaf(x) else x, jax.device_get(sums), is_leaf=leaf)


def _ratio(sums: Mean) -> float | np.ndarray:
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.asarray(sums.total, np.float64) / np.asarray(sums.count, np.float64)
    return ratio if ratio.ndim else float(ratio)
