"""Traced programs, read equation by equation: what is inside, what depends on what, constants."""

import functools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import jax
import numpy as np
import optax
from jax import lax
from jax.extend import core
from jax.extend.core import JaxprEqn

Sources: TypeAlias = frozenset[int]
"""The inputs that a value depends on, by their positions."""


def call(eqn: JaxprEqn) -> tuple[core.Jaxpr, Sequence[jax.Array]] | None:
    """The program that an equation runs once on its own inputs, as jit does, and its constants.

    Returns:
        ``(jaxpr, consts)``; None for loops, branches and plain operations.

    Example:
        >>> import jax
        >>> traced = jax.make_jaxpr(jax.jit(lambda x: x + 1))(2.0)
        >>> [eqn.primitive.name for eqn in call(traced.eqns[0])[0].eqns]
        ['add']
    """
    if eqn.primitive.name == "scan":
        return None
    for name in ("jaxpr", "call_jaxpr", "fun_jaxpr"):
        inner = eqn.params.get(name)
        if isinstance(inner, core.ClosedJaxpr):
            return inner.jaxpr, inner.consts
        if isinstance(inner, core.Jaxpr) and not inner.constvars:
            return inner, ()
    return None


def equations(jaxpr: core.Jaxpr) -> Iterator[JaxprEqn]:
    """Yields the equations of a program, and of all programs inside it, at any depth.

    Example:
        >>> import jax
        >>> traced = jax.make_jaxpr(jax.jit(lambda x: x + 1))(2.0)
        >>> [eqn.primitive.name for eqn in equations(traced.jaxpr)]
        ['jit', 'add']
    """
    for eqn in jaxpr.eqns:
        yield eqn
        for inner in inside(eqn):
            yield from equations(opened(inner))


def constants(closed: object) -> Iterator[jax.Array | np.ndarray]:
    """Yields the arrays that a program holds besides its inputs, at any depth.

    Example:
        >>> import jax
        >>> table = np.arange(3.0)
        >>> [x.shape for x in constants(jax.make_jaxpr(lambda i: jax.numpy.take(table, i))(0))]
        [(3,)]
    """
    yield from getattr(closed, "consts", ())
    for eqn in opened(closed).eqns:
        for atom in eqn.invars:
            if isinstance(atom, core.Literal) and np.ndim(atom.val):
                yield atom.val
        for inner in inside(eqn):
            yield from constants(inner)


def holds_user_code(jaxpr: core.Jaxpr) -> bool:
    """Whether a loop, a branch or a jit inside a program was traced from a user's function.

    JAX keeps its trace of such a function, even when the globals that it reads have changed.

    Example:
        >>> import jax
        >>> double = lambda x: 2 * x
        >>> plain, branch = double, lambda x: jax.lax.cond(x > 0, double, double, x)
        >>> [holds_user_code(jax.make_jaxpr(fn)(1.0).jaxpr) for fn in (plain, branch)]
        [False, True]
    """
    return any(
        not _in_library(inner.debug_info.func_filename) or holds_user_code(inner)
        for inner in {opened(inner) for eqn in jaxpr.eqns for inner in inside(eqn)}
    )


_LIBRARIES = frozenset(Path(file).parent for file in (jax.__file__, optax.__file__, __file__))
"""Their functions read nothing that changes."""


@functools.cache
def _in_library(file: str | None) -> bool:
    return file is not None and not _LIBRARIES.isdisjoint(Path(file).parents)


def scopes(eqn: JaxprEqn) -> tuple[str, ...]:
    """The names of the layers an equation belongs to, outermost first, such as "dense(3, 4)"."""
    return tuple(scope.name for scope in scope_stack(eqn))


def scope_stack(eqn: JaxprEqn) -> tuple[Any, ...]:
    """The scopes themselves; each call of a layer enters one of its own, which tells it apart."""
    stack = getattr(eqn.source_info.name_stack, "stack", ())
    return tuple(part for part in stack if isinstance(part, _scope_type()))


