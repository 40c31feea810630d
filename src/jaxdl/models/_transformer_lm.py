"""A transformer that predicts the next token."""

import functools
import math
from collections.abc import Callable, Mapping

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike, DTypeLike

from jaxdl import _checks, activations, functional, initializers, layers
from jaxdl._checked import checked
from jaxdl.combinators import repeat, serial
from jaxdl.combinators._depth import Unstacked
from jaxdl.combinators._parts import LayerLike
from jaxdl.models._dropout import dropout_if_used
from jaxdl.models._transformer_block import empty, transformer_block
from jaxdl.types import Array, Init, Key, Layer, Params, Shape, State, factory, name_of, named

WRITTEN_OUT = 16
"""The most blocks whose keys and values are kept apart: a step with 32 sequences then takes a third
of the time. But programs grow with every block; 12 take twice as long to compile as in a loop."""

_gelu = functools.partial(activations.gelu, approximate="tanh")


@factory
@checked
def transformer_lm(
    n_tokens: int,
    *,
    n_features: int,
    n_heads: int,
    n_layers: int,
    length: int | None = None,
    rotary: bool = False,
    rotary_base: float | Array = 10_000.0,
    n_kv_heads: int | None = None,
    n_hidden: int | None = None,
    activation: Callable[[Array], Array] = _gelu,
    norm: Callable[[int], Layer] = layers.layer_norm,
    bias: bool = True,
    tied: bool = True,
    rate: float | Array = 0.0,
    block_size: int | None = None,
) -> Layer:
    """Predicts the next token at each position: embedding, causal blocks (norm first), norm, head.

    The defaults are GPT-2's, initialisation included: kernels and embeddings from N(0, 0.02²),
    kernels whose outputs are added to the residual stream from N(0, 0.02² / (2·n_layers)), biases
    0. LLaMA is ``rotary=True, tied=False, bias=False, norm=layers.rms_norm,
    activation=activations.swiglu``.

    Args:
        n_tokens: size of the vocabulary.
        n_features: features of each position.
        n_heads: number of query heads.
        n_layers: number of blocks.
        length: number of learned positions, the maximum length of a sequence. By default there
            are none.
        rotary: whether to rotate queries and keys by their positions; see ``functional.rotary``.
        rotary_base: base of the rotary wavelengths.
        n_kv_heads: number of key and value heads. Defaults to n_heads.
        n_hidden: features of the blocks' hidden layers. Defaults to 4·n_features.
        activation: activation of the hidden layers; a gated one returns fewer features.
        norm: ``(n_features) -> Layer``, the normalisation.
        bias: whether the dense layers of the blocks have biases.
        tied: whether the head shares its kernel with the embedding.
        rate: dropout rate, in the blocks and before the first; 0 omits dropout.
        block_size: number of keys processed at a time; see ``functional.dot_product_attention``.

    Returns:
        A Layer from integers (…, time) to logits (…, time, n_tokens); the last axis at time t is
        about the token at t + 1. The blocks' params are stacked on a first axis; see ``repeat``.
        With ``transformer_cache`` as its state it takes the next tokens of a sequence, as
        ``generate`` does.

    Raises:
        ValueError: if a size isn't a positive integer, heads don't divide, or there are neither
            learned nor rotary positions.

    Example:
        >>> import jax
        >>> gpt2 = transformer_lm(50257, length=1024, n_features=768, n_heads=12, n_layers=12)
        >>> params, _ = jax.eval_shape(gpt2.init, jax.random.key(0))
        >>> sum(p.size for p in jax.tree.leaves(params))
        124439808

    Reference:
        Radford et al., "Language models are unsupervised multitask learners", 2019.
    """
    name = f"transformer_lm({n_tokens})"
    _checks.positive_ints(name, n_tokens=n_tokens, n_layers=n_layers)
    if length is None and not rotary:
        raise ValueError(f"{name} needs positions: a length for learned ones, or rotary=True")
    init, residual_init = _normal(0.02), _normal(0.02 / math.sqrt(2 * n_layers))
    block = transformer_block(
        n_features,
        n_heads,
        n_hidden=n_hidden,
        activation=activation,
        norm=norm,
        norm_first=True,
        rate=rate,
        n_kv_heads=n_kv_heads,
        causal=True,
        rotary=rotary,
        rotary_base=rotary_base,
        bias=bias,
        block_size=block_size,
        init=init,
        out_init=residual_init,
    )
    parts: dict[str, LayerLike] = {
        "embedding": layers.embedding(n_tokens, n_features, init=init.kernel)
    }
    if length is not None:
        parts["positions"] = layers.learned_positions(length, n_features)
    parts["dropout"] = dropout_if_used(rate)
    parts |= {"blocks": repeat(block, n_layers, unroll=4), "norm": norm(n_features)}
    if not tied:
        head = layers.dense(n_features, n_tokens, bias=False, init=init)
        return _with_heads(named(name, *serial(**parts, head=head)), n_heads)
    trunk = serial(**parts)

    def apply_fn(
        params: Params, state: State, x: ArrayLike, *, key: Key | None = None, train: bool = False
    ) -> tuple[Array, State]:
        h, state = trunk.apply(params, state, x, key=key, train=train)
        return functional.embedding_attend(params["embedding"], h), state

    return _with_heads(named(name, trunk.init, apply_fn), n_heads)


