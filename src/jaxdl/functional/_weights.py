"""What a function's params must be: a dict of arrays with the names that it reads."""

from collections.abc import Mapping

import jax.numpy as jnp

from jaxdl import _checks
from jaxdl._checks import ShapeError, describe, shown
from jaxdl.types import PyTree


def check_parts(
    function: str,
    params: object,
    needed: tuple[str, ...],
    argument: str = "params",
    optional: tuple[str, ...] = (),
) -> Mapping[str, PyTree]:
    """Returns params, or raises unless they are a dict with the right names."""
    needs = f"a dict with {', '.join(needed)}" if needed else "a dict"
    needs += f", perhaps with {', '.join(optional)}" if optional else ""
    if not isinstance(params, Mapping):
        raise TypeError(f"{function} got {argument} {shown(params)}; it needs {needs}")
    if not set(needed) <= set(params) <= {*needed, *optional}:
        names = ", ".join(map(str, params)) or "nothing"
        raise ValueError(f"{function} got {argument} with {names}; it needs {needs}")
    return params


def check_weights(
    function: str,
    params: object,
    needed: Mapping[str, int],
    optional: tuple[str, ...] = (),
    argument: str = "params",
) -> None:
    """Raises unless params are a dict of floating-point arrays with the right names.

    A name that isn't read would be ignored without a word: a misspelt bias, another layer's params.

    Args:
        function: its name, for messages.
        params: what the caller gave.
        needed: the least number of axes, by the names that must be there.
        optional: names that may be there.
        argument: what the caller gave them as.

    Raises:
        TypeError: if they aren't a dict, or an entry isn't a floating-point array.
        ValueError: if a name is missing or unknown.
        ShapeError: if an array has too few axes.

    Example:
        >>> check_weights("dense", {"kernl": jnp.ones((2, 2))}, {"kernel": 2}, ("bias",))
        Traceback (most recent call last):
        ValueError: dense got params with kernl; it needs a dict with kernel, perhaps with bias
    """
    parts = check_parts(function, params, tuple(needed), argument, optional)
    for name, x in parts.items():
        x = x if hasattr(x, "dtype") else _checks.array(function, f"{argument}[{name!r}]", x)
        if not jnp.issubdtype(x.dtype, jnp.inexact):
            raise TypeError(
                f"{function}: {argument}[{name!r}] is {describe(x)}; it must be floating point"
            )
        if len(x.shape) < needed.get(name, 0):
            least = f"it needs at least {needed[name]} axes"
            raise ShapeError(f"{function}: {argument}[{name!r}] is {describe(x)}; {least}")
