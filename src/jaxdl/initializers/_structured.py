"""Initializers of structured matrices and kernels."""

import math

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike, DTypeLike

from jaxdl._checks import ShapeError
from jaxdl._ranges import check, constants
from jaxdl.initializers._distributions import in_float32, normal
from jaxdl.types import Array, Initializer, Key, Shape


def eye(*, gain: ArrayLike = 1.0) -> Initializer:
    """Fills a matrix (n_in, n_out) with gain · I; at gain 1 a square dense layer is the identity.

    Args:
        gain: value on the diagonal.

    Example:
        >>> eye()(jax.random.key(0), (2, 3))
        Array([[1., 0., 0.],
               [0., 1., 0.]], dtype=float32)
    """
    check("eye", gain=gain)

    def initializer(key: Key, shape: Shape, dtype: DTypeLike = float) -> Array:
        _rank("eye", shape, 2, 2)
        return jnp.asarray(gain, dtype) * jnp.eye(shape[0], shape[1], dtype=dtype)

    return initializer


def dirac(*, groups: int = 1) -> Initializer:
    """Fills a convolution kernel so that it passes on as many input channels as possible.

    In each group, a 1 in the middle of the window maps input i to output i. Shapes are
    (*window, n_in/groups, n_out), with one to three window axes.

    Args:
        groups: number of channel groups.

    Example:
        >>> dirac()(jax.random.key(0), (3, 1, 2))[:, 0]
        Array([[0., 0.],
               [1., 0.],
               [0., 0.]], dtype=float32)
    """
    (groups,) = constants("dirac", groups=groups)

    def initializer(key: Key, shape: Shape, dtype: DTypeLike = float) -> Array:
        _rank("dirac", shape, 3, 5)
        *window, n_in, n_out = shape
        if n_out % groups:
            raise ShapeError(f"dirac: {n_out} outputs can't be split into {groups} groups")
        middle = tuple(size // 2 for size in window)
        channels = jnp.tile(jnp.eye(n_in, n_out // groups, dtype=dtype), (1, groups))
        return jnp.zeros(shape, dtype).at[middle].set(channels)

    return initializer


def sparse(*, sparsity: float, std: ArrayLike = 0.01) -> Initializer:
    """Draws a matrix (n_in, n_out) from N(0, std²) and sets a share of each row to 0.

    Args:
        sparsity: share of zeros among the weights of each input, in [0, 1], rounded up to a whole
            number of weights.
        std: standard deviation of the other weights.

    Reference:
        Martens, "Deep learning via Hessian-free optimization", 2010.

    Example:
        >>> x = sparse(sparsity=0.6)(jax.random.key(0), (4, 5))
        >>> (x == 0).sum(axis=1)
        Array([3, 3, 3, 3], dtype=int32)
    """
    check("sparse", std=std)
    (sparsity,) = constants("sparse", sparsity=sparsity)

    def initializer(key: Key, shape: Shape, dtype: DTypeLike = float) -> Array:
        _rank("sparse", shape, 2, 2)
        key_values, key_order = jax.random.split(key)
        order = jax.random.uniform(key_order, shape).argsort(axis=1).argsort(axis=1)
        values = normal(std=std)(key_values, shape, dtype)
        return jnp.where(order < math.ceil(sparsity * shape[1]), 0, values)

    return initializer


def orthogonal(*, gain: ArrayLike = 1.0) -> Initializer:
    """Draws gain times a matrix with orthonormal columns, or rows if there are fewer rows.

    Shapes are (…, n_in, n_out); all axes but the last count as rows.

    Args:
        gain: factor on the matrix.

    Reference:
        Saxe et al., "Exact solutions to the nonlinear dynamics of learning in deep linear neural
        networks", 2013, https://arxiv.org/abs/1312.6120.

    Example:
        >>> x = orthogonal(gain=2.0)(jax.random.key(0), (5, 3))
        >>> (abs(x.T @ x - 4 * jnp.eye(3)) < 1e-5).all()
        Array(True, dtype=bool)
    """
    check("orthogonal", gain=gain)

    def initializer(key: Key, shape: Shape, dtype: DTypeLike = float) -> Array:
        _rank("orthogonal", shape, 2)
        return in_float32(jax.nn.initializers.orthogonal(gain))(key, shape, dtype)

    return initializer


def _rank(function: str, shape: Shape, least: int, most: int | None = None) -> None:
    """Raises a ShapeError unless a shape has ``least`` to ``most`` axes."""
    if len(shape) < least or (most is not None and len(shape) > most):
        upper = " or more" if most is None else f" to {most}" if most > least else ""
        raise ShapeError(f"{function}: the shape is {shape}; it must have {least}{upper} axes")
