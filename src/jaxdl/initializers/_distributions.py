"""Initializers whose distribution doesn't depend on the shape, with PyTorch's names."""

import functools
import inspect
import math
from collections.abc import Callable
from typing import ParamSpec

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike, DTypeLike

from jaxdl import _checks, _ranges
from jaxdl._precision import wide_dtype
from jaxdl.types import Array, Initializer, Key, Shape

Options = ParamSpec("Options")


def in_float32(draw: Initializer, default: DTypeLike = float) -> Initializer:
    """Returns an initializer that draws in float32 or wider and rounds once.

    Drawn in bfloat16 itself, a normal has mean −0.012 and ends at 2.9 standard deviations. An empty
    shape returns an empty array, even if its fan is 0.
    """

    def initializer(key: Key, shape: Shape, dtype: DTypeLike = default) -> Array:
        _checks.one_key("an initializer", key)
        dtype = jax.dtypes.canonicalize_dtype(dtype)
        if math.prod(shape) >= 2**63:
            raise ValueError(f"an initializer: shape is {shape}; no memory has room for it")
        if math.prod(shape) == 0:
            return jnp.zeros(shape, dtype)
        return draw(key, shape, wide_dtype(dtype)).astype(dtype)

    return initializer


def drawing_wide(make: Callable[Options, Initializer]) -> Callable[Options, Initializer]:
    """Wraps a factory of jax.nn.initializers so that its initializers draw ``in_float32``."""
    signature = inspect.signature(make)

    @functools.wraps(make)
    def made(*args: Options.args, **options: Options.kwargs) -> Initializer:
        default = signature.bind(*args, **options).arguments.get("dtype", float)
        return in_float32(make(*args, **options), default)

    return made


def uniform(*, a: ArrayLike = 0.0, b: ArrayLike = 1.0) -> Initializer:
    """Draws from U(a, b); with a = 0 this is ``jax.nn.initializers.uniform(b)``.

    Args:
        a: lower end.
        b: upper end, not below ``a``.

    Example:
        >>> x = uniform(a=2.0, b=3.0)(jax.random.key(0), (1000,))
        >>> bool((x >= 2).all() and (x <= 3).all())
        True
    """
    _ranges.ordered("uniform", a=a, b=b)
    return in_float32(
        lambda key, shape, dtype: jax.random.uniform(key, shape, dtype, minval=a, maxval=b)
    )


def symmetric_uniform(bound: ArrayLike) -> Initializer:
    """Draws from U(-bound, bound).

    Args:
        bound: half the width of the interval, at least 0.

    Example:
        >>> x = symmetric_uniform(0.1)(jax.random.key(0), (1000,))
        >>> bool((abs(x) <= 0.1).all() and x.min() < 0)
        True
    """
    _ranges.check("symmetric_uniform", bound=bound)
    return uniform(a=-bound, b=bound)  # type: ignore[operator]  # an ArrayLike may be a bool


def normal(*, mean: ArrayLike = 0.0, std: ArrayLike = 1.0) -> Initializer:
    """Draws from N(mean, std²), not truncated; ``normal()`` is PyTorch's default for embeddings.

    Args:
        mean: mean.
        std: standard deviation, at least 0. ``jax.nn.initializers.normal`` defaults to 0.01.

    Example:
        >>> x = normal(mean=5.0, std=0.1)(jax.random.key(0), (1000,))
        >>> round(float(x.mean()), 1), round(float(x.std()), 1)
        (5.0, 0.1)
    """
    _ranges.check("normal", mean=mean, std=std)

    def draw(key: Key, shape: Shape, dtype: DTypeLike) -> Array:
        x = jax.random.normal(key, shape, dtype)
        return x * jnp.asarray(std, dtype) + jnp.asarray(mean, dtype)

    return in_float32(draw)


def trunc_normal(
    *, mean: float = 0.0, std: float = 1.0, a: float = -2.0, b: float = 2.0
) -> Initializer:
    """Draws from N(mean, std²) truncated to [a, b]; a and b are values, not multiples of std.

    So ``trunc_normal(std=0.02)`` is cut at a hundred standard deviations, that is, not at all.
    ``truncated_normal(std)`` is cut at two, and its standard deviation is 0.88 · std.

    Args:
        mean: mean before truncation.
        std: standard deviation before truncation, above 0.
        a: lower end.
        b: upper end, above ``a``.

    Example:
        >>> x = trunc_normal(std=3.0)(jax.random.key(0), (1000,))
        >>> bool((abs(x) <= 2).all() and x.max() > 1.9)
        True
    """
    mean, std = _ranges.constants("trunc_normal", mean=mean, std=std)
    _ranges.ordered("trunc_normal", strict=True, a=a, b=b)
    a, b = float(a), float(b)
    low, high = (a - mean) / std, (b - mean) / std
    standard = _truncated(low, high) if high > 0 else _negated(_truncated(-high, -low))

    def draw(key: Key, shape: Shape, dtype: DTypeLike) -> Array:
        x = standard(key, shape, dtype) * std + mean
        return jnp.clip(x, a, b)  # rounding may exceed the ends by the last bit

    return in_float32(draw)


def _truncated(low: float, high: float) -> Initializer:
    """Returns an initializer of N(0, 1) truncated to [low, high], with high above 0."""
    if low > 12:  # the density falls like exp(-low · x), and its integral underflows
        return lambda *draw: low + _exponential(low, high, jax.random.uniform(*draw))
    if low > 0:
        above = [math.erfc(end / math.sqrt(2)) / 2 for end in (high, low)]

        def of_tail(key: Key, shape: Shape, dtype: DTypeLike) -> Array:
            share = jax.random.uniform(key, shape, dtype, minval=above[0], maxval=above[1])
            tiny = jnp.finfo(dtype).tiny
            return -jax.scipy.special.ndtri(jnp.maximum(share, tiny))

        return of_tail
    ends = [math.erf(end / math.sqrt(2)) for end in (low, high)]

    def of_middle(key: Key, shape: Shape, dtype: DTypeLike) -> Array:
        share = jax.random.uniform(key, shape, dtype, minval=ends[0], maxval=ends[1])
        # At ±1 the draw would be infinite.
        most = 1 - float(jnp.finfo(dtype).epsneg)
        return math.sqrt(2) * jax.lax.erf_inv(jnp.clip(share, -most, most))

    return of_middle


def _exponential(rate: float, end: float, share: Array) -> Array:
    """Returns the excess over ``rate`` of an exponential with that rate, truncated at ``end``."""
    return -jnp.log1p(share * math.expm1(-rate * (end - rate))) / rate


def _negated(draw: Initializer) -> Initializer:
    return lambda key, shape, dtype: -draw(key, shape, dtype)
