"""Softplus, and smooth activations without exponentials."""

import math

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from jaxdl._ranges import numbers
from jaxdl.activations._options import activation
from jaxdl.types import Array


@activation
def softplus(x: Array, *, beta: ArrayLike = 1.0, threshold: ArrayLike = 20.0) -> Array:
    """Smooth relu: log(1 + exp(beta · x)) / beta, or x where beta · x > threshold.

    ``jax.nn.softplus`` has neither option, and differs above ``threshold``.

    Args:
        x: any shape.
        beta: sharpness of the bend; not 0.
        threshold: value of beta · x above which the result is x.

    Example:
        >>> round(float(softplus(0.0)), 4), float(softplus(1e4))
        (0.6931, 10000.0)
    """
    beta, threshold = numbers("softplus", x, beta=beta, threshold=threshold)
    # log(1 + exp(z)) rounds to z well before exp overflows.
    safe = 0.9 * math.log(float(jnp.finfo(x.dtype).max))
    linear = beta * x > jnp.minimum(threshold, safe)
    bent = jnp.where(linear, 0, x)  # inf would make the gradient of beta nan
    return jnp.where(linear, x, jnp.log1p(jnp.exp(beta * bent)) / beta)


@activation
def softsign(x: Array) -> Array:
    """Softsign: x / (1 + |x|).

    Returns:
        The shape of ``x``; nan at ±inf, as in PyTorch.

    Example:
        >>> softsign(jnp.array([-1.0, 0.0, 3.0]))
        Array([-0.5 ,  0.  ,  0.75], dtype=float32)
    """
    # With |x| as x · sign(x) the second derivative at 0 is 0; that of jax.nn is -2.
    return x / (1 + x * jnp.sign(x))


@activation
def squareplus(x: Array, *, b: ArrayLike = 4.0) -> Array:
    """Smooth relu without exponentials: (x + √(x² + b)) / 2.

    It neither overflows nor cancels; in float16, ``jax.nn.squareplus`` is inf from 256 up.

    Args:
        x: any shape.
        b: width of the bend, above 0.

    Reference:
        Barron, "Squareplus: a softplus-like algebraic rectifier", 2021,
        https://arxiv.org/abs/2112.11687.

    Example:
        >>> squareplus(jnp.array([-jnp.inf, 0.0, 1.5]))
        Array([0., 1., 2.], dtype=float32)
    """
    return _squareplus(x, *numbers("squareplus", x, b=b))


@jax.custom_jvp
def _squareplus(x: Array, b: Array) -> Array:
    # The sum x + √(x² + b) cancels at -|x|; its product with the sum at |x| is b, so divide.
    return jnp.maximum(x, 0) + b / 2 / (_root(x, b) + jnp.abs(x))


def _root(x: Array, b: Array) -> Array:
    """Returns √(x² + b), or |x| where the square would overflow."""
    large = jnp.abs(x) > 0.5 * float(jnp.finfo(x.dtype).max) ** 0.5
    return jnp.where(large, jnp.abs(x), jnp.sqrt(x * x + b))


@_squareplus.defjvp
def _squareplus_jvp(primals: tuple[Array, Array], tangents: tuple[Array, Array]) -> tuple:
    (x, b), (x_dot, b_dot) = primals, tangents
    y, root = _squareplus(x, b), _root(x, b)
    slope = jnp.where(jnp.isposinf(x), 1, y / root)
    return y, slope * x_dot + b_dot / (4 * root)
