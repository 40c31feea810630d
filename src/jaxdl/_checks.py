"""Checks that turn a wrong call into a message in the caller's own words, at trace time.

Numbers may be Python's, NumPy's or JAX's. A number that is being traced has no value yet: it
passes every check of its value, and the docstring says what happens if it is out of range.
"""

import inspect
import os
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike


class ShapeError(ValueError):
    """An array's shape isn't the one needed; ``serial`` adds where the array comes from."""


def describe(x: Any) -> str:
    """Returns dtype and shape as JAX writes them.

    Example:
        >>> describe(np.zeros((32, 512), "float32"))
        'float32[32,512]'
    """
    x = x if hasattr(x, "dtype") else np.asarray(x)
    return f"{x.dtype}[{','.join(str(n) for n in x.shape)}]"


def floating(function: str, argument: str, x: object) -> Array:
    """Returns ``x`` as an array, or raises the TypeError that says it must be floating point."""
    x = array(function, argument, x)
    if not jnp.issubdtype(x.dtype, jnp.floating):
        raise TypeError(f"{function}: {argument} is {describe(x)}; it must be floating point")
    return x


def array(function: str, argument: str, x: object) -> Array:
    """Returns ``x`` as an array, or raises the TypeError that says what it is instead."""
    try:
        if not isinstance(x, str | bytes):  # which JAX takes as the name of a dtype
            return jnp.asarray(x)
        cause = None
    except (TypeError, ValueError) as error:
        cause = error
    raise TypeError(
        f"{function}: {argument} is {shown(x)}; it must be an array of numbers"
    ) from cause


def last_axis(function: str, x: Array, size: int) -> None:
    """Raises a ShapeError unless the last axis of ``x`` has ``size`` entries."""
    if x.ndim == 0 or x.shape[-1] != size:
        raise ShapeError(f"{function} got {describe(x)}, and needs {size} entries on its last axis")


def same_shape(function: str, **arrays: ArrayLike) -> None:
    """Raises a ShapeError unless all arrays have one shape: nothing broadcasts silently."""
    if len({np.shape(x) for x in arrays.values()}) > 1:
        listed = ", ".join(f"{name} {describe(x)}" for name, x in arrays.items())
        raise ShapeError(f"{function} needs arguments of one shape, got {listed}")


def known(value: object) -> np.ndarray | None:
    """Returns a number or an array on the host, or None if it is traced or on other hosts."""
    if isinstance(value, jax.core.Tracer):
        return None
    if isinstance(value, jax.Array) and not value.is_fully_addressable:
        return None
    return np.asarray(value)


def is_zero(value: object) -> bool:
    """Returns whether a number is 0 for certain: a traced one is not.

    Example:
        >>> is_zero(0), is_zero(np.float32(0)), is_zero(jnp.ones(()))
        (True, True, False)
    """
    host = known(value)
    return host is not None and host.ndim == 0 and bool(host == 0)


def number(function: str, argument: str, value: Any) -> float | None:
    """Returns one real number as Python's, None if it is traced, or raises.

    Raises:
        TypeError: if it is not a real number: text, None, a bool.
        ValueError: if it is an array of several.
    """
    real = isinstance(value, int | float | np.ndarray | np.generic | jax.Array)
    if not real or isinstance(value, bool) or not _is_real(value):
        raise TypeError(f"{function}: {argument} is {shown(value)}; it must be a number")
    if np.ndim(value) != 0:
        raise ValueError(f"{function}: {argument} is {describe(value)}; it must be one number")
    host = known(value)
    return None if host is None else float(host)


def one_of(function: str, argument: str, value: object, choices: Sequence[str | None]) -> None:
    """Raises a ValueError unless a value is one of the choices."""
    if not (value is None or isinstance(value, str)) or value not in choices:
        listed = ", ".join(repr(choice) for choice in choices)
        raise ValueError(f"{function}: {argument} is {shown(value)}; it must be one of {listed}")


def in_unit_interval(function: str, argument: str, value: object, *, closed: bool = False) -> None:
    """Raises a ValueError unless a number lies in [0, 1), or in [0, 1] if closed."""
    x = number(function, argument, value)
    if x is not None and not (0 <= x < 1 or (closed and x == 1)):
        bracket = "]" if closed else ")"
        raise ValueError(f"{function}: {argument} is {value}; it must lie in [0, 1{bracket}")


def positive_ints(function: str, **values: Any) -> None:
    """Raises a ValueError unless every value is a positive whole number."""
    for argument, value in values.items():
        if not is_whole(value) or value < 1:
            raise ValueError(
                f"{function}: {argument} is {shown(value)}; it must be a positive integer"
            )


