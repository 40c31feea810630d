"""The bilinear map of two inputs."""

import jax.numpy as jnp
from jax.typing import ArrayLike

from jaxdl import _checks
from jaxdl._checks import ShapeError, describe
from jaxdl.functional._dense import biased
from jaxdl.functional._weights import check_weights
from jaxdl.types import Array, Weights


def bilinear(params: Weights, first: ArrayLike, second: ArrayLike) -> Array:
    """Weighs all products of two inputs' features: yₒ = Σᵢⱼ aᵢ·Wᵢⱼₒ·bⱼ + bias.

    Args:
        params: ``{"kernel": (n_in1, n_in2, n_out), "bias": (n_out,)}``; ``bias`` is optional.
        first: a, shape (…, n_in1), floating point.
        second: b, shape (…, n_in2), with the same leading axes.

    Returns:
        An array of shape (…, n_out).

    Raises:
        ShapeError: if the sizes aren't those of the kernel, or the leading axes differ.
        TypeError: if an input isn't floating point.

    Example:
        >>> params = {"kernel": jnp.array([[[1.0], [0.0]], [[0.0], [2.0]]])}
        >>> bilinear(params, jnp.array([3.0, 4.0]), jnp.array([5.0, 6.0]))
        Array([63.], dtype=float32)
    """
    check_weights("bilinear", params, {"kernel": 3}, ("bias",))
    kernel = jnp.asarray(params["kernel"])
    name = f"bilinear{kernel.shape}"
    first = _checks.floating(name, "first", first)
    second = _checks.floating(name, "second", second)
    _checks.last_axis(name, first, kernel.shape[0])
    _checks.last_axis(name, second, kernel.shape[1])
    if first.shape[:-1] != second.shape[:-1]:
        raise ShapeError(
            f"{name} got {describe(first)} and {describe(second)}; all axes but the last must agree"
        )
    first, second = (a.astype(kernel.dtype) for a in (first, second))
    return biased(name, params, jnp.einsum("...i,ijo,...j->...o", first, kernel, second))
