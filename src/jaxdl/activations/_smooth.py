"""Smooth activations: exponential and Gaussian linear units, sigmoids, and gates built on them."""

import math
from typing import Literal, TypeAlias

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from jaxdl._checks import one_of
from jaxdl._ranges import numbers
from jaxdl.activations._options import activation, per_feature
from jaxdl.types import Array

Approximate: TypeAlias = Literal["none", "tanh"]


@activation
def elu(x: Array, *, alpha: ArrayLike = 1.0) -> Array:
    """Exponential linear unit: x where x > 0, else alpha · (exp(x) - 1), with gradient alpha at 0.

    Args:
        x: any shape.
        alpha: the limit at -inf is -alpha.

    Reference:
        Clevert et al., "Fast and accurate deep network learning by exponential linear units",
        2015, https://arxiv.org/abs/1511.07289.

    Example:
        >>> elu(jnp.array([-jnp.inf, 0.0, 2.0]), alpha=0.5)
        Array([-0.5,  0. ,  2. ], dtype=float32)
    """
    return jax.nn.elu(x, *numbers("elu", x, alpha=alpha))


@activation
def celu(x: Array, *, alpha: ArrayLike = 1.0) -> Array:
    """Continuously differentiable elu: x where x > 0, else alpha · (exp(x/alpha) - 1).

    Args:
        x: any shape.
        alpha: the limit at -inf is -alpha; not 0.

    Raises:
        ValueError: if ``alpha`` is 0.

    Reference:
        Barron, "Continuously differentiable exponential linear units", 2017,
        https://arxiv.org/abs/1704.07483.

    Example:
        >>> celu(jnp.array([-jnp.inf, 0.0, 2.0]), alpha=0.5)
        Array([-0.5,  0. ,  2. ], dtype=float32)
    """
    return jax.nn.celu(x, *numbers("celu", x, alpha=alpha))


@activation
def selu(x: Array) -> Array:
    """Self-normalizing elu: s · elu(x, alpha=a) with s ≈ 1.0507 and a ≈ 1.6733.

    With these constants, mean 0 and variance 1 are a fixed point from layer to layer.

    Reference:
        Klambauer et al., "Self-normalizing neural networks", 2017,
        https://arxiv.org/abs/1706.02515.

    Example:
        >>> round(float(selu(1.0)), 4), round(float(selu(-jnp.inf)), 4)
        (1.0507, -1.7581)
    """
    return jax.nn.selu(x)


@activation
def gelu(x: Array, *, approximate: Approximate = "none") -> Array:
    """Gaussian error linear unit: x · Φ(x), where Φ is the standard normal distribution function.

    In float32 the default form is within 7e-7 of the exact value below −5, and soon 0.

    ``"tanh"`` computes ½x · (1 + tanh(√(2/π) · (x + 0.044715 x³))). The default is exact, unlike
    that of ``jax.nn.gelu``. The gradient of the tanh form is finite for all finite x; that of
    ``jax.nn`` is nan from 200 up in float16, and PyTorch's from 2e19 up in float32.

    Args:
        x: any shape.
        approximate: ``"none"`` or ``"tanh"``.

    Returns:
        The shape of ``x``; nan at -inf, as in PyTorch, and inf at inf.

    Raises:
        ValueError: for any other ``approximate``.

    Reference:
        Hendrycks and Gimpel, "Gaussian error linear units", 2016,
        https://arxiv.org/abs/1606.08415.

    Example:
        >>> round(float(gelu(1.0)), 4), round(float(gelu(1.0, approximate="tanh")), 4)
        (0.8413, 0.8412)
    """
    one_of("gelu", "approximate", approximate, ("none", "tanh"))
    if approximate == "none":
        # As in PyTorch. 1 + erf cancels below -5, where the result is below 2e-7 · |x|; erfc, used
        # by jax.nn, is half as fast.
        return x * (0.5 + 0.5 * jax.lax.erf(x * 0.5**0.5))
    # ½(1 + tanh(u)) is sigmoid(2u), which stays accurate where the sum cancels. Beyond ±30 it is
    # 0 or 1 in every dtype; bounding the square there keeps the gradient from overflowing.
    slope, square = (8 / math.pi) ** 0.5, jnp.where(x * x < 900, x * x, 900)
    return x * jax.nn.sigmoid(x * (slope + slope * 0.044715 * square))


@activation
def sigmoid(x: Array) -> Array:
    """Logistic sigmoid: 1 / (1 + exp(-x)).

    Example:
        >>> sigmoid(jnp.array([-jnp.inf, 0.0, jnp.inf]))
        Array([0. , 0.5, 1. ], dtype=float32)
    """
    return jax.nn.sigmoid(x)


@activation
def silu(x: Array) -> Array:
    """Sigmoid linear unit: x · sigmoid(x).

    Returns:
        The shape of ``x``; nan at -inf, as in PyTorch.

    Reference:
        Elfwing et al., "Sigmoid-weighted linear units for neural network function approximation
        in reinforcement learning", 2017, https://arxiv.org/abs/1702.03118.

    Example:
        >>> round(float(silu(1.0)), 4), round(float(silu(-1.0)), 4)
        (0.7311, -0.2689)
    """
    return jax.nn.silu(x)


@activation
def swish(x: Array, *, beta: ArrayLike = 1.0, axis: int = -1) -> Array:
    """Swish: x · sigmoid(beta · x), which is x/2 at beta = 0, silu at 1, and tends to relu.

    Args:
        x: any shape.
        beta: a scalar, or one value per entry along ``axis``; may be a learned parameter.
        axis: the feature axis.

    Raises:
        ShapeError: if ``beta`` has another shape.

    Reference:
        Ramachandran et al., "Searching for activation functions", 2017,
        https://arxiv.org/abs/1710.05941.

    Example:
        >>> swish(jnp.array([[1.0, 1.0]]), beta=jnp.array([0.0, 100.0]))
        Array([[0.5, 1. ]], dtype=float32)
    """
    return x * jax.nn.sigmoid(per_feature("swish", "beta", beta, x, axis) * x)


@activation
def logsigmoid(x: Array) -> Array:
    """Logarithm of the sigmoid: -log(1 + exp(-x)), without overflow.

    Example:
        >>> round(float(logsigmoid(0.0)), 4), float(logsigmoid(-1e4))
        (-0.6931, -10000.0)
    """
    return jax.nn.log_sigmoid(x)


@activation
def tanh(x: Array) -> Array:
    """Hyperbolic tangent: (exp(x) - exp(-x)) / (exp(x) + exp(-x)).

    Example:
        >>> tanh(jnp.array([-jnp.inf, 0.0, jnp.inf]))
        Array([-1.,  0.,  1.], dtype=float32)
    """
    return jnp.tanh(x)


@activation
def tanhshrink(x: Array) -> Array:
    """Tanh shrinkage: x - tanh(x).

    Example:
        >>> tanhshrink(jnp.array([-10.0, 0.0, 10.0]))
        Array([-9.,  0.,  9.], dtype=float32)
    """
    return x - jnp.tanh(x)


@activation
def mish(x: Array) -> Array:
    """Mish: x · tanh(softplus(x)).

    Returns:
        The shape of ``x``; nan at -inf, as in PyTorch.

    Reference:
        Misra, "Mish: a self regularized non-monotonic activation function", 2019,
        https://arxiv.org/abs/1908.08681.

    Example:
        >>> mish(jnp.array([0.0, 20.0]))
        Array([ 0., 20.], dtype=float32)
    """
    return jax.nn.mish(x)
