"""Evaluates a function op by op, to find where finite numbers first become nan or infinite."""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend import core
from jax.extend.core import JaxprEqn

from jaxdl import _jaxprs


class _Found(Exception):
    """Ends the search."""


def first_not_finite(fn: Callable[..., Any], *args: object) -> str | None:
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
    jaxpr: Any, consts: Sequence[Any], args: Sequence[Any], scope: tuple[str, ...]
) -> list[Any]:
    """Evaluates a jaxpr, equation by equation."""
    values: dict[Any, Any] = dict(
        zip((*jaxpr.constvars, *jaxpr.invars), (*consts, *args), strict=True)
    )
    read = lambda v: v.val if isinstance(v, core.Literal) else values[v]
    for eqn in jaxpr.eqns:
        inputs, inside = [read(v) for v in eqn.invars], (*scope, *_jaxprs.scopes(eqn))
        outputs = _inner(eqn, inputs, inside)
        if outputs is None:
            outputs = _bind(eqn, inputs)
            _check(eqn, inputs, outputs, inside)
        values.update(zip(eqn.outvars, outputs, strict=True))
    return [read(v) for v in jaxpr.outvars]


def _inner(eqn: JaxprEqn, inputs: Sequence[Any], scope: tuple[str, ...]) -> list[Any] | None:
    """Evaluates the equations of a call or of each scan iteration; None for other equations."""
    if eqn.primitive.name == "scan":
        return _scan(eqn, inputs, scope)
    inner = _jaxprs.call(eqn)
    return None if inner is None else _evaluate(*inner, inputs, scope)


def _scan(eqn: JaxprEqn, inputs: Sequence[Any], scope: tuple[str, ...]) -> list[Any]:
    closed, length, backward = (eqn.params[name] for name in ("jaxpr", "length", "reverse"))
    jaxpr = closed.jaxpr if isinstance(closed, core.ClosedJaxpr) else closed
    n_consts, n_carry = _jaxprs.scan_counts(eqn)
    consts, carry, xs = inputs[:n_consts], inputs[n_consts:][:n_carry], inputs[n_consts + n_carry :]
    rows: list[Sequence[Any]] = [()] * length
    for i in range(length)[::-1] if backward else range(length):
        turn = (*consts, *carry, *(x[i] for x in xs))
        results = _evaluate(jaxpr, getattr(closed, "consts", ()), turn, scope)
        carry, rows[i] = results[:n_carry], results[n_carry:]
    return [*carry, *(jnp.stack(column) for column in zip(*rows, strict=True))]


def _bind(eqn: JaxprEqn, inputs: Sequence[Any]) -> list[Any]:
    outputs = eqn.primitive.bind(*inputs, **eqn.params)
    return list(outputs) if eqn.primitive.multiple_results else [outputs]


def _check(
    eqn: JaxprEqn, inputs: Sequence[Any], outputs: Sequence[Any], scope: tuple[str, ...]
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
