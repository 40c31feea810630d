"""Multi-head attention."""

import functools

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike, DTypeLike

from jaxdl import _checks, _ranges, functional, initializers
from jaxdl.layers._building import needed
from jaxdl.layers._dense import dense
from jaxdl.types import Array, Init, Key, Layer, Params, PyTree, State, factory, named

_qkv_default = Init(initializers.glorot_uniform())
_out_default = Init(initializers.torch_default.kernel)


@factory
def multi_head_attention(
    n_features: int,
    n_heads: int,
    *,
    n_kv_heads: int | None = None,
    causal: bool = False,
    rotary: bool = False,
    rotary_base: float | Array = 10_000.0,
    mask: ArrayLike | None = None,
    rate: float | Array = 0.0,
    bias: bool = True,
    block_size: int | None = None,
    init: Init | None = None,
    out_init: Init | None = None,
    dtype: DTypeLike = jnp.float32,
) -> Layer:
    """Lets the positions of a sequence attend to each other, or to another sequence.

    y = concat(attention(x·Q, x·K, x·V))·O + b; see ``functional.multi_head_attention``. The same
    params also attend to another sequence: for an input ``(x, memory)``, x attends to the memory,
    and for ``(x, memory, seen)`` only where ``seen`` is True.

    With an empty state it processes whole sequences. With ``functional.attention_cache`` as its
    state it is causal, processes the next time steps, and returns the cache extended by them; see
    ``functional.multi_head_attention_step``.

    Args:
        n_features: input and output features, on the last axis; each head has n_features / n_heads.
        n_heads: number of query heads.
        n_kv_heads: number of key and value heads; must divide n_heads. Defaults to n_heads.
        causal: whether a position sees only itself and earlier ones.
        rotary: whether to rotate queries and keys by their positions; see ``functional.rotary``.
        rotary_base: base of the rotary wavelengths.
        mask: True where a query sees a key; broadcasts to (…, n_heads, time, time).
        rate: dropout rate of the attention weights in training.
        bias: whether the projections have biases, initially 0.
        block_size: number of keys processed at a time; see ``functional.dot_product_attention``.
        init: initializer of Q, K and V. Defaults to PyTorch's Glorot uniform of the joint kernel.
        out_init: initializer of O. Defaults to PyTorch's U(±1/√n_features).
        dtype: dtype of the parameters.

    Returns:
        A Layer from (…, time, n_features) to the same, with params ``{"qkv": {"kernel":
        (n_features, (n_heads + 2·n_kv_heads)·size), "bias"}, "out": {"kernel": (n_features,
        n_features), "bias"}}`` and no state.

    Raises:
        ValueError: if a size isn't a positive integer, or heads don't divide; in training, if
            ``rate`` isn't 0 and there is no key, or the state is a cache.

    Example:
        >>> params, _ = multi_head_attention(512, 8).init(jax.random.key(0))
        >>> params["qkv"]["kernel"].shape, params["out"]["kernel"].shape
        ((512, 1536), (512, 512))

    Reference:
        Vaswani et al., "Attention is all you need", 2017, https://arxiv.org/abs/1706.03762.
    """
    name = f"multi_head_attention({n_features}, {n_heads})"
    _checks.positive_ints(name, n_features=n_features, n_heads=n_heads)
    _ranges.check(name, rate=rate, rotary_base=rotary_base)
    if block_size is not None:
        _checks.positive_ints(name, block_size=block_size)
    n_columns = _columns(name, n_features, n_heads, n_heads if n_kv_heads is None else n_kv_heads)
    if rotary and n_features // n_heads % 2:
        raise ValueError(f"{name}: rotary needs heads of even size, not {n_features // n_heads}")
    qkv = dense(n_features, n_columns, bias=bias, init=init or _qkv_default, dtype=dtype)
    out = dense(n_features, n_features, bias=bias, init=out_init or _out_default, dtype=dtype)
    base = rotary_base if rotary else None
    whole = functools.partial(
        functional.multi_head_attention,
        n_heads=n_heads,
        causal=causal,
        rotary_base=base,
        block_size=block_size,
    )

    def init_fn(key: Key) -> tuple[Params, State]:
        qkv_key, out_key = jax.random.split(key)
        return {"qkv": qkv.init(qkv_key)[0], "out": out.init(out_key)[0]}, ()

    def apply_fn(
        params: Params, state: State, x: PyTree, *, key: Key | None = None, train: bool = False
    ) -> tuple[Array, State]:
        if state:
            if train or not causal or mask is not None:
                raise ValueError(f"{name}: a cache needs evaluation, causal=True and no mask")
            return functional.multi_head_attention_step(
                params, state, x, n_heads=n_heads, rotary_base=base
            )
        key = needed(name, key) if train and not _checks.is_zero(rate) else None
        x, memory, seen = (*x, None, None)[:3] if isinstance(x, tuple) else (x, None, None)
        if seen is not None and mask is not None:
            raise ValueError(f"{name} has a mask of its own, and got another with the memory")
        return whole(
            params,
            x,
            memory,
            mask=mask if seen is None else seen,
            rate=rate if train else 0.0,
            key=key,
        ), state

    return named(name, init_fn, apply_fn)


def _columns(name: str, n_features: int, n_heads: int, n_kv_heads: int) -> int:
    """Returns the columns of the joint kernel, or raises where heads don't divide."""
    _checks.positive_ints(name, n_kv_heads=n_kv_heads)
    if n_features % n_heads or n_heads % n_kv_heads:
        raise ValueError(
            f"{name}: n_heads is {n_heads} and n_kv_heads {n_kv_heads}; n_heads must divide "
            f"n_features, {n_features}, and n_kv_heads must divide n_heads"
        )
    return n_features // n_heads * (n_heads + 2 * n_kv_heads)
