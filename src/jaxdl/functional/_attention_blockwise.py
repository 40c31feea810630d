"""Attention in memory proportional to the time: keys in blocks, scores computed again."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jax.typing import ArrayLike

from jaxdl import _checks
from jaxdl._varying import varying
from jaxdl.functional._attention_scores import keep, scores, up_to_now, weighted_sum
from jaxdl.functional._stochastic import dropout
from jaxdl.types import Array, Key


class _Block(NamedTuple):
    """What belongs to some of the keys; no mask or bias where all keys have the same one."""

    number: Array
    k: Array
    v: Array
    mask: Array | None
    bias: Array | None


def blockwise_attention(
    q: Array,
    k: Array,
    v: Array,
    *,
    mask: Array | None,
    bias: Array | None,
    causal: bool,
    offset: ArrayLike,
    scale: float | Array | None,
    rate: float | Array,
    key: Key | None,
    block_size: int,
) -> Array:
    """``dot_product_attention`` of checked arguments, with scores of one block of keys at a time.

    With m = maxₖ sₖ it is Σₖ exp(sₖ - m)·vₖ / Σₖ exp(sₖ - m): one scan over blocks finds m, and
    one both sums. As m is known in advance, the sums are linear in what the blocks add, and the
    backward pass needs none of their intermediate values: it has q, k, v and m, and computes the
    scores of a block again. (Sums that are rescaled whenever a running maximum grows would have to
    be kept for each block: all together as much as all scores, where a block is as small as a
    head.) It costs eight products of (q, k) size where the plain form has six, and can be
    differentiated in both modes, as often as wanted.
    """
    _checks.positive_ints("dot_product_attention", block_size=block_size)
    n_k, blocks = k.shape[-3], _blocks(k, v, mask, bias, block_size)

    def scores_of(q: Array, block: _Block) -> Array:
        added = bias if block.bias is None else block.bias
        seen = mask if block.mask is None else block.mask
        keys = block.number * block_size + jnp.arange(block_size)
        values = keep(scores(q, block.k, added, scale), keys < n_k)
        values = values if seen is None else keep(values, seen)
        return keep(values, up_to_now(q.shape[-3], keys, offset)) if causal else values

    def larger(m: Array, block: _Block) -> tuple[Array, None]:
        return jnp.maximum(m, scores_of(q, block).max(axis=-1, keepdims=True)), None

    # Computed again in the backward pass, which then keeps no block's powers.
    @jax.checkpoint
    def terms(q: Array, m: Array, block: _Block) -> tuple[Array, Array]:
        powers = jnp.exp(scores_of(q, block) - m)
        left = powers
        if key is not None:
            left = dropout(jax.random.fold_in(key, block.number), powers, rate=rate)
        total = jnp.swapaxes(powers.sum(axis=-1, keepdims=True), -2, -3)
        return weighted_sum(left, block.v), total

    def add(sums: tuple[Array, Array], block: _Block) -> tuple[tuple[Array, Array], None]:
        return jax.tree.map(jnp.add, sums, terms(q, m, block)), None

    first = jax.tree.map(lambda block: block[0], blocks)
    rows = jax.eval_shape(scores_of, q, first)
    m = jnp.full((*rows.shape[:-1], 1), -jnp.inf, rows.dtype)
    m = lax.stop_gradient(lax.scan(larger, varying(m, (q, blocks)), blocks)[0])
    m = jnp.where(m == -jnp.inf, 0, m)
    zeros = jax.tree.map(jnp.zeros_like, jax.eval_shape(terms, q, m, first))
    (values, total), _ = lax.scan(add, varying(zeros, (q, blocks, key)), blocks)
    return (values / jnp.where(total == 0, 1, total)).astype(q.dtype)


def _blocks(k: Array, v: Array, mask: Array | None, bias: Array | None, size: int) -> _Block:
    """Cuts what has an axis of keys into blocks, on a new first axis; the last one is padded."""
    count = max(1, -(-k.shape[-3] // size))

    def cut(x: Array, axis: int) -> Array:
        axis += x.ndim
        pads = [(0, count * size - k.shape[-3] if i == axis else 0) for i in range(x.ndim)]
        shape = (*x.shape[:axis], count, size, *x.shape[axis + 1 :])
        return jnp.moveaxis(jnp.pad(x, pads).reshape(shape), axis, 0)

    cut_if_full = lambda x: None if x is None or x.ndim == 0 or x.shape[-1] == 1 else cut(x, -1)
    return _Block(jnp.arange(count), cut(k, -3), cut(v, -3), cut_if_full(mask), cut_if_full(bias))
