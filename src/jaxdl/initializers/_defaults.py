"""Default initializers of common frameworks, for a layer's kernel and bias."""

import math

import jax.nn.initializers

from jaxdl import _checks
from jaxdl.initializers._distributions import symmetric_uniform
from jaxdl.initializers._scaled import glorot_uniform, he_normal, variance_scaling
from jaxdl.types import Init

torch_default = Init(
    kernel=variance_scaling(1 / 3, "fan_in", "uniform"),
    bias=lambda fan_in: symmetric_uniform(1 / math.sqrt(fan_in) if fan_in else 0.0),
)
"""PyTorch's default for dense and convolutional layers: kernel and bias from U(±1/√fan_in)."""

keras_default = Init(kernel=glorot_uniform(), bias=lambda fan_in: jax.nn.initializers.zeros)
"""Keras's default for dense and convolutional layers: Glorot uniform kernel, zero bias."""

he_default = Init(kernel=he_normal(), bias=lambda fan_in: jax.nn.initializers.zeros)
"""He normal kernel, zero bias: the usual choice for deep relu networks."""


def torch_recurrent_default(n_hidden: int) -> Init:
    """PyTorch's default for recurrent layers: all kernels and biases from U(±1/√n_hidden).

    Args:
        n_hidden: size of the hidden state.

    Example:
        >>> x = torch_recurrent_default(4).kernel(jax.random.key(0), (1000, 16))
        >>> bool((abs(x) <= 0.5).all() and x.max() > 0.49)
        True
    """
    _checks.positive_ints("torch_recurrent_default", n_hidden=n_hidden)
    draw = symmetric_uniform(1 / math.sqrt(n_hidden))
    return Init(kernel=draw, bias=lambda fan_in: draw)
