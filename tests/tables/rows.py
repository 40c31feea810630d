"""How the rows of the losses are made: points near kinks, and one row a reduction."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from case import Case

INF, NAN = np.inf, np.nan
EXTREMES = [0.0, -0.0, 1e-30, -1e-30, 1, -1, 50, -50, 1e4, -1e4, 1e30, -1e30, INF, -INF, NAN]
REDUCTIONS = ("none", "mean", "sum")


def near(*kinks: float) -> list[float]:
    """Each kink with its neighbours in float64 and float32."""
    points = list(kinks)
    for kink in kinks:
        for dtype in (np.float64, np.float32):
            # Next to 0 stand the smallest normal numbers: XLA on CPUs takes subnormals for 0.
            tiny = float(np.finfo(dtype).tiny)
            points += (
                [float(np.nextafter(dtype(kink), dtype(to))) for to in (INF, -INF)]
                if (kink)
                else [tiny, -tiny]
            )
    return points


def against(points: list[float], *targets: float) -> tuple[np.ndarray, np.ndarray]:
    """Each point with each target, and each target with itself."""
    pairs = [(x, t) for t in targets for x in points] + [(t, t) for t in targets]
    xs, ys = np.array(pairs, float).T
    return xs, ys


def name(fn: Callable, options: Mapping[str, Any], note: str = "") -> str:
    show = lambda v: v.shape if isinstance(v, np.ndarray) else getattr(v, "__name__", v)
    shown = {k: show(v) for k, v in options.items()}
    return "-".join([fn.__name__, *(f"{k}={v}" for k, v in shown.items()), *filter(None, [note])])


def rows(
    fn: Callable[..., Any],
    arrays: tuple[np.ndarray, ...],
    torch: str | None = None,
    *,
    note: str = "",
    reductions: tuple[str, ...] = REDUCTIONS,
    torch_options: Mapping[str, Any] | None = None,
    differentiate: tuple[int, ...] = (0,),
    smooth: bool = True,
    tolerance: Mapping[str, float] | None = None,
    skip: Callable[..., np.ndarray] | None = None,
    **options: Any,
) -> Iterator[Case]:
    """One row a reduction."""
    twin = options if torch_options is None else torch_options
    for reduction in reductions:
        full = options | {"reduction": reduction}
        yield Case(
            name(fn, full, note),
            fn,
            arrays,
            full,
            torch or f"F.{fn.__name__}",
            dict(twin) | {"reduction": reduction},
            differentiate,
            smooth,
            tolerance or {},
            skip,
        )


def edges(
    fn: Callable[..., Any], arrays: tuple[np.ndarray, ...], torch: str | None = None, **options: Any
) -> Iterator[Case]:
    """One row, unreduced, where finite differences don't work."""
    settings = {"note": "edges", "reductions": ("none",), "smooth": False}
    yield from rows(fn, arrays, torch, **(settings | options))


def any_nan(*arrays: np.ndarray) -> np.ndarray:
    """Where an input is nan: PyTorch's gradient of |x| there is 0, and ours nan."""
    return np.any([np.isnan(a) for a in arrays], axis=0)
