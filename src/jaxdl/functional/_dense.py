"""The affine map of a dense layer."""

import math
from collections.abc import Mapping

import jax.numpy as jnp
from jax.typing import ArrayLike

from jaxdl import _checks
from jaxdl.types import Array


def dense(params: Mapping[str, Array], x: ArrayLike) -> Array:
    """Affine map of the last axis: y = x·W + b.

    Args:
        params: ``{"kernel": (n_in, n_out), "bias": (n_out,)}``; without ``bias``, y = x·W.
        x: shape (…, n_in), floating point.

    Returns:
        An array of shape (…, n_out).

    Raises:
        ShapeError: if the last axis of ``x`` hasn't n_in entries.
        TypeError: if ``x`` isn't floating point.

    Example:
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
    rows = x.reshape(math.prod(x.shape[:-1]), kernel.shape[0])
    y = (rows @ kernel).reshape(*x.shape[:-1], kernel.shape[1])
    return y + jnp.broadcast_to(params["bias"], y.shape) if "bias" in params else y
