"""Sums that add up over batches and devices, and the weights of their rows."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.typing import ArrayLike

from jaxdl._checks import ShapeError, array, describe
from jaxdl._precision import wide_dtype, widen
from jaxdl.types import Array, Mean


def mean(values: ArrayLike, *, weight: ArrayLike | None = None) -> Mean:
    """Sums values and weights.

    Args:
        values: one value a row, shape (N,), or several, shape (N, …).
        weight: how much each row counts, shape (N,), or each value, of the shape of ``values``; 0
            leaves it out. Default: 1 each.

    Returns:
        ``Mean(Σ wᵢ·vᵢ, Σ wᵢ)``. What has weight 0 counts for nothing, even where it is nan.

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
    """Returns a weight for each value, in the dtype of their sums: 1, or what its row counts."""
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
    """Returns values with 0 where the weight is 0, so that nan times 0 can't come up."""
    return jnp.where(weight == 0, 0, values)


def merge(a: Any, b: Any) -> Any:
    """Adds two trees of sums: those of two batches are those of the batches as one.

    Args:
        a: sums of one batch, a Mean or a tree of them.
        b: the same sums of another.

    Returns:
        The sums of both.

    Example:
        >>> compute(merge(mean(jnp.array([1.0])), mean(jnp.array([2.0, 3.0]))))
        2.0
    """
    return optax.tree.add(a, b)


def compute(sums: Any) -> Any:
    """Turns every Mean of a tree into its number on the host, and leaves other sums as they are.

    A Mean of arrays, as from ``vmap`` over several models, becomes a NumPy array. Nothing is
    compiled: all sums are fetched at once, and divided on the host in double precision.

    Args:
        sums: a tree of sums.

    Returns:
        The tree with a float for each Mean, nan where nothing was counted.

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
