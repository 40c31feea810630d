"""Initializers: functions ``(key, shape, dtype) -> array``, as in jax.nn.initializers.

Names known from PyTorch draw from PyTorch's distributions: ``normal`` and ``kaiming_normal`` aren't
truncated, and ``uniform`` takes both ends. All other names are those of jax.nn.initializers:
``glorot_*``, ``he_*`` and ``lecun_*`` match Keras too, with normal variants truncated at two
standard deviations. Keras's RandomNormal is ``normal(std=0.05)``, RandomUniform is
``uniform(a=-0.05, b=0.05)``, TruncatedNormal is ``truncated_normal(0.05)``, and Identity is
``eye()``. Kernels have shape (…, n_in, n_out): fan_in is n_in times the size of the window, and
fan_out n_out times that size.

All draw in float32 or wider and round once to the requested dtype. An option out of range raises a
ValueError when the initializer is created; a shape of the wrong rank raises a ShapeError when it
draws.
"""

from jax.nn.initializers import constant, ones, zeros

from jaxdl import _face
from jaxdl.initializers._defaults import (
    he_default,
    keras_default,
    torch_default,
    torch_recurrent_default,
)
from jaxdl.initializers._distributions import (
    normal,
    symmetric_uniform,
    trunc_normal,
    uniform,
)
from jaxdl.initializers._scaled import (
    calculate_gain,
    delta_orthogonal,
    glorot_normal,
    glorot_uniform,
    he_normal,
    he_uniform,
    kaiming_normal,
    kaiming_uniform,
    lecun_normal,
    lecun_uniform,
    truncated_normal,
    variance_scaling,
    xavier_normal,
    xavier_uniform,
)
from jaxdl.initializers._structured import dirac, eye, orthogonal, sparse

__all__ = [
    "calculate_gain",
    "constant",
    "delta_orthogonal",
    "dirac",
    "eye",
    "glorot_normal",
    "glorot_uniform",
    "he_default",
    "he_normal",
    "he_uniform",
    "kaiming_normal",
    "kaiming_uniform",
    "keras_default",
    "lecun_normal",
    "lecun_uniform",
    "normal",
    "ones",
    "orthogonal",
    "sparse",
    "symmetric_uniform",
    "torch_default",
    "torch_recurrent_default",
    "trunc_normal",
    "truncated_normal",
    "uniform",
    "variance_scaling",
    "xavier_normal",
    "xavier_uniform",
    "zeros",
]

__doc__ = _face.index(globals())
