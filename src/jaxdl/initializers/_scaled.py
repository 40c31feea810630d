"""Initializers scaled by the shape of the kernel, and gains of nonlinearities."""

import math
from typing import Literal, TypeAlias, get_args

import jax.nn.initializers
from jax.typing import ArrayLike

from jaxdl import _checks, _ranges
from jaxdl.initializers._distributions import drawing_wide
from jaxdl.types import Initializer

Nonlinearity: TypeAlias = Literal[
    "linear",
    "conv1d",
    "conv2d",
    "conv3d",
    "conv_transpose1d",
    "conv_transpose2d",
    "conv_transpose3d",
    "sigmoid",
    "tanh",
    "relu",
    "leaky_relu",
    "selu",
]
FanMode: TypeAlias = Literal["fan_in", "fan_out"]

delta_orthogonal = drawing_wide(jax.nn.initializers.delta_orthogonal)
glorot_normal = drawing_wide(jax.nn.initializers.glorot_normal)
glorot_uniform = drawing_wide(jax.nn.initializers.glorot_uniform)
he_normal = drawing_wide(jax.nn.initializers.he_normal)
he_uniform = drawing_wide(jax.nn.initializers.he_uniform)
lecun_normal = drawing_wide(jax.nn.initializers.lecun_normal)
lecun_uniform = drawing_wide(jax.nn.initializers.lecun_uniform)
truncated_normal = drawing_wide(jax.nn.initializers.truncated_normal)
variance_scaling = drawing_wide(jax.nn.initializers.variance_scaling)


def calculate_gain(nonlinearity: Nonlinearity, *, param: float | None = None) -> float:
    """Returns PyTorch's recommended factor on the standard deviation for a nonlinearity.

    Args:
        nonlinearity: its name. The gain of tanh is 5/3, of relu √2, of selu 3/4, of leaky_relu
            √(2 / (1 + s²)), and of all others 1.
        param: slope s of leaky_relu for negative inputs. Defaults to 0.01.

    Returns:
        The gain.

    Raises:
        ValueError: for any other name.

    Example:
        >>> calculate_gain("leaky_relu", param=1.0)
        1.0
    """
    _checks.one_of("calculate_gain", "nonlinearity", nonlinearity, get_args(Nonlinearity))
    (slope,) = _ranges.constants("calculate_gain", param=0.01 if param is None else param)
    gains = dict.fromkeys(get_args(Nonlinearity), 1.0)
    gains |= {"tanh": 5 / 3, "relu": math.sqrt(2), "selu": 3 / 4}
    gains |= {"leaky_relu": math.sqrt(2 / (1 + slope**2))}
    return gains[nonlinearity]


def xavier_uniform(*, gain: ArrayLike = 1.0) -> Initializer:
    """Draws from U(-b, b) with b = gain · √(6 / (fan_in + fan_out)).

    Args:
        gain: see ``calculate_gain``; 1 is ``glorot_uniform``.

    Reference:
        Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural
        networks", 2010.

    Example:
        >>> x = xavier_uniform(gain=2.0)(jax.random.key(0), (10, 14))
        >>> bool((abs(x) <= 1).all() and x.max() > 0.9)
        True
    """
    return _scaled("xavier_uniform", gain, "fan_avg", "uniform")


def xavier_normal(*, gain: ArrayLike = 1.0) -> Initializer:
    """Draws from N(0, gain² · 2 / (fan_in + fan_out)); unlike ``glorot_normal``, not truncated.

    Args:
        gain: see ``calculate_gain``.

    Example:
        >>> x = xavier_normal()(jax.random.key(0), (100, 100))
        >>> round(float(x.std()), 2)
        0.1
    """
    return _scaled("xavier_normal", gain, "fan_avg", "normal")


def kaiming_uniform(
    *, a: float = 0.0, mode: FanMode = "fan_in", nonlinearity: Nonlinearity = "leaky_relu"
) -> Initializer:
    """Draws from U(-b, b) with b = gain · √(3 / fan); by default, this is ``he_uniform``.

    Args:
        a: slope of the leaky relu for negative inputs.
        mode: ``"fan_in"`` preserves variance in the forward pass, ``"fan_out"`` in the backward.
        nonlinearity: what follows the layer, as in ``calculate_gain``.

    Reference:
        He et al., "Delving deep into rectifiers", 2015, https://arxiv.org/abs/1502.01852.

    Example:
        >>> x = kaiming_uniform(nonlinearity="linear")(jax.random.key(0), (12, 100))
        >>> bool((abs(x) <= 0.5).all() and x.max() > 0.49)
        True
    """
    _checks.one_of("kaiming_uniform", "mode", mode, get_args(FanMode))
    return _scaled("kaiming_uniform", calculate_gain(nonlinearity, param=a), mode, "uniform")


def kaiming_normal(
    *, a: float = 0.0, mode: FanMode = "fan_in", nonlinearity: Nonlinearity = "leaky_relu"
) -> Initializer:
    """Draws from N(0, gain² / fan); unlike ``he_normal``, not truncated.

    Args:
        a: slope of the leaky relu for negative inputs.
        mode: ``"fan_in"`` preserves variance in the forward pass, ``"fan_out"`` in the backward.
        nonlinearity: what follows the layer, as in ``calculate_gain``.

    Example:
        >>> x = kaiming_normal()(jax.random.key(0), (200, 100))
        >>> round(float(x.std()), 2)
        0.1
    """
    _checks.one_of("kaiming_normal", "mode", mode, get_args(FanMode))
    return _scaled("kaiming_normal", calculate_gain(nonlinearity, param=a), mode, "normal")


def _scaled(
    function: str,
    gain: ArrayLike,
    mode: Literal["fan_in", "fan_out", "fan_avg"],
    distribution: Literal["uniform", "normal"],
) -> Initializer:
    _ranges.check(function, gain=gain)
    return variance_scaling(gain**2, mode, distribution)
