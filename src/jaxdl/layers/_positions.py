"""Layers that add positions to a sequence."""

import jax.numpy as jnp
from jax.typing import ArrayLike, DTypeLike

from jaxdl import _checks, functional, initializers
from jaxdl._checks import ShapeError, describe
from jaxdl.layers._building import floating_dtype
from jaxdl.types import Array, Initializer, Key, Layer, Params, State, factory, named, stateless

_small = initializers.normal(std=0.02)


@factory
def sinusoidal_positions(n_features: int, *, base: float | Array = 10_000.0) -> Layer:
    """Adds sines and cosines of the position; see ``functional.sinusoidal_positions``.

    Args:
        n_features: number of features, even.
        base: the longest wavelength is 2π·base.

    Returns:
        A Layer from (…, time, n_features) to the same, with neither params nor state.

    Raises:
        ValueError: if ``n_features`` isn't a positive even integer.

    Example:
        >>> y, _ = sinusoidal_positions(4).apply((), (), jnp.zeros((5, 3, 4)))
        >>> y[0, 0]  # sines and cosines of 0
        Array([0., 1., 0., 1.], dtype=float32)
    """
    name = f"sinusoidal_positions({n_features})"
    functional.sinusoidal_positions(0, n_features, base=base)  # a wrong option raises here

    def add(x: ArrayLike) -> Array:
        x = _checks.floating(name, "x", x)
        if x.ndim < 2 or x.shape[-1] != n_features:
            raise ShapeError(f"{name} got {describe(x)}; it needs (…, time, {n_features})")
        time = jnp.arange(x.shape[-2])
        waves = functional.sinusoidal_positions(time, n_features, base=base, dtype=x.dtype)
        return x + jnp.broadcast_to(waves, x.shape)

    return stateless(name, add)


@factory
def learned_positions(
    length: int,
    n_features: int,
    *,
    init: Initializer = _small,
    dtype: DTypeLike = jnp.float32,
) -> Layer:
    """Adds a learned vector for each position; see ``functional.learned_positions``.

    With an empty state it starts at position 0. With ``{"length": n}`` as its state, it starts at
    position n and advances it, so that a decoder can feed a sequence in parts.

    Args:
        length: number of positions.
        n_features: features of each vector.
        init: initializer of the vectors. Defaults to N(0, 0.02²), as in BERT and GPT-2.
        dtype: dtype of the vectors.

    Returns:
        A Layer from (…, time, n_features) to the same, time at most ``length``, with params
        ``{"embedding": (length, n_features)}`` and no state.

    Raises:
        ValueError: if a size isn't a positive integer.

    Example:
        >>> import jax
        >>> net = learned_positions(16, 4)
        >>> params, state = net.init(jax.random.key(0))
        >>> net.apply(params, {"length": jnp.int32(5)}, jnp.ones((3, 4)))[1]
        {'length': Array(8, dtype=int32)}
    """
    name = f"learned_positions({length}, {n_features})"
    _checks.positive_ints(name, length=length, n_features=n_features)
    floating_dtype(name, dtype)

    def init_fn(key: Key) -> tuple[Params, State]:
        return {"embedding": init(key, (length, n_features), dtype)}, ()

    def apply_fn(
        params: Params, state: State, x: ArrayLike, *, key: Key | None = None, train: bool = False
    ) -> tuple[Array, State]:
        y = functional.learned_positions(params, x, offset=state["length"] if state else 0)
        return y, {"length": state["length"] + y.shape[-2]} if state else state

    return named(name, init_fn, apply_fn)
