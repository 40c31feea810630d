"""Residual networks: those for small images, and those for ImageNet."""

from collections.abc import Sequence

import jax.numpy as jnp

from jaxdl import activations, initializers, layers
from jaxdl._checked import checked
from jaxdl.combinators import LayerLike, residual, serial
from jaxdl.types import Array, Init, Layer, assembly

FAN_OUT = Init(kernel=initializers.kaiming_normal(mode="fan_out"))
_BASIC = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3)}
_BOTTLENECK = {50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3)}


@assembly
@checked
def resnet_cifar(
    depth: int,
    n_classes: int = 10,
    *,
    n_in: int = 3,
    width: int = 16,
    init: Init = FAN_OUT,
) -> Layer:
    """The residual network for CIFAR-sized images: three stages of (depth - 2)/6 blocks each.

    Shortcuts between stages take every second pixel and add channels of zeros, without parameters.

    Args:
        depth: layers with kernels: 8, 14, 20, 32, 44, 56, 110 …
        n_classes: number of classes.
        n_in: channels of the images.
        width: channels of the first stage; the next two have twice and four times as many.
        init: initializer of kernels and biases. Defaults to He et al.'s kernels.

    Returns:
        A Layer from images (…, height, width, n_in) of any size to logits (…, n_classes). With
        depth 20 it has 269,722 parameters, with 110 it has 1,727,962.

    Raises:
        ValueError: if ``depth`` isn't 6n + 2.

    Example:
        >>> import jax
        >>> params, _ = jax.eval_shape(resnet_cifar(20).init, jax.random.key(0))
        >>> sum(p.size for p in jax.tree.leaves(params))
        269722

    Reference:
        He et al., "Deep residual learning for image recognition", 2016, section 4.2.
    """
    if depth < 8 or depth % 6 != 2:
        raise ValueError(f"resnet_cifar: depth is {depth}; it must be 6n + 2, such as 8 or 20")
    blocks: list[LayerLike] = []
    channels = width
    for stage in range(3):
        for block in range((depth - 2) // 6):
            stride = 2 if stage > 0 and block == 0 else 1
            body = _basic(channels, width << stage, stride, init)
            shortcut = _subsampled(channels, width << stage) if stride > 1 else None
            blocks += [residual(body, shortcut=shortcut), activations.relu]
            channels = width << stage
    stem = _normalized(n_in, width, 3, 1, init)
    return serial(*stem, activations.relu, *blocks, *_head(channels, n_classes))


@assembly
@checked
def resnet(
    depth: int, n_classes: int = 1000, *, n_in: int = 3, width: int = 64, init: Init = FAN_OUT
) -> Layer:
    """The residual network for ImageNet; the stride of a bottleneck is in its 3×3 convolution.

    Args:
        depth: 18 or 34 with basic blocks; 50, 101 or 152 with bottlenecks.
        n_classes: number of classes.
        n_in: channels of the images.
        width: channels of the first stage, doubled in each of the next three.
        init: initializer of kernels and biases. Defaults to He et al.'s kernels.

    Returns:
        A Layer from images (…, height, width, n_in) to logits (…, n_classes). With 1,000 classes
        it has 11,689,512 parameters at depth 18 and 25,557,032 at depth 50.

    Raises:
        ValueError: if ``depth`` isn't one of these.

    Example:
        >>> import jax
        >>> params, _ = jax.eval_shape(resnet(50).init, jax.random.key(0))
        >>> sum(p.size for p in jax.tree.leaves(params))
        25557032

    Reference:
        He et al., "Deep residual learning for image recognition", 2016, table 1; the place of the
        stride is that of torchvision's networks.
    """
    known = _BASIC | _BOTTLENECK
    if depth not in known:
        raise ValueError(f"resnet: depth is {depth}; it must be one of {sorted(known)}")
    block, wider = (_basic, 1) if depth in _BASIC else (_bottleneck, 4)
    stem = _normalized(n_in, width, 7, 2, init)
    pool = layers.max_pool((3, 3), stride=2, padding=1)
    blocks: list[LayerLike] = []
    channels = width
    for stage, count in enumerate(known[depth]):
        n_out = (width << stage) * wider
        for i in range(count):
            stride = 2 if stage > 0 and i == 0 else 1
            changes = stride > 1 or channels != n_out
            shortcut = serial(*_normalized(channels, n_out, 1, stride, init)) if changes else None
            body = block(channels, n_out, stride, init)
            blocks += [residual(body, shortcut=shortcut), activations.relu]
            channels = n_out
    return serial(*stem, activations.relu, pool, *blocks, *_head(channels, n_classes))


def _normalized(n_in: int, n_out: int, size: int, stride: int, init: Init) -> Sequence[Layer]:
    """A convolution, centred on its pixel, and batch normalisation."""
    kernel = (size, size)
    convolution = layers.conv(
        n_in, n_out, kernel, stride=stride, padding=size // 2, bias=False, init=init
    )
    return convolution, layers.batch_norm(n_out)


def _basic(n_in: int, n_out: int, stride: int, init: Init) -> Layer:
    first = _normalized(n_in, n_out, 3, stride, init)
    return serial(*first, activations.relu, *_normalized(n_out, n_out, 3, 1, init))


def _bottleneck(n_in: int, n_out: int, stride: int, init: Init) -> Layer:
    narrow = n_out // 4
    first = _normalized(n_in, narrow, 1, 1, init)
    second = _normalized(narrow, narrow, 3, stride, init)
    last = _normalized(narrow, n_out, 1, 1, init)
    return serial(*first, activations.relu, *second, activations.relu, *last)


def _subsampled(n_in: int, n_out: int) -> LayerLike:
    def subsample(x: Array) -> Array:
        # As a padding, whose gradient is a slice: that of a strided slice is slow on CPUs.
        channels = [(0, 0)] * (x.ndim - 1) + [(0, n_out - n_in)]
        return jnp.pad(x[..., ::2, ::2, :], channels)

    return subsample


def _head(channels: int, n_classes: int) -> Sequence[Layer]:
    return layers.global_avg_pool(), layers.dense(channels, n_classes)
