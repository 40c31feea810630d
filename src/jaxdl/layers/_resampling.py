"""Layers that change an image's resolution, and have neither params nor state."""

import functools
from collections.abc import Sequence
from typing import Literal

from jaxdl import functional
from jaxdl.types import Layer, factory, stateless


@factory
def upsample(
    *,
    scale: float | Sequence[float] | None = None,
    size: Sequence[int] | None = None,
    axes: int = 2,
    method: Literal["nearest", "linear", "cubic"] = "nearest",
    align_corners: bool = False,
) -> Layer:
    """Resamples an image; see ``functional.upsample``.

    Args:
        scale: how much larger the result is; a number, or one an axis.
        size: the spatial shape of the result, instead of ``scale``.
        axes: how many spatial axes there are.
        method: "nearest", "linear" or "cubic".
        align_corners: whether the outermost entries of image and result coincide.

    Returns:
        A Layer with neither params nor state.

    Example:
        >>> import jax.numpy as jnp
        >>> y, _ = upsample(scale=2).apply((), (), jnp.ones((5, 7, 7, 64)))
        >>> y.shape
        (5, 14, 14, 64)
    """
    fn = functools.partial(
        functional.upsample,
        scale=scale,
        size=size,
        axes=axes,
        method=method,
        align_corners=align_corners,
    )
    given = f"scale={scale}" if size is None else f"size={size}"
    return stateless(f"upsample({given})", fn)


@factory
def pixel_shuffle(factor: int) -> Layer:
    """Turns channels into pixels; see ``functional.pixel_shuffle``.

    Args:
        factor: how much larger height and width become.

    Returns:
        A Layer with neither params nor state.

    Example:
        >>> import jax.numpy as jnp
        >>> y, _ = pixel_shuffle(2).apply((), (), jnp.ones((5, 7, 7, 64)))
        >>> y.shape
        (5, 14, 14, 16)
    """
    return stateless(
        f"pixel_shuffle({factor})", functools.partial(functional.pixel_shuffle, factor=factor)
    )


@factory
def pixel_unshuffle(factor: int) -> Layer:
    """Turns pixels into channels; see ``functional.pixel_unshuffle``.

    Args:
        factor: how much smaller height and width become.

    Returns:
        A Layer with neither params nor state.

    Example:
        >>> import jax.numpy as jnp
        >>> y, _ = pixel_unshuffle(2).apply((), (), jnp.ones((5, 14, 14, 16)))
        >>> y.shape
        (5, 7, 7, 64)
    """
    return stateless(
        f"pixel_unshuffle({factor})", functools.partial(functional.pixel_unshuffle, factor=factor)
    )
