"""Smooth activations: exponential and Gaussian linear units, sigmoids and what they gate."""

import math
from typing import Literal, TypeAlias

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from jaxdl._checks import floating
from jaxdl.activations._options import per_feature, scalar
from jaxdl.types import Array

Approximate: TypeAlias = Literal["none", "tanh"]


def elu(x: ArrayLike, *, alpha: ArrayLike = 1.0) -> Array:
    """Exponential linear unit: x where x > 0, else alpha · (exp(x) - 1), with gradient alpha at 0.

    Args:
        x: any shape.
        alpha: minus the limit at -inf.

    Returns:
        An array of the shape of ``x``.

    Reference:
        Clevert et al., "Fast and accurate deep network learning by exponential linear units",
        2015, https://arxiv.org/abs/1511.07289.

    Example:
        >>> elu(jnp.array([-jnp.inf, 0.0, 2.0]), alpha=0.5)
        Array([-0.5,  0. ,  2. ], dtype=float32)
    """
    x = floating("elu", "x", x)
    return jax.nn.elu(x, scalar("elu", "alpha", alpha, x))


def celu(x: ArrayLike, *, alpha: ArrayLike = 1.0) -> Array:
    """Continuously differentiable elu: x where x > 0, else alpha · (exp(x/alpha) - 1).

    Args:
        x: any shape.
        alpha: minus the limit at -inf; not 0.

    Returns:
        An array of the shape of ``x``.

    Raises:
        ValueError: if ``alpha`` is 0.

    Reference:
        Barron, "Continuously differentiable exponential linear units", 2017,
        https://arxiv.org/abs/1704.07483.

    Example:
        >>> celu(jnp.array([-jnp.inf, 0.0, 2.0]), alpha=0.5)
        Array([-0.5,  0. ,  2. ], dtype=float32)
    """
    x = floating("celu", "x", x)
    if isinstance(alpha, int | float) and alpha == 0:
        raise ValueError("celu: alpha is 0; x/alpha needs another number")
    return jax.nn.celu(x, scalar("celu", "alpha", alpha, x))


def selu(x: ArrayLike) -> Array:
    """Self-normalizing elu: s · elu(x, alpha=a) with s ≈ 1.0507 and a ≈ 1.6733.

    Under these two constants mean 0 and variance 1 are a fixed point from layer to layer.

    Args:
        x: any shape.

    Returns:
        An array of the shape of ``x``.

    Reference:
        Klambauer et al., "Self-normalizing neural networks", 2017,
        https://arxiv.org/abs/1706.02515.

    Example:
        >>> round(float(selu(1.0)), 4), round(float(selu(-jnp.inf)), 4)
        (1.0507, -1.7581)
    """
    return jax.nn.selu(floating("selu", "x", x))


def gelu(x: ArrayLike, *, approximate: Approximate = "none") -> Array:
    """Gaussian error linear unit: x · Φ(x), with Φ the standard normal distribution function.

    With ``"tanh"`` it is ½x · (1 + tanh(√(2/π) · (x + 0.044715 x³))). The default is exact, unlike
    that of ``jax.nn.gelu``. The gradient of the tanh form stays finite wherever x is finite; in
    ``jax.nn`` it is nan from 200 on in float16, and in PyTorch from 2e19 on in float32.

    Args:
        x: any shape.
        approximate: ``"none"`` or ``"tanh"``.

    Returns:
        An array of the shape of ``x``; nan at -inf, as in PyTorch, and inf at inf.

    Raises:
        ValueError: for another ``approximate``.

    Reference:
        Hendrycks and Gimpel, "Gaussian error linear units", 2016,
        https://arxiv.org/abs/1606.08415.

    Example:
        >>> round(float(gelu(1.0)), 4), round(float(gelu(1.0, approximate="tanh")), 4)
        (0.8413, 0.8412)
    """
    x = floating("gelu", "x", x)
    if approximate == "none":
        # 1 + erf cancels for negative x, which costs half precision its digits; jax.nn takes erfc
        # instead, which is half as fast.
        wide = x.astype(jnp.float32) if jnp.finfo(x.dtype).bits < 32 else x
        return (wide * (0.5 + 0.5 * jax.lax.erf(wide * 0.5**0.5))).astype(x.dtype)
    if approximate != "tanh":
        raise ValueError(f'gelu: approximate is {approximate!r}; it must be "none" or "tanh"')
    # ½(1 + tanh(u)) is sigmoid(2u), which keeps its digits where the sum cancels. Beyond ±30 it is
    # 0 or 1 in every dtype, and what is bounded there has a gradient that can't overflow.
    slope, square = (8 / math.pi) ** 0.5, jnp.where(x * x < 900, x * x, 900)
    return x * jax.nn.sigmoid(x * (slope + slope * 0.044715 * square))


