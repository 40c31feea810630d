"""Scaled dot-product attention."""

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from jaxdl import _checks, _ranges
from jaxdl._plain import plain_numbers
from jaxdl.functional._attention_blockwise import blockwise_attention
from jaxdl.functional._attention_kernels import by_kernels
from jaxdl.functional._attention_scores import checked, keep, scores, up_to_now, weighted_sum
from jaxdl.functional._stochastic import dropout
from jaxdl.types import Array, Key


@plain_numbers
def dot_product_attention(
    q: ArrayLike,
    k: ArrayLike,
    v: ArrayLike,
    *,
    mask: ArrayLike | None = None,
    bias: ArrayLike | None = None,
    causal: bool = False,
    offset: ArrayLike = 0,
    scale: float | Array | None = None,
    rate: float | Array = 0.0,
    key: Key | None = None,
    block_size: int | None = None,
) -> Array:
    """Averages values, weighted by how well their keys match a query: y = softmax(s·q·kᵀ + bias)·v.

    Query head h reads head h // (heads / kv_heads) of keys and values; with fewer of those,
    adjacent query heads share one (grouped-query attention). The softmax of half-precision inputs
    is in float32, otherwise in the inputs' precision. A query that sees no key returns 0, with
    gradient 0.

    On NVIDIA's GPUs cuDNN computes it, and on TPUs splash attention, if inputs allow: half
    precision, no bias, no dropout, no offset; on TPUs also no mask, times that are multiples of
    128, and one device or ``shard_map``. No scores are held then; such a program can be
    differentiated once, in reverse mode. With ``block_size`` neither is used.

    Args:
        q: queries, shape (…, q_time, heads, features).
        k: keys, shape (…, k_time, kv_heads, features); kv_heads must divide heads.
        v: values, shape (…, k_time, kv_heads, value_features).
        mask: True where a query sees a key (PyTorch's ``nn.MultiheadAttention`` uses the opposite);
            broadcasts to (…, heads, q_time, k_time).
        bias: added to the scores, floating point; broadcasts to the same shape.
        causal: whether query i sees only the keys up to position offset + i. With offset 0, query
            0 sees key 0 alone, however long the keys are, as in PyTorch.
        offset: the position of the first query among the keys, an integer or an integer scalar
            array: when decoding, the number of earlier tokens. Only used if ``causal``.
        scale: s. Defaults to 1/√features.
        rate: dropout rate of the attention weights.
        key: a random key, needed if ``rate`` isn't 0.
        block_size: process keys in blocks of this size, so that forward and backward pass hold
            (…, heads, q_time, block_size) scores at a time instead of all. Dropout then draws
            other numbers. Defaults to all keys at once.

    Returns:
        An array of shape (…, q_time, heads, value_features) and the dtype of ``q``.

    Raises:
        ShapeError: if shapes don't match, or mask or bias don't broadcast to the scores.
        TypeError: if q, k, v or bias aren't floating point, or the mask isn't boolean.
        ValueError: if ``rate`` isn't in [0, 1], or isn't 0 without a key; if ``scale`` isn't one
            finite number.

    Example:
        >>> q = k = v = jnp.array([[[1.0]], [[3.0]]])  # two positions, one head, one feature
        >>> dot_product_attention(q, k, v, causal=True, scale=0.0).ravel()
        Array([1., 2.], dtype=float32)

    Reference:
        Vaswani et al., "Attention is all you need", 2017, https://arxiv.org/abs/1706.03762;
        Ainslie et al., "GQA", 2023, https://arxiv.org/abs/2305.13245.
    """
    q, k, v, mask, bias = checked(q, k, v, mask, bias)
    if scale is not None:
        _ranges.check("dot_product_attention", scale=scale)
    key = key if drops("dot_product_attention", rate, key) else None
    if block_size is not None:
        return blockwise_attention(
            q,
            k,
            v,
            mask=mask,
            bias=bias,
            causal=causal,
            offset=offset,
            scale=scale,
            rate=rate,
            key=key,
            block_size=block_size,
        )

    def plain(q: Array, k: Array, v: Array) -> Array:
        weights = attention_weights(
            q, k, mask=mask, bias=bias, causal=causal, offset=offset, scale=scale
        )
        if key is not None:
            weights = dropout(key, weights, rate=rate)
        return weighted_sum(weights, v).astype(q.dtype)

    usual = bias is None and key is None and isinstance(offset, int) and offset == 0
    if not usual or isinstance(scale, jax.Array):
        return plain(q, k, v)
    return by_kernels(plain, q, k, v, mask=mask, causal=causal, scale=scale)


@plain_numbers
def attention_weights(
    q: ArrayLike,
    k: ArrayLike,
    *,
    mask: ArrayLike | None = None,
    bias: ArrayLike | None = None,
    causal: bool = False,
    offset: ArrayLike = 0,
    scale: float | Array | None = None,
) -> Array:
    """Computes how much each query attends to each key: w = softmax(s·q·kᵀ + bias).

    Args:
        q: queries, shape (…, q_time, heads, features).
        k: keys, shape (…, k_time, kv_heads, features).
        mask: as in ``dot_product_attention``, like the arguments below.
        bias: added to the scores.
        causal: whether query i sees only the keys up to position offset + i.
        offset: the position of the first query among the keys.
        scale: s. Defaults to 1/√features.

    Returns:
        An array of shape (…, heads, q_time, k_time), in float32 or, for float64, float64. Each row
        sums to 1, or to 0 if the query sees no key.

    Raises:
        ShapeError: as ``dot_product_attention``.
        TypeError: as ``dot_product_attention``.

    Example:
        >>> q = k = jnp.zeros((2, 1, 4))  # two positions, one head, four features
        >>> attention_weights(q, k, causal=True)
        Array([[[1. , 0. ],
                [0.5, 0.5]]], dtype=float32)
    """
    q, k, _, mask, bias = checked(q, k, k, mask, bias)
    if scale is not None:
        _ranges.check("attention_weights", scale=scale)
    values = scores(q, k, bias, scale)
    if mask is not None:
        values = keep(values, mask)
    if causal:
        values = keep(values, up_to_now(q.shape[-3], jnp.arange(k.shape[-3]), offset))
    return _softmax(values)


def drops(function: str, rate: float | Array, key: Key | None) -> bool:
    """Returns whether anything is dropped, or raises where that needs a key and there is none."""
    _ranges.check(function, rate=rate)
    if _checks.is_zero(rate):
        return False
    if key is None:
        raise ValueError(f"{function} needs a key to drop a share of {rate}")
    return True


@jax.custom_jvp
def _softmax(values: Array) -> Array:
    """Softmax over the last axis; 0 where all values are -inf, or where there is none."""
    largest = values.max(axis=-1, keepdims=True, initial=-jnp.inf)
    powers = jnp.exp(values - jnp.where(largest == -jnp.inf, 0, largest))
    total = powers.sum(axis=-1, keepdims=True)
    return powers / jnp.where(total == 0, 1, total)


@_softmax.defjvp
def _softmax_jvp(primals: tuple[Array], tangents: tuple[Array]) -> tuple[Array, Array]:
    # From the weights alone: the backward pass keeps them, and not the powers and scores as well.
    weights, (change,) = _softmax(*primals), tangents
    return weights, weights * (change - (weights * change).sum(axis=-1, keepdims=True))
