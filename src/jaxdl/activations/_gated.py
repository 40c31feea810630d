"""Activations that combine features: gated linear units and maxout."""

import jax
import jax.numpy as jnp

from jaxdl._checks import ShapeError, describe, positive_ints
from jaxdl.activations._options import activation
from jaxdl.activations._smooth import Approximate, gelu
from jaxdl.types import Array


def _grouped(function: str, x: Array, pieces: int, axis: int) -> int:
    """Returns the size of x along ``axis`` divided by ``pieces``; raises if it isn't a multiple."""
    positive_ints(function, pieces=pieces)
    if not -x.ndim <= axis < x.ndim or x.shape[axis] % pieces:
        raise ShapeError(
            f"{function}: x is {describe(x)}; its size along axis {axis} must be a multiple of "
            f"{pieces}"
        )
    return x.shape[axis] // pieces


def _halves(function: str, x: Array, axis: int) -> tuple[Array, Array]:
    # Two slices, since jnp.split keeps XLA on CPU from fusing them with what follows.
    half = _grouped(function, x, 2, axis)
    part = lambda start: jax.lax.slice_in_dim(x, start, start + half, axis=axis)
    return part(0), part(half)


@activation
def glu(x: Array, *, axis: int = -1) -> Array:
    """Gated linear unit: a · sigmoid(b), where a and b are the halves of x along ``axis``.

    Args:
        x: any shape with even size along ``axis``.
        axis: the axis to halve.

    Returns:
        The shape of ``x``, halved along ``axis``.

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

    The shape of the result and the errors are those of ``glu``.

    Args:
        x: any shape with even size along ``axis``.
        axis: the axis to halve.
        approximate: ``"none"`` or ``"tanh"``, as in ``gelu``.

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

    The gate b is the second half, as in ``glu``; weights of LLaMA-like models often put it first.
    The shape of the result and the errors are those of ``glu``.

    Args:
        x: any shape with even size along ``axis``.
        axis: the axis to halve.

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

    Among equal features, the first receives the whole gradient.

    Args:
        x: any shape whose size along ``axis`` is a multiple of ``pieces``.
        pieces: number of features per group.
        axis: the feature axis.

    Returns:
        The shape of ``x``, ``pieces`` times shorter along ``axis``.

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
