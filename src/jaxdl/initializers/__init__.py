"""Initializers: functions ``(key, shape, dtype) -> array``, as in jax.nn.initializers.

Names that PyTorch has draw from PyTorch's distributions: ``normal`` and ``kaiming_normal`` aren't
truncated, ``uniform`` takes both its ends. All other names of jax.nn.initializers are its own:
``glorot_*``, ``he_*`` and ``lecun_*`` are what Keras draws too, truncated at two standard
deviations where they are normal; ``truncated_normal`` has a standard deviation of 0.01 by default,
Keras's one of 0.05, and Keras's name of ``eye`` is ``identity``. Kernels are (…, n_in, n_out), and
fans follow these axes: fan_in is n_in times the kernel's window, fan_out n_out times it.
"""

from jax.nn.initializers import constant as constant
from jax.nn.initializers import delta_orthogonal as delta_orthogonal
from jax.nn.initializers import glorot_normal as glorot_normal
from jax.nn.initializers import glorot_uniform as glorot_uniform
from jax.nn.initializers import he_normal as he_normal
from jax.nn.initializers import he_uniform as he_uniform
from jax.nn.initializers import lecun_normal as lecun_normal
from jax.nn.initializers import lecun_uniform as lecun_uniform
from jax.nn.initializers import ones as ones
from jax.nn.initializers import truncated_normal as truncated_normal
from jax.nn.initializers import variance_scaling as variance_scaling
from jax.nn.initializers import zeros as zeros

from jaxdl.initializers.defaults import he_default as he_default
from jaxdl.initializers.defaults import keras_default as keras_default
from jaxdl.initializers.defaults import torch_default as torch_default
from jaxdl.initializers.defaults import torch_recurrent_default as torch_recurrent_default
from jaxdl.initializers.distributions import normal as normal
from jaxdl.initializers.distributions import random_normal as random_normal
from jaxdl.initializers.distributions import random_uniform as random_uniform
from jaxdl.initializers.distributions import symmetric_uniform as symmetric_uniform
from jaxdl.initializers.distributions import trunc_normal as trunc_normal
from jaxdl.initializers.distributions import uniform as uniform
from jaxdl.initializers.scaled import calculate_gain as calculate_gain
from jaxdl.initializers.scaled import kaiming_normal as kaiming_normal
from jaxdl.initializers.scaled import kaiming_uniform as kaiming_uniform
from jaxdl.initializers.scaled import xavier_normal as xavier_normal
from jaxdl.initializers.scaled import xavier_uniform as xavier_uniform
from jaxdl.initializers.structured import dirac as dirac
from jaxdl.initializers.structured import eye as eye
from jaxdl.initializers.structured import identity as identity
from jaxdl.initializers.structured import orthogonal as orthogonal
from jaxdl.initializers.structured import sparse as sparse
