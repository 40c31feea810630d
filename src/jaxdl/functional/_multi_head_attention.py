"""Multi-head attention: over a whole sequence, or step by step with a cache."""

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import jax.numpy as jnp
from jax import lax
from jax.typing import ArrayLike, DTypeLike

from jaxdl import _checks, _ranges
from jaxdl._checks import ShapeError, describe
from jaxdl._plain import plain_numbers
from jaxdl.functional._attention import dot_product_attention
from jaxdl.functional._dense import dense
from jaxdl.functional._positions import room, rotary
from jaxdl.functional._weights import check_parts, check_weights
from jaxdl.types import Array, Key, Shape, Weights

AttentionParams: TypeAlias = Mapping[str, Weights]
AttentionCache: TypeAlias = dict[str, Array]


@plain_numbers
def multi_head_attention(
    params: AttentionParams,
    x: ArrayLike,
    memory: ArrayLike | None = None,
    *,
    n_heads: int,
    mask: ArrayLike | None = None,
    bias: ArrayLike | None = None,
    causal: bool = False,
    rotary_base: float | Array | None = None,
    rate: float | Array = 0.0,
    key: Key | None = None,
    block_size: int | None = None,
) -> Array:
    """Attends with several heads in parallel: y = concat(attention(x·Q, m·K, m·V))·O + b.

    m is x itself (self-attention) or another sequence (cross-attention). The columns of
    kernel "qkv" are those of Q, K and V in this order, each head by head: it is PyTorch's
    ``in_proj_weight`` transposed, and "out" its ``out_proj``.

    Args:
        params: ``{"qkv": {"kernel": (n_in, (n_heads + 2·n_kv_heads)·size), "bias"}, "out":
            {"kernel": (n_heads·size, n_out), "bias"}}``; biases are optional. The heads of keys
            and values follow from the sizes.
        x: shape (…, time, n_in).
        memory: m, shape (…, memory time, n_in). Defaults to x.
        n_heads: number of query heads.
        mask: True where a query sees a key; broadcasts to (…, n_heads, time, memory time).
        bias: added to the scores; broadcasts to the same shape.
        causal: whether position t sees only positions up to t.
        rotary_base: if not None, rotates queries and keys by their positions; see ``rotary``.
        rate: dropout rate of the attention weights.
        key: a random key, needed if ``rate`` isn't 0.
        block_size: number of keys processed at a time; see ``dot_product_attention``.

    Returns:
        An array of shape (…, time, n_out).

    Raises:
        ShapeError: if shapes don't match.
        TypeError: if ``x``, ``memory`` or ``bias`` aren't floating point, or the mask not boolean.
        ValueError: if both ``memory`` and ``rotary_base`` are given.

    Example:
        >>> params = {"qkv": {"kernel": jnp.ones((4, 12))}, "out": {"kernel": jnp.ones((4, 4))}}
        >>> multi_head_attention(params, jnp.ones((5, 4)), n_heads=2).shape
        (5, 4)

    Reference:
        Vaswani et al., "Attention is all you need", 2017, https://arxiv.org/abs/1706.03762.
    """
    if memory is not None and rotary_base is not None:
        raise ValueError("multi_head_attention: rotary positions are for self-attention only")
    _check_params("multi_head_attention", params)
    q, k, v = _queries_keys_values(params, x, memory, n_heads)
    _ranges.check("multi_head_attention", rate=rate)
    if block_size is not None:
        _checks.positive_ints("multi_head_attention", block_size=block_size)
    if rotary_base is not None:
        _ranges.check("multi_head_attention", rotary_base=rotary_base)
        q, k = rotary(q, base=rotary_base), rotary(k, base=rotary_base)
    y = dot_product_attention(
        q, k, v, mask=mask, bias=bias, causal=causal, rate=rate, key=key, block_size=block_size
    )
    return dense(params["out"], _joined(y))


