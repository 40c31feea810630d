"""Images at another resolution."""

import math
from collections.abc import Callable, Sequence
from typing import Literal, TypeAlias

import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from jaxdl import _checks
from jaxdl._checks import ShapeError, describe
from jaxdl._plain import plain_numbers
from jaxdl.functional._windows import images, per_axis
from jaxdl.types import Array

Method = Literal["nearest", "linear", "cubic"]
Taps: TypeAlias = tuple[np.ndarray, np.ndarray]
"""For each entry of the result, the places that it is a sum of, and their weights: (taps, out)."""


@plain_numbers
def upsample(
    x: ArrayLike,
    *,
    scale: float | Sequence[float] | None = None,
    size: Sequence[int] | None = None,
    axes: int = 2,
    method: Method = "nearest",
    align_corners: bool = False,
) -> Array:
    """Resamples an image: entry i of the result is read at place (i + ½)/scale - ½ of ``x``.

    It can downsample too, but without an antialiasing filter. Axes are resampled separately, so
    "linear" is bilinear on two axes, and "cubic" (Keys, a = -¾) is bicubic.

    Args:
        x: shape (…, …spatial, channels), floating point.
        scale: enlargement factor; a number, or one per axis. Sizes are rounded down.
        size: the spatial shape of the result, instead of ``scale``.
        axes: number of spatial axes.
        method: "nearest" reads entry ⌊i/scale⌋; "linear" weighs two entries per axis, "cubic" four.
            At the edges the outermost entries repeat.
        align_corners: whether the first and last entries of ``x`` and of the result coincide,
            so that place i·(n-1)/(out-1) is read instead; not for "nearest".

    Returns:
        An array of shape (…, …size, channels).

    Raises:
        ShapeError: if ``x`` has too few axes or an empty one, or the result would be empty.
        ValueError: unless either scale or size is given, and fits; for an unknown method.
        TypeError: if ``x`` isn't floating point.

    Example:
        >>> x = jnp.array([0.0, 4.0]).reshape(2, 1)
        >>> upsample(x, scale=2, axes=1, method="linear").ravel()
        Array([0., 1., 3., 4.], dtype=float32)

    Reference:
        Keys, "Cubic convolution interpolation for digital image processing", 1981.
    """
    taps = _method(method, align_corners)
    x = _checks.floating("upsample", "x", x)
    _checks.positive_ints("upsample", axes=axes)
    images("upsample", x, axes)
    spatial = x.shape[-1 - axes : -1]
    result, steps = _sizes(x, spatial, scale, size)
    for axis, n, o, step in zip(range(-1 - axes, -1), spatial, result, steps, strict=True):
        if align_corners:
            step = (n - 1) / (o - 1) if o > 1 else 0.0
        x = _weighed(x, axis, *taps(n, o, step, align_corners))
    return x


