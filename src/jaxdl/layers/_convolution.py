"""Convolutional layers."""

import functools
import math
from collections.abc import Sequence
from typing import Literal

import jax.numpy as jnp
from jax.typing import DTypeLike

from jaxdl import _checks, functional, initializers
from jaxdl._checks import ShapeError
from jaxdl.functional._convolution import resolve
from jaxdl.functional._windows import Padding, one_an_axis, per_axis
from jaxdl.layers._building import affine
from jaxdl.types import Init, Layer, factory


@factory
def conv(
    n_in: int,
    n_out: int,
    size: Sequence[int],
    *,
    stride: int | Sequence[int] = 1,
    padding: Padding = 0,
    dilation: int | Sequence[int] = 1,
    groups: int = 1,
    derivatives: Literal["fast", "lax"] = "fast",
    bias: bool = True,
    init: Init = initializers.torch_default,
    dtype: DTypeLike = jnp.float32,
) -> Layer:
    """A convolution over as many axes as its kernel has; see ``functional.conv``.

    Args:
        n_in: input channels, on the last axis.
        n_out: output channels.
        size: kernel size, one number per axis, such as ``(5, 5)`` for images.
        stride: the step between windows; a number, or one per axis.
        padding: zeros around the image: one number for all axes, a number or (low, high) pair for
            each, or "SAME", "VALID" or "CAUSAL".
        dilation: the step between the kernel's entries.
        groups: number of groups the channels are split into, each with its own kernel.
        derivatives: "fast" or "lax"; see ``functional.conv``.
        bias: whether to add a bias.
        init: initializer of kernel and bias. Defaults to PyTorch's U(±1/√fan_in).
        dtype: dtype of the parameters.

    Returns:
        A Layer with params ``{"kernel": (*size, n_in/groups, n_out), "bias": (n_out,)}`` and no
        state, from (…, …spatial, n_in) to (…, …out, n_out).

    Raises:
        ValueError: if a size isn't a positive integer.
        ShapeError: if ``groups`` doesn't divide the channels.

    Example:
        >>> import jax
        >>> layer = conv(1, 32, (5, 5), padding="SAME")
        >>> params, state = layer.init(jax.random.key(0))
        >>> layer.apply(params, state, jnp.ones((8, 28, 28, 1)))[0].shape
        (8, 28, 28, 32)
    """
    size = one_an_axis("conv", "size", size)
    name = f"conv({n_in}, {n_out}, {size})"
    _check(name, n_in, n_out, size, groups, padding, stride=stride, dilation=dilation)
    fn = functools.partial(
        functional.conv,
        stride=stride,
        padding=padding,
        dilation=dilation,
        groups=groups,
        derivatives=derivatives,
    )
    shape = (*size, n_in // groups, n_out)
    fan_in = math.prod(shape[:-1])
    return affine(name, fn, shape, n_out, fan_in=fan_in, bias=bias, init=init, dtype=dtype)


@factory
def conv_transpose(
    n_in: int,
    n_out: int,
    size: Sequence[int],
    *,
    stride: int | Sequence[int] = 1,
    padding: int | Sequence[int | tuple[int, int]] = 0,
    output_padding: int | Sequence[int] = 0,
    dilation: int | Sequence[int] = 1,
    groups: int = 1,
    derivatives: Literal["fast", "lax"] = "fast",
    bias: bool = True,
    init: Init = initializers.torch_default,
    dtype: DTypeLike = jnp.float32,
) -> Layer:
    """A transposed convolution, which makes images larger; see ``functional.conv_transpose``.

    Args:
        n_in: input channels, on the last axis.
        n_out: output channels.
        size: kernel size, one number per axis.
        stride: the distance between input entries in the output.
        padding: entries cut off the result: one number for all axes, or a number or (low, high)
            pair for each.
        output_padding: extra entries at the end of the result.
        dilation: the step between the kernel's entries.
        groups: number of groups the channels are split into, each with its own kernel.
        derivatives: "fast" or "lax"; see ``functional.conv``.
        bias: whether to add a bias.
        init: initializer of kernel and bias. Defaults to PyTorch's, whose fan-in
            counts n_out instead of n_in.
        dtype: dtype of the parameters.

    Returns:
        A Layer with params ``{"kernel": (*size, n_out/groups, n_in), "bias": (n_out,)}`` and no
        state, from (…, …spatial, n_in) to (…, …out, n_out).

    Raises:
        ValueError: if a size isn't a positive integer.
        ShapeError: if ``groups`` doesn't divide the channels.

    Example:
        >>> import jax
        >>> layer = conv_transpose(8, 1, (4, 4), stride=2, padding=1)
        >>> params, state = layer.init(jax.random.key(0))
        >>> layer.apply(params, state, jnp.ones((14, 14, 8)))[0].shape
        (28, 28, 1)
    """
    size = one_an_axis("conv_transpose", "size", size)
    name = f"conv_transpose({n_in}, {n_out}, {size})"
    _check(name, n_in, n_out, size, groups, padding, stride=stride, dilation=dilation)
    per_axis(name, "output_padding", output_padding, len(size), least=0)
    fn = functools.partial(
        functional.conv_transpose,
        stride=stride,
        padding=padding,
        output_padding=output_padding,
        dilation=dilation,
        groups=groups,
        derivatives=derivatives,
    )
    shape = (*size, n_out // groups, n_in)
    fan_in = math.prod(shape[:-1])
    return affine(name, fn, shape, n_out, fan_in=fan_in, bias=bias, init=init, dtype=dtype)


@factory
def depthwise_conv(
    n_in: int,
    size: Sequence[int],
    *,
    multiplier: int = 1,
    stride: int | Sequence[int] = 1,
    padding: Padding = 0,
    dilation: int | Sequence[int] = 1,
    bias: bool = True,
    init: Init = initializers.torch_default,
    dtype: DTypeLike = jnp.float32,
) -> Layer:
    """Convolves each channel separately; with a 1-wide ``conv`` after it, a separable convolution.

    Args:
        n_in: input channels, on the last axis.
        size: kernel size, one number per axis.
        multiplier: output channels per input channel.
        stride: the step between windows; a number, or one per axis.
        padding: as for ``conv``.
        dilation: the step between the kernel's entries.
        bias: whether to add a bias.
        init: initializer of kernel and bias.
        dtype: dtype of the parameters.

    Returns:
        A Layer with params ``{"kernel": (*size, 1, n_in·multiplier), "bias": …}`` and no state.

    Raises:
        ValueError: if a size isn't a positive integer.

    Example:
        >>> import jax
        >>> params, _ = depthwise_conv(16, (3, 3)).init(jax.random.key(0))
        >>> params["kernel"].shape
        (3, 3, 1, 16)
    """
    size = one_an_axis("depthwise_conv", "size", size)
    name = f"depthwise_conv({n_in}, {size})"
    _checks.positive_ints(name, n_in=n_in, multiplier=multiplier)
    n_out = n_in * multiplier
    _check(name, n_in, n_out, size, n_in, padding, stride=stride, dilation=dilation)
    return conv(
        n_in,
        n_out,
        size,
        stride=stride,
        padding=padding,
        dilation=dilation,
        groups=n_in,
        bias=bias,
        init=init,
        dtype=dtype,
    )


@factory
def conv_relu_pool(
    n_in: int,
    n_out: int,
    size: Sequence[int],
    *,
    pool: Sequence[int],
    stride: int | Sequence[int] = 1,
    padding: Padding = 0,
    dilation: int | Sequence[int] = 1,
    groups: int = 1,
    bias: bool = True,
    init: Init = initializers.torch_default,
    dtype: DTypeLike = jnp.float32,
) -> Layer:
    """``conv``, relu and ``max_pool`` in one, with less work; see ``functional.conv_relu_pool``.

    Args:
        n_in: input channels, on the last axis.
        n_out: output channels.
        size: kernel size, one number per axis.
        pool: size of the pooling windows, which don't overlap.
        stride: the step between the kernel's windows; a number, or one per axis.
        padding: as for ``conv``.
        dilation: the step between the kernel's entries.
        groups: number of groups the channels are split into, each with its own kernel.
        bias: whether to add a bias.
        init: initializer of kernel and bias. Defaults to PyTorch's U(±1/√fan_in).
        dtype: dtype of the parameters.

    Returns:
        A Layer with the params of ``conv`` and no state.

    Raises:
        ValueError: if a size isn't a positive integer.
        ShapeError: if ``groups`` doesn't divide the channels.

    Example:
        >>> import jax
        >>> layer = conv_relu_pool(1, 32, (5, 5), pool=(2, 2), padding=2)
        >>> params, state = layer.init(jax.random.key(0))
        >>> layer.apply(params, state, jnp.ones((8, 28, 28, 1)))[0].shape
        (8, 14, 14, 32)
    """
    size = one_an_axis("conv_relu_pool", "size", size)
    pool = one_an_axis("conv_relu_pool", "pool", pool)
    name = f"conv_relu_pool({n_in}, {n_out}, {size}, pool={pool})"
    options = {"stride": stride, "dilation": dilation, "pool": pool}
    _check(name, n_in, n_out, size, groups, padding, **options)
    fn = functools.partial(
        functional.conv_relu_pool,
        pool=pool,
        stride=stride,
        padding=padding,
        dilation=dilation,
        groups=groups,
    )
    shape = (*size, n_in // groups, n_out)
    fan_in = math.prod(shape[:-1])
    return affine(name, fn, shape, n_out, fan_in=fan_in, bias=bias, init=init, dtype=dtype)


def _check(
    name: str,
    n_in: int,
    n_out: int,
    size: Sequence[int],
    groups: int,
    padding: Padding,
    **options: int | Sequence[int],
) -> None:
    """Raises if a size or an option is invalid for every image."""
    _checks.positive_ints(name, n_in=n_in, n_out=n_out, groups=groups)
    for n in size:
        _checks.positive_ints(name, size=n)
    if n_in % groups or n_out % groups:
        raise ShapeError(f"{name}: {groups} groups don't divide its channels")
    axes = len(size)
    for option, value in options.items():
        per_axis(name, option, value, axes)
    resolve(name, padding, (1,) * axes, (1,) * axes, (1,) * axes)
