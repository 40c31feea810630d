"""VGG: plain stacks of small convolutions."""

from typing import Literal

from jaxdl import _checks, activations, layers
from jaxdl._checked import checked
from jaxdl.combinators import LayerLike, serial
from jaxdl.models._dropout import dropout_if_used
from jaxdl.models._resnet import FAN_OUT
from jaxdl.types import Array, Init, Layer, assembly

_STAGES = {11: (1, 1, 2, 2, 2), 13: (2, 2, 2, 2, 2), 16: (2, 2, 3, 3, 3), 19: (2, 2, 4, 4, 4)}


@assembly
@checked
def vgg(
    depth: Literal[11, 13, 16, 19],
    n_classes: int = 1000,
    *,
    batch_norm: bool = False,
    rate: float | Array = 0.5,
    init: Init = FAN_OUT,
) -> Layer:
    """VGG for ImageNet: five stages of 3×3 convolutions and pooling, then three dense layers.

    Weights of torchvision's ``vgg16`` and its relatives load with ``interop.from_torch(state_dict,
    net, flattened={"classifier/0": (512, 7, 7)})``.

    Args:
        depth: layers with kernels: 11, 13, 16 or 19.
        n_classes: number of classes.
        batch_norm: whether to normalise after each convolution, as in torchvision's ``vgg16_bn``.
        rate: dropout rate after the two hidden dense layers; 0 omits dropout.
        init: initializer of kernels and biases. Defaults to He et al.'s kernels.

    Returns:
        A Layer from images (…, height, width, 3) to logits (…, n_classes). With 1,000 classes it
        has 138,357,544 parameters at depth 16, and 8,448 more with ``batch_norm``.

    Raises:
        ValueError: if ``depth`` isn't one of these, or ``n_classes`` isn't a positive integer.

    Example:
        >>> import jax
        >>> params, _ = jax.eval_shape(vgg(16).init, jax.random.key(0))
        >>> sum(p.size for p in jax.tree.leaves(params))
        138357544

    Reference:
        Simonyan and Zisserman, "Very deep convolutional networks", 2014,
        https://arxiv.org/abs/1409.1556.
    """
    if depth not in _STAGES:
        raise ValueError(f"vgg: depth is {depth}; it must be one of {sorted(_STAGES)}")
    _checks.positive_ints("vgg", n_classes=n_classes)
    parts: list[LayerLike] = []
    channels = 3
    for stage, count in enumerate(_STAGES[depth]):
        n_out = min(64 << stage, 512)
        for _ in range(count):
            parts.append(layers.conv(channels, n_out, (3, 3), padding=1, init=init))
            parts += [layers.batch_norm(n_out)] if batch_norm else []
            parts.append(activations.relu)
            channels = n_out
        parts.append(layers.max_pool((2, 2)))
    return serial(
        features=serial(*parts),
        pool=layers.adaptive_avg_pool((7, 7)),
        flatten=layers.flatten(axes=3),
        classifier=_classifier(n_classes, rate, init),
    )


def _classifier(n_classes: int, rate: float | Array, init: Init) -> Layer:
    drop = dropout_if_used(rate)
    first, second = (layers.dense(n, 4096, init=init) for n in (512 * 7 * 7, 4096))
    last = layers.dense(4096, n_classes, init=init)
    return serial(first, activations.relu, drop, second, activations.relu, drop, last)
