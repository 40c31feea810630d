"""Dropout that is left out of a network if its rate is 0."""

import jax.numpy as jnp

from jaxdl import _checks, layers
from jaxdl.combinators import lift
from jaxdl.types import Array, Layer


def dropout_if_used(rate: float | Array) -> Layer:
    """Returns a layer of dropout, or one that does nothing if the rate is certainly 0."""
    return lift(jnp.asarray) if _checks.is_zero(rate) else layers.dropout(rate)
