"""Evaluates a function op by op, to find where finite numbers first become nan or infinite."""

import functools
from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend import core
from jax.extend.core import JaxprEqn

from jaxdl import _jaxprs, _replay
from jaxdl.types import Array, PyTree


class _Found(Exception):
    """Ends the search."""


def first_not_finite(fn: Callable[..., PyTree], *args: object) -> str | None:
    """Names the layer and the operation that first turns finite numbers into nan or infinity.

    Args:
        fn: any function of arrays; operations carry the names of their layers.
        *args: its arguments.

    Returns:
        For example ``"in dense(784, 512) dot_general gives float32[128,512] with 3 nan"``; None if
        no operation does so, for instance because an argument already contains nan.

    Example:
        >>> first_not_finite(lambda x: jnp.log(x - 1).sum(), jnp.array([2.0, 0.5]))
        'in no layer, log gives float32[2] with 1 nan'
    """
    closed = jax.make_jaxpr(fn)(*args)
    try:
        _evaluate(closed.jaxpr, closed.consts, jax.tree.leaves(args), ())
    except _Found as found:
        return str(found)
    return None


def is_finite(x: object) -> bool:
    """Whether all floating-point numbers of an array are finite, checked on the host.

    Example:
        >>> is_finite(np.array([1.0, np.nan]))
        False
    """
    if not jnp.issubdtype(jnp.result_type(x), jnp.inexact):
        return True
    return bool(np.isfinite(np.asarray(x)).all())


def _evaluate(
    jaxpr: core.Jaxpr, consts: Sequence[Array], args: Sequence[Array], scope: tuple[str, ...]
) -> list[Array]:
    """Evaluates a program, equation by equation, within the layers of a scope."""
    return _replay.evaluate(jaxpr, consts, args, functools.partial(_equation, scope))


def _equation(scope: tuple[str, ...], eqn: JaxprEqn, inputs: list[Array]) -> list[Array]:
    """Evaluates and checks an equation, or those inside a call or a loop's turns."""
    inside = (*scope, *_jaxprs.scopes(eqn))
    if eqn.primitive.name == "scan":
        return _replay.unrolled(eqn, inputs, functools.partial(_evaluate, scope=inside))
    if (inner := _jaxprs.call(eqn)) is not None:
        return _evaluate(*inner, inputs, inside)
    outputs = _replay.bind(eqn, inputs)
    _check(eqn, inputs, outputs, inside)
    return outputs


def _check(
    eqn: JaxprEqn, inputs: Sequence[Array], outputs: Sequence[Array], scope: tuple[str, ...]
) -> None:
    # Intended infinities, such as those of a mask, come from constants, not from finite numbers.
    if not inputs or not all(map(is_finite, inputs)):
        return
    for x in outputs:
        if not is_finite(x):
            numbers = np.asarray(x, np.float64)
            counts = {"nan": np.isnan(numbers).sum(), "infinite": np.isinf(numbers).sum()}
            listed = " and ".join(f"{count} {name}" for name, count in counts.items() if count)
            place = f"in {scope[-1]}" if scope else "in no layer,"
            shape = f"{x.dtype}[{','.join(map(str, x.shape))}]"
            raise _Found(f"{place} {eqn.primitive.name} gives {shape} with {listed}")
