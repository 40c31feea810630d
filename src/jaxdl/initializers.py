"""Initializers: functions ``(key, shape, dtype) -> array``, as in jax.nn.initializers."""

import math

import jax
from jax.nn.initializers import glorot_uniform, he_normal, variance_scaling, zeros

from jaxdl.types import Array, Init, Initializer, Key, Shape


def symmetric_uniform(bound: float) -> Initializer:
    """Draws from U(-bound, bound).

    Args:
        bound: half the width of the interval.

    Returns:
        An initializer.

    Example:
        >>> x = symmetric_uniform(0.1)(jax.random.key(0), (1000,))
        >>> bool((abs(x) <= 0.1).all() and x.min() < 0)
        True
    """

    def initializer(key: Key, shape: Shape, dtype: jax.typing.DTypeLike = float) -> Array:
        return jax.random.uniform(key, shape, dtype, minval=-bound, maxval=bound)

    return initializer


torch_default = Init(
    kernel=variance_scaling(1 / 3, "fan_in", "uniform"),
    bias=lambda fan_in: symmetric_uniform(1 / math.sqrt(fan_in)),
)
"""PyTorch's default for dense and convolutional layers: kernel and bias from U(±1/√fan_in)."""

keras_default = Init(kernel=glorot_uniform(), bias=lambda fan_in: zeros)
"""Keras's default for dense and convolutional layers: Glorot uniform kernel, zero bias."""

he_default = Init(kernel=he_normal(), bias=lambda fan_in: zeros)
"""He normal kernel, zero bias: the choice for deep relu networks."""
