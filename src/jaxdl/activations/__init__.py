"""Activation functions with the names and options of torch.nn.functional.

Each function takes a floating point array ``x`` of any shape first, and its options by keyword;
``axis`` is PyTorch's ``dim``. Unless stated otherwise, the result has the shape and dtype of ``x``.
float16 and bfloat16 are computed in float32 and rounded once. Numeric options may be traced, and so
swept or learned. An integer or complex ``x`` raises a TypeError, and an option out of range a
ValueError, except that traced options are used as is.

<!-- table of equals: begin -->
Relative bounds that the tests hold values and gradients to, in float32 and in float64. A star
marks where PyTorch itself is less exact, or wrong at some points; tests/tables says where and why.

| PyTorch | jaxdl | equal to |
|---|---|---|
| `F.celu` | `celu` | 1e-5, 1e-7 * |
| `F.elu` | `elu` | 1e-5, 1e-12 * |
| its formula | `geglu` | 1e-5, 1e-12 |
| `F.gelu` | `gelu` | 1e-5, 1e-12 * |
| `F.glu` | `glu` | 1e-5, 1e-12 |
| — | `gumbel_softmax` | finite differences |
| `F.hardshrink` | `hardshrink` | 1e-5, 1e-12 * |
| `F.hardsigmoid` | `hardsigmoid` | 1e-5, 1e-7 * |
| `F.hardswish` | `hardswish` | 1e-5, 1e-12 |
| `F.hardtanh` | `hardtanh` | 1e-5, 1e-12 * |
| `torch.nn.Identity()` | `identity` | 1e-5, 1e-12 |
| `F.leaky_relu` | `leaky_relu` | 1e-5, 1e-12 |
| `F.log_softmax` | `log_softmax` | 1e-5, 1e-12 |
| `F.logsigmoid` | `logsigmoid` | 1e-5, 1e-12 |
| its formula | `maxout` | 1e-5, 1e-12 |
| `F.mish` | `mish` | 1e-5, 1e-12 |
| `F.normalize` | `normalize` | 1e-5, 1e-12 |
| `F.prelu` | `prelu` | 1e-5, 1e-12 |
| `F.relu` | `relu` | 1e-5, 1e-12 * |
| `F.relu6` | `relu6` | 1e-5, 1e-12 |
| `F.rrelu` | `rrelu` | 1e-5, 1e-12 |
| `F.selu` | `selu` | 1e-5, 1e-12 * |
| `F.sigmoid` | `sigmoid` | 1e-5, 1e-12 |
| `F.silu` | `silu` | 1e-5, 1e-12 |
| `F.softmax` | `softmax` | 1e-5, 1e-12 |
| `F.softmin` | `softmin` | 1e-5, 1e-12 |
| `F.softplus` | `softplus` | 1e-5, 1e-12 |
| `F.softshrink` | `softshrink` | 1e-5, 1e-12 |
| `F.softsign` | `softsign` | 1e-5, 1e-12 |
| — | `sparsemax` | finite differences |
| — | `squareplus` | finite differences |
| — | `step` | finite differences |
| its formula | `swiglu` | 1e-5, 1e-12 |
| `F.silu` | `swish` | 1e-5, 1e-12 |
| its formula | `swish` | 1e-5, 1e-12 |
| `F.tanh` | `tanh` | 1e-5, 1e-12 |
| `F.tanhshrink` | `tanhshrink` | 1e-5, 1e-12 |
| `F.threshold` | `threshold` | 1e-5, 1e-12 |
<!-- table of equals: end -->
"""

from jaxdl import _face
from jaxdl.activations._algebraic import softplus, softsign, squareplus
from jaxdl.activations._gated import geglu, glu, maxout, swiglu
from jaxdl.activations._normalizing import (
    gumbel_softmax,
    log_softmax,
    normalize,
    softmax,
    softmin,
    sparsemax,
)
from jaxdl.activations._piecewise import (
    hardshrink,
    hardsigmoid,
    hardswish,
    hardtanh,
    identity,
    leaky_relu,
    prelu,
    relu,
    relu6,
    rrelu,
    softshrink,
    step,
    threshold,
)
from jaxdl.activations._smooth import (
    celu,
    elu,
    gelu,
    logsigmoid,
    mish,
    selu,
    sigmoid,
    silu,
    swish,
    tanh,
    tanhshrink,
)

__all__ = [
    "celu",
    "elu",
    "geglu",
    "gelu",
    "glu",
    "gumbel_softmax",
    "hardshrink",
    "hardsigmoid",
    "hardswish",
    "hardtanh",
    "identity",
    "leaky_relu",
    "log_softmax",
    "logsigmoid",
    "maxout",
    "mish",
    "normalize",
    "prelu",
    "relu",
    "relu6",
    "rrelu",
    "selu",
    "sigmoid",
    "silu",
    "softmax",
    "softmin",
    "softplus",
    "softshrink",
    "softsign",
    "sparsemax",
    "squareplus",
    "step",
    "swiglu",
    "swish",
    "tanh",
    "tanhshrink",
    "threshold",
]

__doc__ = _face.index(globals())