@plain_numbers
def multi_head_attention_step(
    params: AttentionParams,
    cache: AttentionCache,
    x: ArrayLike,
    *,
    n_heads: int,
    rotary_base: float | Array | None = None,
) -> tuple[Array, AttentionCache]:
    """Continues causal self-attention: time steps of x attend to the cached ones and to x.

    Feeding a sequence in parts of any length is equivalent to ``multi_head_attention`` with
    ``causal=True`` on the whole. All shapes are fixed, so one compiled program serves every step;
    it computes scores with the whole cache, including the part that is still empty.

    Args:
        params: as for ``multi_head_attention``.
        cache: from ``attention_cache``, or from the step before.
        x: the next time steps, shape (…, time, n_in); the same batch axes as the cache.
        n_heads: number of query heads.
        rotary_base: as for ``multi_head_attention``.

    Returns:
        An array of shape (…, time, n_out), and the cache with keys and values of ``x``. Inside
        ``jit``, if x no longer fits, the array is nan.

    Raises:
        ShapeError: if shapes don't match, or x is longer than the whole cache.
        TypeError: if ``x`` isn't floating point.
        ValueError: if there is no room for x in the cache, outside of ``jit``.

    Example:
        >>> params = {"qkv": {"kernel": jnp.ones((4, 12))}, "out": {"kernel": jnp.ones((4, 4))}}
        >>> cache = attention_cache(params, (), 8, n_heads=2)
        >>> y, cache = multi_head_attention_step(params, cache, jnp.ones((1, 4)), n_heads=2)
        >>> y.shape, int(cache["length"])
        ((1, 4), 1)
    """
    _check_params("multi_head_attention_step", params)
    check_parts("multi_head_attention_step", cache, ("key", "value", "length"), "a cache")
    q, k, v = _queries_keys_values(params, x, None, n_heads)
    start, time, capacity = cache["length"], q.shape[-3], cache["key"].shape[-2]
    room("multi_head_attention_step", start, time, capacity)
    if rotary_base is not None:
        positions = start + jnp.arange(time)
        q, k = (rotary(a, positions, base=rotary_base) for a in (q, k))
    filled = {name: _put(cache[name], a, start) for name, a in (("key", k), ("value", v))}
    k, v = (jnp.swapaxes(a, -3, -2).astype(q.dtype) for a in filled.values())
    y = dot_product_attention(q, k, v, causal=True, offset=start)
    y = jnp.where(start + time <= capacity, dense(params["out"], _joined(y)), jnp.nan)
    return y, filled | {"length": start + time}


@plain_numbers
def attention_cache(
    params: AttentionParams,
    batch_shape: Shape,
    length: int,
    *,
    n_heads: int,
    dtype: DTypeLike | None = None,
) -> AttentionCache:
    """Makes an empty cache for ``multi_head_attention_step``.

    Args:
        params: as for ``multi_head_attention``; if stacked along leading axes, as by ``repeat``,
            the cache has these axes first.
        batch_shape: the batch axes, ``(batch,)`` or ``()``.
        length: number of time steps it holds.
        n_heads: number of query heads.
        dtype: of keys and values. Defaults to that of the kernel.

    Returns:
        ``{"key": (…, n_kv_heads, length, size), "value": the same, "length": ()}``; the last counts
        the time steps so far.

    Raises:
        ShapeError: if heads don't divide the params.
        ValueError: if ``length`` or ``n_heads`` isn't a positive integer.
        TypeError: if ``batch_shape`` isn't a tuple of integers.

    Example:
        >>> params = {"qkv": {"kernel": jnp.ones((4, 8))}, "out": {"kernel": jnp.ones((4, 4))}}
        >>> cache = attention_cache(params, (3,), 16, n_heads=2)  # one head of keys: 8 = 4 + 2·2
        >>> cache["key"].shape
        (3, 1, 16, 2)
    """
    _checks.positive_ints("attention_cache", length=length)
    known = isinstance(batch_shape, Sequence) and all(map(_checks.is_whole, batch_shape))
    if not known or min(batch_shape, default=0) < 0:
        raise TypeError(
            f"attention_cache: batch_shape is {batch_shape!r}; it must be a tuple of sizes"
        )
    _check_params("attention_cache", params)
    kernel = params["qkv"]["kernel"]
    n_kv_heads, size = _heads("attention_cache", params, n_heads)
    # Heads first, as the products want them: else each step would transpose the whole cache.
    shape = (*kernel.shape[:-2], *batch_shape, n_kv_heads, length, size)
    # Two arrays, so that a program can be given both to write into.
    empty = {name: jnp.zeros(shape, dtype or kernel.dtype) for name in ("key", "value")}
    return empty | {"length": jnp.zeros(kernel.shape[:-2], jnp.int32)}


