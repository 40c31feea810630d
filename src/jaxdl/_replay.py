"""Traced programs, computed equation by equation."""

from collections.abc import Callable, Mapping, Sequence

import jax
from jax import lax
from jax.extend import core
from jax.extend.core import JaxprEqn

from jaxdl import _jaxprs


def evaluate(
    jaxpr: core.Jaxpr,
    consts: Sequence[jax.Array],
    args: Sequence[jax.Array],
    rule: Callable[[JaxprEqn, list[jax.Array]], Sequence[jax.Array]],
) -> list[jax.Array]:
    """Computes a program, each equation as a rule says.

    Args:
        jaxpr: the program.
        consts: its constants.
        args: its inputs.
        rule: from an equation and its inputs to its outputs, such as ``bind``.

    Returns:
        The program's outputs.

    Example:
        >>> program = jax.make_jaxpr(lambda x: x * x + 1)(2.0)
        >>> evaluate(program.jaxpr, program.consts, [jax.numpy.float32(3)], bind)
        [Array(10., dtype=float32)]
    """
    values = dict(zip((*jaxpr.constvars, *jaxpr.invars), (*consts, *args), strict=True))
    for eqn in jaxpr.eqns:
        outputs = rule(eqn, [read(values, v) for v in eqn.invars])
        values.update(zip(eqn.outvars, outputs, strict=True))
    return [read(values, v) for v in jaxpr.outvars]


def read(values: Mapping[core.Var, jax.Array], v: core.Var | core.Literal) -> jax.Array:
    """The value of a variable, or of a literal."""
    return v.val if isinstance(v, core.Literal) else values[v]


def bind(eqn: JaxprEqn, inputs: Sequence[jax.Array]) -> list[jax.Array]:
    """Computes one equation; custom derivatives, such as relu's, stay with it."""
    outputs = eqn.primitive.bind(*inputs, **eqn.primitive.get_bind_params(eqn.params))
    return list(outputs) if eqn.primitive.multiple_results else [outputs]


def unrolled(
    eqn: JaxprEqn,
    inputs: Sequence[jax.Array],
    run: Callable[[core.Jaxpr, Sequence[jax.Array], list[jax.Array]], Sequence[jax.Array]],
) -> list[jax.Array]:
    """Computes a scan turn by turn; ``run(jaxpr, consts, args)`` computes its body.

    The scope ``[i]`` marks what cuts out the rows of turn i.
    """
    closed, length, backward = (eqn.params[name] for name in ("jaxpr", "length", "reverse"))
    n_consts, n_carry = _jaxprs.scan_counts(eqn)
    held, carry, xs = inputs[:n_consts], inputs[n_consts:][:n_carry], inputs[n_consts + n_carry :]
    rows: list[Sequence[jax.Array]] = [()] * length
    for i in range(length)[::-1] if backward else range(length):
        turn = [_row(x, i) for x in xs]
        results = run(_jaxprs.opened(closed), getattr(closed, "consts", ()), [*held, *carry, *turn])
        carry, rows[i] = results[:n_carry], results[n_carry:]
    return [*carry, *map(_stacked, zip(*rows, strict=True))]


def _row(x: jax.Array, i: int) -> jax.Array:
    if not isinstance(x, jax.core.Tracer):
        return lax.dynamic_index_in_dim(x, i, keepdims=False)  # one program for any row
    with jax.named_scope(f"[{i}]"):
        return lax.index_in_dim(x, i, keepdims=False)


def _stacked(column: Sequence[jax.Array]) -> jax.Array:
    # Not jnp.stack: a compiler that knows only single operations may read the result.
    return lax.concatenate([lax.expand_dims(y, (0,)) for y in column], 0)
