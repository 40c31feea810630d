"""A network as one flat list of operations, each with the layer it belongs to."""

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
from jax import lax
from jax.extend import core
from jax.extend.core import JaxprEqn

from jaxdl import _jaxprs
from jaxdl.types import Array, PyTree

Path: TypeAlias = tuple[tuple[int, str], ...]
"""The scopes around an operation, outermost first: an identity, and a name; "" for a call."""


class Flat(NamedTuple):
    """The result of ``flatten``."""

    closed: core.ClosedJaxpr  # without loops or calls that have layers inside
    layers: tuple[int, ...]  # for each of its equations the number of a layer call
    names: tuple[str, ...]  # for each number the layer's name; "" outside of layers


def flatten(fn: Callable[..., PyTree], *args: object) -> Flat:
    """Traces a function into equations labelled with the layer call they belong to.

    ``types.named`` lets each layer enter a ``jax.named_scope``, and JAX records the scopes of every
    operation. Each call enters its own scope object, which distinguishes layers of the same name.
    Loops over layers, such as those of ``repeat``, are unrolled.

    Args:
        fn: a function of pytrees of arrays.
        *args: arguments to trace with: arrays or ``jax.ShapeDtypeStruct``.

    Returns:
        A Flat, whose ``closed`` takes the leaves of the arguments and returns those of the result.

    Example:
        >>> from jaxdl import layers
        >>> net = layers.dense(2, 3)
        >>> params, state = net.init(jax.random.key(0))
        >>> flat = flatten(net.apply, params, state, jnp.ones((5, 2)))
        >>> flat.names
        ('dense(2, 3)',)
    """
    closed = jax.make_jaxpr(fn)(*args)
    numbers: dict[Path, int] = {}
    calls = itertools.count()

    def replay(*leaves: Array) -> list[Array]:
        return _evaluate(closed.jaxpr, closed.consts, leaves, (), numbers, calls)

    again = jax.make_jaxpr(replay)(*(v.aval for v in closed.jaxpr.invars))
    names = tuple(path[-1][1] if path else "" for path in numbers)
    return Flat(again, tuple(map(_number, again.jaxpr.eqns)), names)


def bind(eqn: JaxprEqn, inputs: Sequence[Array]) -> list[Array]:
    """Computes one equation; derivatives of its own, as relu has one, stay with it."""
    outputs = eqn.primitive.bind(*inputs, **eqn.primitive.get_bind_params(eqn.params))
    return list(outputs) if eqn.primitive.multiple_results else [outputs]


def read(values: Mapping[core.Var, Array], v: core.Var | core.Literal) -> Array:
    """The value of a variable, or of a literal."""
    return v.val if isinstance(v, core.Literal) else values[v]


def _evaluate(
    jaxpr: core.Jaxpr,
    consts: Sequence[Array],
    args: Sequence[Array],
    outside: Path,
    numbers: dict[Path, int],
    calls: Iterator[int],
) -> list[Array]:
    """Computes a jaxpr, and notes at each operation, as a scope, the number of its layer call."""
    values: dict[core.Var, Array] = dict(
        zip((*jaxpr.constvars, *jaxpr.invars), (*consts, *args), strict=True)
    )
    for eqn in jaxpr.eqns:
        inputs, path = [read(values, v) for v in eqn.invars], (*outside, *_scopes(eqn))
        inner = _inner(eqn)
        if inner is None or not any(map(_jaxprs.scopes, _jaxprs.equations(inner[0]))):
            with jax.named_scope(f"#{numbers.setdefault(_named(path), len(numbers))}"):
                outputs = bind(eqn, inputs)
        elif eqn.primitive.name == "scan":
            outputs = _scan(eqn, *inner, inputs, path, numbers, calls)
        else:
            path = (*path, (next(calls), ""))
            outputs = _evaluate(*inner, inputs, path, numbers, calls)
        values.update(zip(eqn.outvars, outputs, strict=True))
    return [read(values, v) for v in jaxpr.outvars]


def _scan(
    eqn: JaxprEqn,
    jaxpr: core.Jaxpr,
    closed_over: Sequence[Array],
    inputs: Sequence[Array],
    path: Path,
    numbers: dict[Path, int],
    calls: Iterator[int],
) -> list[Array]:
    """Unrolls a loop; its i-th turn is a call of its own."""
    length, backward = eqn.params["length"], eqn.params["reverse"]
    n_consts, n_carry = _jaxprs.scan_counts(eqn)
    consts, carry, xs = inputs[:n_consts], inputs[n_consts:][:n_carry], inputs[n_consts + n_carry :]
    rows: list[Sequence[Array]] = [()] * length
    for i in range(length)[::-1] if backward else range(length):
        with jax.named_scope(f"[{i}]"):
            turn = [lax.index_in_dim(x, i, keepdims=False) for x in xs]
        inside = (*path, (next(calls), ""))
        args = (*consts, *carry, *turn)
        results = _evaluate(jaxpr, closed_over, args, inside, numbers, calls)
        carry, rows[i] = results[:n_carry], results[n_carry:]
    return [*carry, *(jnp.stack(column) for column in zip(*rows, strict=True))]


def _inner(eqn: JaxprEqn) -> tuple[core.Jaxpr, Sequence[Array]] | None:
    """What a call, a rematerialised call or a scan computes, and its constants; else None."""
    if eqn.primitive.name == "scan":
        return eqn.params["jaxpr"].jaxpr, eqn.params["jaxpr"].consts
    return None if "custom" in eqn.primitive.name else _jaxprs.call(eqn)


def _scopes(eqn: JaxprEqn) -> Path:
    return tuple((id(scope), scope.name) for scope in _jaxprs.scope_stack(eqn))


def _named(path: Path) -> Path:
    """The path up to its innermost layer: a call within a layer is part of it."""
    last = max((i for i, (_, name) in enumerate(path) if name), default=-1)
    return path[: last + 1]


def _number(eqn: JaxprEqn) -> int:
    """The layer call that an equation of the flat jaxpr notes; -1 - i for the i-th turn's slice."""
    names = [name for name in _jaxprs.scopes(eqn) if name[0] in "#["]
    if not names:
        return -1
    return int(names[0][1:]) if names[0][0] == "#" else -2 - int(names[0][1:-1])
