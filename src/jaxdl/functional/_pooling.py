"""Max pooling and average pooling over windows."""

import functools
import itertools
import math
from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.typing import ArrayLike

from jaxdl import _checks
from jaxdl._checks import ShapeError, describe
from jaxdl._precision import widen
from jaxdl.functional._windows import Pairs, Sizes, images, one_an_axis, pairs, per_axis, span
from jaxdl.types import Array, Shape

MOST_ENTRIES = 64
"""Larger windows are reduced axis by axis: their formula, written out, compiles slowly."""


class Window(NamedTuple):
    """Windows over the spatial axes: one entry an axis."""

    size: Shape
    stride: Shape
    padding: Pairs
    dilation: Shape
    result: Shape  # how many windows there are


def max_pool(
    x: ArrayLike,
    window: Sequence[int],
    *,
    stride: Sizes | None = None,
    padding: int | Sequence[int | tuple[int, int]] = 0,
    dilation: Sizes = 1,
    ceil_mode: bool = False,
) -> Array:
    """The largest entry of each window: y[i] = maxⱼ x[stride·i + dilation·j - padding].

    Among equal entries, the first gets the gradient; nan is larger than any number.

    Args:
        x: shape (…, …spatial, channels), floating point.
        window: size along each spatial axis; its length sets the number of spatial axes.
        stride: the step between windows. Defaults to the window's size.
        padding: entries added at each edge of the image; at most half a window.
        dilation: the step between a window's entries.
        ceil_mode: whether to keep a last window that extends past the end.

    Returns:
        An array of shape (…, …out, channels), where out is
        ⌊(n + padding - dilation·(k-1) - 1)/stride⌋ + 1, or its ⌈⌉ with ``ceil_mode``.

    Raises:
        ShapeError: if ``x`` has too few axes, or a window is larger than the padded image (with
            ``ceil_mode``, by a stride or more).
        ValueError: if an option is invalid.
        TypeError: if ``x`` isn't floating point.

    Example:
        >>> max_pool(jnp.array([1.0, 5.0, 2.0, 4.0]).reshape(4, 1), (2,)).ravel()
        Array([5., 4.], dtype=float32)
    """
    x, over = _windows("max_pool", x, window, stride, padding, dilation, ceil_mode)
    if math.prod(over.size) <= MOST_ENTRIES:
        return _largest(x, over)
    # From the last axis, so that of equal entries the first one in reading order wins.
    for axis in reversed(range(len(over.size))):
        x = _largest(x, _along(axis, x, over))
    return x


