"""Layers that draw random numbers in training and do nothing in evaluation."""

import jax.numpy as jnp
from jax.typing import ArrayLike

from jaxdl import checks, functional
from jaxdl.types import Array, Key, Layer, Params, State, named


def dropout(rate: float | Array) -> Layer:
    """Drops a share of the entries in training; see ``functional.dropout``.

    Args:
        rate: the share that is dropped, in [0, 1].

    Returns:
        A Layer with neither params nor state. In training its apply needs a key.

    Raises:
        ValueError: if ``rate`` is a number outside [0, 1], or in training without a key.

    Example:
        >>> y, _ = dropout(0.5).apply((), (), jnp.ones(4))
        >>> y
        Array([1., 1., 1., 1.], dtype=float32)
    """
    name = f"dropout({rate})"
    checks.fraction(name, "rate", rate, closed=True)

    def init_fn(key: Key) -> tuple[Params, State]:
        return (), ()

    def apply_fn(
        params: Params, state: State, x: ArrayLike, *, key: Key | None = None, train: bool = False
    ) -> tuple[Array, State]:
        if not train:
            return jnp.asarray(x), state
        if key is None:
            raise ValueError(f"{name} needs a key in training: apply(…, key=key, train=True)")
        return functional.dropout(key, x, rate=rate), state

    return named(name, init_fn, apply_fn)
