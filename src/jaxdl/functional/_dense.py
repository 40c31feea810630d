"""The affine map of a dense layer."""

import math
from collections.abc import Mapping

from jax.typing import ArrayLike

from jaxdl import _checks
from jaxdl._precision import spread
from jaxdl.types import Array


def dense(params: Mapping[str, Array], x: ArrayLike) -> Array:
    """Affine map of the last axis: y = x·W + b, in the dtype of W.

    Args:
        params: ``{"kernel": (n_in, n_out), "bias": (n_out,)}``; without ``bias``, y = x·W.
        x: shape (…, n_in), floating point.

    Returns:
        An array of shape (…, n_out).

    Raises:
        ShapeError: if the last axis of ``x`` doesn't have n_in entries.
        TypeError: if ``x`` isn't floating point.

    Example:
        >>> import jax.numpy as jnp
        >>> params = {"kernel": jnp.array([[1.0], [2.0]]), "bias": jnp.array([0.5])}
        >>> dense(params, jnp.array([3.0, 4.0]))
        Array([11.5], dtype=float32)
    """
    kernel = params["kernel"]
    name = f"dense({kernel.shape[0]}, {kernel.shape[1]})"
    x = _checks.floating(name, "x", x)
    _checks.last_axis(name, x, kernel.shape[0])
    # As one product of two matrices: in loops, XLA on CPUs takes four times as long for the
    # kernel's gradient where it is a sum over several axes.
    rows = x.astype(kernel.dtype).reshape(math.prod(x.shape[:-1]), kernel.shape[0])
    return biased(params, (rows @ kernel).reshape(*x.shape[:-1], kernel.shape[1]))


def biased(params: Mapping[str, Array], y: Array) -> Array:
    """Returns y + b, or y where the params have no bias."""
    return y + spread(params["bias"], y.shape, y.dtype) if "bias" in params else y
