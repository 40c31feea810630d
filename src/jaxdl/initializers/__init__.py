"""Initializers: functions ``(key, shape, dtype) -> array``, as in jax.nn.initializers.

Names that PyTorch has draw from PyTorch's distributions: ``normal`` and ``kaiming_normal`` aren't
truncated, ``uniform`` takes both its ends. All other names of jax.nn.initializers are its own:
``glorot_*``, ``he_*`` and ``lecun_*`` are what Keras draws too, truncated at two standard
deviations where they are normal; ``truncated_normal`` has a standard deviation of 0.01 by default,
Keras's one of 0.05, and Keras's name of ``eye`` is ``identity``. Kernels are (…, n_in, n_out), and
fans follow these axes: fan_in is n_in times the kernel's window, fan_out n_out times it.
"""

from jax.nn.initializers import (
    constant,
    delta_orthogonal,
    glorot_normal,
    glorot_uniform,
    he_normal,
    he_uniform,
    lecun_normal,
    lecun_uniform,
    ones,
    truncated_normal,
    variance_scaling,
    zeros,
)

from jaxdl import _face
from jaxdl.initializers._defaults import (
    he_default,
    keras_default,
    torch_default,
    torch_recurrent_default,
)
from jaxdl.initializers._distributions import (
    normal,
    random_normal,
    random_uniform,
    symmetric_uniform,
    trunc_normal,
    uniform,
)
from jaxdl.initializers._scaled import (
    calculate_gain,
    kaiming_normal,
    kaiming_uniform,
    xavier_normal,
    xavier_uniform,
)
from jaxdl.initializers._structured import dirac, eye, identity, orthogonal, sparse

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
    "identity",
    "kaiming_normal",
    "kaiming_uniform",
    "keras_default",
    "lecun_normal",
    "lecun_uniform",
    "normal",
    "ones",
    "orthogonal",
    "random_normal",
    "random_uniform",
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
