"""Initializers that build a matrix or a kernel of a certain structure."""

import math

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike

from jaxdl._checks import ShapeError, in_unit_interval, positive_ints
from jaxdl.initializers._distributions import normal
from jaxdl.types import Array, Initializer, Key, Shape


def eye(*, gain: float = 1.0) -> Initializer:
    """Fills with gain · I, so that a square dense layer passes on its input; Keras's Identity.

    Args:
        gain: value of the diagonal.

    Returns:
        An initializer for shapes (n_in, n_out).

    Raises:
        ShapeError: for a shape of another rank.

    Example:
        >>> eye()(jax.random.key(0), (2, 3))
        Array([[1., 0., 0.],
               [0., 1., 0.]], dtype=float32)
    """

    def initializer(key: Key, shape: Shape, dtype: DTypeLike = float) -> Array:
        _rank("eye", shape, 2, 2)
        return jnp.asarray(gain, dtype) * jnp.eye(shape[0], shape[1], dtype=dtype)

    return initializer


identity = eye
"""Keras's name of ``eye``."""


def dirac(*, groups: int = 1) -> Initializer:
    """Fills a convolution's kernel so that it passes on as many input channels as it can.

    In each group input i goes to output i, by a 1 in the middle of the window.

    Args:
        groups: number of groups of channels.

    Returns:
        An initializer for shapes (*window, n_in/groups, n_out) with one to three window axes.

    Raises:
        ShapeError: for another rank, or an n_out that isn't a multiple of ``groups``.

    Example:
        >>> dirac()(jax.random.key(0), (3, 1, 2))[:, 0]
        Array([[0., 0.],
               [1., 0.],
               [0., 0.]], dtype=float32)
    """
    positive_ints("dirac", groups=groups)

    def initializer(key: Key, shape: Shape, dtype: DTypeLike = float) -> Array:
        _rank("dirac", shape, 3, 5)
        *window, n_in, n_out = shape
        if n_out % groups:
            raise ShapeError(f"dirac: {n_out} outputs can't be split in {groups} groups")
        middle = tuple(size // 2 for size in window)
        channels = jnp.tile(jnp.eye(n_in, n_out // groups, dtype=dtype), (1, groups))
        return jnp.zeros(shape, dtype).at[middle].set(channels)

    return initializer


def sparse(*, sparsity: float, std: float = 0.01) -> Initializer:
    """Draws from N(0, std²), and zeros the share ``sparsity`` of the weights that leave each input.

    Args:
        sparsity: share of zeros, in [0, 1]; a whole number of weights is zeroed, rounded up.
        std: standard deviation of the rest.

    Returns:
        An initializer for shapes (n_in, n_out).

    Raises:
        ValueError: if ``sparsity`` isn't in [0, 1].
        ShapeError: for a shape of another rank.

    Reference:
        Martens, "Deep learning via Hessian-free optimization", 2010.

    Example:
        >>> x = sparse(sparsity=0.6)(jax.random.key(0), (4, 5))
        >>> (x == 0).sum(axis=1)
        Array([3, 3, 3, 3], dtype=int32)
    """
    in_unit_interval("sparse", "sparsity", sparsity, closed=True)

    def initializer(key: Key, shape: Shape, dtype: DTypeLike = float) -> Array:
        _rank("sparse", shape, 2, 2)
        key_values, key_order = jax.random.split(key)
        order = jax.random.uniform(key_order, shape).argsort(axis=1).argsort(axis=1)
        values = normal(std=std)(key_values, shape, dtype)
        return jnp.where(order < math.ceil(sparsity * shape[1]), 0, values)

    return initializer


def orthogonal(*, gain: float = 1.0) -> Initializer:
    """Draws gain times a matrix whose columns, or rows if these are fewer, are orthonormal.

    Args:
        gain: what the matrix is multiplied by.

    Returns:
        An initializer for shapes (…, n_in, n_out); all axes but the last count as rows.

    Raises:
        ShapeError: for a shape with less than two axes.

    Reference:
        Saxe et al., "Exact solutions to the nonlinear dynamics of learning in deep linear neural
        networks", 2013, https://arxiv.org/abs/1312.6120.

    Example:
        >>> x = orthogonal(gain=2.0)(jax.random.key(0), (5, 3))
        >>> (abs(x.T @ x - 4 * jnp.eye(3)) < 1e-5).all()
        Array(True, dtype=bool)
    """

    def initializer(key: Key, shape: Shape, dtype: DTypeLike = float) -> Array:
        _rank("orthogonal", shape, 2)
        # There is no QR decomposition in half precision.
        wide = jnp.float32 if jnp.finfo(dtype).bits < 32 else dtype
        return jax.nn.initializers.orthogonal(gain)(key, shape, wide).astype(dtype)

    return initializer


def _rank(function: str, shape: Shape, least: int, most: int | None = None) -> None:
    """Raises a ShapeError unless a shape has from ``least`` to ``most`` axes."""
    if len(shape) < least or (most is not None and len(shape) > most):
        upper = " or more" if most is None else f" to {most}" if most > least else ""
        raise ShapeError(f"{function}: the shape is {shape}; it must have {least}{upper} axes")
