"""Noise that regularises: functions of a key."""

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from jaxdl import _checks, _ranges
from jaxdl._checks import ShapeError, describe
from jaxdl._plain import plain_numbers
from jaxdl._precision import wide_dtype, widen
from jaxdl.types import Array, Key, Shape

ALPHA = -1.7580993408473766
"""Minus the product of selu's scale and alpha: what selu tends to at minus infinity."""


@plain_numbers
def dropout(key: Key, x: ArrayLike, rate: float | Array) -> Array:
    """Drops entries at random and scales up the rest: y = m·x / (1 - p), m ~ Bernoulli(1 - p).

    Args:
        key: a random key.
        x: any shape, floating point.
        rate: p, the fraction to drop, in [0, 1]; at 1 all entries are 0.

    Returns:
        An array of the shape of ``x`` with the same mean.

    Raises:
        ValueError: if ``rate`` is a number outside [0, 1].
        TypeError: if ``x`` isn't floating point.

    Example:
        >>> dropout(jax.random.key(0), jnp.ones(4), rate=0.5)
        Array([0., 0., 2., 2.], dtype=float32)

    Reference:
        Srivastava et al., "Dropout: a simple way to prevent networks from overfitting", 2014.
    """
    _ranges.check("dropout", rate=rate)
    _checks.one_key("dropout", key)
    x = _checks.floating("dropout", "x", x)
    return _drop(key, x, rate, x.shape)


@plain_numbers
def feature_dropout(key: Key, x: ArrayLike, rate: float | Array, *, axes: int) -> Array:
    """Drops whole channels of an example: y = m·x / (1 - p), one m ~ Bernoulli(1 - p) per channel.

    Args:
        key: a random key.
        x: shape (…, positions …, channels), floating point.
        rate: p, the fraction of channels to drop, in [0, 1].
        axes: number of last axes that form one example: 3 for images (height, width, channels), 2
            for sequences (time, features). Each example and channel is drawn separately.

    Returns:
        An array of the shape of ``x`` with the same mean.

    Raises:
        ValueError: if ``rate`` is a number outside [0, 1], or if ``x`` has fewer axes.
        TypeError: if ``x`` isn't floating point.

    Example:
        >>> feature_dropout(jax.random.key(0), jnp.ones((3, 4)), rate=0.5, axes=2)
        Array([[0., 0., 2., 2.],
               [0., 0., 2., 2.],
               [0., 0., 2., 2.]], dtype=float32)

    Reference:
        Tompson et al., "Efficient object localization using convolutional networks", 2014,
        https://arxiv.org/abs/1411.4280.
    """
    _ranges.check("feature_dropout", rate=rate)
    _checks.one_key("feature_dropout", key)
    x = _checks.floating("feature_dropout", "x", x)
    return _drop(key, x, rate, _channels("feature_dropout", x, axes))


@plain_numbers
def drop_path(key: Key, x: ArrayLike, rate: float | Array, *, axes: int) -> Array:
    """Drops whole examples, as in a residual block's branch: y = m·x / (1 - p), one m per example.

    This is stochastic depth: where the branch is dropped, the block passes its input on unchanged.

    Args:
        key: a random key.
        x: shape (…, one example's axes), floating point.
        rate: p, the fraction of examples to drop, in [0, 1].
        axes: number of last axes that form one example: 3 for images (height, width, channels), 2
            for sequences (time, features), 1 for features. All axes before them are batch axes,
            whose entries are drawn separately.

    Returns:
        An array of the shape of ``x`` with the same mean.

    Raises:
        ValueError: if ``rate`` is a number outside [0, 1], or if ``x`` has fewer axes.
        TypeError: if ``x`` isn't floating point.

    Example:
        >>> drop_path(jax.random.key(0), jnp.ones((4, 3)), rate=0.5, axes=1)
        Array([[0., 0., 0.],
               [0., 0., 0.],
               [2., 2., 2.],
               [2., 2., 2.]], dtype=float32)

    Reference:
        Huang et al., "Deep networks with stochastic depth", 2016,
        https://arxiv.org/abs/1603.09382.
    """
    _ranges.check("drop_path", rate=rate)
    _checks.one_key("drop_path", key)
    x = _checks.floating("drop_path", "x", x)
    _channels("drop_path", x, axes)
    return _drop(key, x, rate, (*x.shape[: x.ndim - axes], *(1,) * axes))


@plain_numbers
def alpha_dropout(key: Key, x: ArrayLike, rate: float | Array) -> Array:
    """Dropout that keeps mean 0 and variance 1, for selu: y = a·(m·x + (1 - m)·α) + b.

    What is dropped becomes α = -1.7581, the value that selu tends to, m ~ Bernoulli(1 - p),
    a = ((1 - p)·(1 + p·α²))^(-1/2), and b = -a·p·α.

    Args:
        key: a random key.
        x: any shape, floating point.
        rate: p, the fraction to drop, in [0, 1]; at 1 all is 0.

    Returns:
        An array of the shape of ``x``.

    Raises:
        ValueError: if ``rate`` is a number outside [0, 1].

    Example:
        >>> alpha_dropout(jax.random.key(0), jnp.ones(4), rate=0.5)
        Array([-0.77919..., -0.77919..., 1.66559..., 1.66559...], dtype=float32)

    Reference:
        Klambauer et al., "Self-normalizing neural networks", 2017,
        https://arxiv.org/abs/1706.02515.
    """
    _ranges.check("alpha_dropout", rate=rate)
    _checks.one_key("alpha_dropout", key)
    x = _checks.floating("alpha_dropout", "x", x)
    return _alpha_drop(key, x, rate, x.shape)


