"""Pooling and resampling with each option, on numbers, on ties and on nan."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from case import Case
from jaxdl import functional as f
from tables.convolution import BACK, INTO

random = np.random.RandomState(3)
PLAIN = {n: random.randn(2, *(7, 6, 5)[:n], 3) for n in (1, 2, 3)}
EVEN = random.randn(2, 6, 4, 3)
TIES = random.randint(3, size=(2, 6, 6, 3)).astype(float)
SPECIAL = np.where(random.rand(2, 6, 6, 3) < 0.2, np.nan, TIES)
SPECIAL[0, :2, :2, 0] = -np.inf
SPECIAL[1, 0, 0, 0] = np.inf


def row(
    fn: Callable[..., Any],
    x: np.ndarray,
    options: Mapping[str, Any],
    theirs: str,
    *,
    note: str = "",
    smooth: bool = True,
) -> Case:
    """A row whose twin gets an image x in PyTorch's order, and the options as o."""
    axes = x.ndim - 2
    shown = "-".join(f"{k}={v}" for k, v in options.items())
    call = theirs.replace("Nd", f"{axes}d")
    twin = f"lambda x, **o: (lambda x: {call})(x.permute{INTO[axes]}).permute{BACK[axes]}"
    image = "x".join(map(str, x.shape[1:]))
    name = f"{fn.__name__}-{image}-{shown}" + note
    # PyTorch computes the weights of four entries in float32, and jaxdl in float64.
    loose = {"float32": 3e-5} if options.get("method") == "cubic" else {}
    return Case(name, fn, (x,), options, twin, dict(options), smooth=smooth, tolerance=loose)


MAX = "F.max_poolNd(x, o.pop('window'), **o)"
AVG = "F.avg_poolNd(x, o.pop('window'), **o)"
LP = "F.lp_poolNd(x, o.pop('norm_type', 2), o.pop('window'), **o)"
LP_1D = LP.replace("o.pop('window')", "*o.pop('window')")
UP = "F.interpolate(x, scale_factor=o['scale'], mode='{}')"
SIZED = "F.interpolate(x, size=o['size'], mode='{}', align_corners={})"

