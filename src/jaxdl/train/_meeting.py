"""Whether the rows of a batch meet in a function: read off its traced program."""

from collections.abc import Callable, Iterator
from typing import Any

import jax
from jax.extend import core

from jaxdl import _jaxprs

ROWS = 10_007
"""A prime: an axis whose length is a multiple of it is one of rows."""

ACROSS = ("all_gather", "all_to_all", "ppermute", "psum", "pmax", "pmin", "reduce_scatter")


def meet(fn: Callable[..., Any], batch: Any, *rest: Any) -> bool:
    """Whether a row of ``fn(batch, …)`` depends on other rows of the batch, as far as can be seen.

    It errs on the safe side: a function that it can't read counts as one in which rows meet.

    Args:
        fn: from a batch, and more, to arrays of as many rows.
        batch: arrays, or shapes of them.
        rest: what else ``fn`` takes.

    Example:
        >>> import jax.numpy as jnp
        >>> x = jnp.ones((4, 3))
        >>> meet(lambda x: x - x.mean(axis=1, keepdims=True), x)
        False
        >>> meet(lambda x: x - x.mean(axis=0, keepdims=True), x)
        True
    """
    many = lambda x: jax.ShapeDtypeStruct((ROWS, *x.shape[1:]), x.dtype)
    try:
        traced = jax.make_jaxpr(fn)(jax.tree.map(many, batch), *rest)
    except Exception:  # it is for batches of some size only
        return True
    return any(_meet_in(eqn) for eqn in _used(traced.jaxpr))


def _used(jaxpr: Any) -> Iterator[Any]:
    """The operations that the results of a program need, and all that is inside them."""
    needed = {v for v in jaxpr.outvars if not isinstance(v, core.Literal)}
    for eqn in reversed(jaxpr.eqns):
        if needed.isdisjoint(eqn.outvars):
            continue
        needed.update(v for v in eqn.invars if not isinstance(v, core.Literal))
        yield eqn
        for inner in _jaxprs.inside(eqn):
            yield from _jaxprs.equations(_jaxprs.opened(inner))


def _meet_in(eqn: Any) -> bool:
    """Whether one operation brings rows together."""
    name, given = eqn.primitive.name, [_row_axes(v) for v in eqn.invars]
    if not any(given):
        return False
    if next(iter(_jaxprs.inside(eqn)), None) is not None and not name.startswith("reduce"):
        return name == "scan" and _scans_rows(eqn)
    if name.startswith(ACROSS) or ("callback" in name and eqn.outvars):
        return True
    if any(len(_row_axes(v)) != 1 for v in eqn.outvars):
        return True
    return any(axis in _mixed(eqn) for axis in given[0]) or (
        name == "conv_general_dilated" and bool(given[1])
    )


def _mixed(eqn: Any) -> set[int]:
    """The axes of an operation's first operand along which its values meet or change places."""
    name, params, ndim = eqn.primitive.name, eqn.params, len(eqn.invars[0].aval.shape)
    if name.startswith("cum"):
        return {params["axis"]}
    if name == "sort":
        return {params["dimension"]}
    if name == "rev":
        return set(params["dimensions"])
    if name == "fft":
        return set(range(ndim - len(params["fft_lengths"]), ndim))
    if name.startswith("reduce_window"):
        return {i for i, n in enumerate(params["window_dimensions"]) if n != 1}
    if name == "conv_general_dilated":
        batch, _, *space = params["dimension_numbers"].lhs_spec
        # Where rows lie in turn along an axis, a window that is spread as wide stays in a row.
        spread = zip(space, params["rhs_dilation"], strict=True)
        return set(range(ndim)) - {batch, *(axis for axis, n in spread if n % ROWS == 0)}
    if name == "gather":
        return set(params["dimension_numbers"].start_index_map)
    if name.startswith("scatter"):
        return set(params["dimension_numbers"].scatter_dims_to_operand_dims)
    return set()


def _scans_rows(eqn: Any) -> bool:
    """Whether a scan goes from row to row."""
    scanned = eqn.invars[sum(_jaxprs.scan_counts(eqn)) :]
    return any(0 in _row_axes(v) for v in scanned)


def _row_axes(v: Any) -> list[int]:
    shape = getattr(v.aval, "shape", ())
    return [i for i, n in enumerate(shape) if isinstance(n, int) and n and n % ROWS == 0]
