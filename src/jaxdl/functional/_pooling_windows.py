"""The windows of pooling: what was asked for, checked, and the entries that they see."""

import functools
import itertools
import math
from collections.abc import Sequence
from typing import NamedTuple

import jax.numpy as jnp
from jax import lax
from jax.typing import ArrayLike

from jaxdl import _checks
from jaxdl._checks import ShapeError, describe
from jaxdl.functional._windows import Pairs, Sizes, images, one_an_axis, pairs, per_axis, span
from jaxdl.types import Array, Shape


class Window(NamedTuple):
    """Windows over the spatial axes: one entry per axis."""

    size: Shape
    stride: Shape
    padding: Pairs
    dilation: Shape
    result: Shape  # how many windows there are


def windows_of(
    name: str,
    x: ArrayLike,
    window: Sequence[int],
    stride: Sizes | None,
    padding: int | Sequence[int | tuple[int, int]],
    dilation: Sizes,
    ceil_mode: bool,
) -> tuple[Array, Window]:
    """Checks the arguments of a pooling; returns the image and its windows."""
    x = _checks.floating(name, "x", x)
    axes = len(one_an_axis(name, "window", window))
    images(name, x, axes)
    size = per_axis(name, "window", window, axes)
    step = size if stride is None else per_axis(name, "stride", stride, axes)
    apart = per_axis(name, "dilation", dilation, axes)
    edges = pairs(name, padding, axes)
    if any(2 * max(pair) > k for pair, k in zip(edges, size, strict=True)):
        raise ValueError(f"{name}: padding {edges} is more than half of the window {size}")
    spatial = x.shape[-1 - axes : -1]
    reach = [
        n + sum(p) - span(k, d) for n, p, k, d in zip(spatial, edges, size, apart, strict=True)
    ]
    up = [-(-r // s) if ceil_mode else r // s for r, s in zip(reach, step, strict=True)]
    if min(up, default=0) < 0:
        raise ShapeError(f"{name}: a window of {size} is larger than the padded {describe(x)}")
    # A window that begins behind the image and the padding before it sees nothing.
    seen = [n + low - 1 for n, (low, _) in zip(spatial, edges, strict=True)]
    result = tuple(1 + min(u, m // s) for u, m, s in zip(up, seen, step, strict=True))
    return x, Window(size, step, edges, apart, result)


def tiles(x: Array, over: Window) -> Array | None:
    """The image with each spatial axis as two, if its windows lie side by side and fill it."""
    spatial = x.shape[x.ndim - 1 - len(over.size) : -1]
    filled = tuple(o * k for o, k in zip(over.result, over.size, strict=True))
    if over.stride != over.size or spatial != filled or math.prod(over.dilation) > 1:
        return None
    split = itertools.chain(*zip(over.result, over.size, strict=True))
    return x.reshape(*x.shape[: x.ndim - 1 - len(over.size)], *split, x.shape[-1])


def entries(x: Array, over: Window, *, fill: float) -> list[Array]:
    """For each place in a window, the entries that all windows have there."""
    x, lead = _padded(x, over, fill)
    spans = list(map(span, over.result, over.stride))

    def entry(place: Shape) -> Array:
        start = [p * d for p, d in zip(place, over.dilation, strict=True)]
        stop = [a + n for a, n in zip(start, spans, strict=True)]
        first, last = (0,) * len(lead), x.shape[-1]
        steps = (*(1,) * len(lead), *over.stride, 1)
        return lax.slice(x, (*first, *start, 0), (*lead, *stop, last), steps)

    return [entry(place) for place in itertools.product(*map(range, over.size))]


def _padded(x: Array, over: Window, fill: float) -> tuple[Array, Shape]:
    """The image padded as far as its windows reach, and its leading axes."""
    lead = x.shape[: x.ndim - 1 - len(over.size)]
    spatial = x.shape[len(lead) : -1]
    ends = [
        (low, (o - 1) * s + span(k, d) - low - n, 0)
        for n, k, s, (low, _), d, o in zip(spatial, *over, strict=True)
    ]
    config = [*[(0, 0, 0)] * len(lead), *ends, (0, 0, 0)]
    return lax.pad(x, jnp.asarray(fill, x.dtype), config), lead


def along(axis: int, x: Array, over: Window) -> Window:
    """The windows of one axis; all others are left alone."""
    spatial = x.shape[x.ndim - 1 - len(over.size) : -1]
    keep = lambda full, alone: (*alone[:axis], full[axis], *alone[axis + 1 :])
    ones = (1,) * len(spatial)
    alone = ones, ones, ((0, 0),) * len(spatial), ones, spatial
    return Window(*map(keep, over, alone))


def sums(x: Array, over: Window) -> Array:
    """The sum of each window, axis by axis."""
    x, lead = _padded(x, over, 0)
    axes = zip(over.size, over.stride, over.result, strict=True)
    for axis, (k, s, o) in enumerate(axes, start=len(lead)):
        parts = [lax.slice_in_dim(x, i, i + span(o, s), s, axis) for i in range(k)]
        x = functools.reduce(jnp.add, parts)
    return x
