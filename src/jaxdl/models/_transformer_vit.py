"""A transformer that reads an image as a sequence of patches."""

import functools
from collections.abc import Callable

import jax.numpy as jnp
from jax.typing import ArrayLike

from jaxdl import _checks, activations, initializers, layers
from jaxdl._checked import checked
from jaxdl._checks import ShapeError, describe
from jaxdl._precision import spread
from jaxdl.combinators import repeat, serial
from jaxdl.models._dropout import dropout_if_used
from jaxdl.models._transformer_block import transformer_block
from jaxdl.types import Array, Init, Key, Layer, Params, State, factory, named


@factory
@checked
def vit(
    image_shape: tuple[int, int, int],
    n_classes: int,
    *,
    patch_size: int = 16,
    n_features: int = 768,
    n_heads: int = 12,
    n_layers: int = 12,
    n_hidden: int | None = None,
    activation: Callable[[Array], Array] = activations.gelu,
    rate: float | Array = 0.0,
    init: Init = initializers.keras_default,
) -> Layer:
    """The vision transformer: patches as tokens, a class token, positions, blocks (norm first).

    Published sizes, with 16×16 patches, as (n_features, n_heads, n_layers): ViT-Ti (192, 3, 12),
    ViT-S (384, 6, 12), ViT-B (768, 12, 12), ViT-L (1024, 16, 24).

    Args:
        image_shape: (height, width, channels) of the images.
        n_classes: number of classes.
        patch_size: the side of the square patches, which must divide height and width.
        n_features: features of each position.
        n_heads: number of attention heads.
        n_layers: number of blocks.
        n_hidden: features of the blocks' hidden layers. Defaults to 4·n_features.
        activation: activation of the hidden layers.
        rate: dropout rate, in the blocks and before the first; 0 omits dropout.
        init: initializer of kernels and biases. Defaults to Glorot uniform and 0.

    Returns:
        A Layer from images (…, height, width, channels) to logits (…, n_classes), computed from the
        class token after the last block. The kernel of ``"embedding"`` is that of a convolution
        with stride ``patch_size``, (patch_size, patch_size, channels, n_features), with its first
        axes merged. The blocks' params are stacked on a first axis; see ``repeat``.

    Raises:
        ValueError: if a size isn't a positive integer, or the patches or heads don't divide.

    Example:
        >>> import jax
        >>> net = vit((224, 224, 3), 1000, n_features=192, n_heads=3)  # ViT-Ti/16
        >>> params, _ = jax.eval_shape(net.init, jax.random.key(0))
        >>> sum(p.size for p in jax.tree.leaves(params))
        5717416

    Reference:
        Dosovitskiy et al., "An image is worth 16x16 words", 2020,
        https://arxiv.org/abs/2010.11929.
    """
    height, width, channels = image_shape
    name = f"vit({'×'.join(map(str, image_shape))}, {n_classes})"
    _checks.positive_ints(
        name, height=height, width=width, channels=channels, patch_size=patch_size
    )
    _checks.positive_ints(name, n_classes=n_classes)
    if height % patch_size or width % patch_size:
        raise ValueError(f"{name}: patches of {patch_size} don't divide {height}×{width} pixels")
    norm = functools.partial(layers.layer_norm, epsilon=1e-6)
    block = transformer_block(
        n_features,
        n_heads,
        n_hidden=n_hidden,
        activation=activation,
        norm=norm,
        norm_first=True,
        rate=rate,
        init=init,
    )
    n_positions = 1 + height // patch_size * (width // patch_size)
    net = serial(
        patches=functools.partial(_patches, name=name, shape=image_shape, size=patch_size),
        embedding=layers.dense(patch_size**2 * channels, n_features, init=init),
        class_token=_class_token(n_features),
        positions=layers.learned_positions(n_positions, n_features),
        dropout=dropout_if_used(rate),
        blocks=repeat(block, n_layers, unroll=4),
        norm=norm(n_features),
        first=lambda x: x[..., 0, :],
        head=layers.dense(n_features, n_classes, init=init),
    )
    return named(name, *net)


def _patches(x: ArrayLike, *, name: str, shape: tuple[int, int, int], size: int) -> Array:
    """Cuts images (…, height, width, channels) into patches (…, count, size·size·channels)."""
    x = _checks.floating(name, "x", x)
    if x.shape[-3:] != shape:
        raise ShapeError(f"{name} got {describe(x)}, and needs images {shape} on its last axes")
    *lead, height, width, channels = x.shape
    rows, columns = height // size, width // size
    cut = x.reshape(*lead, rows, size, columns, size, channels)
    return jnp.swapaxes(cut, -4, -3).reshape(*lead, rows * columns, size * size * channels)


def _class_token(n_features: int) -> Layer:
    """Puts one learned position before a sequence; it starts at 0."""

    def init_fn(key: Key) -> tuple[Params, State]:
        return {"embedding": jnp.zeros((1, n_features), jnp.float32)}, ()

    def apply_fn(
        params: Params, state: State, x: ArrayLike, *, key: Key | None = None, train: bool = False
    ) -> tuple[Array, State]:
        x = jnp.asarray(x)
        token = spread(params["embedding"], (*x.shape[:-2], 1, n_features), x.dtype)
        return jnp.concatenate([token, x], axis=-2), state

    return named(f"class_token({n_features})", init_fn, apply_fn)
