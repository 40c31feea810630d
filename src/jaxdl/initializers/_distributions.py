"""Initializers that draw from a distribution whatever the shape, by PyTorch's and Keras's names."""

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike

from jaxdl.types import Array, Initializer, Key, Shape


def uniform(*, a: float = 0.0, b: float = 1.0) -> Initializer:
    """Draws from U(a, b); ``jax.nn.initializers.uniform(b)`` is the case a = 0.

    Args:
        a: lower end.
        b: upper end.

    Returns:
        An initializer.

    Raises:
        ValueError: if ``a`` exceeds ``b``.

    Example:
        >>> x = uniform(a=2.0, b=3.0)(jax.random.key(0), (1000,))
        >>> bool((x >= 2).all() and (x <= 3).all())
        True
    """
    if a > b:
        raise ValueError(f"uniform: a is {a} and b is {b}; a must not exceed b")

    def initializer(key: Key, shape: Shape, dtype: DTypeLike = float) -> Array:
        return jax.random.uniform(key, shape, dtype, minval=a, maxval=b)

    return initializer


def symmetric_uniform(bound: float) -> Initializer:
    """Draws from U(-bound, bound).

    Args:
        bound: half the width of the interval.

    Returns:
        An initializer.

    Example:
        >>> x = symmetric_uniform(0.1)(jax.random.key(0), (1000,))
        >>> bool((abs(x) <= 0.1).all() and x.min() < 0)
        True
    """
    return uniform(a=-bound, b=bound)


def normal(*, mean: float = 0.0, std: float = 1.0) -> Initializer:
    """Draws from N(mean, std²), not truncated: PyTorch's embeddings are ``normal()``.

    Args:
        mean: centre.
        std: standard deviation; that of ``jax.nn.initializers.normal`` is 0.01 by default.

    Returns:
        An initializer.

    Example:
        >>> x = normal(mean=5.0, std=0.1)(jax.random.key(0), (1000,))
        >>> round(float(x.mean()), 1), round(float(x.std()), 1)
        (5.0, 0.1)
    """

    def initializer(key: Key, shape: Shape, dtype: DTypeLike = float) -> Array:
        x = jax.random.normal(key, shape, dtype)
        return x * jnp.asarray(std, x.dtype) + jnp.asarray(mean, x.dtype)

    return initializer


def trunc_normal(
    *, mean: float = 0.0, std: float = 1.0, a: float = -2.0, b: float = 2.0
) -> Initializer:
    """Draws from N(mean, std²) between a and b, which are values, not standard deviations.

    So ``trunc_normal(std=0.02)`` is cut at a hundred standard deviations, that is, not at all.
    ``truncated_normal(std)`` of jax.nn is cut at two, and its standard deviation is 0.88 · std.

    Args:
        mean: centre before truncation.
        std: standard deviation before truncation.
        a: lower end.
        b: upper end.

    Returns:
        An initializer.

    Raises:
        ValueError: if ``a`` isn't below ``b``.

    Example:
        >>> x = trunc_normal(std=3.0)(jax.random.key(0), (1000,))
        >>> bool((abs(x) <= 2).all() and x.max() > 1.9)
        True
    """
    if not a < b:
        raise ValueError(f"trunc_normal: a is {a} and b is {b}; a must be below b")
    low, high = (a - mean) / std, (b - mean) / std

    def initializer(key: Key, shape: Shape, dtype: DTypeLike = float) -> Array:
        x = jax.random.truncated_normal(key, low, high, shape, dtype)
        x = x * jnp.asarray(std, x.dtype) + jnp.asarray(mean, x.dtype)
        # For the last bit, which rounding may have moved.
        return jnp.clip(x, jnp.asarray(a, x.dtype), jnp.asarray(b, x.dtype))

    return initializer


def random_uniform(*, minval: float = -0.05, maxval: float = 0.05) -> Initializer:
    """Draws from U(minval, maxval): Keras's RandomUniform, its default for embeddings.

    Args:
        minval: lower end.
        maxval: upper end.

    Returns:
        An initializer.

    Example:
        >>> bool((abs(random_uniform()(jax.random.key(0), (1000,))) <= 0.05).all())
        True
    """
    return uniform(a=minval, b=maxval)


def random_normal(*, mean: float = 0.0, stddev: float = 0.05) -> Initializer:
    """Draws from N(mean, stddev²), not truncated: Keras's RandomNormal.

    Args:
        mean: centre.
        stddev: standard deviation.

    Returns:
        An initializer.

    Example:
        >>> round(float(random_normal()(jax.random.key(0), (1000,)).std()), 2)
        0.05
    """
    return normal(mean=mean, std=stddev)
