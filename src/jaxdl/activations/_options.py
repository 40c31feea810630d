"""What activations share: half precision computed in float32, and per-feature options."""

import functools
from collections.abc import Callable
from typing import Concatenate, ParamSpec

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from jaxdl._checks import ShapeError, array, describe, floating
from jaxdl._precision import widen
from jaxdl.types import Array

Options = ParamSpec("Options")


def activation(
    fn: Callable[Concatenate[Array, Options], Array],
) -> Callable[Concatenate[ArrayLike, Options], Array]:
    """Decorates a function to require a floating point x and compute half precision in float32.

    The result is rounded once, to the dtype of ``x``. In half precision the backward pass
    recomputes the function, so only the input is stored, not the float32 intermediates.
    """

    @functools.wraps(fn)
    def computed(x: ArrayLike, *args: Options.args, **options: Options.kwargs) -> Array:
        x = floating(fn.__name__, "x", x)
        wide = lambda x: fn(widen(x), *args, **options).astype(x.dtype)
        half = jnp.finfo(x.dtype).bits < 32
        return jax.checkpoint(wide, prevent_cse=False)(x) if half else wide(x)

    return computed


def per_feature(function: str, option: str, value: ArrayLike, x: Array, axis: int) -> Array:
    """Returns a scalar, or one value per entry of ``x`` along ``axis``, shaped to multiply x."""
    value = array(function, option, value).astype(x.dtype)
    if value.size == 1 and value.ndim < 2:
        return value.reshape(())
    if not -x.ndim <= axis < x.ndim or value.shape != (x.shape[axis],):
        raise ShapeError(
            f"{function}: {option} is {describe(value)}; for {describe(x)} with axis={axis} it "
            "must be one number, or one for each entry along that axis"
        )
    return jnp.expand_dims(value, [i for i in range(x.ndim) if i != axis % x.ndim])