@functools.cache
def _scope_type() -> type:
    """The type of JAX's note of a ``named_scope``; its notes of grad and vmap have others."""

    def scoped(x: jax.Array) -> jax.Array:
        with jax.named_scope("scope"):
            return lax.neg(x)

    (eqn,) = jax.make_jaxpr(scoped)(0.0).eqns
    return type(eqn.source_info.name_stack.stack[-1])


def dependencies(jaxpr: core.Jaxpr, inputs: Sequence[Sources] | None = None) -> list[Sources]:
    """For each output of a program, the inputs that can change it.

    Calls, branches and scans are looked into; in other loops, every result counts as depending on
    everything that goes in.

    Args:
        jaxpr: the program.
        inputs: what its inputs themselves depend on. Default: each on itself alone.

    Returns:
        A set of positions for each output.

    Example:
        >>> import jax
        >>> traced = jax.make_jaxpr(lambda x, y: (x + 1, x * y))(1.0, 2.0)
        >>> [sorted(found) for found in dependencies(traced.jaxpr)]
        [[0], [0, 1]]
    """
    if inputs is None:
        inputs = [frozenset({i}) for i in range(len(jaxpr.invars))]
    known: dict[core.Var, Sources] = dict(zip(jaxpr.invars, inputs, strict=True))
    of = lambda v: frozenset() if isinstance(v, core.Literal) else known.get(v, frozenset())
    for eqn in jaxpr.eqns:
        known.update(zip(eqn.outvars, _through(eqn, [of(v) for v in eqn.invars]), strict=True))
    return [of(v) for v in jaxpr.outvars]


def scan_counts(eqn: JaxprEqn) -> tuple[int, int]:
    """How many inputs of a scan are constants, and how many are carried.

    Versions of JAX note them in different ways. What is scanned over has one axis less inside; what
    is carried or constant doesn't.
    """
    jaxpr = opened(eqn.params["jaxpr"])
    scanned = lambda outside, inside: sum(
        a.aval.ndim != b.aval.ndim for a, b in zip(outside, inside, strict=True)
    )
    n_carry = len(eqn.outvars) - scanned(eqn.outvars, jaxpr.outvars)
    return len(eqn.invars) - scanned(eqn.invars, jaxpr.invars) - n_carry, n_carry


def _through(eqn: JaxprEqn, inputs: Sequence[Sources]) -> list[Sources]:
    """What the results of an equation depend on."""
    if (inner := call(eqn)) is not None and len(inner[0].invars) == len(inputs):
        return dependencies(inner[0], inputs)
    if eqn.primitive.name == "scan":
        return _through_scan(eqn, inputs)
    if eqn.primitive.name == "cond":
        which, *operands = inputs
        ways = [dependencies(opened(b), operands) for b in eqn.params["branches"]]
        return [which.union(*way) for way in zip(*ways, strict=True)]
    return [frozenset().union(*inputs)] * len(eqn.outvars)


def _through_scan(eqn: JaxprEqn, inputs: Sequence[Sources]) -> list[Sources]:
    """Turn after turn, until what is carried depends on nothing new."""
    jaxpr, (n_consts, n_carry) = opened(eqn.params["jaxpr"]), scan_counts(eqn)
    consts, carry, xs = inputs[:n_consts], inputs[n_consts:][:n_carry], inputs[n_consts + n_carry :]
    while True:
        results = dependencies(jaxpr, [*consts, *carry, *xs])
        after = [old | new for old, new in zip(carry, results[:n_carry], strict=True)]
        if after == list(carry):
            return [*after, *results[n_carry:]]
        carry = after


def inside(eqn: JaxprEqn) -> Iterator[core.Jaxpr | core.ClosedJaxpr]:
    """The programs among the parameters of an equation: of a call, a loop, a custom rule."""
    for value in eqn.params.values():
        for each in value if isinstance(value, tuple | list) else (value,):
            if isinstance(each, core.Jaxpr | core.ClosedJaxpr):
                yield each


def opened(jaxpr: Any) -> core.Jaxpr:
    """A program stripped of its constants, if it comes with any."""
    return jaxpr.jaxpr if isinstance(jaxpr, core.ClosedJaxpr) else jaxpr
