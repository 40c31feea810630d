"""Augmentation: pure functions with keys that change images at random on the device.

Each takes ``(key, x)`` with images x of shape (N, height, width, channels), and returns images of
the same shape and dtype. Every image has its own random draw. ``train.mixup`` mixes rows.
"""

import math
from collections.abc import Callable, Sequence
from typing import TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.typing import ArrayLike

from jaxdl import _checks, _ranges
from jaxdl._checks import ShapeError, describe
from jaxdl._plain import plain_numbers
from jaxdl.data._dataset import check_named
from jaxdl.types import Array, Batch, Key

ImageFn: TypeAlias = Callable[[Key, Array], Array]
"""Changes images at random."""


def augment(*functions: ImageFn) -> Callable[[Key, Batch], Batch]:
    """Turns functions of images into a function of batches, for ``make_step`` and ``fit``.

    Args:
        functions: applied in turn to ``batch["inputs"]``; set options with ``functools.partial``.

    Returns:
        A batch function ``(key, batch) -> batch``. Under ``pmap`` and ``shard_map`` each device
        draws for its own rows.

    Example:
        >>> import functools
        >>> change = augment(random_flip, functools.partial(random_crop, padding=4))
        >>> batch = {"inputs": jnp.ones((2, 32, 32, 3)), "labels": jnp.zeros(2, int)}
        >>> change(jax.random.key(0), batch)["inputs"].shape
        (2, 32, 32, 3)
    """
    for function in functions:
        if not callable(function):
            raise TypeError(f"augment: got {function!r}; each must be a function (key, x) -> x")

    def change(key: Key, batch: Batch) -> Batch:
        check_named("augment", batch, "inputs", "the batch")
        x = _checks.array("augment", "batch['inputs']", batch["inputs"])
        for i, function in enumerate(functions):
            x = function(jax.random.fold_in(key, i), x)
        return {**batch, "inputs": x}

    return change


@plain_numbers
def random_flip(key: Key, x: ArrayLike, *, rate: float | Array = 0.5) -> Array:
    """Mirrors images at random, left to right.

    Args:
        key: random key.
        x: images (N, height, width, channels).
        rate: probability that an image is mirrored.

    Returns:
        Images of the same shape and dtype.

    Raises:
        ShapeError: if x doesn't have four axes.
        ValueError: if ``rate`` lies outside [0, 1].

    Example:
        >>> random_flip(jax.random.key(0), jnp.arange(3).reshape(1, 1, 3, 1), rate=1.0).ravel()
        Array([2, 1, 0], dtype=int32)
    """
    x = _images(key, "random_flip", x)
    _ranges.check("random_flip", rate=rate)
    flips = jax.random.bernoulli(key, jnp.float32(rate), (len(x), 1, 1, 1))
    return jnp.where(jnp.broadcast_to(flips, x.shape), x[:, :, ::-1], x)


@plain_numbers
def random_crop(key: Key, x: ArrayLike, *, padding: int = 4) -> Array:
    """Shifts images at random: pads them with zeros and crops them to their original size.

    Args:
        key: random key.
        x: images (N, height, width, channels).
        padding: P, zeros on each side; shifts are −P … P in both directions.

    Returns:
        Images of the same shape and dtype.

    Raises:
        ShapeError: if x doesn't have four axes.
        ValueError: if ``padding`` isn't a positive integer.

    Example:
        >>> random_crop(jax.random.key(0), jnp.ones((2, 8, 8, 1)), padding=1).shape
        (2, 8, 8, 1)

    Reference:
        He et al., "Deep residual learning for image recognition", 2016, section 4.2.
    """
    x = _images(key, "random_crop", x)
    _checks.positive_ints("random_crop", padding=padding)
    padded = jnp.pad(x, ((0, 0), (padding, padding), (padding, padding), (0, 0)))
    corners = jax.random.randint(key, (len(x), 2), 0, 2 * padding + 1)
    cut = lambda image, corner: lax.dynamic_slice(
        image, (corner[0], corner[1], jnp.zeros_like(corner[0])), x.shape[1:]
    )
    return jax.vmap(cut)(padded, corners)


@plain_numbers
def random_rotation(key: Key, x: ArrayLike, *, degrees: float = 15.0) -> Array:
    """Rotates images about their centre by random angles, with linear interpolation.

    Args:
        key: random key.
        x: images (N, height, width, channels).
        degrees: largest angle; angles are uniform in [−degrees, degrees].

    Returns:
        Images of the same shape and dtype, 0 outside the original; integers are rounded.

    Raises:
        ShapeError: if x doesn't have four axes.
        ValueError: if ``degrees`` is negative or infinite.

    Example:
        >>> random_rotation(jax.random.key(0), jnp.ones((2, 9, 9, 1)), degrees=30.0)[0, 4, 4]
        Array([1.], dtype=float32)
    """
    x = _images(key, "random_rotation", x)
    _ranges.check("random_rotation", degrees=degrees)
    limit = math.radians(degrees)
    angles = jax.random.uniform(key, (len(x),), jnp.float32, -limit, limit)
    return _as(x, jax.vmap(_rotated)(x.astype(jnp.float32), angles))


