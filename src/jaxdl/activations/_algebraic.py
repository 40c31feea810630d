"""Softplus and the smooth activations that do without exponentials."""

import math

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from jaxdl._checks import floating
from jaxdl.activations._options import scalar
from jaxdl.types import Array


def softplus(x: ArrayLike, *, beta: ArrayLike = 1.0, threshold: ArrayLike = 20.0) -> Array:
    """Smooth relu: log(1 + exp(beta · x)) / beta, and x itself where beta · x > threshold.

    ``jax.nn.softplus`` has neither option; it differs where ``threshold`` cuts in.

    Args:
        x: any shape.
        beta: how sharply it bends; not 0.
        threshold: where it becomes x.

    Returns:
        An array of the shape of ``x``.

    Example:
        >>> round(float(softplus(0.0)), 4), float(softplus(1e4))
        (0.6931, 10000.0)
    """
    x = floating("softplus", "x", x)
    beta = scalar("softplus", "beta", beta, x)
    z = beta * x
    # Well below the overflow of exp, log(1 + exp(z)) has become z to the last digit.
    safe = 0.9 * math.log(float(jnp.finfo(x.dtype).max))
    linear = z > jnp.minimum(scalar("softplus", "threshold", threshold, x), safe)
    return jnp.where(linear, x, jnp.log1p(jnp.exp(jnp.where(linear, 0, z))) / beta)


def softsign(x: ArrayLike) -> Array:
    """Softsign: x / (1 + |x|).

    Args:
        x: any shape.

    Returns:
        An array of the shape of ``x``; nan at ±inf, as in PyTorch.

    Example:
        >>> softsign(jnp.array([-1.0, 0.0, 3.0]))
        Array([-0.5 ,  0.  ,  0.75], dtype=float32)
    """
    return jax.nn.soft_sign(floating("softsign", "x", x))


def squareplus(x: ArrayLike, *, b: ArrayLike = 4.0) -> Array:
    """Smooth relu without exponentials: (x + √(x² + b)) / 2.

    It neither overflows nor cancels; ``jax.nn.squareplus`` is inf in float16 from 256 on.

    Args:
        x: any shape.
        b: how wide it bends, above 0.

    Returns:
        An array of the shape of ``x``.

    Reference:
        Barron, "Squareplus: a softplus-like algebraic rectifier", 2021,
        https://arxiv.org/abs/2112.11687.

    Example:
        >>> squareplus(jnp.array([-jnp.inf, 0.0, 1.5]))
        Array([0., 1., 2.], dtype=float32)
    """
    x = floating("squareplus", "x", x)
    return _squareplus(x, scalar("squareplus", "b", b, x))


@jax.custom_jvp
def _squareplus(x: Array, b: Array) -> Array:
    # At -|x| the sum cancels, and its product with the sum at |x| is b: so divide instead.
    return jnp.maximum(x, 0) + b / 2 / (_root(x, b) + jnp.abs(x))


def _root(x: Array, b: Array) -> Array:
    """Returns √(x² + b), which is |x| where the square would overflow."""
    large = jnp.abs(x) > 0.5 * float(jnp.finfo(x.dtype).max) ** 0.5
    return jnp.where(large, jnp.abs(x), jnp.sqrt(x * x + b))


@_squareplus.defjvp
def _squareplus_jvp(primals: tuple[Array, Array], tangents: tuple[Array, Array]) -> tuple:
    (x, b), (x_dot, b_dot) = primals, tangents
    y = _squareplus(x, b)
    return y, (y * x_dot + b_dot / 4) / _root(x, b)
