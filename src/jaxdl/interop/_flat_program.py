"""A program without calls, loops or choices by platform, for compilers that have none of these."""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np
from jax import lax
from jax.extend import core
from jax.extend.core import JaxprEqn

from jaxdl import _jaxprs, _replay
from jaxdl.types import Array, PyTree, Shape

_INNER = ("jaxpr", "call_jaxpr", "fun_jaxpr")
"""Where calls, such as those of ``jit``, ``checkpoint`` and ``custom_jvp``, keep their body."""


def flat_program(fn: Callable[..., PyTree], *shapes: PyTree) -> Callable[..., list[Array]]:
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


def _run(jaxpr: core.Jaxpr, consts: Sequence[Array], args: Sequence[Array]) -> list[Array]:
    return _replay.evaluate(jaxpr, consts, args, _equation)


def _equation(eqn: JaxprEqn, args: Sequence[Array]) -> Sequence[Array]:
    if eqn.primitive.name == "scan":
        return _replay.unrolled(eqn, args, _run)
    if eqn.primitive.name == "broadcast_in_dim":
        return [_broadcast(args[0], **eqn.params)]
    if eqn.primitive.name == "dot_general":
        return [_product(args[0], args[1], **eqn.params)]
    inner = next((eqn.params[name] for name in _INNER if name in eqn.params), None)
    if inner is not None and eqn.primitive.name not in ("while", "cond", "reduce", "reduce_window"):
        return _run(_jaxprs.opened(inner), getattr(inner, "consts", ()), args)
    return _replay.bind(eqn, args)


def _broadcast(x: Array, shape: Shape, broadcast_dimensions: Sequence[int], **_: object) -> Array:
    """Broadcasts to the same number of axes first.

    jax2onnx 0.17 takes a slice's first axis for the first axis of the result, so that the bias of a
    gate would get as many rows as it has numbers.
    """
    sizes = [1] * len(shape)
    for axis, size in zip(broadcast_dimensions, np.shape(x), strict=True):
        sizes[axis] = size
    if np.ndim(x) and 0 not in broadcast_dimensions and not isinstance(shape[0], int):
        x, broadcast_dimensions = lax.reshape(x, sizes), range(len(shape))
    return lax.broadcast_in_dim(x, shape, broadcast_dimensions)


def _product(
    a: Array, b: Array, dimension_numbers: lax.DotDimensionNumbers, **options: Any
) -> Array:
    """Sums over an axis of one entry where a product sums over none.

    jax2onnx 0.17 writes the letter of the batch twice for an outer product of rows.
    """
    summed, rows = dimension_numbers
    if not any(map(len, summed)):
        summed = (np.ndim(a),), (np.ndim(b),)
        a, b = (lax.expand_dims(x, (np.ndim(x),)) for x in (a, b))
    return lax.dot_general(a, b, (summed, rows), **options)