@plain_numbers
def pixel_shuffle(x: ArrayLike, factor: int) -> Array:
    """Turns channels into pixels: y[f·h + i, f·w + j, c] = x[h, w, c·f² + i·f + j], f the factor.

    Args:
        x: shape (…, height, width, channels·factor²).
        factor: factor by which height and width grow.

    Returns:
        An array of shape (…, height·factor, width·factor, channels).

    Raises:
        ShapeError: if ``x`` has too few axes, or factor² doesn't divide its channels.
        ValueError: if the factor isn't a positive integer.

    Example:
        >>> pixel_shuffle(jnp.arange(4.0).reshape(1, 1, 4), 2)[..., 0]
        Array([[0., 1.],
               [2., 3.]], dtype=float32)

    Reference:
        Shi et al., "Real-time single image and video super-resolution using an efficient
        sub-pixel convolutional neural network", 2016.
    """
    _checks.positive_ints("pixel_shuffle", factor=factor)
    x = jnp.asarray(x)
    images("pixel_shuffle", x, 2)
    *lead, height, width, channels = x.shape
    if channels % factor**2:
        raise ShapeError(f"pixel_shuffle: {factor}² doesn't divide the channels of {describe(x)}")
    parts = x.reshape(*lead, height, width, channels // factor**2, factor, factor)
    near = jnp.moveaxis(parts, (-2, -1), (-4, -2))
    return near.reshape(*lead, height * factor, width * factor, channels // factor**2)


@plain_numbers
def pixel_unshuffle(x: ArrayLike, factor: int) -> Array:
    """Turns pixels into channels; undoes ``pixel_shuffle``.

    Args:
        x: shape (…, height, width, channels).
        factor: factor by which height and width shrink.

    Returns:
        An array of shape (…, height/factor, width/factor, channels·factor²).

    Raises:
        ShapeError: if ``x`` has too few axes, or the factor doesn't divide height and width.
        ValueError: if the factor isn't a positive integer.

    Example:
        >>> pixel_unshuffle(jnp.arange(4.0).reshape(2, 2, 1), 2)
        Array([[[0., 1., 2., 3.]]], dtype=float32)
    """
    _checks.positive_ints("pixel_unshuffle", factor=factor)
    x = jnp.asarray(x)
    images("pixel_unshuffle", x, 2)
    *lead, height, width, channels = x.shape
    if height % factor or width % factor:
        raise ShapeError(f"pixel_unshuffle: {factor} doesn't divide the sides of {describe(x)}")
    parts = x.reshape(*lead, height // factor, factor, width // factor, factor, channels)
    apart = jnp.moveaxis(parts, (-4, -2), (-2, -1))
    return apart.reshape(*lead, height // factor, width // factor, channels * factor**2)


def _method(method: str, align_corners: bool) -> Callable[[int, int, float, bool], Taps]:
    known = {"nearest": _nearest, "linear": _linear, "cubic": _cubic}
    if method not in known:
        raise ValueError(f"upsample: method is {method!r}; it must be one of {sorted(known)}")
    if align_corners and method == "nearest":
        raise ValueError('upsample: align_corners has no meaning with method="nearest"')
    return known[method]


def _sizes(
    x: Array,
    spatial: Sequence[int],
    scale: float | Sequence[float] | None,
    size: Sequence[int] | None,
) -> tuple[Sequence[int], Sequence[float]]:
    """The shape of the result, and how far apart its entries are read."""
    if (scale is None) == (size is None):
        raise ValueError("upsample needs either scale or size")
    if min(spatial) == 0:
        raise ShapeError(f"upsample got an empty image {describe(x)}")
    if size is not None:
        result = per_axis("upsample", "size", size, len(spatial))
        return result, [n / o for n, o in zip(spatial, result, strict=True)]
    given = [scale] * len(spatial) if np.ndim(scale) == 0 else list(scale)  # type: ignore[arg-type]
    scales = [_checks.number("upsample", "scale", s) or 0.0 for s in given]
    if len(scales) != len(spatial) or not all(s > 0 for s in scales):
        raise ValueError(
            f"upsample: scale is {scale!r}; it must be a positive number, or {len(spatial)} of them"
        )
    result = tuple(math.floor(n * s) for n, s in zip(spatial, scales, strict=True))
    if min(result) == 0:
        raise ShapeError(f"upsample by {scale} leaves nothing of {describe(x)}")
    return result, [1 / s for s in scales]


def _weighed(x: Array, axis: int, places: np.ndarray, weights: np.ndarray) -> Array:
    """The weighted sum of entries along an axis."""
    column = [-1 if a == axis else 1 for a in range(-x.ndim, 0)]
    total = None
    for place, weight in zip(places, weights, strict=True):
        part = jnp.take(x, place, axis=axis)
        part = part if (weight == 1).all() else part * jnp.asarray(weight, x.dtype).reshape(column)
        total = part if total is None else total + part
    assert total is not None
    return total


def _nearest(n: int, o: int, step: float, align_corners: bool) -> Taps:
    places = np.minimum(np.floor(np.arange(o) * step + 1e-9), n - 1).astype(int)
    return places[None], np.ones((1, o))


def _places(o: int, step: float, align_corners: bool) -> np.ndarray:
    return np.arange(o) * step if align_corners else (np.arange(o) + 0.5) * step - 0.5


def _linear(n: int, o: int, step: float, align_corners: bool) -> Taps:
    place = np.maximum(_places(o, step, align_corners), 0)
    low = np.minimum(np.floor(place).astype(int), n - 1)
    share = np.where(low < n - 1, place - low, 0)
    return np.stack([low, np.minimum(low + 1, n - 1)]), np.stack([1 - share, share])


def _cubic(n: int, o: int, step: float, align_corners: bool) -> Taps:
    place = _places(o, step, align_corners)
    low = np.floor(place).astype(int)
    offsets = np.arange(-1, 3)[:, None]
    distance = np.abs(place - low - offsets)
    a = -0.75
    near = ((a + 2) * distance - (a + 3)) * distance**2 + 1
    far = ((distance - 5) * distance + 8) * distance * a - 4 * a
    return np.clip(low + offsets, 0, n - 1), np.where(distance <= 1, near, far)
