"""A convolution and its two gradients in the forms that XLA computes fast on a CPU.

All of them stay fast inside loops, where XLA leaves a convolution as it stands: one whose axes
aren't in the order NHWC, HWIO becomes a naive loop there, and one with groups a slow one. So every
convolution here is in that order and without groups.
"""

import functools
import itertools
import math
from collections.abc import Sequence

import jax.numpy as jnp
from jax import lax

from jaxdl._precision import wide_dtype
from jaxdl._varying import varying
from jaxdl.functional._convolution_geometry import (
    Geometry,
    adjoint,
    mirrored,
    outputs,
    plain,
    transposed,
)
from jaxdl.functional._windows import span
from jaxdl.types import Array, Shape

_FEW = 64
"""Up to how many entries of a kernel each is written out."""

_AT_ONCE = 3 * 2**24
"""Multiplications of a product of matrices that is large enough for several cores."""

_ROWS = 1536
"""Rows of its factors from which on a product takes long beside adding it to a sum."""


def forward(x: Array, kernel: Array, geometry: Geometry, shape: Shape = ()) -> Array:
    """The convolution itself."""
    if _is_by_taps(kernel.shape, geometry):
        return _by_taps(x, kernel, geometry)
    if geometry.groups > 1:
        alone = geometry._replace(groups=1)
        pairs = zip(*(jnp.split(a, geometry.groups, -1) for a in (x, kernel)), strict=True)
        return jnp.concatenate([forward(a, b, alone) for a, b in pairs], -1)
    x, geometry = _cropped(x, geometry)
    # Below 32 channels XLA calls another library, which uses all cores on its own; from 32 on,
    # folding costs nothing and, for 5×5 on 14×14 with 64 channels, uses the second core too. The
    # batch of an exported program may be a symbol.
    wide = kernel.shape[-1] >= 32 and isinstance(x.shape[0], int) and x.shape[0] > 1
    foldable = wide and geometry.stride[-1] == geometry.spread[-1] == 1
    return _folded(x, kernel, geometry) if foldable else plain(x, kernel, geometry)


def to_image(g: Array, kernel: Array, geometry: Geometry, shape: Shape) -> Array:
    """The gradient with respect to the image: a convolution with the mirrored kernel."""
    if _is_by_taps(kernel.shape, geometry):
        return transposed(lambda x: _by_taps(x, kernel, geometry), shape, g, kernel)
    back = adjoint(shape[1:-1], kernel.shape[:-2], geometry)
    return forward(g, mirrored(kernel, geometry.groups), back)


