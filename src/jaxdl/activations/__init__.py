"""Activation functions, by the names and the options of torch.nn.functional.

Every function takes an array ``x`` of any shape and floating dtype first, and its options by
keyword; ``axis`` is PyTorch's ``dim``. The shape and the dtype of ``x`` are kept, except where a
function says otherwise. Options that are numbers may be traced, and so be swept or learned.

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

from jaxdl.activations.algebraic import softplus as softplus
from jaxdl.activations.algebraic import softsign as softsign
from jaxdl.activations.algebraic import squareplus as squareplus
from jaxdl.activations.gated import geglu as geglu
from jaxdl.activations.gated import glu as glu
from jaxdl.activations.gated import maxout as maxout
from jaxdl.activations.gated import swiglu as swiglu
from jaxdl.activations.normalizing import gumbel_softmax as gumbel_softmax
from jaxdl.activations.normalizing import log_softmax as log_softmax
from jaxdl.activations.normalizing import normalize as normalize
from jaxdl.activations.normalizing import softmax as softmax
from jaxdl.activations.normalizing import softmin as softmin
from jaxdl.activations.normalizing import sparsemax as sparsemax
from jaxdl.activations.piecewise import hardshrink as hardshrink
from jaxdl.activations.piecewise import hardsigmoid as hardsigmoid
from jaxdl.activations.piecewise import hardswish as hardswish
from jaxdl.activations.piecewise import hardtanh as hardtanh
from jaxdl.activations.piecewise import identity as identity
from jaxdl.activations.piecewise import leaky_relu as leaky_relu
from jaxdl.activations.piecewise import prelu as prelu
from jaxdl.activations.piecewise import relu as relu
from jaxdl.activations.piecewise import relu6 as relu6
from jaxdl.activations.piecewise import rrelu as rrelu
from jaxdl.activations.piecewise import softshrink as softshrink
from jaxdl.activations.piecewise import step as step
from jaxdl.activations.piecewise import threshold as threshold
from jaxdl.activations.smooth import celu as celu
from jaxdl.activations.smooth import elu as elu
from jaxdl.activations.smooth import gelu as gelu
from jaxdl.activations.smooth import logsigmoid as logsigmoid
from jaxdl.activations.smooth import mish as mish
from jaxdl.activations.smooth import selu as selu
from jaxdl.activations.smooth import sigmoid as sigmoid
from jaxdl.activations.smooth import silu as silu
from jaxdl.activations.smooth import swish as swish
from jaxdl.activations.smooth import tanh as tanh
from jaxdl.activations.smooth import tanhshrink as tanhshrink
