"""The sizes of a convolution, and the convolution of XLA that they describe."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from jaxdl._varying import varying
from jaxdl.functional._windows import Pairs, span
from jaxdl.types import Array, Shape


class Geometry(NamedTuple):
    """What a convolution needs besides its arrays; one entry per spatial axis."""

    stride: Shape
    padding: Pairs  # a negative number crops
    spread: Shape  # how far apart the image's entries lie, with zeros between them
    dilation: Shape
    groups: int


def plain(x: Array, kernel: Array, geometry: Geometry) -> Array:
    """XLA's convolution of (batch, …spatial, channels) with (…spatial, channels/groups, out)."""
    spatial = "DHW"[3 - len(geometry.stride) :]
    stride, padding, spread, dilation, groups = geometry
    return lax.conv_general_dilated(
        x,
        kernel,
        stride,
        padding,
        lhs_dilation=spread,
        rhs_dilation=dilation,
        dimension_numbers=(f"N{spatial}C", f"{spatial}IO", f"N{spatial}C"),
        feature_group_count=groups,
    )


def transposed(fn: Callable[[Array], Array], shape: Shape, g: Array, other: Array) -> Array:
    """The gradient of a linear function with respect to its argument, an array of that shape."""
    x = varying(jnp.zeros(shape, g.dtype), (g, other))
    return jax.linear_transpose(fn, x)(g)[0]


def mirrored(kernel: Array, groups: int) -> Array:
    """The kernel of the adjoint: flipped in space, with its input and output channels swapped."""
    *spatial, n_in, n_out = kernel.shape
    flipped = jnp.flip(kernel, range(len(spatial)))
    split = flipped.reshape(*spatial, n_in, groups, n_out // groups)
    return jnp.swapaxes(split, -1, -3).reshape(*spatial, n_out // groups, groups * n_in)


def outputs(spatial: Shape, window: Shape, geometry: Geometry) -> Shape:
    """The number of entries of the result along each axis."""
    axes = zip(spatial, window, *geometry[:4], strict=True)
    return tuple(
        (span(n, spread) + low + high - span(k, dilation)) // stride + 1
        for n, k, stride, (low, high), spread, dilation in axes
    )


def adjoint(spatial: Shape, window: Shape, geometry: Geometry) -> Geometry:
    """The geometry that convolves a cotangent with the mirrored kernel into the image's."""
    reach = [span(k, d) for k, d in zip(window, geometry.dilation, strict=True)]
    low = [r - 1 - pad for r, (pad, _) in zip(reach, geometry.padding, strict=True)]
    result = outputs(spatial, window, geometry)
    high = [
        span(n, spread) - span(o, stride) + r - 1 - before
        for n, spread, o, stride, r, before in zip(
            spatial, geometry.spread, result, geometry.stride, reach, low, strict=True
        )
    ]
    padding = tuple(zip(low, high, strict=True))
    return geometry._replace(stride=geometry.spread, padding=padding, spread=geometry.stride)
