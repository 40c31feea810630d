"""Activations that normalize along an axis: the softmax family, sparsemax and unit norm."""

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike, DTypeLike

from jaxdl._checks import floating, one_key
from jaxdl._precision import widen
from jaxdl._ranges import constants, numbers
from jaxdl.activations._options import activation
from jaxdl.types import Array, Key


def _cast(x: Array, dtype: DTypeLike | None) -> Array:
    return x if dtype is None else x.astype(dtype)


def softmax(x: ArrayLike, *, axis: int = -1, dtype: DTypeLike | None = None) -> Array:
    """Softmax: exp(xᵢ) / Σⱼ exp(xⱼ) along ``axis``, without overflow.

    In half precision ``jax.nn.softmax`` rounds every step; this one rounds once.

    Args:
        x: any shape.
        axis: the axis that sums to 1.
        dtype: the dtype to cast ``x`` to first. Defaults to its own.

    Example:
        >>> softmax(jnp.array([0.0, 0.0, -jnp.inf]))
        Array([0.5, 0.5, 0. ], dtype=float32)
    """
    x = _cast(floating("softmax", "x", x), dtype)
    return jax.nn.softmax(widen(x), axis).astype(x.dtype)


def log_softmax(x: ArrayLike, *, axis: int = -1, dtype: DTypeLike | None = None) -> Array:
    """Logarithm of the softmax: xᵢ - log Σⱼ exp(xⱼ) along ``axis``, without overflow.

    Args:
        x: any shape.
        axis: the axis to normalize.
        dtype: the dtype to cast ``x`` to first. Defaults to its own.

    Example:
        >>> log_softmax(jnp.array([1e4, 0.0]))
        Array([     0., -10000.], dtype=float32)
    """
    x = _cast(floating("log_softmax", "x", x), dtype)
    return jax.nn.log_softmax(widen(x), axis).astype(x.dtype)


def softmin(x: ArrayLike, *, axis: int = -1, dtype: DTypeLike | None = None) -> Array:
    """Softmax of -x: exp(-xᵢ) / Σⱼ exp(-xⱼ) along ``axis``.

    Args:
        x: any shape.
        axis: the axis that sums to 1.
        dtype: the dtype to cast ``x`` to first. Defaults to its own.

    Example:
        >>> softmin(jnp.array([0.0, 0.0, jnp.inf]))
        Array([0.5, 0.5, 0. ], dtype=float32)
    """
    return softmax(-floating("softmin", "x", x), axis=axis, dtype=dtype)


def gumbel_softmax(
    x: ArrayLike, *, key: Key, tau: ArrayLike = 1.0, hard: bool = False, axis: int = -1
) -> Array:
    """Differentiable sample of a class: softmax((x + g) / tau), with g from Gumbel(0, 1).

    Args:
        x: logits, any shape.
        key: key to draw g with; PyTorch uses its global generator.
        tau: temperature, above 0; as it approaches 0, the result tends to one-hot.
        hard: whether to return the one-hot of the largest entry, with the gradient of the soft
            sample (straight-through estimator).
        axis: the class axis.

    Reference:
        Jang et al., "Categorical reparameterization with Gumbel-softmax", 2016,
        https://arxiv.org/abs/1611.01144.

    Example:
        >>> gumbel_softmax(jnp.array([0.0, 100.0]), key=jax.random.key(0), hard=True)
        Array([0., 1.], dtype=float32)
    """
    one_key("gumbel_softmax", key)
    x = floating("gumbel_softmax", "x", x)
    wide = widen(x)
    (tau,) = numbers("gumbel_softmax", wide, tau=tau)
    noisy = wide + jax.random.gumbel(key, wide.shape, wide.dtype)
    soft = jax.nn.softmax(noisy / tau, axis)
    if hard:
        one_hot = jax.nn.one_hot(soft.argmax(axis), x.shape[axis], dtype=soft.dtype, axis=axis)
        # Added in this order, so that the value is exactly one-hot.
        soft = one_hot + (soft - jax.lax.stop_gradient(soft))
    return soft.astype(x.dtype)


@activation
def sparsemax(x: Array, *, axis: int = -1) -> Array:
    """Nearest point of the probability simplex: max(x - t, 0), with t such that the sum is 1.

    Unlike with softmax, probabilities can be exactly 0.

    Args:
        x: any shape.
        axis: the axis that sums to 1.

    Reference:
        Martins and Astudillo, "From softmax to sparsemax", 2016,
        https://arxiv.org/abs/1602.02068.

    Example:
        >>> sparsemax(jnp.array([0.5, 0.0, -1.0]))
        Array([0.75, 0.25, 0.  ], dtype=float32)
    """
    # Subtracting a constant changes neither value nor gradient, and keeps the sums small.
    wide = x - jax.lax.stop_gradient(x.max(axis, keepdims=True))
    fixed = jax.lax.stop_gradient(jnp.moveaxis(wide, axis, -1))
    descending = jnp.sort(fixed, axis=-1, descending=True)
    sums = descending.cumsum(-1)
    rank = jax.lax.broadcasted_iota(fixed.dtype, fixed.shape, fixed.ndim - 1) + 1
    size = (1 + rank * descending > sums).sum(-1, keepdims=True)
    least = jnp.moveaxis(jnp.take_along_axis(descending, size - 1, -1), -1, axis)
    kept = ~(wide < least)  # so that nan is kept
    excess = jnp.where(kept, wide, 0).sum(axis, keepdims=True) - 1
    share = excess / kept.sum(axis, keepdims=True).astype(wide.dtype)
    return jnp.where(kept, wide - share, 0)


@activation
def normalize(x: Array, *, p: float = 2.0, axis: int = -1, eps: ArrayLike = 1e-12) -> Array:
    """Divides by the norm: x / max(‖x‖ₚ, eps) along ``axis``.

    The gradient at a zero vector is 1/eps, as in PyTorch; the plain formula's is nan.

    Args:
        x: any shape.
        p: order of the norm, a Python number above 0; ``math.inf`` is the largest magnitude.
        axis: the axis of the vectors. Defaults to the last; PyTorch's default is 1.
        eps: smallest divisor.

    Raises:
        ValueError: if ``p`` isn't above 0.

    Example:
        >>> normalize(jnp.array([3.0, 4.0]))
        Array([0.6, 0.8], dtype=float32)
    """
    (eps,) = numbers("normalize", x, eps=eps)
    norm = _norm(x, p, axis)
    return x / jnp.where(norm < eps, eps, norm)


def _norm(x: Array, p: float, axis: int) -> Array:
    """Returns the p-norm, keeping its axis, with gradient 0 at 0."""
    (p,) = constants("normalize", p=p)
    size = x * jnp.sign(x)  # |x|, with gradient 0 at 0
    if p == float("inf"):
        return size.max(axis, keepdims=True)
    # Powers and roots have no finite gradient at 0, so take them at 1 and put in 0 afterwards.
    powers = x * x if p == 2 else jnp.where(size == 0, 0, jnp.where(size == 0, 1, size) ** p)
    total = powers.sum(axis, keepdims=True)
    safe = jnp.where(total == 0, 1, total)
    return jnp.where(total == 0, 0, jnp.sqrt(safe) if p == 2 else safe ** (1 / p))
