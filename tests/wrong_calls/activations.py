"""Wrong calls of activations."""

import jax.numpy as jnp
import numpy as np

from jaxdl import activations as A
from wrong_calls.row import Wrong

X = jnp.array([[-2.0, 0.5, 3.0], [1.0, -0.5, 0.0]])

ROWS = [
    Wrong(lambda: A.gelu(X, approximate="erf"), "gelu: approximate is 'erf'"),
    Wrong(lambda: A.rrelu(X, train=True), "rrelu needs a key in training"),
    Wrong(lambda: A.rrelu(X, lower=0.5, upper=0.1), "rrelu: lower is 0.5 and upper is 0.1"),
    Wrong(lambda: A.softshrink(X, lambd=-1.0), "softshrink: lambd is -1.0"),
    Wrong(lambda: A.celu(X, alpha=0.0), "celu: alpha is 0.0; it must be a number other than 0"),
    Wrong(lambda: A.normalize(X, p=0.0), "normalize: p is 0.0"),
    Wrong(
        lambda: A.elu(X, alpha=jnp.ones(3)), r"elu: alpha is float32\[3\]; it must be one number"
    ),
    Wrong(lambda: A.swiglu(X, axis=2), r"swiglu: x is float32\[2,3\]; its size along axis 2"),
    Wrong(lambda: A.prelu(X, jnp.ones(3), axis=2), r"prelu: weight is float32\[3\]; .* axis=2"),
    Wrong(lambda: A.glu(X), r"glu: x is float32\[2,3\]; its size along axis -1 .* multiple of 2"),
    Wrong(lambda: A.swiglu(X), "swiglu: x is"),
    Wrong(lambda: A.geglu(X), "geglu: x is"),
    Wrong(lambda: A.maxout(X, pieces=2), "maxout: x is"),
    Wrong(lambda: A.maxout(X, pieces=0), "maxout: pieces is 0"),
    Wrong(lambda: A.prelu(X, jnp.ones(2)), r"prelu: weight is float32\[2\]; for float32\[2,3\]"),
    Wrong(lambda: A.prelu(X, jnp.ones((1, 1))), r"prelu: weight is float32\[1,1\]"),
    Wrong(lambda: A.swish(X, beta=jnp.ones(2)), r"swish: beta is float32\[2\]"),
    Wrong(lambda: A.hardtanh(X, min_val=2.0), "hardtanh: min_val is 2.0 and max_val is 1.0; min_v"),
    Wrong(lambda: A.rrelu(X, lower=np.float32(1)), "rrelu: lower is 1.0 and upper is 0.333"),
    Wrong(lambda: A.silu(None), "silu: x is None; it must be an array of numbers", TypeError),
    Wrong(lambda: A.silu("1"), "silu: x is '1'; it must be an array of numbers", TypeError),
    Wrong(lambda: A.prelu(X, "0.1"), "prelu: weight is '0.1'", TypeError),
]