@plain_numbers
def cutout(key: Key, x: ArrayLike, *, size: int = 8) -> Array:
    """Sets a square to zero at a random place in each image.

    The square is centred on any pixel, so it may reach beyond the edge.

    Args:
        key: random key.
        x: images (N, height, width, channels).
        size: the square's side, in pixels.

    Returns:
        Images of the same shape and dtype.

    Raises:
        ShapeError: if x doesn't have four axes.
        ValueError: if ``size`` isn't a positive integer.

    Example:
        >>> int(cutout(jax.random.key(0), jnp.ones((1, 9, 9, 1)), size=1).sum())
        80

    Reference:
        DeVries and Taylor, "Improved regularization of convolutional neural networks with cutout",
        2017, https://arxiv.org/abs/1708.04552.
    """
    x = _images(key, "cutout", x)
    _checks.positive_ints("cutout", size=size)
    keys = jax.random.split(key)
    inside = []
    for axis_key, length in zip(keys, x.shape[1:3], strict=True):
        first = jax.random.randint(axis_key, (len(x), 1), 0, length) - size // 2
        place = jnp.broadcast_to(jnp.arange(length)[None], (len(x), length))
        first = jnp.broadcast_to(first, place.shape)
        inside.append((place >= first) & (place < first + size))
    rows, columns = inside[0][:, :, None, None], inside[1][:, None, :, None]
    square = jnp.broadcast_to(rows & columns, x.shape)
    return jnp.where(square, jnp.zeros_like(x), x)


@plain_numbers
def random_resized_crop(
    key: Key,
    x: ArrayLike,
    *,
    scale: tuple[float, float] = (0.08, 1.0),
    ratio: tuple[float, float] = (3 / 4, 4 / 3),
) -> Array:
    """Crops a part of random area and shape from each image and resizes it to the image's size.

    The part's share of the area is uniform in ``scale``. Its width/height, relative to the image's,
    is log-uniform in ``ratio``. The part is never wider or higher than the image.
    Interpolation is linear, with antialiasing.

    Args:
        key: random key.
        x: images (N, height, width, channels).
        scale: smallest and largest share of the area.
        ratio: smallest and largest ratio of width to height.

    Returns:
        Images of the same shape and dtype; integers are rounded.

    Raises:
        ShapeError: if x doesn't have four axes.
        ValueError: unless 0 < low ≤ high in both ranges.

    Example:
        >>> random_resized_crop(jax.random.key(0), jnp.ones((2, 8, 8, 3), jnp.uint8)).dtype
        dtype('uint8')

    Reference:
        Szegedy et al., "Going deeper with convolutions", 2015.
    """
    x = _images(key, "random_resized_crop", x)
    _positive_bounds("scale", scale)
    _positive_bounds("ratio", ratio)
    draw = lambda k, low, high: jax.random.uniform(k, (len(x),), jnp.float32, low, high)
    area_key, ratio_key, row_key, column_key = jax.random.split(key, 4)
    area, root = draw(area_key, *scale), jnp.exp(draw(ratio_key, *map(math.log, ratio)) / 2)
    part = jnp.minimum(jnp.stack([jnp.sqrt(area) / root, jnp.sqrt(area) * root], 1), 1.0)
    place = jnp.stack([draw(row_key, 0.0, 1.0), draw(column_key, 0.0, 1.0)], 1) * (1 - part)
    return _as(x, jax.vmap(_part)(x.astype(jnp.float32), part, place))


def _rotated(image: Array, angle: Array) -> Array:
    """Rotates an image (height, width, channels) by an angle in radians."""
    height, width = ((n - 1) / 2 for n in image.shape[:2])  # of the middle
    rows, columns = jnp.indices(image.shape[:2], jnp.float32)
    rows, columns = rows - height, columns - width
    sine, cosine = jnp.sin(angle), jnp.cos(angle)
    places = [cosine * rows - sine * columns + height, cosine * columns + sine * rows + width]
    at = lambda channel: jax.scipy.ndimage.map_coordinates(channel, places, order=1)
    return jax.vmap(at, in_axes=-1, out_axes=-1)(image)


def _part(image: Array, part: Array, place: Array) -> Array:
    """A part of an image, given as shares of its sides, resized to the image's size."""
    sides = jnp.array(image.shape[:2], jnp.float32)
    return jax.image.scale_and_translate(
        image, image.shape, (0, 1), 1 / part, -place * sides / part, "linear"
    )


def _images(key: Key, function: str, x: object) -> Array:
    _checks.one_key(function, key)
    x = _checks.array(function, "x", x)
    if x.ndim != 4:
        raise ShapeError(
            f"{function} got {describe(x)}; it needs images (N, height, width, channels)"
        )
    return x


def _as(x: Array, changed: Array) -> Array:
    """Converts a float32 result to the dtype of x, rounding for integers."""
    if jnp.issubdtype(x.dtype, jnp.integer):
        changed = jnp.round(changed)
    return changed.astype(x.dtype)


def _positive_bounds(option: str, value: object) -> None:
    """Raises a ValueError unless an option of ``random_resized_crop`` is (low, high) above 0."""
    bounds = tuple(value) if isinstance(value, Sequence) and not isinstance(value, str) else ()
    real = all(isinstance(x, int | float | np.number) for x in bounds) and len(bounds) == 2
    if not real or not 0 < bounds[0] <= bounds[1] < math.inf:
        raise ValueError(f"random_resized_crop: {option} is {value!r}; it needs 0 < low ≤ high")