def _with_heads(net: Layer, n_heads: int) -> Layer:
    """Returns the network, having noted for ``transformer_cache`` what its params don't show."""
    net.apply.n_heads = n_heads  # type: ignore[attr-defined]
    return net


@checked
def transformer_cache(
    net: Layer,
    params: Mapping[str, Params],
    batch_shape: Shape,
    length: int,
    *,
    dtype: DTypeLike | None = None,
) -> State:
    """Makes the state for feeding a sequence to a ``transformer_lm`` in parts.

    Args:
        net: a ``transformer_lm``, or one whose ``apply`` is wrapped by ``functools.wraps``.
        params: its params.
        batch_shape: the batch axes of the tokens, ``(batch,)`` or ``()``.
        length: number of tokens the cache holds.
        dtype: of the cached keys and values. Defaults to that of the params.

    Returns:
        An empty state. ``net.apply(params, cache, tokens)`` returns the logits of these tokens and
        the cache for the next. With up to 16 blocks, each has its own arrays, which a compiled loop
        extends in place, but the program is longer. With more, they are stacked.

    Raises:
        TypeError: if ``net`` isn't a ``transformer_lm``.
        ValueError: if ``length`` isn't a positive integer.

    Example:
        >>> net = transformer_lm(50, rotary=True, n_features=8, n_heads=2, n_layers=3)
        >>> params, _ = jax.jit(net.init)(jax.random.key(0))
        >>> cache = transformer_cache(net, params, (4,), 16)
        >>> len(cache["blocks"]), cache["blocks"][0]["key"].shape  # batch, heads, tokens, features
        (3, (4, 2, 16, 4))
        >>> logits, cache = net.apply(params, cache, jnp.ones((4, 5), int))
        >>> logits.shape, int(cache["blocks"][0]["length"])
        ((4, 5, 50), 5)
    """
    n_heads = getattr(net.apply, "n_heads", None)
    if n_heads is None:
        raise TypeError(f"{name_of(net)} has no cache for generating; a transformer_lm has one")
    stacked = params["blocks"]["attention"]
    empty_of = lambda part: functional.attention_cache(
        part, batch_shape, length, n_heads=n_heads, dtype=dtype
    )
    n_layers = len(stacked["qkv"]["kernel"])
    block = jax.eval_shape(lambda params: jax.tree.map(lambda p: p[0], params), stacked)
    apart = n_layers <= WRITTEN_OUT
    blocks = Unstacked(empty_of(block) for _ in range(n_layers)) if apart else empty_of(stacked)
    state = empty(params) | {"blocks": blocks}
    if "positions" in params:
        state["positions"] = {"length": jnp.int32(0)}
    return state


def _normal(deviation: float) -> Init:
    """Draws kernels from N(0, deviation²) and sets biases to 0."""
    return Init(initializers.normal(std=deviation))
