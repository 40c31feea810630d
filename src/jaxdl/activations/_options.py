"""Options of activations as numbers in the dtype of the input: one, or one for each feature."""

import jax.numpy as jnp
from jax.typing import ArrayLike

from jaxdl._checks import ShapeError, describe
from jaxdl.types import Array


def scalar(function: str, option: str, value: ArrayLike, x: Array) -> Array:
    """Returns an option that is one number in the dtype of ``x``, or raises a ValueError."""
    if jnp.ndim(value) != 0:
        raise ShapeError(f"{function}: {option} is {describe(value)}; it must be one number")
    return jnp.asarray(value, x.dtype)


def per_feature(function: str, option: str, value: ArrayLike, x: Array, axis: int) -> Array:
    """Returns one number, or one for each entry of ``x`` along ``axis``, shaped to multiply x."""
    value = jnp.asarray(value, x.dtype)
    if value.size == 1 and value.ndim < 2:
        return value.reshape(())
    if not -x.ndim <= axis < x.ndim or value.shape != (x.shape[axis],):
        raise ShapeError(
            f"{function}: {option} is {describe(value)}; for {describe(x)} with axis={axis} it "
            "must be one number, or one for each entry along that axis"
        )
    return jnp.expand_dims(value, [i for i in range(x.ndim) if i != axis % x.ndim])