def sigmoid(x: ArrayLike) -> Array:
    """Logistic sigmoid: 1 / (1 + exp(-x)).

    Args:
        x: any shape.

    Returns:
        An array of the shape of ``x``.

    Example:
        >>> sigmoid(jnp.array([-jnp.inf, 0.0, jnp.inf]))
        Array([0. , 0.5, 1. ], dtype=float32)
    """
    return jax.nn.sigmoid(floating("sigmoid", "x", x))


def silu(x: ArrayLike) -> Array:
    """Sigmoid linear unit: x · sigmoid(x).

    Args:
        x: any shape.

    Returns:
        An array of the shape of ``x``; nan at -inf, as in PyTorch.

    Reference:
        Elfwing et al., "Sigmoid-weighted linear units for neural network function approximation
        in reinforcement learning", 2017, https://arxiv.org/abs/1702.03118.

    Example:
        >>> round(float(silu(1.0)), 4), round(float(silu(-1.0)), 4)
        (0.7311, -0.2689)
    """
    return jax.nn.silu(floating("silu", "x", x))


def swish(x: ArrayLike, *, beta: ArrayLike = 1.0, axis: int = -1) -> Array:
    """Swish: x · sigmoid(beta · x), which is silu at beta = 1, x/2 at 0, and tends to relu.

    Args:
        x: any shape.
        beta: one number, or one for each entry along ``axis``; it may be a parameter to learn.
        axis: where the features are.

    Returns:
        An array of the shape of ``x``.

    Raises:
        ShapeError: if ``beta`` has another shape.

    Reference:
        Ramachandran et al., "Searching for activation functions", 2017,
        https://arxiv.org/abs/1710.05941.

    Example:
        >>> swish(jnp.array([[1.0, 1.0]]), beta=jnp.array([0.0, 100.0]))
        Array([[0.5, 1. ]], dtype=float32)
    """
    x = floating("swish", "x", x)
    return x * jax.nn.sigmoid(per_feature("swish", "beta", beta, x, axis) * x)


def logsigmoid(x: ArrayLike) -> Array:
    """Logarithm of the sigmoid: -log(1 + exp(-x)), without overflow.

    Args:
        x: any shape.

    Returns:
        An array of the shape of ``x``.

    Example:
        >>> round(float(logsigmoid(0.0)), 4), float(logsigmoid(-1e4))
        (-0.6931, -10000.0)
    """
    return jax.nn.log_sigmoid(floating("logsigmoid", "x", x))


def tanh(x: ArrayLike) -> Array:
    """Hyperbolic tangent: (exp(x) - exp(-x)) / (exp(x) + exp(-x)).

    Args:
        x: any shape.

    Returns:
        An array of the shape of ``x``.

    Example:
        >>> tanh(jnp.array([-jnp.inf, 0.0, jnp.inf]))
        Array([-1.,  0.,  1.], dtype=float32)
    """
    return jnp.tanh(floating("tanh", "x", x))


def tanhshrink(x: ArrayLike) -> Array:
    """What tanh takes away: x - tanh(x).

    Args:
        x: any shape.

    Returns:
        An array of the shape of ``x``.

    Example:
        >>> tanhshrink(jnp.array([-10.0, 0.0, 10.0]))
        Array([-9.,  0.,  9.], dtype=float32)
    """
    x = floating("tanhshrink", "x", x)
    return x - jnp.tanh(x)


def mish(x: ArrayLike) -> Array:
    """Mish: x · tanh(softplus(x)).

    Args:
        x: any shape.

    Returns:
        An array of the shape of ``x``; nan at -inf, as in PyTorch.

    Reference:
        Misra, "Mish: a self regularized non-monotonic activation function", 2019,
        https://arxiv.org/abs/1908.08681.

    Example:
        >>> mish(jnp.array([0.0, 20.0]))
        Array([ 0., 20.], dtype=float32)
    """
    return jax.nn.mish(floating("mish", "x", x))
