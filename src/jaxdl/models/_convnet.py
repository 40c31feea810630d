"""Convolutional networks: LeNet-5, and a plain one of any size."""

import functools
from collections.abc import Callable, Sequence
from itertools import pairwise

from jaxdl import _checks, activations, initializers, layers
from jaxdl._checked import checked
from jaxdl.combinators import LayerLike, serial
from jaxdl.models._mlp import mlp
from jaxdl.types import Array, Init, Layer, assembly


@assembly
@checked
def lenet5(
    n_classes: int = 10,
    *,
    activation: Callable[[Array], Array] = activations.tanh,
    init: Init = initializers.torch_default,
) -> Layer:
    """LeNet-5: two convolutions with average pooling, then dense layers of 120, 84 and the classes.

    Its second convolution sees all channels of the first, as in later uses of the network; in the
    paper, a handmade table omits some.

    Args:
        n_classes: number of classes.
        activation: activation after each layer but the last.
        init: initializer of kernels and biases.

    Returns:
        A Layer from images (…, 28, 28, 1) to logits (…, n_classes); 61,706 parameters with ten.

    Raises:
        ValueError: if ``n_classes`` isn't a positive integer.

    Example:
        >>> import jax
        >>> params, _ = jax.eval_shape(lenet5().init, jax.random.key(0))
        >>> sum(p.size for p in jax.tree.leaves(params))
        61706

    Reference:
        LeCun et al., "Gradient-based learning applied to document recognition", 1998.
    """
    _checks.positive_ints("lenet5", n_classes=n_classes)
    return serial(
        layers.conv(1, 6, (5, 5), padding=2, init=init),
        activation,
        layers.avg_pool((2, 2)),
        layers.conv(6, 16, (5, 5), init=init),
        activation,
        layers.avg_pool((2, 2)),
        layers.flatten(axes=3),
        mlp((400, 120, 84, n_classes), activation=activation, init=init),
    )


@assembly
@checked
def convnet(
    shape: tuple[int, int, int],
    n_classes: int,
    *,
    widths: Sequence[int] = (32, 64),
    kernel_size: int = 3,
    hidden: Sequence[int] = (128,),
    batch_norm: bool = False,
    rate: float | Array = 0.0,
    activation: Callable[[Array], Array] = activations.relu,
    init: Init = initializers.torch_default,
) -> Layer:
    """A plain convolutional network: convolution, activation and 2×2 max pooling for each width.

    Args:
        shape: height, width and channels of the images.
        n_classes: number of classes.
        widths: channels after each convolution; each halves height and width, rounded down.
        kernel_size: height and width of the kernels, padded so that they keep the image's size.
        hidden: sizes of the dense layers between the last image and the logits.
        batch_norm: whether to normalise before each convolution's activation; the convolutions
            then have no bias.
        rate: dropout rate before each dense layer; 0 omits dropout.
        activation: activation after each layer but the last.
        init: initializer of kernels and biases.

    Returns:
        A Layer from images (…, height, width, channels) to logits (…, n_classes).

    Raises:
        ValueError: if a size isn't a positive integer, or nothing is left of the image.

    Example:
        >>> import jax
        >>> net = convnet((28, 28, 1), 10, kernel_size=5)
        >>> params, _ = jax.eval_shape(net.init, jax.random.key(0))
        >>> sum(p.size for p in jax.tree.leaves(params))
        454922
    """
    height, width, channels = shape
    left = (height >> len(widths)) * (width >> len(widths))
    if not widths or not left:
        raise ValueError(f"convnet: widths {tuple(widths)} leave nothing of images of {shape}")
    stage = functools.partial(
        _stage, kernel_size, batch_norm=batch_norm, activation=activation, init=init
    )
    parts = [part for n_in, n_out in pairwise((channels, *widths)) for part in stage(n_in, n_out)]
    dropped = [] if _checks.is_zero(rate) else [layers.dropout(rate)]
    sizes = (left * widths[-1], *hidden, n_classes)
    head = mlp(sizes, activation=activation, rate=rate, init=init)
    return serial(*parts, layers.flatten(axes=3), *dropped, head)


def _stage(
    kernel_size: int,
    n_in: int,
    n_out: int,
    *,
    batch_norm: bool,
    activation: Callable[[Array], Array],
    init: Init,
) -> Sequence[LayerLike]:
    """Convolution, batch normalisation if asked for, activation and pooling."""
    size = (kernel_size, kernel_size)
    if activation is activations.relu and not batch_norm:
        return (layers.conv_relu_pool(n_in, n_out, size, pool=(2, 2), padding="SAME", init=init),)
    convolution = layers.conv(n_in, n_out, size, padding="SAME", bias=not batch_norm, init=init)
    norm = (layers.batch_norm(n_out),) if batch_norm else ()
    return convolution, *norm, activation, layers.max_pool((2, 2))
