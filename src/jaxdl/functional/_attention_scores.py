"""What both forms of attention compute first: checked arguments, scores, and what is seen."""

import functools
import math

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from jaxdl import _checks
from jaxdl._checks import ShapeError, describe
from jaxdl._precision import spread, wide_dtype
from jaxdl.types import Array, Shape


def checked(
    q: ArrayLike, k: ArrayLike, v: ArrayLike, mask: ArrayLike | None, bias: ArrayLike | None
) -> tuple[Array, Array, Array, Array | None, Array | None]:
    """Returns the arguments of an attention as arrays, or raises in the caller's words."""
    function = "dot_product_attention"
    q, k, v = (_checks.floating(function, *pair) for pair in (("q", q), ("k", k), ("v", v)))
    _fitting(function, q, k, v)
    shape = (*q.shape[:-3], q.shape[-2], q.shape[-3], k.shape[-3])
    if mask is not None:
        mask = jnp.asarray(mask)
        if mask.dtype != jnp.bool_:
            raise TypeError(
                f"{function}: mask is {describe(mask)}; it must be boolean, True where a key is "
                "seen; what is added to the scores is called bias"
            )
        _broadcasts(function, "mask", mask, shape)
    if bias is not None:
        bias = _checks.floating(function, "bias", bias)
        _broadcasts(function, "bias", bias, shape)
    return q, k, v, mask, bias


def scores(q: Array, k: Array, bias: Array | None, scale: float | Array | None) -> Array:
    """Returns scale · q·kᵀ + bias, (…, heads, q, k), in float32 where q is half precision."""
    *lead, n_q, heads, size = q.shape
    # Heads that share keys count as further queries, so that each key head needs one product.
    shared = jnp.swapaxes(q, -3, -2).reshape(*lead, k.shape[-2], heads // k.shape[-2] * n_q, size)
    products = _product("...qd,...kd->...qk", shared, jnp.swapaxes(k, -3, -2))
    products = products.reshape(*lead, heads, n_q, k.shape[-3])
    products = products * (1 / math.sqrt(size) if scale is None else scale)
    if bias is None:
        return products
    return products + spread(bias, products.shape, products.dtype)


def weighted_sum(weights: Array, v: Array) -> Array:
    """Returns Σₖ wₖ·vₖ, (…, q, heads, features), of weights (…, heads, q, k), widened."""
    *lead, heads, n_q, n_k = weights.shape
    shared = weights.reshape(*lead, v.shape[-2], heads // v.shape[-2] * n_q, n_k)
    total = _product("...qk,...kd->...qd", shared.astype(v.dtype), jnp.swapaxes(v, -3, -2))
    return jnp.swapaxes(total.reshape(*lead, heads, n_q, v.shape[-1]), -3, -2)


def keep(values: Array, seen: Array) -> Array:
    """Returns the scores, and -inf where a key isn't seen."""
    return jnp.where(jnp.broadcast_to(seen, values.shape), values, -jnp.inf)


def up_to_now(n_q: int, keys: Array, offset: ArrayLike) -> Array:
    """Returns True where a key's position is that of the query or an earlier one, (q, k)."""
    queries = jnp.asarray(offset, keys.dtype) + jnp.arange(n_q, dtype=keys.dtype)
    return keys[None, :] <= queries[:, None]


def _product(axes: str, a: Array, b: Array) -> Array:
    """A product of matrices whose sums stay in float32 when the factors are half precision."""
    dtype = jnp.result_type(a, b)
    fn = _wide_product if wide_dtype(dtype) != dtype else jnp.einsum
    return fn(axes, a.astype(dtype), b.astype(dtype))


@functools.partial(jax.custom_jvp, nondiff_argnums=(0,))
def _wide_product(axes: str, a: Array, b: Array) -> Array:
    return jnp.einsum(axes, a, b, preferred_element_type=wide_dtype(a.dtype))


@_wide_product.defjvp
def _product_jvp(
    axes: str, factors: tuple[Array, Array], changes: tuple[Array, Array]
) -> tuple[Array, Array]:
    # Half-precision products here too, so that the backward pass has them as well.
    (a, b), (da, db) = factors, changes
    y = _wide_product(axes, a, b)
    return y, (jnp.einsum(axes, da, b) + jnp.einsum(axes, a, db)).astype(y.dtype)


def _fitting(function: str, q: Array, k: Array, v: Array) -> None:
    """Raises a ShapeError unless q, k and v belong together."""
    shown = f"{function} got q {describe(q)}, k {describe(k)}, v {describe(v)}"
    if not q.ndim == k.ndim == v.ndim or q.ndim < 3:
        raise ShapeError(f"{shown}; each must be (…, time, heads, head features)")
    if q.shape[:-3] != k.shape[:-3] or k.shape[:-1] != v.shape[:-1]:
        raise ShapeError(f"{shown}; batch axes must be equal, time and heads of k those of v")
    if q.shape[-1] != k.shape[-1]:
        raise ShapeError(f"{shown}; q and k must have the same head features")
    if k.shape[-2] == 0 or q.shape[-2] % k.shape[-2]:
        raise ShapeError(f"{shown}; the heads of q must be a multiple of those of k and v")


def _broadcasts(function: str, name: str, x: Array, shape: Shape) -> None:
    """Raises a ShapeError unless x, of the size of the scores or 1 on each axis, fits them."""
    sizes = zip(x.shape[::-1], shape[::-1], strict=False)
    if x.ndim > len(shape) or any(size not in (1, full) for size, full in sizes):
        raise ShapeError(
            f"{function}: {name} is {describe(x)}; it must broadcast to {shape}, "
            "that is (…, heads, q time, k time)"
        )
