"""Convolutions and their transposes with each option, and each form that a CPU computes in."""

from collections.abc import Mapping
from typing import Any

import jax
import numpy as np

from case import Case
from jaxdl import functional

random = np.random.RandomState(2)

# From (batch, …spatial, channels) to PyTorch's order and back, by the number of spatial axes.
INTO = {1: (0, 2, 1), 2: (0, 3, 1, 2), 3: (0, 4, 1, 2, 3)}
BACK = {1: (0, 2, 1), 2: (0, 2, 3, 1), 3: (0, 2, 3, 4, 1)}
KERNEL = {1: (2, 1, 0), 2: (3, 2, 0, 1), 3: (4, 3, 0, 1, 2)}


def conv(x: jax.Array, kernel: jax.Array, bias: jax.Array, **options: Any) -> jax.Array:
    return functional.conv({"kernel": kernel, "bias": bias}, x, **options)


def conv_transpose(x: jax.Array, kernel: jax.Array, bias: jax.Array, **options: Any) -> jax.Array:
    return functional.conv_transpose({"kernel": kernel, "bias": bias}, x, **options)


def twin(name: str, axes: int, edges: str = "") -> str:
    image = f"x.permute{INTO[axes]}"
    image = f"F.pad({image}, {edges})" if edges else image
    call = f"F.{name}{axes}d({image}, k.permute{KERNEL[axes]}, b, **o)"
    return f"lambda x, k, b, **o: {call}.permute{BACK[axes]}"


def row(
    image: tuple[int, ...],
    window: tuple[int, ...],
    n_out: int,
    options: Mapping[str, Any],
    *,
    theirs: Mapping[str, Any] | None = None,
    edges: str = "",
    transposed: bool = False,
) -> Case:
    """A row on a batch of two images (…spatial, channels)."""
    groups, n_in = options.get("groups", 1), image[-1]
    channels = (n_out // groups, n_in) if transposed else (n_in // groups, n_out)
    draw = lambda *shape: 0.5 * random.randn(*shape)
    arrays = draw(2, *image), draw(*window, *channels), draw(n_out)
    fn = conv_transpose if transposed else conv
    shown = "-".join(f"{k}={v}" for k, v in options.items())
    by = lambda sizes: "x".join(map(str, sizes))
    return Case(
        f"{fn.__name__}-{by(image)}-{by(window)}-{n_out}-{shown}",
        fn,
        arrays,
        options,
        twin(fn.__name__, len(window), edges),
        dict(options if theirs is None else theirs),
        differentiate=(0, 1, 2),
        # Sums of some hundred products in another order; the largest are about 10.
        tolerance={"float32": 3e-5},
    )


CASES = [
    row((7, 3), (3,), 4, {}),
    row((8, 3), (3,), 4, {"stride": 2, "padding": 1}),
    row((9, 4), (2,), 6, {"stride": 3, "dilation": 2, "padding": 2, "groups": 2}),
    row(
        (7, 3),
        (3,),
        4,
        {"padding": "CAUSAL", "dilation": 2},
        theirs={"dilation": 2},
        edges="(4, 0)",
    ),
    row((7, 4), (3,), 33, {"padding": 1}),  # the batch folded into the width
    row((6, 5, 3), (3, 2), 4, {}),
    row((6, 5, 3), (3, 3), 4, {"padding": "SAME"}, theirs={"padding": "same"}),
    row((6, 5, 3), (2, 4), 4, {"padding": "SAME"}, theirs={"padding": "same"}),
    row((6, 5, 3), (3, 2), 4, {"stride": (2, 1), "padding": (1, 0), "dilation": (1, 2)}),
    row((5, 6, 3), (3, 3), 4, {"padding": ((1, 0), (2, 1))}, theirs={}, edges="(2, 1, 1, 0)"),
    row((6, 7, 6), (3, 3), 4, {"stride": 2, "padding": 1}),
    row((6, 7, 6), (3, 3), 4, {"stride": 2, "padding": 1, "groups": 2}),
    row((6, 5, 6), (1, 1), 4, {}),  # a matmul
    row((6, 5, 6), (1, 1), 4, {"stride": 2}),
    row((6, 5, 6), (1, 1), 4, {"stride": 2, "groups": 2}),
    row((5, 6, 4), (1, 2), 4, {"padding": 3, "stride": 2}),  # wider than the kernel
    row((5, 6, 4), (3, 3), 4, {"padding": 1, "groups": 4}),  # depthwise
    row((5, 6, 4), (3, 3), 8, {"padding": 1, "groups": 4, "stride": 2, "dilation": 2}),
    row((7, 6, 1), (5, 5), 4, {"padding": 2}),  # few channels
    row((5, 3, 1), (3, 2), 34, {"padding": 1, "stride": (2, 1)}),
    row((4, 3, 5), (3, 2), 34, {"padding": 1}),  # the batch and the channels folded
    row((4, 5, 5), (3, 3), 34, {"padding": 1, "stride": 2}),
    row((5, 4, 5), (3, 2), 34, {"padding": (0, 1), "dilation": (1, 2), "stride": (3, 1)}),
    row((3, 4, 4, 2), (2, 3, 2), 3, {}),
    row((3, 4, 5, 4), (2, 2, 2), 6, {"stride": (1, 2, 1), "padding": 1, "groups": 2}),
    row((2, 2, 3, 5), (2, 1, 2), 33, {"padding": (0, 0, 1)}),
    row((6, 3), (3,), 4, {}, transposed=True),
    row(
        (5, 4),
        (3,),
        6,
        {"stride": 2, "padding": 1, "output_padding": 1, "groups": 2},
        transposed=True,
    ),
    row((4, 3, 3), (3, 2), 4, {"stride": 2}, transposed=True),
    row((4, 3, 3), (4, 4), 2, {"stride": 2, "padding": 1}, transposed=True),
    row(
        (4, 3, 4),
        (3, 3),
        4,
        {"stride": (2, 3), "output_padding": (1, 2), "groups": 4},
        transposed=True,
    ),
    row((3, 3, 4), (2, 2), 34, {"dilation": 2, "padding": 1}, transposed=True),
    row((4, 5, 4), (1, 1), 3, {"stride": 2, "output_padding": 1}, transposed=True),
    row((5, 4, 4), (2, 2), 3, {"padding": 3, "stride": 3}, transposed=True),  # cuts off more
    row((2, 3, 2, 3), (2, 2, 3), 2, {"stride": (1, 2, 1), "padding": (0, 0, 1)}, transposed=True),
]
