"""The contracts of a loss and of params, checked while a step is traced."""

import itertools
from collections.abc import Callable

import jax
import jax.numpy as jnp
import optax

from jaxdl import _paths
from jaxdl._checks import describe
from jaxdl.types import Array, Batch, Mean, Metrics, Params, PyTree, State

LOSS = "a loss function returns (loss, (state, metrics))"
COLUMNS = ("epoch", "step", "seconds", "examples_per_second", "compile_seconds")
"""What a row of the history holds besides metrics."""


def returned_by_loss(
    loss_fn: Callable[..., object], returned: PyTree, state: State
) -> tuple[Array | Mean, State, Metrics]:
    """Takes apart what a loss function returned.

    Raises:
        TypeError: if it isn't ``(loss, (state, metrics))``, or the loss isn't one real number.
        ValueError: if the state has changed its structure, shapes or dtypes.

    Example:
        >>> returned_by_loss(lambda: 0, (jnp.float32(1), ((), {})), ())[0]
        Array(1., dtype=float32)
    """
    name = name_of_function(loss_fn)
    is_pair = lambda x: isinstance(x, tuple) and len(x) == 2 and not isinstance(x, Mean)
    if not is_pair(returned) or not is_pair(returned[1]) or not isinstance(returned[1][1], dict):
        raise TypeError(f"{name} returned {_kind(returned)}; {LOSS}, with a dict of metrics")
    loss, (after, metrics) = returned
    number = loss.total if isinstance(loss, Mean) else loss
    if not hasattr(number, "dtype") and not isinstance(number, float | int):
        raise TypeError(f"{name} returned {_kind(returned)}; {LOSS}")
    floating = jnp.issubdtype(jnp.result_type(number), jnp.floating)
    if jnp.shape(number) or not floating or (isinstance(loss, Mean) and jnp.shape(loss.count)):
        raise TypeError(
            f"{name} returned the loss {describe(number)}; it must be one floating-point number, or"
            " metrics.Mean(total, count) of two"
        )
    check_state(name, state, after)
    return loss, after, metrics


def returned_by_step(step: Callable[..., object], returned: object) -> tuple[PyTree, Metrics]:
    """Takes apart what a step returned.

    Raises:
        TypeError: if it isn't ``(train_state, metrics)``, with a dict of metrics.

    Example:
        >>> returned_by_step(lambda: 0, (1, {}))
        (1, {})
    """
    if type(returned) is not tuple or len(returned) != 2 or not isinstance(returned[1], dict):
        raise TypeError(
            f"{name_of_function(step)} returned {_kind(returned)}; a step returns"
            " (train_state, metrics), with a dict of metrics"
        )
    return returned


def check_names(name: str, found: Metrics) -> None:
    """Checks that metrics are numbers or sums, under names that the history doesn't use itself.

    Raises:
        ValueError: naming one that would be lost behind a column of the history.
        TypeError: naming one that is neither a number nor an array.

    Example:
        >>> check_names("step", {"epoch": 3.0})
        Traceback (most recent call last):
        ...
        ValueError: step: a metric is called 'epoch', which the history uses itself; ...
    """
    for metric in found:
        if metric in COLUMNS or str(metric).startswith("validation_"):
            raise ValueError(
                f"{name}: a metric is called {metric!r}, which the history uses itself; give it"
                " another name"
            )
    for path, x in jax.tree.leaves_with_path(found):
        if not hasattr(x, "dtype") and not isinstance(x, float | int):
            where = f"{name}: the metric {_paths.spell(path)} is {x!r}"
            raise TypeError(f"{where}; a metric is a number, an array, or sums of jaxdl.metrics")


def check_state(name: str, before: State, after: State) -> None:
    """Checks that a state is what it was, except for its numbers.

    Raises:
        ValueError: naming the first leaf that isn't.

    Example:
        >>> check_state("net", {"mean": jnp.zeros(2)}, {"mean": jnp.zeros(3)})
        Traceback (most recent call last):
        ...
        ValueError: net changed its state/mean from float32[2] to float32[3]; ...
    """
    rule = "a state keeps its structure, shapes and dtypes from init on"
    structures: list[object] = [jax.tree.structure(tree) for tree in (before, after)]
    if structures[0] != structures[1]:
        shown = [str(jax.tree.map(describe, tree)) for tree in (before, after)]
        raise ValueError(f"{name} changed its state from {shown[0]} to {shown[1]}; {rule}")
    for (path, old), new in zip(
        jax.tree.leaves_with_path(before), jax.tree.leaves(after), strict=True
    ):
        kinds = [(jnp.shape(x), jnp.result_type(x)) for x in (old, new)]
        if kinds[0] != kinds[1]:
            where = f"{name} changed its state/{_paths.spell(path)}"
            raise ValueError(f"{where} from {describe(old)} to {describe(new)}; {rule}")