CASES = [
    row(f.max_pool, PLAIN[1], {"window": (2,)}, MAX),
    row(f.max_pool, EVEN, {"window": (2, 2)}, MAX),
    row(f.max_pool, EVEN, {"window": (3, 2)}, MAX),
    row(f.max_pool, PLAIN[2], {"window": (2, 2)}, MAX),
    row(f.max_pool, PLAIN[2], {"window": (3, 3), "stride": 2, "padding": 1}, MAX),
    row(f.max_pool, PLAIN[2], {"window": (3, 2), "stride": (1, 2), "padding": (1, 0)}, MAX),
    row(f.max_pool, PLAIN[2], {"window": (2, 2), "stride": 3, "ceil_mode": True}, MAX),
    row(f.max_pool, PLAIN[2], {"window": (2, 2), "padding": 1, "ceil_mode": True}, MAX),
    row(f.max_pool, PLAIN[2], {"window": (2, 8), "stride": 3, "ceil_mode": True}, MAX),
    row(f.max_pool, PLAIN[2], {"window": (2, 3), "stride": 1, "dilation": (3, 2)}, MAX),
    row(f.max_pool, PLAIN[3], {"window": (2, 2, 2), "stride": (1, 2, 2), "padding": 1}, MAX),
    row(f.max_pool, random.randn(2, 12, 11, 1), {"window": (9, 8), "stride": 2}, MAX),  # 72 entries
    row(f.max_pool, TIES, {"window": (2, 2)}, MAX, note="-ties", smooth=False),
    row(f.max_pool, TIES, {"window": (3, 3), "stride": 2}, MAX, note="-ties", smooth=False),
    row(f.max_pool, SPECIAL, {"window": (2, 2)}, MAX, note="-nan", smooth=False),
    row(f.max_pool, SPECIAL, {"window": (3, 3), "stride": 1}, MAX, note="-nan", smooth=False),
    row(f.avg_pool, PLAIN[1], {"window": (3,), "stride": 2}, AVG),
    row(f.avg_pool, EVEN, {"window": (2, 2)}, AVG),
    row(f.avg_pool, PLAIN[2], {"window": (3, 3), "stride": 2, "padding": 1}, AVG),
    row(
        f.avg_pool,
        PLAIN[2],
        {"window": (3, 2), "stride": 2, "padding": (1, 0), "count_include_pad": False},
        AVG,
    ),
    row(f.avg_pool, PLAIN[2], {"window": (2, 3), "padding": 1, "ceil_mode": True}, AVG),
    row(
        f.avg_pool,
        PLAIN[2],
        {"window": (2, 2), "stride": 2, "ceil_mode": True, "count_include_pad": False},
        AVG,
    ),
    row(f.avg_pool, PLAIN[2], {"window": (2, 8), "stride": 3, "ceil_mode": True}, AVG),
    row(f.avg_pool, PLAIN[3], {"window": (2, 2, 3), "padding": 1}, AVG),
    row(f.avg_pool, SPECIAL, {"window": (2, 2)}, AVG, note="-nan", smooth=False),
    row(f.lp_pool, PLAIN[1], {"window": (3,), "norm_type": 4.0}, LP_1D),
    row(f.lp_pool, PLAIN[2], {"window": (2, 2)}, LP),
    row(f.lp_pool, np.abs(PLAIN[2]), {"window": (2, 2), "norm_type": 3.0, "stride": 1}, LP),
    row(f.lp_pool, PLAIN[2], {"window": (2, 2), "ceil_mode": True}, LP),
    row(f.lp_pool, PLAIN[2], {"window": (2, 8), "stride": 3, "ceil_mode": True}, LP),
    row(f.adaptive_avg_pool, PLAIN[1], {"size": (3,)}, "F.adaptive_avg_poolNd(x, o['size'])"),
    row(f.adaptive_avg_pool, PLAIN[2], {"size": (3, 4)}, "F.adaptive_avg_poolNd(x, o['size'])"),
    row(f.adaptive_avg_pool, PLAIN[2], {"size": (1, 9)}, "F.adaptive_avg_poolNd(x, o['size'])"),
    row(f.adaptive_avg_pool, PLAIN[3], {"size": (7, 2, 3)}, "F.adaptive_avg_poolNd(x, o['size'])"),
    row(f.adaptive_max_pool, PLAIN[1], {"size": (3,)}, "F.adaptive_max_poolNd(x, o['size'])"),
    row(f.adaptive_max_pool, PLAIN[2], {"size": (3, 4)}, "F.adaptive_max_poolNd(x, o['size'])"),
    row(
        f.adaptive_max_pool,
        TIES,
        {"size": (2, 4)},
        "F.adaptive_max_poolNd(x, o['size'])",
        note="-ties",
        smooth=False,
    ),
    row(f.upsample, PLAIN[2], {"scale": 2}, UP.format("nearest")),
    row(f.upsample, PLAIN[2], {"scale": 1.5}, UP.format("nearest")),
    row(f.upsample, PLAIN[2], {"scale": (0.5, 3.0)}, UP.format("nearest")),
    row(f.upsample, PLAIN[2], {"size": (5, 13)}, SIZED.format("nearest", None)),
    row(f.upsample, PLAIN[1], {"scale": 2.5, "axes": 1}, UP.format("nearest")),
    row(f.upsample, PLAIN[1], {"scale": 2.5, "axes": 1, "method": "linear"}, UP.format("linear")),
    row(f.upsample, PLAIN[2], {"scale": 2, "method": "linear"}, UP.format("bilinear")),
    row(f.upsample, PLAIN[2], {"scale": 0.7, "method": "linear"}, UP.format("bilinear")),
    row(f.upsample, PLAIN[2], {"scale": 1.7, "method": "cubic"}, UP.format("bicubic")),
    row(f.upsample, PLAIN[3], {"scale": 2, "axes": 3, "method": "linear"}, UP.format("trilinear")),
    *[
        row(
            f.upsample,
            PLAIN[2],
            {"size": size, "method": method, "align_corners": align},
            SIZED.format("bi" + method, align),
        )
        for size in ((11, 4), (1, 12))
        for method in ("linear", "cubic")
        for align in (True, False)
    ],
    row(
        f.pixel_shuffle,
        random.randn(2, 3, 2, 12),
        {"factor": 2},
        "F.pixel_shuffle(x, o['factor'])",
    ),
    row(f.pixel_unshuffle, EVEN, {"factor": 2}, "F.pixel_unshuffle(x, o['factor'])"),
]
