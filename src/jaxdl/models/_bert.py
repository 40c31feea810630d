"""A transformer that encodes text: a contextual vector for each token."""

import functools
from collections.abc import Callable, Mapping

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from jaxdl import _checks, activations, layers
from jaxdl._checked import checked
from jaxdl.combinators import repeat, serial
from jaxdl.models._dropout import dropout_if_used
from jaxdl.models._transformer_block import transformer_block
from jaxdl.types import Array, Key, Layer, Params, State, factory, named

_small = jax.nn.initializers.normal(0.02)


@factory
@checked
def bert(
    n_tokens: int = 30_522,
    *,
    n_features: int = 768,
    n_heads: int = 12,
    n_layers: int = 12,
    n_hidden: int | None = None,
    length: int = 512,
    n_kinds: int = 2,
    rate: float | Array = 0.1,
    padding_index: int | None = 0,
    activation: Callable[[Array], Array] = activations.gelu,
) -> Layer:
    """BERT's encoder: token, position and kind embeddings, summed and normalised, then blocks.

    Published sizes, as (n_features, n_heads, n_layers): BERT-base (768, 12, 12), BERT-large
    (1024, 16, 24), MiniLM-L6 (384, 12, 6). Load Hugging Face checkpoints with
    ``interop.from_torch(file, net, names=interop.published_names("bert"), ignore=("pooler.",
    "embeddings.position_ids"))``. In files with heads for pretraining, such as
    ``bert-base-uncased``, names begin with "bert.": ``names=interop.published_names("bert",
    prefix="bert."), ignore=("cls.", "bert.pooler.", "bert.embeddings.position_ids")``.

    Args:
        n_tokens: size of the vocabulary.
        n_features: features of each position.
        n_heads: number of attention heads.
        n_layers: number of blocks.
        n_hidden: features of the blocks' hidden layers. Defaults to 4·n_features.
        length: number of positions, the maximum length of a text.
        n_kinds: number of kinds of tokens, such as first and second sentence.
        rate: dropout rate, in the blocks and before the first; 0 omits dropout.
        padding_index: the padding token of short texts, which no position attends to; or None.
        activation: activation of the hidden layers.

    Returns:
        A Layer from tokens, integers (…, time), or from ``{"tokens": …, "kinds": …}``, to
        (…, time, n_features); kinds default to 0. The blocks' params are stacked on a first axis;
        see ``repeat``.

    Raises:
        ValueError: if a size isn't a positive integer, or heads don't divide.

    Example:
        >>> minilm = bert(n_features=384, n_layers=6)
        >>> params, _ = jax.eval_shape(minilm.init, jax.random.key(0))
        >>> sum(p.size for p in jax.tree.leaves(params))
        22565376

    Reference:
        Devlin et al., "BERT", 2018, https://arxiv.org/abs/1810.04805; Wang et al., "MiniLM", 2020,
        https://arxiv.org/abs/2002.10957.
    """
    name = f"bert({n_tokens})"
    _checks.positive_ints(name, n_tokens=n_tokens, n_kinds=n_kinds, n_layers=n_layers)
    norm = functools.partial(layers.layer_norm, epsilon=1e-12)
    first = {
        "tokens": layers.embedding(n_tokens, n_features, init=_small),
        "positions": layers.learned_positions(length, n_features),
        "kinds": layers.embedding(n_kinds, n_features, init=_small),
    }

    def network(kept: Array | None) -> Layer:
        block = transformer_block(
            n_features,
            n_heads,
            n_hidden=n_hidden,
            activation=activation,
            norm=norm,
            rate=rate,
            mask=None if kept is None else kept[..., None, None, :],
        )
        return serial(
            norm=norm(n_features),
            dropout=dropout_if_used(rate),
            blocks=repeat(block, n_layers, unroll=4),
        )

    def init_fn(key: Key) -> tuple[Params, State]:
        *keys, last = jax.random.split(key, len(first) + 1)
        drawn = zip(first.items(), keys, strict=True)
        embedded = {part: layer.init(part_key)[0] for (part, layer), part_key in drawn}
        params, state = network(None).init(last)
        return embedded | params, dict.fromkeys(first, ()) | state

    def apply_fn(
        params: Params,
        state: State,
        x: ArrayLike | Mapping[str, ArrayLike],
        *,
        key: Key | None = None,
        train: bool = False,
    ) -> tuple[Array, State]:
        tokens = jnp.asarray(x["tokens"] if isinstance(x, Mapping) else x)
        kinds = jnp.asarray(x["kinds"]) if isinstance(x, Mapping) else jnp.zeros_like(tokens)
        look_up = lambda part, at: first[part].apply(params[part], (), at)[0]
        h = look_up("positions", look_up("tokens", tokens) + look_up("kinds", kinds))
        rest = network(None if padding_index is None else tokens != padding_index)
        parts = ("norm", "dropout", "blocks")
        own, its_state = ({part: tree[part] for part in parts} for tree in (params, state))
        y, new = rest.apply(own, its_state, h, key=key, train=train)
        return y, state | new

    return named(name, init_fn, apply_fn)
