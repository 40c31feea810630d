"""How near two rows are: cosine similarity and p-norm distance."""

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from jaxdl.losses._arguments import operands
from jaxdl.types import Array


def cosine_similarity(a: ArrayLike, b: ArrayLike, *, axis: int = -1, eps: float = 1e-8) -> Array:
    """Cosine of the angle between rows: Σ aᵢbᵢ / (max(‖a‖, ε)·max(‖b‖, ε)).

    As in PyTorch, ε bounds the norms in the value and not in their gradient.

    Args:
        a: any shape, with the entries of a row on ``axis``.
        b: the shape of a.
        axis: which axis the rows are on; PyTorch's default is 1, and ours the last.
        eps: ε, the smallest norm.

    Returns:
        The shape of a without the axis.

    Raises:
        ShapeError: if the shapes differ.
        TypeError: if a is not floating point.

    Example:
        >>> cosine_similarity(jnp.array([3.0, 4.0]), jnp.array([4.0, 3.0])).round(2)
        Array(0.96, dtype=float32)
    """
    x, y, out = operands("cosine_similarity", None, span=1, a=a, b=b)
    lengths = _length(x, axis, eps) * _length(y, axis, eps)
    return (jnp.sum(x * y, axis=axis, keepdims=True) / lengths).squeeze(axis).astype(out.dtype)


def pairwise_distance(
    a: ArrayLike, b: ArrayLike, *, p: float = 2.0, eps: float = 1e-6, keepdims: bool = False
) -> Array:
    """Distance of rows: (Σ |aᵢ − bᵢ + ε|ᵖ)^(1/p), with gradient 0 at distance 0.

    Args:
        a: shape (..., D).
        b: the shape of a.
        p: the order of the norm; ``jnp.inf`` gives the largest entry, 0 the number of those ≠ 0.
        eps: ε, added to each difference.
        keepdims: whether the last axis stays, with length 1.

    Returns:
        Shape (...), or (..., 1).

    Raises:
        ShapeError: if the shapes differ.
        TypeError: if a is not floating point.

    Example:
        >>> pairwise_distance(jnp.array([3.0, 4.0]), jnp.array([0.0, 0.0]), p=1, eps=0.0)
        Array(7., dtype=float32)
    """
    x, y, out = operands("pairwise_distance", None, span=1, a=a, b=b)
    return norm(x - y + eps, p, keepdims=keepdims).astype(out.dtype)


def norm(x: Array, p: float, *, axis: int = -1, keepdims: bool = False) -> Array:
    """Returns the p-norm of rows, with gradient 0 where it is 0 (that of jnp.linalg is nan)."""
    if p == 0:
        return jnp.sum(x != 0, axis=axis, keepdims=keepdims, dtype=x.dtype)
    if p == jnp.inf:
        return jnp.max(x * jnp.sign(x), axis=axis, keepdims=keepdims)
    if p == 1:
        return jnp.sum(x * jnp.sign(x), axis=axis, keepdims=keepdims)
    total = jnp.sum(jnp.square(x) if p == 2 else _power(x, p), axis=axis, keepdims=keepdims)
    above = jnp.where(total == 0, 1, total)
    return jnp.where(total == 0, 0, jnp.sqrt(above) if p == 2 else above ** (1 / p))


def unit(x: Array, axis: int, eps: float) -> Array:
    """Returns rows divided by their norms, which are raised to ``eps`` in the value alone."""
    return x / _length(x, axis, eps)


def _length(x: Array, axis: int, eps: float) -> Array:
    length = norm(x, 2, axis=axis, keepdims=True)
    return jnp.where(length < eps, length + jax.lax.stop_gradient(eps - length), length)


def _power(x: Array, p: float) -> Array:
    distance = jnp.where(x == 0, 1, jnp.abs(x))
    return jnp.where(x == 0, 0, distance**p)
