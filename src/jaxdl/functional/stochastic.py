"""Noise that regularises: functions of a key."""

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from jaxdl import checks
from jaxdl.types import Array, Key


def dropout(key: Key, x: ArrayLike, *, rate: float | Array) -> Array:
    """Drops entries at random and scales up the rest: y = m·x / (1 - p), m ~ Bernoulli(1 - p).

    Args:
        key: a random key.
        x: any shape.
        rate: p, the share that is dropped, in [0, 1]; at 1 nothing is left.

    Returns:
        An array of the shape of ``x`` with the same mean.

    Raises:
        ValueError: if ``rate`` is a number outside [0, 1].

    Example:
        >>> dropout(jax.random.key(0), jnp.ones(4), rate=0.5)
        Array([0., 0., 2., 2.], dtype=float32)

    Reference:
        Srivastava et al., "Dropout: a simple way to prevent networks from overfitting", 2014.
    """
    checks.fraction("dropout", "rate", rate, closed=True)
    x = jnp.asarray(x)
    keep = jnp.asarray(1 - rate, jnp.float32)
    # At rate 1 the scale is 0, not inf, so that value and gradient stay finite.
    scale = jnp.where(keep > 0, 1 / jnp.where(keep > 0, keep, 1), 0).astype(x.dtype)
    return jnp.where(jax.random.bernoulli(key, keep, x.shape), x * scale, jnp.zeros((), x.dtype))