def avg_pool(
    x: ArrayLike,
    window: Sequence[int],
    *,
    stride: Sizes | None = None,
    padding: int | Sequence[int | tuple[int, int]] = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Array:
    """The mean of each window: y[i] = Σⱼ x[stride·i + j - padding] / count.

    Half precision is summed in float32.

    Args:
        x: shape (…, …spatial, channels), floating point.
        window: size along each spatial axis; its length sets the number of spatial axes.
        stride: the step between windows. Defaults to the window's size.
        padding: entries added at each edge of the image; at most half a window.
        ceil_mode: whether to keep a last window that extends past the end.
        count_include_pad: whether padding counts as zeros; what a ``ceil_mode`` window has beyond
            the padding never does.

    Returns:
        An array of shape (…, …out, channels), sizes as for ``max_pool``.

    Raises:
        ShapeError: if ``x`` has too few axes, or a window is larger than the padded image (with
            ``ceil_mode``, by a stride or more).
        ValueError: if an option is invalid.
        TypeError: if ``x`` isn't floating point.

    Example:
        >>> avg_pool(jnp.array([1.0, 5.0, 2.0, 4.0]).reshape(4, 1), (2,)).ravel()
        Array([3., 3.], dtype=float32)
    """
    x, over = _windows("avg_pool", x, window, stride, padding, 1, ceil_mode)
    total, first = _sums(widen(x), over), x.ndim - len(over.size) - 1
    for axis, (n, k, s, (low, high), _, o) in enumerate(
        zip(x.shape[first:-1], *over, strict=True), start=first
    ):
        starts = [s * i - low for i in range(o)]
        edges = (-low, n + high) if count_include_pad else (0, n)
        counts = [min(a + k, edges[1]) - max(a, edges[0]) for a in starts]
        shape = [-1 if a == axis else 1 for a in range(x.ndim)]
        total = total / jnp.asarray(counts, total.dtype).reshape(shape)
    return total.astype(x.dtype)


def lp_pool(
    x: ArrayLike,
    window: Sequence[int],
    *,
    norm_type: float = 2.0,
    stride: Sizes | None = None,
    ceil_mode: bool = False,
) -> Array:
    """The p-norm of each window: y[i] = (Σⱼ x[stride·i + j]ᵖ)^(1/p), with p the norm type.

    For p = ∞ it is the largest |x|. If p isn't an integer it uses |x|; PyTorch returns nan for
    negative x. Where the sum is 0, so is the gradient. With odd p, negative sums yield nan. Half
    precision is computed in float32.

    Args:
        x: shape (…, …spatial, channels), floating point.
        window: size along each spatial axis; its length sets the number of spatial axes.
        norm_type: p, positive or ``math.inf``; 1 sums.
        stride: the step between windows. Defaults to the window's size.
        ceil_mode: whether to keep a last window that extends past the end; its norm is scaled
            up to make up for the part outside the image.

    Returns:
        An array of shape (…, …out, channels), sizes as for ``max_pool``.

    Raises:
        ShapeError: if ``x`` has too few axes, or a window is larger than the image (with
            ``ceil_mode``, by a stride or more).
        ValueError: if an option is invalid.
        TypeError: if ``x`` isn't floating point.

    Example:
        >>> lp_pool(jnp.array([3.0, 4.0, 0.0, 2.0]).reshape(4, 1), (2,)).ravel()
        Array([5., 2.], dtype=float32)
    """
    _checks.positive("lp_pool", norm_type=norm_type)
    x = _checks.floating("lp_pool", "x", x)
    size = one_an_axis("lp_pool", "window", window)
    if norm_type == math.inf:
        return max_pool(jnp.abs(x), size, stride=stride, ceil_mode=ceil_mode)
    mean = avg_pool(_powers(widen(x), norm_type), size, stride=stride, ceil_mode=ceil_mode)
    total = mean * math.prod(size)
    zero = total == 0
    return jnp.where(zero, 0, jnp.where(zero, 1, total) ** (1 / norm_type)).astype(x.dtype)


def _powers(x: Array, p: float) -> Array:
    """Returns xᵖ, and |x|ᵖ where p isn't whole; its gradient at 0 is 0 where p is below 1."""
    if p == round(p):
        return x**p
    zero = x == 0
    return jnp.where(zero, 0, jnp.where(zero, 1, jnp.abs(x)) ** p)


def _windows(
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


@functools.partial(jax.custom_jvp, nondiff_argnums=(1,))
def _largest(x: Array, over: Window) -> Array:
    return _first_largest(x, over)[0]


@_largest.defjvp
def _largest_jvp(
    over: Window, primals: tuple[Array], tangents: tuple[Array]
) -> tuple[Array, Array]:
    value, winner = _first_largest(primals[0], over)
    # Reverse mode keeps the byte that names the winner, and not the masks that are made of it.
    chosen = jax.checkpoint(_chosen, prevent_cse=False, static_argnums=2)
    return value, chosen(tangents[0], winner, over)


def _first_largest(x: Array, over: Window) -> tuple[Array, Array]:
    """The largest entry of each window, and the number of the first one that has its value."""
    entries = _entries(x, over, fill=-jnp.inf)
    number = jnp.uint8 if len(entries) <= 256 else jnp.int32
    value, winner = entries[0], jnp.zeros(entries[0].shape, number)
    for i, entry in enumerate(entries[1:], start=1):
        larger = (entry > value) | jnp.isnan(entry)
        value = jnp.where(larger, entry, value)
        winner = jnp.where(larger, number(i), winner)
    return value, winner


def _chosen(x: Array, winner: Array, over: Window) -> Array:
    """The numbered entry of each window; its transpose is the backward pass of max pooling."""
    zero = jnp.zeros((), x.dtype)
    tiles = _tiles(x, over)
    if tiles is None:
        picked = enumerate(_entries(x, over, fill=0))
        return sum((jnp.where(winner == i, entry, zero) for i, entry in picked), start=zero)
    axes = tuple(range(x.ndim - len(over.size), tiles.ndim - 1, 2))
    places = np.arange(math.prod(over.size), dtype=winner.dtype).reshape(over.size)
    number = np.expand_dims(places, [a for a in range(tiles.ndim) if a not in axes])
    mask = jnp.expand_dims(winner, axes) == jnp.asarray(number)
    return jnp.where(mask, tiles, zero).sum(axes)


def _tiles(x: Array, over: Window) -> Array | None:
    """The image with each spatial axis as two, if its windows lie side by side and fill it."""
    spatial = x.shape[x.ndim - 1 - len(over.size) : -1]
    filled = tuple(o * k for o, k in zip(over.result, over.size, strict=True))
    if over.stride != over.size or spatial != filled or math.prod(over.dilation) > 1:
        return None
    split = itertools.chain(*zip(over.result, over.size, strict=True))
    return x.reshape(*x.shape[: x.ndim - 1 - len(over.size)], *split, x.shape[-1])


def _entries(x: Array, over: Window, *, fill: float) -> list[Array]:
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
    """The image with as much around it as its windows reach over, and its leading axes."""
    lead = x.shape[: x.ndim - 1 - len(over.size)]
    spatial = x.shape[len(lead) : -1]
    ends = [
        (low, (o - 1) * s + span(k, d) - low - n, 0)
        for n, k, s, (low, _), d, o in zip(spatial, *over, strict=True)
    ]
    config = [*[(0, 0, 0)] * len(lead), *ends, (0, 0, 0)]
    return lax.pad(x, jnp.asarray(fill, x.dtype), config), lead


def _along(axis: int, x: Array, over: Window) -> Window:
    """The windows of one axis; all others are left alone."""
    spatial = x.shape[x.ndim - 1 - len(over.size) : -1]
    keep = lambda full, alone: (*alone[:axis], full[axis], *alone[axis + 1 :])
    ones = (1,) * len(spatial)
    alone = ones, ones, ((0, 0),) * len(spatial), ones, spatial
    return Window(*map(keep, over, alone))


def _sums(x: Array, over: Window) -> Array:
    """The sum of each window, axis by axis."""
    x, lead = _padded(x, over, 0)
    axes = zip(over.size, over.stride, over.result, strict=True)
    for axis, (k, s, o) in enumerate(axes, start=len(lead)):
        parts = [lax.slice_in_dim(x, i, i + span(o, s), s, axis) for i in range(k)]
        x = functools.reduce(jnp.add, parts)
    return x
