"""Wrong calls of initializers."""

import jax
import numpy as np

from jaxdl import initializers as I
from wrong_calls.row import Wrong

KEY = jax.random.key(0)

ROWS = [
    Wrong(lambda: I.uniform(a=2, b=1), "uniform: a is 2 and b is 1"),
    Wrong(lambda: I.trunc_normal(a=1, b=1), "trunc_normal: a is 1 and b is 1"),
    Wrong(lambda: I.eye()(KEY, (2, 3, 4)), r"eye: the shape is \(2, 3, 4\); it must have 2 axes"),
    Wrong(lambda: I.sparse(sparsity=0.5)(KEY, (3,)), "sparse: the shape is"),
    Wrong(lambda: I.sparse(sparsity=1.5), "sparse: sparsity is 1.5"),
    Wrong(lambda: I.dirac()(KEY, (3, 4)), "dirac: the shape is .* it must have 3 to 5 axes"),
    Wrong(lambda: I.dirac(groups=3)(KEY, (3, 2, 4)), "dirac: 4 outputs"),
    Wrong(lambda: I.dirac(groups=0), "dirac: groups is 0"),
    Wrong(lambda: I.orthogonal()(KEY, (3,)), "orthogonal: the shape is .* 2 or more axes"),
    Wrong(lambda: I.calculate_gain("gelu"), "nonlinearity is 'gelu'; it must be one of 'linear'"),
    Wrong(lambda: I.torch_recurrent_default(0), "torch_recurrent_default: n_hidden is 0"),
    Wrong(lambda: I.kaiming_normal(mode="fan"), "kaiming_normal: mode is 'fan'; it must be one of"),
    Wrong(
        lambda: I.uniform(a=np.float32(2)), "uniform: a is 2.0 and b is 1.0; a must not exceed b"
    ),
    Wrong(lambda: I.trunc_normal(std=0.0), "trunc_normal: std is 0.0; it must be positive"),
    Wrong(lambda: I.normal(std="0.1"), "normal: std is '0.1'; it must be a number", TypeError),
]
