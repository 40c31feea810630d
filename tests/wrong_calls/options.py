"""Calls that are right but for an option that a test puts in, for all functions with numbers."""

import inspect
import math
from collections.abc import Callable
from types import MappingProxyType
from typing import Any

import numpy as np

from case import Case
from golden.compare import cast
from jaxdl import _ranges, activations, initializers, losses, metrics, optim
from tables import activations as activation_rows
from tables import losses as loss_rows


def _of_row(case: Case) -> Callable[..., Any]:
    arrays = cast(case.arrays, np.float32)
    return lambda **options: case.fn(*arrays, **{**cast(dict(case.options), np.float32), **options})


def _of_rows(cases: list[Case]) -> dict[str, Callable[..., Any]]:
    """The first row of each function, in which its options can be replaced."""
    calls: dict[str, Callable[..., Any]] = {}
    for case in cases:
        calls.setdefault(case.fn.__name__, _of_row(case))
    return calls


def _made(name: str, maker: Callable[..., Any], *first: Any) -> Callable[..., Any]:
    """Makes an optimizer, a schedule or an initializer."""
    needed: dict[str, dict[str, Any]] = {
        "sparse": {"sparsity": 0.5},
        "cosine_annealing": {"T_max": 5},
    }
    needed |= {"cosine_warm_restarts": {"T_0": 5}, "one_cycle": {"max_lr": 0.1, "total_steps": 9}}
    needed |= {"cyclic": {"base_lr": 0.1, "max_lr": 0.5}, "clip_by_norm": {"max_norm": 1.0}}
    needed |= {"gradient_descent": {"learning_rate": 0.1}, "symmetric_uniform": {"bound": 0.1}}
    needed |= {"cosine_annealing": {"learning_rate": 0.1, "T_max": 5}}
    needed |= {"cosine_warm_restarts": {"learning_rate": 0.1, "T_0": 5}}
    needed |= {"calculate_gain": {"nonlinearity": "leaky_relu"}}
    return lambda **options: bool(maker(*first, **{**needed.get(name, {}), **options}))


X, LABELS = np.eye(3, dtype=np.float32), np.arange(3)
MAKERS = {name: getattr(optim, name) for name in optim.__all__} | {
    name: getattr(initializers, name) for name in initializers.__all__
}
OTHERS = ("averaged_params", "by_path", "is_kernel", "path_mask", "global_norm")

GOOD: MappingProxyType[str, Callable[..., Any]] = MappingProxyType(
    _of_rows(activation_rows.CASES)
    | _of_rows(loss_rows.CASES)
    | {
        name: _made(name, maker)
        for name, maker in MAKERS.items()
        if inspect.isfunction(maker) and maker.__module__.startswith("jaxdl") and name not in OTHERS
    }
    | {
        "global_norm": lambda **options: optim.global_norm(X, **options),
        "binary_accuracy": lambda **options: metrics.binary_accuracy(X, X, **options),
        "f_beta": lambda **options: metrics.f_beta(X, **options),
        "calibration": lambda **options: metrics.calibration(X, LABELS, **options),
        "score_histogram": lambda **options: metrics.score_histogram(X[0], X[0], **options),
        "variation": lambda **options: metrics.variation(X[0], X[1], **options),
    }
)
"""By the name of the function."""


def function(name: str) -> Callable[..., Any]:
    """The public function of a name."""
    for package in (activations, losses, optim, initializers, metrics):
        if hasattr(package, name):
            found: Callable[..., Any] = getattr(package, name)
            return found
    raise LookupError(name)


def is_number(name: str, option: str) -> bool:
    """Whether the table of ranges has a row for an option."""
    listed = f"{name}.{option}" in _ranges.RANGES or option in _ranges.RANGES
    return listed and (name, option) not in SPECIAL


BAD = {
    _ranges.ANY: (np.nan,),
    _ranges.FINITE: (np.nan, np.inf),
    _ranges.NOT_ZERO: (0.0, np.nan),
    _ranges.POSITIVE: (0.0, -0.5, np.nan),
    _ranges.AT_LEAST_0: (-0.5, np.nan),
    _ranges.AT_LEAST_1: (0.5, np.nan),
    _ranges.AT_MOST_0: (0.5, np.nan),
    _ranges.SHARE: (-0.5, 1.5, np.nan),
    _ranges.BELOW_1: (-0.5, 1.0),
    _ranges.INSIDE: (0.0, 1.0),
    _ranges.ABOVE_0: (0.0, 1.5),
    _ranges.COSINE: (-1.5, 1.5),
    _ranges.NOT_NEGATIVE: (-0.5, np.inf),
    _ranges.ABOVE_0_FINITE: (0.0, -0.5, np.inf, np.nan),
    _ranges.COUNT: (0, -1, 2.5),
    _ranges.INDEX: (-1, 2.5),
    _ranges.INTEGER: (2.5, np.nan),
}
"""Numbers that an option must not be."""

SPECIAL = {
    ("swish", "beta"),  # a number, or one for each feature; the layer's is a number
    ("multi_margin_loss", "p"),  # 1 or 2
    ("adafactor", "eps"),  # a pair
    ("categorical_focal_cross_entropy", "alpha"),  # a number, or one for each class
}
"""Options that share a name with a number and are something else."""

BETTER = MappingProxyType(
    {
        "max_eval": 5,
        "step_size_down": 3,
        "alpha": 0.5,
        "param": 0.1,
        "norm_type": 3.0,
        "min_val": -2.0,
        "start": 3,
    }
)


def good(name: str, option: str) -> Any:
    """A number that an option may be: its default, if that is one."""
    default = inspect.signature(function(name)).parameters[option].default
    if isinstance(default, int | float) and not isinstance(default, bool) and default != math.inf:
        return default
    return BETTER.get(option, 1 if "integer" in _ranges.allowed(name, option) else 0.5)
