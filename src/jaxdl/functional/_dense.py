"""The affine map of a dense layer."""

import math

import jax.numpy as jnp
from jax.typing import ArrayLike

from jaxdl import _checks
from jaxdl._checks import ShapeError, describe
from jaxdl._precision import spread
from jaxdl.functional._weights import check_weights
from jaxdl.types import Array, Weights


def dense(params: Weights, x: ArrayLike) -> Array:
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
    check_weights("dense", params, {"kernel": 2}, ("bias",))
    kernel = jnp.asarray(params["kernel"])
    name = f"dense({kernel.shape[0]}, {kernel.shape[1]})"
    x = _checks.floating(name, "x", x)
    _checks.last_axis(name, x, kernel.shape[0])
    # As one product of two matrices: in loops, XLA on CPUs takes four times as long for the
    # kernel's gradient where it is a sum over several axes.
    rows = x.astype(kernel.dtype).reshape(math.prod(x.shape[:-1]), kernel.shape[0])
    return biased(name, params, (rows @ kernel).reshape(*x.shape[:-1], kernel.shape[1]))


def biased(name: str, params: Weights, y: Array) -> Array:
    """Returns y + b, or y without a bias; raises unless b has one number per feature."""
    if "bias" not in params:
        return y
    if jnp.shape(params["bias"]) != y.shape[-1:]:
        raise ShapeError(
            f"{name}: bias is {describe(params['bias'])}; it must have shape {y.shape[-1:]}"
        )
    return y + spread(params["bias"], y.shape, y.dtype)
