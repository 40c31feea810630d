"""Positions in a sequence: rotated into queries and keys, or added to features."""

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.typing import ArrayLike, DTypeLike

from jaxdl import _checks, _ranges
from jaxdl._checks import ShapeError, describe
from jaxdl._plain import plain_numbers
from jaxdl._precision import spread, wide_dtype, widen
from jaxdl.functional._weights import check_weights
from jaxdl.types import Array, Weights


@plain_numbers
def rotary(
    x: ArrayLike,
    positions: ArrayLike | None = None,
    *,
    base: float | Array = 10_000.0,
    interleaved: bool = False,
) -> Array:
    """Rotates pairs of features by angles that grow with the position.

    Pair i at position p is rotated by a = p·base^(-2i/n): (x, y) → (x·cos a - y·sin a,
    y·cos a + x·sin a), so that the product of a query and a key depends only on the distance
    between their positions. Feature i is paired with feature i + n/2, as in LLaMA and GPT-NeoX; if
    interleaved, feature 2i with 2i + 1, as in RoFormer and GPT-J. The two differ by a permutation
    of the features: use the one that the weights were trained with.

    Args:
        x: queries or keys, shape (…, time, heads, n), n even.
        positions: shape (time,) or that of ``x`` without its last two axes. Defaults to 0, 1, ….
        base: the longest wavelength is 2π·base.
        interleaved: pair adjacent features instead of halves.

    Returns:
        An array of the shape and dtype of ``x``. Angles are in float32 for half precision.

    Raises:
        ShapeError: if n is odd, or ``positions`` has another shape.
        TypeError: if ``x`` isn't floating point.

    Example:
        >>> x = jnp.array([[[1.0, 0.0]], [[1.0, 0.0]]])  # two positions, one head, one pair
        >>> rotary(x)[1]
        Array([[0.5403023 , 0.84147096]], dtype=float32)

    Reference:
        Su et al., "RoFormer", 2021, https://arxiv.org/abs/2104.09864.
    """
    _ranges.check("rotary", base=base)
    x = _checks.floating("rotary", "x", x)
    if x.ndim < 3 or x.shape[-1] % 2:
        raise ShapeError(
            f"rotary: x is {describe(x)}; it must be (…, time, heads, features), features even"
        )
    dtype = wide_dtype(x.dtype)
    time = jnp.arange(x.shape[-3]) if positions is None else jnp.asarray(positions)
    if time.shape not in (x.shape[-3:-2], x.shape[:-2]):
        raise ShapeError(
            f"rotary: positions are {describe(time)} for x {describe(x)}; they must be "
            f"({x.shape[-3]},) or {x.shape[:-2]}"
        )
    angles = _angles(time, x.shape[-1], base, dtype)[..., None, :]
    axis = -1 if interleaved else -2
    shape = (*x.shape[:-1], *((-1, 2) if interleaved else (2, x.shape[-1] // 2)))
    pairs = x.reshape(shape).astype(dtype)
    a, b = (lax.index_in_dim(pairs, i, axis, keepdims=False) for i in (0, 1))
    cos, sin = (jnp.broadcast_to(f(angles), a.shape) for f in (jnp.cos, jnp.sin))
    turned = jnp.stack([a * cos - b * sin, b * cos + a * sin], axis)
    return turned.reshape(x.shape).astype(x.dtype)


@plain_numbers
def sinusoidal_positions(
    positions: ArrayLike,
    n_features: int,
    *,
    base: float | Array = 10_000.0,
    dtype: DTypeLike = jnp.float32,
) -> Array:
    """Encodes positions as sines and cosines of geometrically growing wavelengths.

    Feature 2i is sin(p·base^(-2i/n)), feature 2i + 1 is cos(p·base^(-2i/n)).

    Args:
        positions: p, numbers of any shape (…).
        n_features: n, even.
        base: the longest wavelength is 2π·base.
        dtype: the floating-point type of the result.

    Returns:
        An array of shape (…, n_features).

    Raises:
        ValueError: if ``n_features`` isn't a positive even integer.

    Example:
        >>> sinusoidal_positions(1, 2)
        Array([0.84147096, 0.5403023 ], dtype=float32)

    Reference:
        Vaswani et al., "Attention is all you need", 2017, https://arxiv.org/abs/1706.03762.
    """
    _checks.positive_ints("sinusoidal_positions", n_features=n_features)
    _ranges.check("sinusoidal_positions", base=base)
    if n_features % 2:
        raise ValueError(f"sinusoidal_positions: n_features is {n_features}; it must be even")
    angles = _angles(jnp.asarray(positions), n_features, base, wide_dtype(dtype))
    waves = jnp.stack([jnp.sin(angles), jnp.cos(angles)], -1)
    return waves.reshape(*angles.shape[:-1], n_features).astype(dtype)


def learned_positions(params: Weights, x: ArrayLike, *, offset: ArrayLike = 0) -> Array:
    """Adds a learned vector for each position: yₜ = xₜ + E[offset + t].

    Args:
        params: ``{"embedding": (length, features)}``.
        x: shape (…, time, features), floating point.
        offset: the position of the first time step, an integer or an integer scalar array.

    Returns:
        An array of the shape of ``x``; inside ``jit``, where an offset isn't known, nan at
        positions before the first and beyond the last.

    Raises:
        ShapeError: if features differ, or time is longer than ``length``.
        TypeError: if ``x`` isn't floating point.
        ValueError: if positions begin before the first or end beyond the last, outside of ``jit``.

    Example:
        >>> params = {"embedding": jnp.array([[0.1], [0.2], [0.3]])}
        >>> learned_positions(params, jnp.zeros((2, 1)), offset=1).ravel()
        Array([0.2, 0.3], dtype=float32)
    """
    check_weights("learned_positions", params, {"embedding": 2})
    table = jnp.asarray(params["embedding"])
    length, n_features = table.shape
    name = f"learned_positions({length}, {n_features})"
    x = _checks.floating(name, "x", x)
    _checks.last_axis(name, x, n_features)
    if x.ndim < 2 or x.shape[-2] > length:
        raise ShapeError(f"{name} got {describe(x)}; time, the second to last axis, is too long")
    room(name, offset, x.shape[-2], length)
    rows = jnp.asarray(offset) + jnp.arange(x.shape[-2])
    rows = jnp.where(rows < 0, length, rows)  # they would count from the end
    vectors = widen(table).at[rows].get(mode="fill", fill_value=jnp.nan)
    return x + spread(vectors, x.shape, x.dtype)


def room(name: str, offset: ArrayLike, time: int, length: int) -> None:
    """Raises a ValueError if an offset, when known, leaves no room for the time steps."""
    if isinstance(offset, jax.core.Tracer):
        return
    if np.asarray(offset) < 0:
        raise ValueError(f"{name}: position {offset} is before the first, 0")
    if np.asarray(offset) + time > length:
        raise ValueError(f"{name}: {time} time steps from position {offset} end beyond {length}")


def _angles(positions: Array, n: int, base: float | Array, dtype: DTypeLike) -> Array:
    """Returns p·base^(-2i/n) for each position p and pair i, shape (…, n/2)."""
    frequencies = base ** (-np.arange(0, n, 2) / n)  # in float64: positions multiply its error
    spread = jnp.asarray(frequencies.reshape(*[1] * positions.ndim, -1), dtype)
    return positions.astype(dtype)[..., None] * spread
