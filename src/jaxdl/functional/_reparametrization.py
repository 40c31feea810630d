"""Kernels as functions of other arrays: weight and spectral normalisation."""

from typing import TypeAlias

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from jaxdl import _checks, _ranges
from jaxdl._checks import ShapeError, describe
from jaxdl._plain import plain_numbers
from jaxdl._precision import widen
from jaxdl.functional._weights import check_weights
from jaxdl.types import Array, Weights

Carry: TypeAlias = tuple[Array, Array, Array, Array]


def weight_norm(direction: ArrayLike, scale: ArrayLike) -> Array:
    """Makes a kernel from its outputs' directions and lengths: W = g · v / ‖v‖.

    The length ‖v‖ is that of each output's weights, over all axes but the last.

    Args:
        direction: v, of the kernel's shape (…, n_out), floating point. An output whose direction
            is 0 is nan: initialise it randomly, not with 0.
        scale: g, shape (n_out,).

    Returns:
        W, an array of the shape and dtype of v.

    Raises:
        ShapeError: if g doesn't have n_out entries, or v only one axis.
        TypeError: if v isn't floating point.

    Example:
        >>> weight_norm(jnp.array([[3.0], [4.0]]), jnp.array([10.0])).ravel()
        Array([6., 8.], dtype=float32)

    Reference:
        Salimans and Kingma, "Weight normalization", 2016, https://arxiv.org/abs/1602.07868.
    """
    v, g = _kernel("weight_norm", direction), jnp.asarray(scale)
    if g.shape != v.shape[-1:]:
        raise ShapeError(f"weight_norm: scale is {describe(g)} for {describe(v)}")
    lengths = output_lengths(v)
    factor = g.astype(lengths.dtype) / lengths
    return (widen(v) * jnp.broadcast_to(factor, v.shape)).astype(v.dtype)


@plain_numbers
def spectral_norm(
    kernel: ArrayLike, state: Weights, *, n_iterations: int = 0, epsilon: float | Array = 1e-12
) -> tuple[Array, dict[str, Array]]:
    """Divides a kernel by its largest singular value: W / σ, σ = uᵀ·M·v, M = W as (n_out, rest).

    The singular vectors are estimates that power iterations improve, each u ← M·v / ‖M·v‖ and
    then v ← Mᵀ·u / ‖Mᵀ·u‖. No gradient passes through them.

    Args:
        kernel: W, shape (…, n_out), floating point.
        state: ``{"u": (n_out,), "v": (rest,)}``, of length 1, whose dtype is kept.
        n_iterations: number of power iterations to run first; 0 in evaluation.
        epsilon: the smallest length to divide a vector by.

    Returns:
        An array of the shape and dtype of W, and the new state.

    Raises:
        ShapeError: if W has only one axis, or u and v aren't of its sizes.
        TypeError: if W isn't floating point.
        ValueError: if ``n_iterations`` isn't an integer of at least 0, or ``epsilon`` is negative.

    Example:
        >>> state = {"u": jnp.array([1.0, 0.0]), "v": jnp.array([1.0, 0.0])}
        >>> spectral_norm(jnp.diag(jnp.array([4.0, 2.0])), state)[0]
        Array([[1. , 0. ],
               [0. , 0.5]], dtype=float32)

    Reference:
        Miyato et al., "Spectral normalization for generative adversarial networks", 2018,
        https://arxiv.org/abs/1802.05957.
    """
    check_weights("spectral_norm", state, {"u": 1, "v": 1}, argument="state")
    _ranges.check("spectral_norm", n_iterations=n_iterations, epsilon=epsilon)
    kernel = _kernel("spectral_norm", kernel)
    matrix = widen(kernel).reshape(-1, kernel.shape[-1]).T
    u, v = (jnp.asarray(state[name], matrix.dtype) for name in ("u", "v"))
    if (*u.shape, *v.shape) != matrix.shape:
        raise ShapeError(f"spectral_norm: u {describe(u)} and v {describe(v)} for W {matrix.shape}")
    fixed = jax.lax.stop_gradient((matrix, u, v, jnp.asarray(epsilon, matrix.dtype)))
    _, u, v, _ = jax.lax.fori_loop(0, n_iterations, _improve, fixed)
    values = widen(kernel) / (u @ (matrix @ v))
    new = {"u": u.astype(state["u"].dtype), "v": v.astype(state["v"].dtype)}
    return values.astype(kernel.dtype), new


def output_lengths(kernel: ArrayLike) -> Array:
    """Returns the length of each output's weights, ‖W‖ over all axes but the last.

    Args:
        kernel: W, shape (…, n_out), floating point.

    Returns:
        An array of shape (n_out,), in float32 where W is half precision.

    Example:
        >>> output_lengths(jnp.array([[3.0], [4.0]]))
        Array([5.], dtype=float32)
    """
    values = widen(jnp.asarray(kernel))
    return jnp.sqrt(jnp.square(values).sum(tuple(range(values.ndim - 1))))


def _improve(i: int, carry: Carry) -> Carry:
    """Takes one power iteration."""
    matrix, _, v, epsilon = carry
    unit = lambda a: a / jnp.maximum(jnp.linalg.norm(a), epsilon)
    u = unit(matrix @ v)
    return matrix, u, unit(u @ matrix), epsilon


def _kernel(function: str, kernel: ArrayLike) -> Array:
    """Returns the kernel as an array, or raises if it has no axis of inputs."""
    kernel = _checks.floating(function, "kernel", kernel)
    if kernel.ndim < 2:
        raise ShapeError(f"{function} got the kernel {describe(kernel)}; it needs two axes or more")
    return kernel
