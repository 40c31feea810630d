"""Every activation with every option: what the oracle, the laws and the documentation run over."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import jax
import numpy as np

from case import Case
from jaxdl import activations as A

INF, NAN = np.inf, np.nan
EXTREMES = [0.0, -0.0, 1e-30, -1e-30, 1, -1, 50, -50, 1e4, -1e4, 1e30, -1e30, INF, -INF, NAN]
random = np.random.RandomState(0)
UNIFORM = random.uniform(-5, 5, 500)
X = 3 * random.randn(10, 6)
IMAGE = 3 * random.randn(2, 6, 3)


def ordinary(kinks: tuple[float, ...]) -> np.ndarray:
    """Points at which finite differences don't meet a kink."""
    far = np.abs(UNIFORM[:, None] - np.array(kinks)).min(axis=1, initial=1) > 1e-2
    return UNIFORM[far][:64]


def edges(kinks: tuple[float, ...]) -> np.ndarray:
    """Extremes, and each kink with its neighbours in float64 and in float32."""
    points = list(EXTREMES)
    for kink in kinks:
        for dtype in (np.float64, np.float32):
            # Next to 0 stand the smallest normal numbers: XLA on CPUs takes subnormals for 0.
            tiny = float(np.finfo(dtype).tiny)
            near = [float(np.nextafter(dtype(kink), dtype(to))) for to in (INF, -INF)]
            points += near if kink else [tiny, -tiny]
    return np.array([*points, *kinks, *UNIFORM][:64], np.float64)


def name(fn: Callable, options: Mapping[str, Any]) -> str:
    return "-".join([fn.__name__, *(f"{k}={v}" for k, v in options.items())])


def elementwise(
    fn: Callable[..., Any],
    torch: str | None = None,
    *,
    kinks: tuple[float, ...] = (0.0,),
    torch_options: dict[str, Any] | None = None,
    tolerance: Mapping[str, float] | None = None,
    skip: Callable[..., np.ndarray] | None = None,
    **options: Any,
) -> Iterator[Case]:
    """One row of ordinary points, and one of extremes and kinks."""
    shared: dict[str, Any] = {"options": options, "torch": torch, "torch_options": torch_options}
    shared |= {"tolerance": tolerance or {}}
    yield Case(name(fn, options), fn, (ordinary(kinks),), **shared)
    id = f"{name(fn, options)}-edges"
    yield Case(id, fn, (edges(kinks),), smooth=False, skip=skip, **shared)


def along_axis(
    fn: Callable[..., Any],
    torch: str | None = None,
    *,
    torch_options: dict[str, Any] | None = None,
    extremes: bool = True,
    skip: Callable[..., np.ndarray] | None = None,
    **options: Any,
) -> Iterator[Case]:
    """Rows along the last and along a middle axis, and extreme rows."""
    twin = options if torch_options is None else torch_options
    for x, axis in [(X, -1), (IMAGE, 1)]:
        row = options | {"axis": axis}
        yield Case(name(fn, row), fn, (x,), row, torch, twin | {"dim": axis})
    if extremes:
        id = f"{name(fn, options)}-edges"
        yield Case(id, fn, (ROWS,), options, torch, twin | {"dim": -1}, smooth=False, skip=skip)


ROWS = np.array(
    [
        [0, -0.0, 0, 0, 0, 0],
        [1, 1, 1, 1, 1, 1],
        [50, -50, 1e-30, -1e-30, 2, 1],
        [1e4, -1e4, 1e4, 3, 0, 1],
        [1e30, -1e30, 1e30, 3, 0, 1],
        [-INF, 1, 2, -INF, 3, 4],
        [-INF] * 6,
        [INF, 1, 2, 3, 4, 5],
        [NAN, 1, 2, 3, 4, 5],
        [2, 1, 2, 1, 2, 1],
    ]
)

# At nan there is no right gradient: it is that of the branch that nan falls into, which is another
# one in PyTorch. The value is nan in both; test_activations holds that.
at_nan = np.isnan
# PyTorch's vectorised float32 erf form answers nan at +inf; x is right.
at_nan_or_inf = lambda x: np.isnan(x) | (x == INF)
# The gradient of PyTorch's tanh form is nan in float32 once the cube overflows.
cube_overflows = lambda x: (x.dtype == np.float32) & (np.abs(x) > 1.8e19)
# PyTorch's float64 kernels hold these constants in float32.
ROUNDED = {"float64": 1e-7}

SHRINK, THREE = (-0.5, 0.5), (-3.0, 3.0)
CHUNKS = "(lambda x, dim, **o: x.chunk(2, dim)[0] * {}(x.chunk(2, dim)[1], **o))"
MAXOUT = "(lambda x, dim: x.unflatten(dim, (-1, 3)).max(dim + (dim >= 0)).values)"
SWISH = "(lambda x, beta: x * F.sigmoid(beta * x))"
SLOPES = np.array([0.25, 0.1, -0.5, 1.5, 0.0, 2.0])


def swish(x: Any, beta: Any) -> Any:
    return A.swish(x, beta=beta)


def squareplus(x: Any, b: Any) -> Any:
    return A.squareplus(x, b=b)


def rrelu(x: Any) -> Any:
    return A.rrelu(x, key=jax.random.key(0), train=True)


def gumbel_softmax(x: Any, **options: Any) -> Any:
    return A.gumbel_softmax(x, key=jax.random.key(0), **options)


