"""Similarity and distance of vectors: cosine similarity and p-norm distance."""

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from jaxdl._ranges import constants, numbers
from jaxdl.losses._arguments import operands
from jaxdl.types import Array


def cosine_similarity(
    a: ArrayLike, b: ArrayLike, *, axis: int = -1, eps: ArrayLike = 1e-8
) -> Array:
    """Cosine of the angle between vectors: Σ aᵢbᵢ / (max(‖a‖, ε)·max(‖b‖, ε)).

    As in PyTorch, ε bounds the norms but not their gradients.

    Args:
        a: any shape, with vectors along ``axis``.
        b: same shape as a.
        axis: the axis of the vectors. Defaults to the last; PyTorch's default is 1.
        eps: ε, the smallest norm.

    Returns:
        The shape of a without ``axis``.

    Example:
        >>> cosine_similarity(jnp.array([3.0, 4.0]), jnp.array([4.0, 3.0])).round(2)
        Array(0.96, dtype=float32)
    """
    x, y, out = operands("cosine_similarity", None, span=1, a=a, b=b)
    (eps,) = numbers("cosine_similarity", x, eps=eps)
    lengths = _length(x, axis, eps) * _length(y, axis, eps)
    return (jnp.sum(x * y, axis=axis, keepdims=True) / lengths).squeeze(axis).astype(out.dtype)


def pairwise_distance(
    a: ArrayLike, b: ArrayLike, *, p: float = 2.0, eps: ArrayLike = 1e-6, keepdims: bool = False
) -> Array:
    """Distance between vectors: (Σ |aᵢ − bᵢ + ε|ᵖ)^(1/p), with gradient 0 at distance 0.

    Args:
        a: shape (..., D).
        b: same shape as a.
        p: the order of the norm, positive or negative; ``jnp.inf`` is the largest absolute
            difference, ``-jnp.inf`` the smallest, 0 the number of nonzero ones. Can't be traced.
        eps: ε, added to each difference.
        keepdims: whether to keep the last axis, with length 1.

    Returns:
        Shape (...), or (..., 1).

    Example:
        >>> pairwise_distance(jnp.array([3.0, 4.0]), jnp.array([0.0, 0.0]), p=1, eps=0.0)
        Array(7., dtype=float32)
    """
    x, y, out = operands("pairwise_distance", None, span=1, a=a, b=b)
    (p,) = constants("pairwise_distance", p=p)
    (eps,) = numbers("pairwise_distance", x, eps=eps)
    return norm(x - y + eps, p, keepdims=keepdims).astype(out.dtype)


def norm(x: Array, p: float, *, axis: int = -1, keepdims: bool = False) -> Array:
    """Returns the p-norm, with gradient 0 where it is 0 (nan in jnp.linalg)."""
    if p == 0:
        return jnp.sum(x != 0, axis=axis, keepdims=keepdims, dtype=x.dtype)
    size = x * jnp.sign(x)  # |x|, with gradient 0 at 0
    if p == 1:
        return jnp.sum(size, axis=axis, keepdims=keepdims)
    if p in (jnp.inf, -jnp.inf):
        return (jnp.max if p > 0 else jnp.min)(size, axis=axis, keepdims=keepdims)
    total = jnp.sum(jnp.square(x) if p == 2 else _power(size, p), axis=axis, keepdims=keepdims)
    # For p < 0 a single 0 makes the norm 0, since its power is infinite.
    nothing = total == 0 if p > 0 else jnp.any(x == 0, axis=axis, keepdims=keepdims)
    above = jnp.where(nothing, 1, total)
    return jnp.where(nothing, 0, jnp.sqrt(above) if p == 2 else above ** (1 / p))


def unit(x: Array, axis: int, eps: ArrayLike) -> Array:
    """Returns vectors divided by their norms; ``eps`` bounds the norms but not their gradients."""
    return x / _length(x, axis, eps)


def _length(x: Array, axis: int, eps: ArrayLike) -> Array:
    length = norm(x, 2, axis=axis, keepdims=True)
    return jnp.where(length < eps, length + jax.lax.stop_gradient(eps - length), length)


def _power(size: Array, p: float) -> Array:
    return jnp.where(size == 0, 0, jnp.where(size == 0, 1, size) ** p)
