"""Convolution in one, two and three dimensions, and its transpose."""

import math
from collections.abc import Sequence
from typing import Literal

import jax.numpy as jnp
from jax.typing import ArrayLike

from jaxdl import _checks
from jaxdl._checks import ShapeError, describe
from jaxdl._plain import plain_numbers
from jaxdl._portable import is_portable
from jaxdl.functional._convolution_geometry import Geometry, mirrored, plain
from jaxdl.functional._convolution_rules import convolve
from jaxdl.functional._dense import biased
from jaxdl.functional._weights import check_weights
from jaxdl.functional._windows import Padding, Pairs, Sizes, images, pairs, per_axis, span
from jaxdl.types import Array, Shape, Weights

Derivatives = Literal["fast", "lax"]


@plain_numbers
def conv(
    params: Weights,
    x: ArrayLike,
    *,
    stride: Sizes = 1,
    padding: Padding = 0,
    dilation: Sizes = 1,
    groups: int = 1,
    derivatives: Derivatives = "fast",
) -> Array:
    """Convolution as in neural networks: y[i] = Σⱼ x[stride·i + dilation·j - padding]·W[j] + b.

    The kernel's rank sets the number of spatial axes: one, two or three. It computes in the
    kernel's dtype.

    Args:
        params: ``{"kernel": (…spatial, n_in/groups, n_out), "bias": (n_out,)}``; without
            ``bias``, none is added.
        x: shape (…, …spatial, n_in), floating point.
        stride: the step between windows; a number, or one per axis.
        padding: zeros around the image: one number for all axes, or a number or (low, high) pair
            for each. "VALID" is 0. "SAME" returns ⌈n/stride⌉ entries and puts an odd zero at the
            end; for even n, stride 2 and a 3-wide kernel this differs from ``padding=1``. "CAUSAL",
            for one axis, pads only at the start, so that no output depends on later inputs.
        dilation: the step between the kernel's entries.
        groups: number of groups the channels are split into, each with its own kernel; n_in
            groups make a depthwise convolution.
        derivatives: "fast" has gradients of its own that are quick inside compiled loops on CPUs,
            of any order and in either mode; "lax" has those of ``jax.lax``.

    Returns:
        An array of shape (…, …out, n_out), where out is
        ⌊(n + padding - dilation·(k-1) - 1)/stride⌋ + 1.

    Raises:
        ShapeError: if ``x`` has too few axes or the wrong channels, if the kernel is larger than
            the padded image, or if groups don't divide the kernel's channels.
        ValueError: if an option is invalid.
        TypeError: if ``x`` isn't floating point.

    Example:
        >>> import jax.numpy as jnp
        >>> params = {"kernel": jnp.ones((3, 1, 1)), "bias": jnp.zeros(1)}
        >>> x = jnp.array([[1.0], [2.0], [4.0]])
        >>> conv(params, x, padding=1).ravel()
        Array([3., 7., 6.], dtype=float32)

    Reference:
        Dumoulin & Visin, "A guide to convolution arithmetic for deep learning", 2016.
    """
    check_weights("conv", params, {"kernel": 3}, ("bias",))
    kernel = jnp.asarray(params["kernel"])
    axes, name = kernel.ndim - 2, f"conv with a kernel {describe(kernel)}"
    n_in = kernel.shape[-2] * _groups(name, groups, n_out=kernel.shape[-1])
    x = _image(name, x, axes, n_in)
    stride = per_axis(name, "stride", stride, axes)
    dilation = per_axis(name, "dilation", dilation, axes)
    spans = tuple(map(span, kernel.shape[:axes], dilation))
    spatial = x.shape[-1 - axes : -1]
    padded = resolve(name, padding, spatial, spans, stride)
    geometry = Geometry(stride, padded, (1,) * axes, dilation, groups)
    _fits(name, x, spatial, padded, spans)
    return _batched(name, params, kernel, x, geometry, derivatives)


