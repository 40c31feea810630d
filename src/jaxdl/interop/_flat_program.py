"""A program without calls, loops or choices by platform, for compilers that have none of these."""

from collections.abc import Callable, Sequence
from typing import Any

import jax
from jax import lax
from jax.extend import core

from jaxdl import _jaxprs

_INNER = ("jaxpr", "call_jaxpr", "fun_jaxpr")
"""Where calls, such as those of ``jit``, ``checkpoint`` and ``custom_jvp``, keep their body."""


def flat_program(fn: Callable[..., Any], *shapes: Any) -> Callable[..., list[Any]]:
    """Traces a function and returns one that computes the same in single operations.

    Calls are written in place, and loops of a known length are written out.

    Args:
        fn: the function.
        *shapes: its arguments, or ``jax.ShapeDtypeStruct``s.

    Returns:
        A function of the same arguments' leaves, which returns the list of the result's leaves.

    Example:
        >>> import jax.numpy as jnp
        >>> def total(x):
        ...     return lax.scan(lambda c, row: (c + row, None), jnp.zeros(2), x)[0]
        >>> flat = flat_program(total, jnp.ones((3, 2)))
        >>> "scan" in str(jax.make_jaxpr(flat)(jnp.ones((3, 2))))
        False
        >>> flat(jnp.ones((3, 2)))
        [Array([3., 3.], dtype=float32)]
    """
    closed = jax.make_jaxpr(fn)(*shapes)
    return lambda *args: _run(closed.jaxpr, closed.consts, args)


def _run(jaxpr: Any, consts: Sequence[Any], args: Sequence[Any]) -> list[Any]:
    values = dict(zip([*jaxpr.constvars, *jaxpr.invars], [*consts, *args], strict=True))
    read = lambda v: v.val if isinstance(v, core.Literal) else values[v]
    for eqn in jaxpr.eqns:
        results = _equation(eqn, list(map(read, eqn.invars)))
        values.update(zip(eqn.outvars, results, strict=True))
    return list(map(read, jaxpr.outvars))


def _equation(eqn: Any, args: list[Any]) -> Sequence[Any]:
    if eqn.primitive.name == "scan":
        return _unrolled(eqn, args)
    inner = next((eqn.params[name] for name in _INNER if name in eqn.params), None)
    if inner is not None and eqn.primitive.name not in ("while", "cond", "reduce", "reduce_window"):
        jaxpr, consts = (inner.jaxpr, inner.consts) if hasattr(inner, "consts") else (inner, ())
        return _run(jaxpr, consts, args)
    results = eqn.primitive.bind(*args, **eqn.params)
    return results if eqn.primitive.multiple_results else [results]


def _unrolled(eqn: Any, args: list[Any]) -> Sequence[Any]:
    """The steps of a scan one after another."""
    params, (n_consts, n_carry) = eqn.params, _jaxprs.scan_counts(eqn)
    consts, carry, xs = (
        args[:n_consts],
        args[n_consts : n_consts + n_carry],
        args[n_consts + n_carry :],
    )
    body, length = params["jaxpr"], params["length"]
    rows: list[Sequence[Any]] = [()] * length
    for i in reversed(range(length)) if params["reverse"] else range(length):
        row = [lax.index_in_dim(x, i, keepdims=False) for x in xs]
        results = _run(body.jaxpr, body.consts, [*consts, *carry, *row])
        carry, rows[i] = results[:n_carry], results[n_carry:]
    stacked = [
        lax.concatenate([lax.expand_dims(y, (0,)) for y in column], 0)
        for column in zip(*rows, strict=True)
    ]
    return [*carry, *stacked]
