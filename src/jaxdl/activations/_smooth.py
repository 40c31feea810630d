"""Smooth activations: exponential and Gaussian linear units, sigmoids and what they gate."""

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
        alpha: minus the limit at -inf.

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
        alpha: minus the limit at -inf; not 0.

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

    Under these two constants mean 0 and variance 1 are a fixed point from layer to layer.

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
    """Gaussian error linear unit: x · Φ(x), with Φ the standard normal distribution function.

    With ``"tanh"`` it is ½x · (1 + tanh(√(2/π) · (x + 0.044715 x³))). The default is exact, unlike
    that of ``jax.nn.gelu``. The gradient of the tanh form stays finite wherever x is finite; in
    ``jax.nn`` it is nan from 200 on in float16, and in PyTorch from 2e19 on in float32.

    Args:
        x: any shape.
        approximate: ``"none"`` or ``"tanh"``.

    Returns:
        Nan at -inf, as in PyTorch, and inf at inf.

    Raises:
        ValueError: for another ``approximate``.

    Reference:
        Hendrycks and Gimpel, "Gaussian error linear units", 2016,
        https://arxiv.org/abs/1606.08415.

    Example:
        >>> round(float(gelu(1.0)), 4), round(float(gelu(1.0, approximate="tanh")), 4)
        (0.8413, 0.8412)
    """
    one_of("gelu", "approximate", approximate, ("none", "tanh"))
    if approximate == "none":
        # As PyTorch has it. 1 + erf cancels below -5, where less than 2e-7 is left of |x|; erfc, as
        # jax.nn has it, is half as fast.
        return x * (0.5 + 0.5 * jax.lax.erf(x * 0.5**0.5))
    # ½(1 + tanh(u)) is sigmoid(2u), which keeps its digits where the sum cancels. Beyond ±30 it is
    # 0 or 1 in every dtype, and what is bounded there has a gradient that can't overflow.
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
        Nan at -inf, as in PyTorch.

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
    """Swish: x · sigmoid(beta · x), which is silu at beta = 1, x/2 at 0, and tends to relu.

    Args:
        x: any shape.
        beta: one number, or one for each entry along ``axis``; it may be a parameter to learn.
        axis: where the features are.

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
    """What tanh takes away: x - tanh(x).

    Example:
        >>> tanhshrink(jnp.array([-10.0, 0.0, 10.0]))
        Array([-9.,  0.,  9.], dtype=float32)
    """
    return x - jnp.tanh(x)


@activation
def mish(x: Array) -> Array:
    """Mish: x · tanh(softplus(x)).

    Returns:
        Nan at -inf, as in PyTorch.

    Reference:
        Misra, "Mish: a self regularized non-monotonic activation function", 2019,
        https://arxiv.org/abs/1908.08681.

    Example:
        >>> mish(jnp.array([0.0, 20.0]))
        Array([ 0., 20.], dtype=float32)
    """
    return jax.nn.mish(x)