def check_sums(name: str, found: Metrics, batch: Batch, again: Callable[[Batch], Metrics]) -> None:
    """Checks that no metric has an entry per row: sums over batches would add one row to another.

    Args:
        name: of what measured them.
        found: the metrics of a batch.
        batch: the batch.
        again: from a batch to its metrics; called only if a metric looks like that.

    Raises:
        ValueError: naming the metric.
        TypeError: see ``check_names``.

    Example:
        >>> each = lambda batch: {"error": batch["x"] ** 2}
        >>> batch = {"x": jnp.ones(4)}
        >>> check_sums("step", each(batch), batch, each)
        Traceback (most recent call last):
        ...
        ValueError: step: the metric 'error' is float32[4], an entry for each row of the batch; ...
    """
    check_names(name, found)
    n = next((x.shape[0] for x in jax.tree.leaves(batch) if jnp.ndim(x)), 0)
    by_row = lambda x: not isinstance(x, tuple) and any(d and d % n == 0 for d in jnp.shape(x))
    if not n or not any(by_row(x) for x in jax.tree.leaves(found, is_leaf=_is_tuple)):
        return
    others = _of_more_rows(again, batch, found)
    for (path, x), other in zip(
        jax.tree.leaves_with_path(found, is_leaf=_is_tuple),
        jax.tree.leaves(others, is_leaf=_is_tuple),
        strict=True,
    ):
        if by_row(x) and jnp.shape(x) != jnp.shape(other):
            raise ValueError(
                f"{name}: the metric {_paths.spell(path)!r} is {describe(x)}, an entry for each row"
                " of the batch; a metric is one number, sums such as a confusion matrix, or"
                ' metrics.mean(values, weight=batch["weight"])'
            )


def _of_more_rows(again: Callable[[Batch], Metrics], batch: Batch, found: Metrics) -> Metrics:
    """The shapes of the metrics of a batch of twice the rows; plain numbers if that fails."""
    rows = lambda x: (2 * x.shape[0], *x.shape[1:]) if x.ndim else ()
    more = lambda x: jax.ShapeDtypeStruct(rows(x), x.dtype)
    try:
        return jax.eval_shape(again, jax.tree.map(more, batch))
    except Exception:  # it is for batches of this size only
        return jax.tree.map(lambda x: 0.0, found, is_leaf=_is_tuple)


def _is_tuple(x: object) -> bool:
    return isinstance(x, tuple)


def check_params(name: str, params: Params) -> None:
    """Checks that every leaf of a tree can be learned.

    Raises:
        TypeError: naming the first leaf that can't.

    Example:
        >>> check_params("fit", {"n": jnp.arange(2)})
        Traceback (most recent call last):
        ...
        TypeError: fit: params/n is int32[2]; params are floating-point arrays, which learn: ...
    """
    for path, x in jax.tree.leaves_with_path(params):
        is_array = hasattr(x, "dtype") or isinstance(x, float | complex)
        if not is_array or not jnp.issubdtype(jnp.result_type(x), jnp.inexact):
            where = f"{name}: params/{_paths.spell(path)}"
            got = describe(x) if hasattr(x, "dtype") else repr(x)
            raise TypeError(
                f"{where} is {got}; params are floating-point arrays, which learn: counters"
                " and names belong in the state, or in the layer itself"
            )


def check_given(name: str, given: object, own: object) -> None:
    """Checks that given params or state fit a network: structure and shapes.

    Raises:
        ValueError: naming the first leaf that doesn't.

    Example:
        >>> check_given("init_state: params", {"bias": jnp.ones(2)}, {"kernel": jnp.ones((3, 2))})
        Traceback (most recent call last):
        ...
        ValueError: init_state: params: got bias float32[2] where the network has kernel ...
    """
    shown = lambda leaf: f"{_paths.spell(leaf[0]) or 'this'} {describe(jnp.asarray(leaf[1]))}"
    kinds = lambda leaf: (leaf[0], jnp.shape(leaf[1]))
    found, wanted = map(jax.tree.leaves_with_path, (given, own))
    for mine, its in itertools.zip_longest(found, wanted):
        if mine is None or its is None or kinds(mine) != kinds(its):
            got = "nothing" if mine is None else shown(mine)
            has = "nothing" if its is None else shown(its)
            raise ValueError(f"{name}: got {got} where the network has {has}")
    structures: list[object] = [jax.tree.structure(tree) for tree in (given, own)]
    if structures[0] != structures[1]:
        raise ValueError(f"{name}: got {structures[0]} where the network has {structures[1]}")


def check_opt_state(
    tx: optax.GradientTransformation, params: Params, opt_state: PyTree, error: Exception
) -> None:
    """Explains an error of an optimizer that got the state of another one.

    Raises:
        ValueError: from ``error``, if the state hasn't the structure that ``tx`` starts with.

    Example:
        >>> check_opt_state(optax.sgd(0.1), {"w": jnp.ones(2)}, (1, 2, 3), KeyError("mu"))
        Traceback (most recent call last):
        ...
        ValueError: the TrainState's opt_state isn't one of this optimizer's; ...
    """
    own: object = jax.tree.structure(jax.eval_shape(tx.init, params))
    if own != jax.tree.structure(opt_state):
        raise ValueError(
            "the TrainState's opt_state isn't one of this optimizer's; start anew from its"
            " parameters with init_state(net, tx, key, params=train_state.params)"
        ) from error


def name_of_function(fn: Callable[..., object]) -> str:
    """The name of a function in messages.

    Example:
        >>> import functools
        >>> name_of_function(functools.partial(check_params, "fit"))
        'check_params'
    """
    while hasattr(fn, "func"):
        fn = fn.func
    return getattr(fn, "__name__", type(fn).__name__)


def _kind(x: object) -> str:
    """A value in a few words: arrays by shape, tuples by their parts."""
    if hasattr(x, "dtype"):
        return describe(x)
    if isinstance(x, tuple) and not hasattr(x, "_fields"):
        return f"({', '.join(map(_kind, x))}{',' * (len(x) == 1)})"
    return f"a {type(x).__name__}"
