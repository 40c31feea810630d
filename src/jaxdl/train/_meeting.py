"""Whether the rows of a batch interact in a function, read off its traced program."""

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import jax
from jax.extend import core
from jax.extend.core import JaxprEqn

from jaxdl import _jaxprs
from jaxdl.types import PyTree

ROWS = 10_007
"""A prime: an axis whose length is a multiple of it is one of rows."""

ACROSS = ("all_gather", "all_to_all", "ppermute", "psum", "pmax", "pmin", "reduce_scatter")

COMBINING = ("reduce", "scatter", "select_and")
"""Operations that hold a program of two numbers, by which they combine many."""


def meet(fn: Callable[..., PyTree], batch: PyTree, *rest: object) -> bool:
    """Whether a row of ``fn(batch, …)`` depends on other rows of the batch, as far as can be seen.

    It errs on the safe side: a function that it can't read counts as one in which rows interact.

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
    used = list(_used(traced.jaxpr))
    return any(map(_meet_in, used)) or _change_places(used)


def _used(jaxpr: core.Jaxpr) -> Iterator[JaxprEqn]:
    """The operations that the results of a program need, and all that is inside them."""
    needed = {v for v in jaxpr.outvars if not isinstance(v, core.Literal)}
    for eqn in reversed(jaxpr.eqns):
        if needed.isdisjoint(eqn.outvars):
            continue
        needed.update(v for v in eqn.invars if not isinstance(v, core.Literal))
        yield eqn
        for inner in _jaxprs.inside(eqn):
            yield from _jaxprs.equations(_jaxprs.opened(inner))


def _meet_in(eqn: JaxprEqn) -> bool:
    """Whether one operation brings rows together."""
    name, given = eqn.primitive.name, [_row_axes(v) for v in eqn.invars]
    if not any(given):
        return False
    if next(iter(_jaxprs.inside(eqn)), None) is not None and not name.startswith(COMBINING):
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
    if name.startswith(("reduce_window", "select_and")):  # pooling, and gradients of it
        return {i for i, n in enumerate(params["window_dimensions"]) if n != 1}
    if name == "conv_general_dilated":
        batch, _, *space = params["dimension_numbers"].lhs_spec
        # Where rows lie in turn along an axis, a window dilated as wide stays in one row.
        spread = zip(space, params["rhs_dilation"], strict=True)
        return set(range(ndim)) - {batch, *(axis for axis, n in spread if n % ROWS == 0)}
    if name == "gather":
        return set(params["dimension_numbers"].start_index_map)
    if name.startswith("scatter"):
        return set(params["dimension_numbers"].scatter_dims_to_operand_dims)
    return set()


class _Regrouped(NamedTuple):
    """An axis of ``length`` entries for each row is made, or taken apart again.

    ``ahead`` of them stand before the first row's second entry: 1 in ``(n·k,)`` made of ``(n, k)``,
    k in ``(k·n,)`` made of ``(k, n)`` and in k arrays end to end; 0 where it can't be known.
    """

    is_made: bool
    length: int
    ahead: int


def _change_places(eqns: Sequence[JaxprEqn]) -> bool:
    """Whether rows are mixed by shapes alone, as ``x.T.reshape(x.shape)`` does."""
    found = [regrouped for eqn in eqns for regrouped in _regrouped(eqn)]
    made = {(g.length, g.ahead) for g in found if g.is_made}
    taken = {(g.length, g.ahead) for g in found if not g.is_made}
    lengths = {length for length, _ in taken}
    return any(not g.ahead for g in found) or any(
        {(length, ahead) for n, ahead in made if n == length}
        != {(length, ahead) for n, ahead in taken if n == length}
        for length in lengths
    )


def _regrouped(eqn: Any) -> Iterator[_Regrouped]:
    """What an operation does to the axis of rows of its first operand."""
    if not eqn.invars or next(iter(_jaxprs.inside(eqn)), None) is not None:
        return
    places = [_row_axes(v)[:1] for v in (eqn.invars[0], eqn.outvars[0])]
    if [] in places:
        return
    (i,), (j,) = places
    name, params = eqn.primitive.name, eqn.params
    before, after = eqn.invars[0].aval.shape, eqn.outvars[0].aval.shape
    k, m = before[i] // ROWS, after[j] // ROWS
    if name == "reshape":
        left, right = math.prod(before[:i]), math.prod(after[:j])
        ahead, rest = divmod(left, right) if m > 1 else divmod(right, left)
        ahead *= rest == 0 and (left == right if k == m else 1 in (k, m))
        if k != m or not ahead:
            yield _Regrouped(m > 1, max(k, m), ahead)
    elif name == "concatenate" and params["dimension"] == j:
        yield _Regrouped(True, m, m * all(v.aval.shape[j] == ROWS for v in eqn.invars))
    elif name == "slice" and k != m:
        step = (params["strides"] or (1,) * len(before))[i]
        pieces = k * (step == 1 and params["start_indices"][i] % ROWS == 0) + (step == k)
        yield _Regrouped(False, k, pieces * (m == 1))
    elif name == "split" and k != m:
        yield _Regrouped(False, k, k * all(v.aval.shape[j] == ROWS for v in eqn.outvars))
    elif name == "conv_general_dilated" and k != m:  # rows lie in turn along an axis
        yield from (_Regrouped(False, k, k), _Regrouped(True, m, m))
    elif k != m or any(_entries(v) not in (0, m) for v in eqn.invars if "update" in name):
        yield _Regrouped(True, max(k, m), 0)


def _entries(v: Any) -> int:
    """How many entries a row has along the axis of rows."""
    return max((v.aval.shape[i] // ROWS for i in _row_axes(v)), default=0)


def _scans_rows(eqn: JaxprEqn) -> bool:
    """Whether a scan goes from row to row."""
    scanned = eqn.invars[sum(_jaxprs.scan_counts(eqn)) :]
    return any(0 in _row_axes(v) for v in scanned)


def _row_axes(v: Any) -> list[int]:
    shape = getattr(v.aval, "shape", ())
    return [i for i, n in enumerate(shape) if isinstance(n, int) and n and n % ROWS == 0]