def is_whole(value: object) -> bool:
    """Returns whether a value is one integer whose value is known: bools and 2.0 are not."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer | np.ndarray | jax.Array):
        return False
    host = known(value)
    return host is not None and host.ndim == 0 and np.issubdtype(host.dtype, np.integer)


def one_function(function: str, argument: str, value: object, *given: str) -> None:
    """Raises a TypeError unless a value is a function of as many arguments as are ``given``.

    Example:
        >>> one_function("fit", "hooks[0]", lambda event: None, "event")
        >>> one_function("fit", "hooks[0]", lambda: None, "event")
        Traceback (most recent call last):
        TypeError: fit: hooks[0] can't be called with (event): too many positional arguments
    """
    if not callable(value):
        of = f" of ({', '.join(given)})" if given else ""
        raise TypeError(f"{function}: {argument} is {shown(value)}; it must be a function{of}")
    try:
        inspect.signature(value).bind(*given)
    except ValueError:  # some functions have no signature
        return
    except TypeError as error:
        if given:
            wrong = f"{argument} can't be called with ({', '.join(given)})"
            raise TypeError(f"{function}: {wrong}: {error}") from None


def functions(function: str, argument: str, values: Any, *given: str) -> tuple[Any, ...]:
    """Returns a sequence of functions as a tuple, or raises the TypeError that says what it is."""
    if not isinstance(values, Sequence) or isinstance(values, str):
        raise TypeError(
            f"{function}: {argument} is {shown(values)}; it must be a sequence of functions"
        )
    for i, value in enumerate(values):
        one_function(function, f"{argument}[{i}]", value, *given)
    return tuple(values)


def named_functions(function: str, argument: str, values: Any, *given: str) -> dict[str, Any]:
    """Returns functions by name as a dict, or raises the TypeError that says what it is."""
    if not isinstance(values, Mapping):
        raise TypeError(
            f"{function}: {argument} is {shown(values)}; it must be a dict of functions by name"
        )
    for name, value in values.items():
        one_function(function, f"{argument}[{name!r}]", value, *given)
    return dict(values)


def is_key(x: object) -> bool:
    """Returns whether it is an array of typed random keys."""
    return hasattr(x, "dtype") and jax.dtypes.issubdtype(x.dtype, jax.dtypes.prng_key)


def is_one_key(key: Any) -> bool:
    """Returns whether it is one random key: a typed one, or two or four uint32 from older code."""
    if not hasattr(key, "dtype"):
        return False
    return key.shape == () if is_key(key) else key.dtype == "uint32" and key.shape in ((2,), (4,))


def one_key(function: str, key: object) -> None:
    """Raises a TypeError unless a value is one random key."""
    if not is_one_key(key):
        raise TypeError(
            f"{function}: key is {shown(key)}; it must be a key, from jax.random.key(seed)"
        )


def numeric(function: str, argument: str, x: object) -> None:
    """Raises a TypeError for an array of text or objects, which no device can hold."""
    if isinstance(x, np.ndarray) and x.dtype.kind in "OUSmM":
        raise TypeError(f"{function}: {argument} is {describe(x)}; it must hold numbers")


def path(function: str, argument: str, value: object) -> None:
    """Raises a TypeError or ValueError unless a value can be a path."""
    if not isinstance(value, str | os.PathLike):
        raise TypeError(f"{function}: {argument} is {shown(value)}; it must be a path")
    if value == "":
        raise ValueError(f"{function}: {argument} is empty; it must be a path")


def classes(
    function: str,
    labels: object,
    n_classes: int,
    *,
    counted: object = None,
    also: Sequence[int | None] = (),
) -> None:
    """Raises a ValueError for a label that counts but is no class; traced ones aren't checked.

    Args:
        function: the caller's, for messages.
        labels: class indices as the caller gave them.
        n_classes: the number of classes.
        counted: False where a label may be anything; has the labels' shape or its leading axes.
        also: what else a label may be, such as an ``ignore_index``.
    """
    host, mask = known(labels), known(True if counted is None else counted)
    if host is None or mask is None:
        return
    others = [label for label in also if label is not None]
    illegal = ~(((host >= 0) & (host < n_classes)) | np.isin(host, others))
    illegal &= mask.reshape(mask.shape + (1,) * (host.ndim - mask.ndim))
    if illegal.any():
        or_else = f", or be {others[0]}" if others else ""
        raise ValueError(
            f"{function}: labels hold {host[illegal][0]}; with {n_classes} classes they must lie in"
            f" [0, {n_classes - 1}]{or_else}"
        )


def to_int32(labels: Array) -> Array:
    """Returns integers as int32; what it can't hold is clipped, and stays out of range."""
    if labels.dtype.itemsize < 4 or labels.dtype == jnp.int32:
        return labels.astype(jnp.int32)
    bounds = jnp.iinfo(jnp.int32)
    low = None if jnp.issubdtype(labels.dtype, jnp.unsignedinteger) else bounds.min
    return jnp.clip(labels, low, bounds.max).astype(jnp.int32)


def _is_real(value: object) -> bool:
    kind = getattr(value, "dtype", float)
    return jnp.issubdtype(kind, jnp.floating) or jnp.issubdtype(kind, jnp.integer)


def shown(value: Any) -> str:
    """Returns a wrong value in a few words: an array's dtype and shape, else its repr cut short."""
    if hasattr(value, "dtype") and hasattr(value, "shape"):
        return describe(value) if value.shape or isinstance(value, jax.core.Tracer) else str(value)
    text = " ".join(repr(value).split())  # in one line
    return text if len(text) <= 60 else f"{text[:57]}…"
