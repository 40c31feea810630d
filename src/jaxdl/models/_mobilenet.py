"""MobileNetV3: cheap convolutions, found by architecture search for phones."""

from collections.abc import Sequence
from typing import Literal

import jax.numpy as jnp

from jaxdl import _checks, activations, layers
from jaxdl._checked import checked
from jaxdl.combinators import LayerLike, branch, residual, serial
from jaxdl.models._dropout import dropout_if_used
from jaxdl.models._resnet import FAN_OUT
from jaxdl.types import Array, Init, Layer, assembly

# For each block: kernel size, expanded and outgoing channels, whether channels are weighted and the
# activation is hardswish, and the stride.
_BLOCKS: dict[str, Sequence[tuple[int, int, int, bool, bool, int]]] = {
    "small": (
        (3, 16, 16, True, False, 2), (3, 72, 24, False, False, 2), (3, 88, 24, False, False, 1),
        (5, 96, 40, True, True, 2), (5, 240, 40, True, True, 1), (5, 240, 40, True, True, 1),
        (5, 120, 48, True, True, 1), (5, 144, 48, True, True, 1), (5, 288, 96, True, True, 2),
        (5, 576, 96, True, True, 1), (5, 576, 96, True, True, 1),
    ),
    "large": (
        (3, 16, 16, False, False, 1), (3, 64, 24, False, False, 2), (3, 72, 24, False, False, 1),
        (5, 72, 40, True, False, 2), (5, 120, 40, True, False, 1), (5, 120, 40, True, False, 1),
        (3, 240, 80, False, True, 2), (3, 200, 80, False, True, 1), (3, 184, 80, False, True, 1),
        (3, 184, 80, False, True, 1), (3, 480, 112, True, True, 1), (3, 672, 112, True, True, 1),
        (5, 672, 160, True, True, 2), (5, 960, 160, True, True, 1), (5, 960, 160, True, True, 1),
    ),
}  # fmt: skip
_HIDDEN = {"small": 1024, "large": 1280}


@assembly
@checked
def mobilenet_v3(
    size: Literal["small", "large"] = "large",
    n_classes: int = 1000,
    *,
    rate: float | Array = 0.2,
    init: Init = FAN_OUT,
) -> Layer:
    """MobileNetV3: blocks that widen, filter each channel separately, weight channels, and narrow.

    Weights of torchvision's ``mobilenet_v3_small`` and ``mobilenet_v3_large`` load with
    ``interop.from_torch(state_dict, net)``.

    Args:
        size: "small", with 2,542,856 parameters for 1,000 classes, or "large", with 5,483,032.
        n_classes: number of classes.
        rate: dropout rate before the last layer; 0 omits dropout.
        init: initializer of kernels and biases. Defaults to He et al.'s kernels.

    Returns:
        A Layer from images (…, height, width, 3) to logits (…, n_classes).

    Raises:
        ValueError: if ``size`` isn't one of these, or ``n_classes`` isn't a positive integer.

    Example:
        >>> import jax
        >>> params, _ = jax.eval_shape(mobilenet_v3("small").init, jax.random.key(0))
        >>> sum(p.size for p in jax.tree.leaves(params))
        2542856

    Reference:
        Howard et al., "Searching for MobileNetV3", 2019, https://arxiv.org/abs/1905.02244.
    """
    if size not in _BLOCKS:
        raise ValueError(f"mobilenet_v3: size is {size!r}; it must be 'small' or 'large'")
    _checks.positive_ints("mobilenet_v3", n_classes=n_classes)
    parts: list[LayerLike] = [*_normalized(3, 16, 3, init, stride=2), activations.hardswish]
    channels = 16
    for row in _BLOCKS[size]:
        parts.append(_block(channels, *row, init))
        channels = row[2]
    wide, hidden = 6 * channels, _HIDDEN[size]
    return serial(
        *parts,
        *_normalized(channels, wide, 1, init),
        activations.hardswish,
        layers.global_avg_pool(),
        layers.dense(wide, hidden, init=init),
        activations.hardswish,
        dropout_if_used(rate),
        layers.dense(hidden, n_classes, init=init),
    )


def _block(
    n_in: int, size: int, wide: int, n_out: int, weighted: bool, hard: bool, stride: int, init: Init
) -> Layer:
    """An inverted bottleneck, with a shortcut where image and channels stay as they are."""
    activation = activations.hardswish if hard else activations.relu
    widen: list[LayerLike] = []
    if wide != n_in:
        widen = [*_normalized(n_in, wide, 1, init), activation]
    body = serial(
        *widen,
        *_normalized(wide, wide, size, init, stride=stride, groups=wide),
        activation,
        *([_weighted(wide, init)] if weighted else []),
        *_normalized(wide, n_out, 1, init),
    )
    return residual(body) if stride == 1 and n_in == n_out else body


def _normalized(
    n_in: int, n_out: int, size: int, init: Init, *, stride: int = 1, groups: int = 1
) -> Sequence[Layer]:
    """A convolution, centred on its pixel, and batch normalisation with MobileNet's constants."""
    convolution = layers.conv(
        n_in, n_out, (size, size), stride=stride, padding=size // 2, groups=groups, bias=False,
        init=init,
    )  # fmt: skip
    return convolution, layers.batch_norm(n_out, epsilon=1e-3, momentum=0.01)


def _weighted(n: int, init: Init) -> Layer:
    """Multiplies each channel by a number in [0, 1] that depends on the means of all of them."""
    narrow = max(8, (n // 4 + 4) // 8 * 8)
    narrow = narrow + 8 if narrow < 0.9 * (n // 4) else narrow
    gate = serial(
        layers.global_avg_pool(),
        layers.dense(n, narrow, init=init),
        activations.relu,
        layers.dense(narrow, n, init=init),
        activations.hardsigmoid,
    )
    return branch(jnp.asarray, gate, merge=_multiplied)


def _multiplied(pair: Sequence[Array]) -> Array:
    image, weight = pair
    return image * weight[..., None, None, :]
