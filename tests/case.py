"""One row of the tables that the oracle tests, the laws and the documentation run over."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np


class Case(NamedTuple):
    """A jaxdl function with one setting of its options, its PyTorch twin, and the points to try.

    The golden maker calls ``eval(torch)(*tensors, **torch_options)`` with ``F`` and ``torch`` in
    scope, once in float32 and once in float64, and stores value and gradients; the tests call
    ``fn(*arrays, **options)`` and compare.
    """

    id: str  # unique in its table, as "elu-alpha=2"
    fn: Callable[..., Any]
    arrays: tuple[np.ndarray, ...]  # float64, or integers; floats are cast to the dtype under test
    options: Mapping[str, Any] = MappingProxyType({})
    torch: str | None = None  # as "F.elu", or a lambda; None where PyTorch has no twin
    torch_options: dict[str, Any] | None = None  # None: as options
    differentiate: tuple[int, ...] = (0,)  # positions of the arrays that get a gradient
    smooth: bool = True  # finite differences agree at ordinary points, to second order
    tolerance: Mapping[str, float] = MappingProxyType({})  # dtype -> looser bound; say why
    skip: Callable[..., np.ndarray] | None = None  # True where PyTorch is wrong; say why