CASES: list[Case] = [
    *elementwise(A.identity, "torch.nn.Identity()"),
    *elementwise(A.relu, "F.relu", skip=at_nan),
    *elementwise(A.relu6, "F.relu6", kinks=(0.0, 6.0)),
    *elementwise(A.elu, "F.elu", skip=at_nan),
    *elementwise(A.elu, "F.elu", alpha=2.0, skip=at_nan),
    *elementwise(A.celu, "F.celu", skip=at_nan),
    *elementwise(A.celu, "F.celu", alpha=0.5, skip=at_nan, tolerance=ROUNDED),
    *elementwise(A.selu, "F.selu", skip=at_nan),
    *elementwise(A.leaky_relu, "F.leaky_relu"),
    *elementwise(A.leaky_relu, "F.leaky_relu", negative_slope=0.2),
    *elementwise(A.rrelu, "F.rrelu"),
    *elementwise(A.rrelu, "F.rrelu", lower=0.2, upper=0.6),
    *elementwise(A.gelu, "F.gelu", skip=at_nan_or_inf),
    *elementwise(A.gelu, "F.gelu", approximate="tanh", skip=cube_overflows),
    *elementwise(A.sigmoid, "F.sigmoid"),
    *elementwise(A.silu, "F.silu"),
    *elementwise(A.swish, "F.silu"),
    *elementwise(A.swish, "(lambda x: x * F.sigmoid(1.5 * x))", torch_options={}, beta=1.5),
    *elementwise(A.logsigmoid, "F.logsigmoid"),
    *elementwise(A.hardsigmoid, "F.hardsigmoid", kinks=THREE, skip=at_nan, tolerance=ROUNDED),
    *elementwise(A.tanh, "F.tanh"),
    *elementwise(A.tanhshrink, "F.tanhshrink"),
    *elementwise(A.hardtanh, "F.hardtanh", kinks=(-1.0, 1.0), skip=at_nan),
    *elementwise(
        A.hardtanh, "F.hardtanh", kinks=(-2.0, 3.0), skip=at_nan, min_val=-2.0, max_val=3.0
    ),
    *elementwise(A.hardshrink, "F.hardshrink", kinks=SHRINK, skip=at_nan),
    *elementwise(A.hardshrink, "F.hardshrink", kinks=(-1.5, 1.5), skip=at_nan, lambd=1.5),
    *elementwise(A.hardswish, "F.hardswish", kinks=THREE),
    *elementwise(A.mish, "F.mish"),
    *elementwise(A.softplus, "F.softplus", kinks=(20.0,)),
    *elementwise(A.softplus, "F.softplus", kinks=(1.5,), beta=2.0, threshold=3.0),
    *elementwise(A.softshrink, "F.softshrink", kinks=SHRINK),
    *elementwise(A.softshrink, "F.softshrink", kinks=(-1.5, 1.5), lambd=1.5),
    *elementwise(A.softsign, "F.softsign"),
    *elementwise(A.threshold, "F.threshold", kinks=(0.5,), threshold=0.5, value=-2.0),
    *elementwise(A.squareplus),
    *elementwise(A.squareplus, b=0.25),
    Case("step", A.step, (edges((0.0,)),), torch=None, differentiate=(0,), smooth=False),
    *along_axis(A.glu, "F.glu"),
    *along_axis(A.geglu, CHUNKS.format("F.gelu"), extremes=False),
    *along_axis(A.geglu, CHUNKS.format("F.gelu"), approximate="tanh"),
    *along_axis(A.swiglu, CHUNKS.format("F.silu")),
    *along_axis(A.softmax, "F.softmax"),
    *along_axis(A.log_softmax, "F.log_softmax"),
    *along_axis(A.softmin, "F.softmin"),
    *along_axis(A.normalize, "F.normalize"),
    *along_axis(A.normalize, "F.normalize", p=1.0),
    *along_axis(A.normalize, "F.normalize", p=3.0, extremes=False),
    *along_axis(A.normalize, "F.normalize", p=INF, extremes=False),
    *along_axis(A.normalize, "F.normalize", eps=5.0, extremes=False),
    *along_axis(A.sparsemax),
    *along_axis(A.maxout, MAXOUT, torch_options={}, pieces=3),
    Case("prelu", A.prelu, (X, SLOPES), torch="F.prelu", differentiate=(0, 1)),
    Case("prelu-one", A.prelu, (X, SLOPES[:1]), torch="F.prelu", differentiate=(0, 1)),
    Case("prelu-axis=1", A.prelu, (IMAGE, SLOPES), {"axis": 1}, "F.prelu", {}, (0, 1)),
    Case("prelu-edges", A.prelu, (ROWS, SLOPES), torch="F.prelu", smooth=False),
    Case("swish-learned", swish, (X, SLOPES), torch=SWISH, differentiate=(0, 1)),
    Case("swish-one", swish, (X, np.array(0.25)), torch=SWISH, differentiate=(0, 1)),
    Case("squareplus-learned", squareplus, (X, np.array(0.25)), differentiate=(0, 1)),
    Case("rrelu-train", rrelu, (X,)),
    Case("gumbel_softmax", gumbel_softmax, (X,)),
    Case("gumbel_softmax-hard", gumbel_softmax, (X,), {"hard": True}, smooth=False),
    Case("gumbel_softmax-axis=0", gumbel_softmax, (X,), {"axis": 0, "tau": 0.5}),
]
