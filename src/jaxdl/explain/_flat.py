"""A network as one flat list of operations, each with the layer it belongs to."""

import functools
import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, TypeAlias

import jax
from jax.extend import core
from jax.extend.core import JaxprEqn

from jaxdl import _jaxprs, _replay
from jaxdl.types import Array, PyTree

Path: TypeAlias = tuple[tuple[int, str], ...]
"""The scopes around an operation, outermost first: an identity, and a name; "" for a call."""


class Flat(NamedTuple):
    """The result of ``flatten``."""

    closed: core.ClosedJaxpr  # without loops or calls that have layers inside
    layers: tuple[int, ...]  # for each of its equations the number of a layer call
    names: tuple[str, ...]  # for each number the layer's name; "" outside layers


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
        >>> flat = flatten(net.apply, params, state, jax.numpy.ones((5, 2)))
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


def _evaluate(
    jaxpr: core.Jaxpr,
    consts: Sequence[Array],
    args: Sequence[Array],
    outside: Path,
    numbers: dict[Path, int],
    calls: Iterator[int],
) -> list[Array]:
    """Computes a program, and notes at each operation, as a scope, the number of its layer call."""

    def inside(
        path: Path, jaxpr: core.Jaxpr, consts: Sequence[Array], args: Sequence[Array]
    ) -> list[Array]:
        return _evaluate(jaxpr, consts, args, (*path, (next(calls), "")), numbers, calls)

    def rule(eqn: JaxprEqn, inputs: list[Array]) -> list[Array]:
        path, inner = (*outside, *_scopes(eqn)), _inner(eqn)
        if inner is None or not any(map(_jaxprs.scopes, _jaxprs.equations(inner[0]))):
            with jax.named_scope(f"#{numbers.setdefault(_named(path), len(numbers))}"):
                return _replay.bind(eqn, inputs)
        if eqn.primitive.name == "scan":
            return _replay.unrolled(eqn, inputs, functools.partial(inside, path))
        return inside(path, *inner, inputs)

    return _replay.evaluate(jaxpr, consts, args, rule)


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