@plain_numbers
def feature_alpha_dropout(key: Key, x: ArrayLike, rate: float | Array, *, axes: int) -> Array:
    """Drops whole channels of an example as ``alpha_dropout`` drops entries.

    Args:
        key: a random key.
        x: shape (…, positions …, channels), floating point.
        rate: the fraction of channels to drop, in [0, 1]; at 1 all is 0.
        axes: number of last axes that form one example, as in ``feature_dropout``.

    Returns:
        An array of the shape of ``x``.

    Raises:
        ValueError: if ``rate`` is a number outside [0, 1], or if ``x`` has fewer axes.

    Example:
        >>> feature_alpha_dropout(jax.random.key(0), jnp.ones((2, 2)), rate=0.5, axes=2).shape
        (2, 2)
    """
    _ranges.check("feature_alpha_dropout", rate=rate)
    _checks.one_key("feature_alpha_dropout", key)
    x = _checks.floating("feature_alpha_dropout", "x", x)
    return _alpha_drop(key, x, rate, _channels("feature_alpha_dropout", x, axes))


@plain_numbers
def gaussian_noise(key: Key, x: ArrayLike, stddev: float | Array) -> Array:
    """Adds normal noise: y = x + stddev·n, n ~ N(0, 1).

    Args:
        key: a random key.
        x: any shape, floating point.
        stddev: the standard deviation of the noise, at least 0.

    Returns:
        An array of the shape of ``x``.

    Raises:
        ValueError: if ``stddev`` is a negative number.

    Example:
        >>> y = gaussian_noise(jax.random.key(0), jnp.zeros(1000), stddev=0.1)
        >>> bool(0.09 < y.std() < 0.11)
        True
    """
    _checks.one_key("gaussian_noise", key)
    x = _checks.floating("gaussian_noise", "x", x)
    _ranges.check("gaussian_noise", stddev=stddev)
    return (widen(x) + jnp.asarray(stddev, wide_dtype(x.dtype)) * _normal(key, x)).astype(x.dtype)


@plain_numbers
def gaussian_dropout(key: Key, x: ArrayLike, rate: float | Array) -> Array:
    """Multiplies by normal noise: y = x·(1 + √(p / (1 - p))·n), n ~ N(0, 1).

    Mean and variance of the factor are those of ``dropout``.

    Args:
        key: a random key.
        x: any shape, floating point.
        rate: p, in [0, 1).

    Returns:
        An array of the shape of ``x`` with the same mean.

    Raises:
        ValueError: if ``rate`` is a number outside [0, 1).

    Example:
        >>> y = gaussian_dropout(jax.random.key(0), jnp.ones(1000), rate=0.5)
        >>> bool(0.9 < y.std() < 1.1)
        True

    Reference:
        Srivastava et al., "Dropout: a simple way to prevent networks from overfitting", 2014, §10.
    """
    _ranges.check("gaussian_dropout", rate=rate)
    _checks.one_key("gaussian_dropout", key)
    x = _checks.floating("gaussian_dropout", "x", x)
    rate = jnp.asarray(rate, jnp.float32)
    spread = jnp.sqrt(rate / (1 - rate)).astype(wide_dtype(x.dtype))
    return (widen(x) * (1 + spread * _normal(key, x))).astype(x.dtype)


def _normal(key: Key, x: Array) -> Array:
    """Normal draws for each entry of x, at least in float32: in bfloat16 their mean isn't 0."""
    return jax.random.normal(key, x.shape, wide_dtype(x.dtype))


def _channels(function: str, x: Array, axes: int) -> Shape:
    """Returns the shape that has an entry for each example and channel, or raises."""
    _checks.positive_ints(function, axes=axes)
    if axes > x.ndim:
        raise ShapeError(f"{function} with examples of {axes} axes got {describe(x)}")
    return (*x.shape[: x.ndim - axes], *(1,) * (axes - 1), x.shape[-1])


def _drop(key: Key, x: Array, rate: float | Array, shape: Shape) -> Array:
    """Dropout with one draw for each entry of ``shape``, whose axes are those of x or 1."""
    keep = jnp.asarray(1 - rate, jnp.float32)
    # At rate 1 the scale is 0, not inf, so that value and gradient stay finite.
    scale = jnp.where(keep > 0, 1 / jnp.where(keep > 0, keep, 1), 0).astype(x.dtype)
    kept = jnp.broadcast_to(jax.random.bernoulli(key, keep, shape), x.shape)
    return jnp.where(kept, x * scale, jnp.zeros((), x.dtype))


def _alpha_drop(key: Key, x: Array, rate: float | Array, shape: Shape) -> Array:
    keep = jnp.asarray(1 - rate, jnp.float32)
    inverse = keep * (1 + (1 - keep) * ALPHA**2)
    # At rate 1, as in _drop, the scale is 0.
    a = jnp.where(keep > 0, jax.lax.rsqrt(jnp.where(keep > 0, inverse, 1)), 0)
    b = -a * (1 - keep) * ALPHA
    kept = jnp.broadcast_to(jax.random.bernoulli(key, keep, shape), x.shape)
    return jnp.where(
        kept, a.astype(x.dtype) * x + b.astype(x.dtype), (a * ALPHA + b).astype(x.dtype)
    )
