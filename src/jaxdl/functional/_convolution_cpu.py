"""A convolution and its two gradients in the forms that XLA computes fast on a CPU.

All of them hold inside loops, where XLA leaves a convolution as it stands: one whose axes aren't
in the order NHWC, HWIO becomes a naive loop there, and one with groups a slow one. So every
convolution here is in that order and without groups.
"""

import functools
import itertools
import math

import jax
import jax.numpy as jnp
from jax import lax

from jaxdl._varying import varying
from jaxdl.functional._convolution_geometry import Geometry, adjoint, mirrored, outputs, plain
from jaxdl.functional._windows import span
from jaxdl.types import Array, Shape


def forward(x: Array, kernel: Array, geometry: Geometry, shape: Shape = ()) -> Array:
    """The convolution itself."""
    if _is_by_taps(kernel.shape, geometry):
        return _by_taps(x, kernel, geometry)
    if geometry.groups > 1:
        alone = geometry._replace(groups=1)
        pairs = zip(*(jnp.split(a, geometry.groups, -1) for a in (x, kernel)), strict=True)
        return jnp.concatenate([forward(a, b, alone) for a, b in pairs], -1)
    x, geometry = _cropped(x, geometry)
    # Below 32 channels XLA takes another library, which uses all cores by itself; from there on
    # folding costs nothing and, 5×5 on 14×14 with 64 channels, takes the second core too. The
    # batch of an exported program may be a symbol.
    wide = kernel.shape[-1] >= 32 and isinstance(x.shape[0], int) and x.shape[0] > 1
    foldable = wide and geometry.stride[-1] == geometry.spread[-1] == 1
    return _folded(x, kernel, geometry) if foldable else plain(x, kernel, geometry)


def to_image(g: Array, kernel: Array, geometry: Geometry, shape: Shape) -> Array:
    """The gradient by the image of that shape: a convolution with the mirrored kernel."""
    if _is_by_taps(kernel.shape, geometry):
        x = varying(jnp.zeros(shape, g.dtype), (g, kernel))
        return jax.linear_transpose(lambda x: _by_taps(x, kernel, geometry), x)(g)[0]
    back = adjoint(shape[1:-1], kernel.shape[:-2], geometry)
    return forward(g, mirrored(kernel, geometry.groups), back)


def to_kernel(x: Array, g: Array, geometry: Geometry, shape: Shape) -> Array:
    """The gradient by the kernel of that shape: a convolution of the image with the cotangent."""
    if _is_by_taps(shape, geometry):
        kernel = varying(jnp.zeros(shape, g.dtype), (x, g))
        return jax.linear_transpose(lambda kernel: _by_taps(x, kernel, geometry), kernel)(g)[0]
    if geometry.groups > 1:
        alone = geometry._replace(groups=1)
        part = (*shape[:-1], shape[-1] // geometry.groups)
        pairs = zip(*(jnp.split(a, geometry.groups, -1) for a in (x, g)), strict=True)
        return jnp.concatenate([to_kernel(a, b, alone, part) for a, b in pairs], -1)
    if len(shape) > 3 and shape[-2] <= 4:  # a third of the time with one channel in
        return _by_rows(x, g, geometry, shape)
    return _correlated(x, g, _correlation(x.shape[1:-1], shape[:-2], geometry))


def _is_by_taps(shape: Shape, geometry: Geometry) -> bool:
    """Whether few products do it: a kernel of one entry, or one for each channel apart."""
    taps = math.prod(shape[:-2])
    return (taps == 1 and geometry.groups == 1) or (
        shape[-2] == 1 and geometry.groups > 1 and taps <= 64
    )


def _by_taps(x: Array, kernel: Array, geometry: Geometry) -> Array:
    """The sum over the kernel's entries of the image, shifted, times the entry."""
    window, n_out = kernel.shape[:-2], kernel.shape[-1]
    result = outputs(x.shape[1:-1], window, geometry)
    edges = zip(geometry.padding, geometry.spread, strict=True)
    x = lax.pad(x, jnp.zeros((), x.dtype), [(0, 0, 0), *((*p, s - 1) for p, s in edges), (0, 0, 0)])
    wide = jnp.float32 if x.dtype.itemsize < 4 else x.dtype  # sums as a convolution's

    def product(tap: Shape) -> Array:
        start = [t * d for t, d in zip(tap, geometry.dilation, strict=True)]
        stop = [a + span(n, s) for a, n, s in zip(start, result, geometry.stride, strict=True)]
        ends = (0, *start, 0), (x.shape[0], *stop, x.shape[-1]), (1, *geometry.stride, 1)
        shifted = lax.slice(x, *ends)
        if geometry.groups == 1:
            return shifted @ kernel[tap]
        each = kernel[tap].reshape(*(1,) * (x.ndim - 1), x.shape[-1], n_out // x.shape[-1])
        products = shifted[..., None].astype(wide) * each.astype(wide)
        return products.reshape(*shifted.shape[:-1], n_out)

    taps = itertools.product(*map(range, window))
    return functools.reduce(jnp.add, map(product, taps)).astype(x.dtype)


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
    foldable = geometry.stride[-1] == geometry.spread[-1] == 1
    # The channels folded as in ``_folded``. Wider images already use all cores, and the folded
    # form takes 1.4 times their work at 28×28.
    if foldable and g.shape[-1] >= 32 and x.shape[-2] <= 16:
        n_in = x.shape[-1]
        rows = jnp.moveaxis(x, 0, -1)
        y = plain(_merge(rows), cotangent, _stretched(geometry, n_in))
        return y[0].reshape(*y.shape[1:-2], -1, n_in, y.shape[-1])
    return jnp.moveaxis(plain(jnp.swapaxes(x, 0, -1), cotangent, geometry), 0, -2)


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