def to_kernel(x: Array, g: Array, geometry: Geometry, shape: Shape) -> Array:
    """The gradient with respect to the kernel: a convolution of the image with the cotangent."""
    if _is_by_taps(shape, geometry):
        return transposed(lambda kernel: _by_taps(x, kernel, geometry), shape, g, x)
    if geometry.groups > 1:
        alone = geometry._replace(groups=1)
        part = (*shape[:-1], shape[-1] // geometry.groups)
        pairs = zip(*(jnp.split(a, geometry.groups, -1) for a in (x, g)), strict=True)
        return jnp.concatenate([to_kernel(a, b, alone, part) for a, b in pairs], -1)
    if len(shape) > 3 and shape[-2] <= 4:  # a third of the time with one channel in
        return _by_rows(x, g, geometry, shape)
    if len(shape) > 3 and math.prod(shape[:-2]) <= _FEW and isinstance(x.shape[0], int):
        return _by_images(x, g, geometry, shape)
    return _correlated(x, g, _correlation(x.shape[1:-1], shape[:-2], geometry))


def _is_by_taps(shape: Shape, geometry: Geometry) -> bool:
    """Whether few products do it: a kernel of one entry, or one for each channel apart."""
    taps = math.prod(shape[:-2])
    return (taps == 1 and geometry.groups == 1) or (
        shape[-2] == 1 and geometry.groups > 1 and taps <= _FEW
    )


def _by_taps(x: Array, kernel: Array, geometry: Geometry) -> Array:
    """The sum over the kernel's entries of the image, shifted, times the entry."""
    window, n_out = kernel.shape[:-2], kernel.shape[-1]
    wide = jnp.float32 if x.dtype.itemsize < 4 else x.dtype  # sums like a convolution

    def product(tap: Shape, shifted: Array) -> Array:
        if geometry.groups == 1:
            return shifted @ kernel[tap]
        each = kernel[tap].reshape(*(1,) * (x.ndim - 1), x.shape[-1], n_out // x.shape[-1])
        products = shifted[..., None].astype(wide) * each.astype(wide)
        return products.reshape(*shifted.shape[:-1], n_out)

    taps = itertools.product(*map(range, window))
    products = map(product, taps, _views(x, window, geometry))
    return functools.reduce(jnp.add, products).astype(x.dtype)


def _views(x: Array, window: Shape, geometry: Geometry) -> list[Array]:
    """What each of a kernel's entries meets: the padded image, shifted, with its strides."""
    result = outputs(x.shape[1:-1], window, geometry)
    edges = zip(geometry.padding, geometry.spread, strict=True)
    x = lax.pad(x, jnp.zeros((), x.dtype), [(0, 0, 0), *((*p, s - 1) for p, s in edges), (0, 0, 0)])

    def view(tap: Shape) -> Array:
        start = [t * d for t, d in zip(tap, geometry.dilation, strict=True)]
        stop = [a + span(n, s) for a, n, s in zip(start, result, geometry.stride, strict=True)]
        ends = (0, *start, 0), (x.shape[0], *stop, x.shape[-1]), (1, *geometry.stride, 1)
        return lax.slice(x, *ends)

    return list(map(view, itertools.product(*map(range, window))))


def _cropped(x: Array, geometry: Geometry) -> tuple[Array, Geometry]:
    """The same with padding that isn't negative, which would be slow."""
    if all(min(pair) >= 0 for pair in geometry.padding):
        return x, geometry
    edges = zip(geometry.padding, geometry.spread, strict=True)
    crops = [(min(low, 0), min(high, 0), s - 1) for (low, high), s in edges]
    padding = tuple((max(low, 0), max(high, 0)) for low, high in geometry.padding)
    x = lax.pad(x, jnp.zeros((), x.dtype), [(0, 0, 0), *crops, (0, 0, 0)])
    return x, geometry._replace(padding=padding, spread=(1,) * len(padding))


def _folded(x: Array, kernel: Array, geometry: Geometry) -> Array:
    """With the batch folded into the last spatial axis, where XLA divides work between cores."""
    n = x.shape[0]
    rows = jnp.moveaxis(x, 0, -2)
    y = plain(_merge(rows), kernel, _stretched(geometry, n))
    return jnp.moveaxis(y[0].reshape(*y.shape[1:-2], -1, n, y.shape[-1]), -2, 0)


def _correlation(spatial: Shape, window: Shape, geometry: Geometry) -> Geometry:
    """The geometry that convolves the image with the cotangent into the kernel's gradient."""
    result = outputs(spatial, window, geometry)
    high = [
        d * (k - 1) + span(o, s) - span(n, e) - low
        for n, k, o, s, (low, _), e, d in zip(spatial, window, result, *geometry[:4], strict=True)
    ]
    padding = tuple((low, h) for (low, _), h in zip(geometry.padding, high, strict=True))
    return geometry._replace(stride=geometry.dilation, padding=padding, dilation=geometry.stride)


def _correlated(x: Array, g: Array, geometry: Geometry) -> Array:
    """The kernel's gradient, for which the batch takes the place of the channels."""
    x, geometry = _cropped(x, geometry)
    cotangent = jnp.moveaxis(g, 0, -2)
    return jnp.moveaxis(plain(jnp.swapaxes(x, 0, -1), cotangent, geometry), 0, -2)


def _by_images(x: Array, g: Array, geometry: Geometry, shape: Shape) -> Array:
    """The kernel's gradient as a sum of products of matrices, each over a few images.

    It takes 0.35 to 0.9 of the CPU time of a convolution, less the more channels there are.
    Without strides the image is copied, shifted, for each entry along the kernel's last axis, and
    the cotangent for each along the others, so that neither grows by the whole kernel.
    """
    *window, n_in, n_out = shape
    shifts = 0 if max(geometry.stride) > 1 else len(window) - 1  # axes that shift the cotangent
    ones = (1,) * len(window)
    along, across = (*ones[:shifts], *window[shifts:]), (*window[:shifts], *ones[shifts:])
    of_image, of_cotangent = _shared(geometry, window, shifts)
    sizes = math.prod(along) * n_in, math.prod(across) * n_out
    summed = (tuple(range(x.ndim - 1)),) * 2

    def add(total: Array, images: tuple[Array, Array]) -> tuple[Array, None]:
        left = jnp.concatenate(_views(images[0], along, of_image), -1)
        right = jnp.concatenate(_views(images[1], across, of_cotangent)[::-1], -1)
        sum_over = (summed, ((), ()))
        return total + lax.dot_general(
            left, right, sum_over, preferred_element_type=total.dtype
        ), None

    wanted = max(_AT_ONCE // max(1, math.prod(sizes)), _ROWS) / max(1, math.prod(g.shape[1:-1]))
    counts = [n for n in range(1, max(1, len(x)) + 1) if len(x) % n == 0]
    n = min(counts, key=lambda n: max(n / wanted, wanted / n))
    cut = lambda a: a.reshape(a.shape[0] // n, n, *a.shape[1:])
    start = varying(jnp.zeros(sizes, wide_dtype(g.dtype)), (x, g))
    total = lax.scan(add, start, (cut(x), cut(g)))[0].astype(g.dtype)
    total = total.reshape(math.prod(along), n_in, math.prod(across), n_out)
    return jnp.moveaxis(total, 2, 0).reshape(shape)


def _shared(geometry: Geometry, window: Sequence[int], shifts: int) -> tuple[Geometry, Geometry]:
    """The geometries of the image and of the cotangent, which is shifted on the first axes."""
    ones, none = (1,) * len(window), ((0, 0),) * len(window)
    padded = zip(window, geometry.dilation, geometry.padding, strict=True)
    turned = [(d * (k - 1) - low, d * (k - 1) - high) for k, d, (low, high) in padded]
    image = geometry._replace(padding=none[:shifts] + geometry.padding[shifts:])
    back = (*turned[:shifts], *none[shifts:])
    return image, Geometry(ones, back, ones, geometry.dilation, 1)


def _merge(rows: Array) -> Array:
    """(…spatial, last, inner, channels) as (1, …spatial, last·inner, channels)."""
    return rows.reshape(1, *rows.shape[:-3], rows.shape[-3] * rows.shape[-2], rows.shape[-1])


def _stretched(geometry: Geometry, n: int) -> Geometry:
    """The geometry when each entry of the last axis has become n of them."""
    (low, high), dilation = geometry.padding[-1], geometry.dilation[-1]
    return geometry._replace(
        padding=(*geometry.padding[:-1], (low * n, high * n)),
        dilation=(*geometry.dilation[:-1], dilation * n),
    )


def _by_rows(x: Array, g: Array, geometry: Geometry, shape: Shape) -> Array:
    """The kernel's gradient for few channels: one matmul for all entries of a kernel's row."""
    width, n_in = shape[-3:-1]
    stride, padding, spread, dilation, _ = geometry
    edges = [*[(0, 0, 0)] * (x.ndim - 2), (*padding[-1], spread[-1] - 1), (0, 0, 0)]
    x = lax.pad(x, jnp.zeros((), x.dtype), edges)
    starts = [i * dilation[-1] for i in range(width)]
    reach = span(g.shape[-2], stride[-1])
    shifted = jnp.stack([lax.slice_in_dim(x, a, a + reach, stride[-1], -2) for a in starts])
    image = jnp.moveaxis(shifted, (0, 1, -1), (0, -1, 1))  # (width, n_in, …spatial, last, batch)
    image = image.reshape(width * n_in, *x.shape[1:-2], -1)
    cotangent = jnp.moveaxis(g, 0, -2).reshape(*g.shape[1:-2], -1, g.shape[-1])
    rest = Geometry(stride[:-1], padding[:-1], spread[:-1], dilation[:-1], 1)
    rest = _correlation(x.shape[1:-2], shape[:-3], rest)
    image, rest = _cropped(image, rest)
    y = plain(image, cotangent, rest)
    return jnp.moveaxis(y.reshape(width, n_in, *y.shape[1:]), (0, 1), (-3, -2))