@plain_numbers
def conv_transpose(
    params: Weights,
    x: ArrayLike,
    *,
    stride: Sizes = 1,
    padding: int | Sequence[int | tuple[int, int]] = 0,
    output_padding: Sizes = 0,
    dilation: Sizes = 1,
    groups: int = 1,
    derivatives: Derivatives = "fast",
) -> Array:
    """Transposed convolution: y[stride·i + dilation·j - padding] gathers x[i]·W[j], plus b.

    The adjoint of ``conv`` with the same kernel and options, which maps n_out channels to n_in;
    hence the kernel's layout (…spatial, n_out/groups, n_in), PyTorch's with its first two axes
    moved to the end and swapped, and Keras's as it is.

    Args:
        params: ``{"kernel": (…spatial, n_out/groups, n_in), "bias": (n_out,)}``; without
            ``bias``, none is added.
        x: shape (…, …spatial, n_in), floating point.
        stride: the distance between entries of ``x`` in the output.
        padding: entries cut off the result: one number for all axes, or a number or (low, high)
            pair for each.
        output_padding: extra entries at the end of the result, fewer than the stride or the
            dilation. Chooses among the sizes that ``conv`` maps to the same size.
        dilation: the step between the kernel's entries.
        groups: number of groups the channels are split into, each with its own kernel.
        derivatives: "fast" or "lax", as for ``conv``.

    Returns:
        An array of shape (…, …out, n_out), where out is
        stride·(n-1) + dilation·(k-1) + 1 - padding + output_padding.

    Raises:
        ShapeError: if ``x`` has too few axes or the wrong channels, if the result would be empty,
            or if groups don't divide the kernel's channels.
        ValueError: if an option is invalid.
        TypeError: if ``x`` isn't floating point.

    Example:
        >>> import jax.numpy as jnp
        >>> params = {"kernel": jnp.array([1.0, 2.0, 3.0]).reshape(3, 1, 1)}
        >>> conv_transpose(params, jnp.array([[1.0], [10.0]]), stride=2).ravel()
        Array([ 1.,  2., 13., 20., 30.], dtype=float32)

    Reference:
        Dumoulin & Visin, "A guide to convolution arithmetic for deep learning", 2016.
    """
    check_weights("conv_transpose", params, {"kernel": 3}, ("bias",))
    kernel = jnp.asarray(params["kernel"])
    axes, name = kernel.ndim - 2, f"conv_transpose with a kernel {describe(kernel)}"
    _groups(name, groups, n_in=kernel.shape[-1])
    x = _image(name, x, axes, kernel.shape[-1])
    stride = per_axis(name, "stride", stride, axes)
    dilation = per_axis(name, "dilation", dilation, axes)
    extra = per_axis(name, "output_padding", output_padding, axes, least=0)
    if any(e >= max(s, d) for e, s, d in zip(extra, stride, dilation, strict=True)):
        raise ValueError(f"{name}: output_padding {extra} must be less than stride or dilation")
    spans = tuple(map(span, kernel.shape[:axes], dilation))
    cut = zip(spans, pairs(name, padding, axes), extra, strict=True)
    padded = tuple((d - 1 - low, d - 1 - high + e) for d, (low, high), e in cut)
    geometry = Geometry((1,) * axes, padded, stride, dilation, groups)
    spread = tuple(map(span, x.shape[-1 - axes : -1], stride))
    _fits(name, x, spread, padded, spans)
    return _batched(name, params, mirrored(kernel, groups), x, geometry, derivatives)


def _batched(
    name: str,
    params: Weights,
    kernel: Array,
    x: Array,
    geometry: Geometry,
    derivatives: Derivatives,
) -> Array:
    """Convolves with all leading axes merged into one, and adds the bias."""
    if derivatives not in ("fast", "lax"):
        raise ValueError(f'{name}: derivatives is {derivatives!r}; it must be "fast" or "lax"')
    lead = x.shape[: x.ndim - kernel.ndim + 1]
    rows = x.reshape(math.prod(lead), *x.shape[len(lead) :]).astype(kernel.dtype)
    y = (plain if derivatives == "lax" or is_portable() else convolve)(rows, kernel, geometry)
    return biased(name, params, y.reshape(*lead, *y.shape[1:]))


def _groups(name: str, groups: int, **channels: int) -> int:
    _checks.positive_ints(name, groups=groups)
    for argument, n in channels.items():
        if n % groups:
            raise ShapeError(f"{name}: {groups} groups don't divide {argument}, which is {n}")
    return groups


def _image(name: str, x: ArrayLike, axes: int, n_in: int) -> Array:
    if axes not in (1, 2, 3):
        raise ShapeError(f"{name}: a kernel has one to three spatial axes and two of channels")
    x = _checks.floating(name, "x", x)
    images(name, x, axes)
    _checks.last_axis(name, x, n_in)
    return x


def resolve(name: str, padding: Padding, spatial: Shape, spans: Shape, stride: Shape) -> Pairs:
    """Padding by name or number as pairs."""
    if not isinstance(padding, str):
        return pairs(name, padding, len(spatial))
    if padding == "VALID":
        return ((0, 0),) * len(spatial)
    if padding == "SAME":
        axes = zip(spatial, spans, stride, strict=True)
        need = [max(0, (-(-n // s) - 1) * s + d - n) for n, d, s in axes]
        return tuple((n // 2, n - n // 2) for n in need)
    if padding == "CAUSAL" and len(spatial) == 1:
        return ((spans[0] - 1, 0),)
    raise ValueError(
        f'{name}: padding is {padding!r}; by name it is "SAME", "VALID", or, for one axis, "CAUSAL"'
    )


def _fits(name: str, x: Array, spatial: Shape, padded: Pairs, spans: Shape) -> None:
    sizes = [n + low + high for n, (low, high) in zip(spatial, padded, strict=True)]
    if any(n < d for n, d in zip(sizes, spans, strict=True)):
        reach = "×".join(map(str, spans))
        given = "×".join(map(str, sizes))
        raise ShapeError(
            f"{name} reaches over {reach}, more than the padded {given} of {describe(x)}"
        )
