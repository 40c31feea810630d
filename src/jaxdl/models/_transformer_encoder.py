"""A transformer that classifies a sequence."""

import functools
from collections.abc import Callable

import jax.numpy as jnp
from jax.typing import ArrayLike

from jaxdl import _checks, activations, initializers, layers
from jaxdl._checked import checked
from jaxdl.combinators import lift, repeat, serial
from jaxdl.models._dropout import dropout_if_used
from jaxdl.models._transformer_block import transformer_block
from jaxdl.types import Array, Key, Layer, Params, State, factory, named

_small = initializers.normal(std=0.02)


@factory
@checked
def transformer_encoder(
    n_features: int,
    n_classes: int,
    *,
    n_tokens: int | None = None,
    length: int | None = None,
    n_layers: int = 4,
    n_heads: int = 4,
    n_hidden: int | None = None,
    activation: Callable[[Array], Array] = activations.relu,
    norm_first: bool = True,
    rate: float | Array = 0.0,
    padding_index: int | None = None,
) -> Layer:
    """Classifies sequences: (embedding,) (positions,) blocks, norm, mean over time, dense.

    Args:
        n_features: features of each position.
        n_classes: number of classes.
        n_tokens: size of the vocabulary if inputs are tokens. By default they are features.
        length: number of learned positions, the maximum length of a sequence. By default there
            are none, and the order of a sequence is ignored.
        n_layers: number of blocks.
        n_heads: number of attention heads.
        n_hidden: features of the blocks' hidden layers. Defaults to 4·n_features.
        activation: activation of the hidden layers.
        norm_first: whether blocks normalise their input, with one more norm after the last, or
            their output.
        rate: dropout rate, in the blocks and before the first; 0 omits dropout.
        padding_index: the token that pads short sequences. No position sees it, and it is left out
            of the mean, which is 0 for a sequence of padding alone.

    Returns:
        A Layer from (…, time, n_features), or integers (…, time) with ``n_tokens``, to logits
        (…, n_classes). The blocks' params are stacked on a first axis; see ``repeat``.

    Raises:
        ValueError: if a size isn't a positive integer, heads don't divide, or ``padding_index``
            isn't a token's number.

    Example:
        >>> import jax
        >>> net = transformer_encoder(32, 2, n_tokens=1000, length=64, padding_index=0)
        >>> params, state = jax.jit(net.init)(jax.random.key(0))
        >>> net.apply(params, state, jnp.ones((8, 50), int))[0].shape
        (8, 2)

    Reference:
        Vaswani et al., "Attention is all you need", 2017, https://arxiv.org/abs/1706.03762;
        Devlin et al., "BERT", 2018, https://arxiv.org/abs/1810.04805.
    """
    name = f"transformer_encoder({n_features}, {n_classes})"
    _checks.positive_ints(name, n_features=n_features, n_classes=n_classes)
    if padding_index is not None and n_tokens is None:
        raise ValueError(f"{name}: padding_index is a token's number, and needs n_tokens")
    first: dict[str, Layer] = {}
    if n_tokens is not None:
        first["embedding"] = layers.embedding(
            n_tokens, n_features, padding_index=padding_index, init=_small
        )
    if length is not None:
        first["positions"] = layers.learned_positions(length, n_features)

    def network(kept: Array | None) -> Layer:
        block = transformer_block(
            n_features,
            n_heads,
            n_hidden=n_hidden,
            activation=activation,
            norm_first=norm_first,
            rate=rate,
            mask=None if kept is None else kept[..., None, None, :],
        )
        return serial(
            **first,
            dropout=dropout_if_used(rate),
            blocks=repeat(block, n_layers, unroll=4),
            norm=layers.layer_norm(n_features) if norm_first else lift(jnp.asarray),
            mean=functools.partial(_mean, kept=kept),
            head=layers.dense(n_features, n_classes),
        )

    def apply_fn(
        params: Params, state: State, x: ArrayLike, *, key: Key | None = None, train: bool = False
    ) -> tuple[Array, State]:
        kept = None if padding_index is None else jnp.asarray(x) != padding_index
        return network(kept).apply(params, state, x, key=key, train=train)

    return named(name, network(None).init, apply_fn)


def _mean(x: Array, *, kept: Array | None) -> Array:
    """Returns the mean over time, (…, features), of what is kept, (…, time)."""
    if kept is None:
        return x.mean(axis=-2)
    total = jnp.where(jnp.broadcast_to(kept[..., None], x.shape), x, 0).sum(axis=-2)
    count = jnp.maximum(kept.sum(axis=-1, keepdims=True), 1).astype(x.dtype)
    return total / jnp.broadcast_to(count, total.shape)
