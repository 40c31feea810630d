"""Checks that turn a wrong call into a message in the caller's own words, at trace time."""

from typing import Any

import jax.numpy as jnp
import numpy as np

from jaxdl.types import Array


class ShapeError(ValueError):
    """An array has another shape than the function needs; ``serial`` adds where it comes from."""


def describe(x: Any) -> str:
    """Returns dtype and shape as JAX writes them.

    Example:
        >>> describe(np.zeros((32, 512), "float32"))
        'float32[32,512]'
    """
    x = x if hasattr(x, "dtype") else np.asarray(x)
    return f"{x.dtype}[{','.join(str(n) for n in x.shape)}]"


def floating(function: str, argument: str, x: Any) -> Array:
    """Returns ``x`` as an array, or raises the TypeError that says it must be floating point."""
    x = jnp.asarray(x)
    if not jnp.issubdtype(x.dtype, jnp.floating):
        raise TypeError(f"{function}: {argument} is {describe(x)}; it must be floating point")
    return x


def last_axis(function: str, x: Any, size: int) -> None:
    """Raises a ShapeError unless the last axis of ``x`` has ``size`` entries."""
    if x.ndim == 0 or x.shape[-1] != size:
        raise ShapeError(f"{function} got {describe(x)}, and needs {size} entries on its last axis")


def same_shape(function: str, **arrays: Any) -> None:
    """Raises a ShapeError unless all arrays have one shape: nothing broadcasts silently."""
    if len({np.shape(x) for x in arrays.values()}) > 1:
        listed = ", ".join(f"{name} {describe(x)}" for name, x in arrays.items())
        raise ShapeError(f"{function} needs arguments of one shape, got {listed}")


def in_unit_interval(function: str, argument: str, value: Any, *, closed: bool = False) -> None:
    """Raises a ValueError unless a concrete ``value`` lies in [0, 1), or in [0, 1] if closed."""
    if isinstance(value, int | float) and not (0 <= value < 1 or (closed and value == 1)):
        bracket = "]" if closed else ")"
        raise ValueError(f"{function}: {argument} is {value}; it must lie in [0, 1{bracket}")


def positive_ints(function: str, **values: Any) -> None:
    """Raises a ValueError unless every value is a positive whole number."""
    for argument, value in values.items():
        if not isinstance(value, int | np.integer) or isinstance(value, bool) or value < 1:
            raise ValueError(f"{function}: {argument} is {value!r}; it must be a positive integer")
