"""Activations that join features: gated linear units, and the maximum of linear pieces."""

import jax
import jax.numpy as jnp

from jaxdl._checks import ShapeError, describe, positive_ints
from jaxdl.activations._options import activation
from jaxdl.activations._smooth import Approximate, gelu
from jaxdl.types import Array


def _grouped(function: str, x: Array, pieces: int, axis: int) -> int:
    """Returns the size of x along ``axis`` over ``pieces``, or raises."""
    positive_ints(function, pieces=pieces)
    if not -x.ndim <= axis < x.ndim or x.shape[axis] % pieces:
        raise ShapeError(
            f"{function}: x is {describe(x)}; its size along axis {axis} must be a multiple of "
            f"{pieces}"
        )
    return x.shape[axis] // pieces


def _halves(function: str, x: Array, axis: int) -> tuple[Array, Array]:
    # Two slices: split keeps XLA on CPUs from fusing them into what follows.
    half = _grouped(function, x, 2, axis)
    part = lambda start: jax.lax.slice_in_dim(x, start, start + half, axis=axis)
    return part(0), part(half)


@activation
def glu(x: Array, *, axis: int = -1) -> Array:
    """Gated linear unit: a · sigmoid(b), where a and b are the halves of x along ``axis``.

    Args:
        x: of even size along ``axis``.
        axis: which axis is halved.

    Returns:
        An array of the shape of ``x``, half as long along ``axis``.

    Raises:
        ShapeError: if the size along ``axis`` is odd.

    Reference:
        Dauphin et al., "Language modeling with gated convolutional networks", 2016,
        https://arxiv.org/abs/1612.08083.

    Example:
        >>> glu(jnp.array([3.0, 4.0, 0.0, 100.0]))
        Array([1.5, 4. ], dtype=float32)
    """
    value, gate = _halves("glu", x, axis)
    return value * jax.nn.sigmoid(gate)


@activation
def geglu(x: Array, *, axis: int = -1, approximate: Approximate = "none") -> Array:
    """Gated unit with gelu: a · gelu(b), where a and b are the halves of x along ``axis``.

    Args:
        x: of even size along ``axis``.
        axis: which axis is halved.
        approximate: ``"none"`` or ``"tanh"``, as in ``gelu``.

    Returns:
        An array of the shape of ``x``, half as long along ``axis``.

    Raises:
        ShapeError: if the size along ``axis`` is odd.

    Reference:
        Shazeer, "GLU variants improve transformer", 2020, https://arxiv.org/abs/2002.05202.

    Example:
        >>> geglu(jnp.array([3.0, 4.0, 0.0, 100.0]))
        Array([  0., 400.], dtype=float32)
    """
    value, gate = _halves("geglu", x, axis)
    return value * gelu(gate, approximate=approximate)


@activation
def swiglu(x: Array, *, axis: int = -1) -> Array:
    """Gated unit with silu: a · silu(b), where a and b are the halves of x along ``axis``.

    Weights of LLaMA-like models often put the gate first; here, as in ``glu``, it is second.

    Args:
        x: of even size along ``axis``.
        axis: which axis is halved.

    Returns:
        An array of the shape of ``x``, half as long along ``axis``.

    Raises:
        ShapeError: if the size along ``axis`` is odd.

    Reference:
        Shazeer, "GLU variants improve transformer", 2020, https://arxiv.org/abs/2002.05202.

    Example:
        >>> swiglu(jnp.array([3.0, 4.0, 0.0, 100.0]))
        Array([  0., 400.], dtype=float32)
    """
    value, gate = _halves("swiglu", x, axis)
    return value * jax.nn.silu(gate)


@activation
def maxout(x: Array, *, pieces: int, axis: int = -1) -> Array:
    """Largest of each group of features: yᵢ = max(x[pieces·i], …, x[pieces·i + pieces - 1]).

    Of equal features the first takes the whole gradient.

    Args:
        x: of a size along ``axis`` that is a multiple of ``pieces``.
        pieces: how many linear pieces each output is the maximum of.
        axis: where the features are.

    Returns:
        An array of the shape of ``x``, ``pieces`` times shorter along ``axis``.

    Raises:
        ShapeError: if the size along ``axis`` isn't a multiple of ``pieces``.

    Reference:
        Goodfellow et al., "Maxout networks", 2013, https://arxiv.org/abs/1302.4389.

    Example:
        >>> maxout(jnp.array([1.0, 3.0, 2.0, -1.0]), pieces=2)
        Array([3., 2.], dtype=float32)
    """
    groups = _grouped("maxout", x, pieces, axis)
    axis = axis % x.ndim
    grouped = x.reshape(*x.shape[:axis], groups, pieces, *x.shape[axis + 1 :])
    winner = jnp.argmax(grouped, axis + 1, keepdims=True)
    chosen = jax.lax.broadcasted_iota(winner.dtype, grouped.shape, axis + 1) == winner
    return jnp.where(chosen, grouped, 0).sum(axis + 1)
