"""Max pooling and average pooling over windows."""

import functools
import math
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from jaxdl import _ranges
from jaxdl._plain import plain_numbers
from jaxdl._precision import widen
from jaxdl.functional import _pooling_windows as pools
from jaxdl.functional._windows import Sizes
from jaxdl.types import Array

MOST_ENTRIES = 64
"""Larger windows are reduced axis by axis: their formula, written out, compiles slowly."""


@plain_numbers
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
    x, over = pools.windows_of("max_pool", x, window, stride, padding, dilation, ceil_mode)
    if math.prod(over.size) <= MOST_ENTRIES:
        return _largest(x, over)
    # From the last axis, so that of equal entries the first one in reading order wins.
    for axis in reversed(range(len(over.size))):
        x = _largest(x, pools.along(axis, x, over))
    return x


@plain_numbers
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
    x, over = pools.windows_of("avg_pool", x, window, stride, padding, 1, ceil_mode)
    total, first = pools.sums(widen(x), over), x.ndim - len(over.size) - 1
    for axis, (n, k, s, (low, high), _, o) in enumerate(
        zip(x.shape[first:-1], *over, strict=True), start=first
    ):
        starts = [s * i - low for i in range(o)]
        edges = (-low, n + high) if count_include_pad else (0, n)
        counts = [min(a + k, edges[1]) - max(a, edges[0]) for a in starts]
        shape = [-1 if a == axis else 1 for a in range(x.ndim)]
        total = total / jnp.asarray(counts, total.dtype).reshape(shape)
    return total.astype(x.dtype)


@plain_numbers
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
    _ranges.check("lp_pool", norm_type=norm_type)
    x, over = pools.windows_of("lp_pool", x, window, stride, 0, 1, ceil_mode)
    size = over.size
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


@functools.partial(jax.custom_jvp, nondiff_argnums=(1,))
def _largest(x: Array, over: pools.Window) -> Array:
    return _first_largest(x, over)[0]


@_largest.defjvp
def _largest_jvp(
    over: pools.Window, primals: tuple[Array], tangents: tuple[Array]
) -> tuple[Array, Array]:
    value, winner = _first_largest(primals[0], over)
    # Reverse mode keeps the byte that names the winner, and not the masks that are made of it.
    chosen = jax.checkpoint(_chosen, prevent_cse=False, static_argnums=2)
    return value, chosen(tangents[0], winner, over)


def _first_largest(x: Array, over: pools.Window) -> tuple[Array, Array]:
    """The largest entry of each window, and the number of the first one that has its value."""
    entries = pools.entries(x, over, fill=-jnp.inf)
    number = jnp.uint8 if len(entries) <= 256 else jnp.int32
    value, winner = entries[0], jnp.zeros(entries[0].shape, number)
    for i, entry in enumerate(entries[1:], start=1):
        larger = (entry > value) | jnp.isnan(entry)
        value = jnp.where(larger, entry, value)
        winner = jnp.where(larger, number(i), winner)
    return value, winner


def _chosen(x: Array, winner: Array, over: pools.Window) -> Array:
    """The numbered entry of each window; its transpose is the backward pass of max pooling."""
    zero = jnp.zeros((), x.dtype)
    tiles = pools.tiles(x, over)
    if tiles is None:
        picked = enumerate(pools.entries(x, over, fill=0))
        return sum((jnp.where(winner == i, entry, zero) for i, entry in picked), start=zero)
    axes = tuple(range(x.ndim - len(over.size), tiles.ndim - 1, 2))
    places = np.arange(math.prod(over.size), dtype=winner.dtype).reshape(over.size)
    number = np.expand_dims(places, [a for a in range(tiles.ndim) if a not in axes])
    mask = jnp.expand_dims(winner, axes) == jnp.asarray(number)
    return jnp.where(mask, tiles, zero).sum(axes)
