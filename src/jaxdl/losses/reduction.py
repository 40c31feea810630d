"""How a loss goes from one value a row to one number."""

from typing import Literal, TypeAlias

import jax.numpy as jnp

from jaxdl.types import Array

Reduction: TypeAlias = Literal["mean", "sum", "none"]


def reduce(values: Array, reduction: Reduction) -> Array:
    """Returns the mean, the sum, or the values as they are."""
    if reduction not in ("mean", "sum", "none"):
        raise ValueError(f'reduction is {reduction!r}; it must be "mean", "sum" or "none"')
    return {"mean": jnp.mean, "sum": jnp.sum, "none": lambda v: v}[reduction](values)
