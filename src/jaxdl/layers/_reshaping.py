"""Layers without parameters that bring data into form."""

import functools

import jax.numpy as jnp
from jax.typing import DTypeLike

from jaxdl import functional
from jaxdl.types import Layer, factory, stateless


@factory
def flatten(*, axes: int) -> Layer:
    """Merges the last axes into one; see ``functional.flatten``.

    Args:
        axes: how many of the last axes are one example: 3 for images (height, width, channels), 2
            for images without channels or sequences. All axes before them stay.

    Returns:
        A Layer with neither params nor state.

    Example:
        >>> y, _ = flatten(axes=3).apply((), (), jnp.ones((5, 28, 28, 1)))
        >>> y.shape
        (5, 784)
    """
    return stateless(f"flatten(axes={axes})", functools.partial(functional.flatten, axes=axes))


@factory
def rescale(
    scale: float = 1 / 255, offset: float = 0.0, *, dtype: DTypeLike = jnp.float32
) -> Layer:
    """Moves numbers to another range, by default bytes to [0, 1]; see ``functional.rescale``.

    Args:
        scale: the factor.
        offset: what is added after it.
        dtype: the floating-point type of the result.

    Returns:
        A Layer with neither params nor state.

    Example:
        >>> y, _ = rescale(1 / 255).apply((), (), jnp.array([0, 255], "uint8"))
        >>> y
        Array([0., 1.], dtype=float32)
    """
    fn = functools.partial(functional.rescale, scale=scale, offset=offset, dtype=dtype)
    return stateless(f"rescale({scale:.4g}, {offset:.4g})", fn)