def _check_params(function: str, params: object) -> None:
    for name, part in check_parts(function, params, ("qkv", "out")).items():
        check_weights(function, part, {"kernel": 2}, ("bias",), argument=f"params[{name!r}]")


def _queries_keys_values(
    params: AttentionParams, x: ArrayLike, memory: ArrayLike | None, n_heads: int
) -> tuple[Array, Array, Array]:
    """Returns x·Q, m·K and m·V, each (…, time, heads, size)."""
    qkv, width = params["qkv"], params["out"]["kernel"].shape[0]
    x = _checks.floating("multi_head_attention", "x", x)
    if x.ndim < 2:
        raise ShapeError(f"multi_head_attention got {describe(x)}; it needs (…, time, features)")
    n_kv_heads, size = _heads("multi_head_attention", params, n_heads)
    cuts = [width, width + n_kv_heads * size]
    if memory is None:
        parts = jnp.split(dense(qkv, x), cuts, axis=-1)
    else:
        columns = lambda low, high: {name: a[..., low:high] for name, a in qkv.items()}
        both = dense(columns(width, qkv["kernel"].shape[1]), memory)
        parts = [dense(columns(0, width), x), *jnp.split(both, 2, axis=-1)]
    return tuple(a.reshape(*a.shape[:-1], -1, size) for a in parts)  # type: ignore[return-value]


def _heads(function: str, params: AttentionParams, n_heads: int) -> tuple[int, int]:
    """Returns the number of heads of keys, and the size of each, or raises if heads don't fit."""
    _checks.positive_ints(function, n_heads=n_heads)
    width, n_columns = params["out"]["kernel"].shape[-2], params["qkv"]["kernel"].shape[-1]
    size = width // n_heads
    if width % n_heads or (n_columns - width) % (2 * size):
        raise ShapeError(
            f"{function}: {n_heads} heads don't divide the {width} inputs of out and the "
            f"{n_columns} columns of qkv"
        )
    return (n_columns - width) // (2 * size), size


def _put(cached: Array, x: Array, start: Array) -> Array:
    """Returns the cached keys or values with those of x, (…, time, heads, size), from start on."""
    x = jnp.swapaxes(x, -3, -2)
    if (
        x.ndim != cached.ndim
        or x.shape[:-2] + x.shape[-1:] != cached.shape[:-2] + cached.shape[-1:]
    ):
        raise ShapeError(
            f"multi_head_attention_step: new keys {describe(x)} don't fit into the cache "
            f"{describe(cached)}; all axes but time, the second to last, must be equal"
        )
    if x.shape[-2] > cached.shape[-2]:
        raise ShapeError(
            f"multi_head_attention_step: {x.shape[-2]} time steps are more than the cache "
            f"{describe(cached)} holds"
        )
    return lax.dynamic_update_slice_in_dim(cached, x.astype(cached.dtype), start, cached.ndim - 2)


def _joined(y: Array) -> Array:
    """Returns the heads joined along the last axis."""
    return y.reshape(*y.shape[:-2], y.shape[-2] * y.shape[-1])
