"""Finds out where a number became nan or infinite: the step, the leaf, the rows, the layer."""

import functools
from collections.abc import Callable, Mapping
from typing import TypeAlias

import jax
import jax.numpy as jnp
import numpy as np

from jaxdl import _paths
from jaxdl import parallel as parallel_lib
from jaxdl.train import _programs
from jaxdl.train._gradients import batch_loss, gradient
from jaxdl.train._interpreter import first_not_finite, is_finite
from jaxdl.train._measured import measured
from jaxdl.train._rows import epoch_order
from jaxdl.train._sources import Part
from jaxdl.train._step import BatchFn, draws
from jaxdl.train._weights import rows_of
from jaxdl.types import Batch, Key, LossFn, PyTree


class NonFiniteError(FloatingPointError):
    """A loss or parameter became nan or infinite.

    ``train_state`` is the one before that step, with finite parameters and ``step`` steps taken;
    ``batch`` is the step's batch.
    """

    train_state: PyTree
    batch: Batch


_LOOK = "look for labels outside the network's classes, and for class weights that are too few"

Again: TypeAlias = Callable[[np.int32], PyTree]
"""Repeats a chunk up to one of its steps, and gives the TrainState there."""

Examine: TypeAlias = Callable[[Again, Part, int, int, int], NonFiniteError]
"""Maps what repeats a chunk up to a step, its part, its first step, the step after its last, and
the number of the pass to the error."""

Explain: TypeAlias = Callable[[PyTree, Batch, Callable[[], PyTree]], str]
"""Maps the TrainState before a step, its batch, and what computes the TrainState after it to words
on what isn't finite; ``{where}`` stands for the step."""


def examiner(explain: Explain, *, shuffle: bool) -> Examine:
    """Makes a function that finds out why a chunk ended with a number that isn't finite.

    A chunk is a pure function and can be recomputed up to any step, to the bit, so nothing needs
    to be watched or kept while all is well.
    """

    def examine(again: Again, part: Part, first: int, end: int, epoch: int) -> NonFiniteError:
        good_before = lambda k: first_path(_here(_learned(again(np.int32(k))))) is None
        step = _first_bad(good_before, first, end)
        train_state = _here(again(np.int32(step)))
        batch = _batch(train_state, part, step, epoch, shuffle)
        with _programs.anew():
            found = explain(train_state, batch, lambda: _here(again(np.int32(step + 1))))
        where = f"in epoch {epoch + 1}, at step {int(train_state.step)} (counted from 0)"
        error = NonFiniteError(found.replace("{where}", where))
        error.train_state, error.batch = train_state, batch
        return error

    return examine


def unexplained(again: Again, part: Part, first: int, end: int, epoch: int) -> NonFiniteError:
    """The error where the chunk's first TrainState is gone, overwritten by the program."""
    error = NonFiniteError(
        f"the loss or a parameter isn't finite in epoch {epoch + 1}, at the latest at its step"
        f" {end - 1} (counted from 0); with Placement(donate=True) there is no earlier"
        " TrainState to find out which: train again, or from the last checkpoint, without it"
    )
    error.train_state, error.batch = None, {}
    return error


def explainer(loss_fn: LossFn, accumulate: int, batch_fns: tuple[BatchFn, ...]) -> Explain:
    """Makes a function that names the number of a step that isn't finite, and its layer."""

    def explain(train_state: PyTree, batch: Batch, after: Callable[[], PyTree]) -> str:
        key, changed = draws(train_state, batch, batch_fns)
        of = jax.jit(functools.partial(gradient, loss_fn, accumulate=accumulate))
        grads, _, sums = of(train_state.params, train_state.state, changed, key=key)
        loss = float(sums["loss"].total) / max(float(sums["loss"].count), 1e-30)
        found = _leaf(train_state, grads, after)
        if not np.isfinite(loss):
            found = _rows(loss_fn, train_state, changed, key) or found
        layer = _layer(loss_fn, train_state, changed, key)
        return f"the loss is {loss} {{where}}; {found}; {layer}"

    return explain


def leaf_of(name: str, tree: PyTree) -> str:
    """Names the first leaf of a tree that isn't finite.

    Example:
        >>> leaf_of("grads", {"a": jnp.ones(2), "b": jnp.array([1.0, jnp.inf])})
        "grads/b is the first that isn't finite {where}"
    """
    path = first_path(_learned(tree))
    if path is None:
        return "the loss isn't finite {where}"
    return f"{name}/{path} is the first that isn't finite {{where}}"


def first_path(tree: PyTree) -> str | None:
    """The path of a tree's first leaf that isn't finite.

    Example:
        >>> first_path({"a": 1.0, "b": np.array([np.nan])})
        'b'
    """
    for path, x in jax.tree.leaves_with_path(tree):
        if not is_finite(x):
            return _paths.spell(path)
    return None


def _learned(train_state: PyTree) -> PyTree:
    """The part of a TrainState that must stay finite."""
    return getattr(train_state, "params", train_state)


def _first_bad(good_before: Callable[[int], bool], first: int, end: int) -> int:
    """The last of the steps first … end - 1 that began with finite parameters.

    It is nearly always end - 1, whose loss isn't finite. Otherwise an earlier step produced bad
    parameters that reached the loss only later.
    """
    low, high = first, end - 1
    if low == high or bool(good_before(high)):
        return high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if bool(good_before(middle)) else (low, middle)
    return low


def _here(tree: PyTree) -> PyTree:
    """Moves a tree to one device of this process."""
    return jax.device_put(parallel_lib.local(tree), jax.local_devices()[0])


def _batch(train_state: PyTree, part: Part, step: int, epoch: int, shuffle: bool) -> Batch:
    """The rows of one step of a part, as they are in the data."""
    size, n = rows_of(part.data), part.batch_size
    if size is None:
        return part.data
    order_of = jax.jit(functools.partial(epoch_order, size=size, shuffle=shuffle))
    order = order_of(train_state.key if shuffle else None, jnp.int32(epoch))
    rows = np.asarray(order)[step * n : (step + 1) * n]
    return _here(jax.tree.map(lambda x: np.asarray(x)[rows], part.data))


def _leaf(train_state: PyTree, grads: PyTree, after: Callable[[], PyTree]) -> str:
    """Names the leaf that isn't finite, of the gradient or of the updated parameters."""
    if (path := first_path(train_state.params)) is not None:
        return f"params/{path} was not finite before it"
    if (path := first_path(grads)) is not None:
        return f"the gradient of params/{path} is the first that isn't finite"
    if (path := first_path(after().params)) is not None:
        return f"the gradient is finite, but the update makes params/{path} non-finite"
    return "all gradients are finite"


def _rows(loss_fn: LossFn, train_state: PyTree, batch: Batch, key: Key) -> str | None:
    """Names the labels of the rows whose own loss isn't finite."""
    found = batch.get("labels") if isinstance(batch, Mapping) else None
    labels = np.asarray(found) if hasattr(found, "dtype") else np.zeros(0)
    if not np.issubdtype(labels.dtype, np.integer):
        return None
    alone = jax.jit(
        lambda row: measured(
            loss_fn, train_state.params, train_state.state,
            jax.tree.map(lambda x: x[None], row), key=key, train=True,
        ).loss
    )  # fmt: skip
    row = lambda i: jax.tree.map(lambda x: x[i], batch)
    bad = ~np.isfinite([float(alone(row(i))) for i in range(len(labels))])
    if not bad.any():
        return None
    those, others = np.unique(labels[bad]), np.unique(labels[~bad])
    if bad.all():
        if first_path((train_state.params, batch)) is not None:
            return None
        return f"no row has a finite loss; their labels are {_some(those)}: {_LOOK}"
    if np.intersect1d(those, others).size and labels.ndim == 1:
        return None
    return (
        f"rows with the labels {_some(those)} have a loss that isn't finite, those with"
        f" {_some(others)} don't: {_LOOK}"
    )


def _some(labels: np.ndarray) -> str:
    shown = ", ".join(map(str, labels[:5].tolist()))
    return shown if len(labels) <= 5 else f"{shown}, … {labels[-1]}"


def _layer(loss_fn: LossFn, train_state: PyTree, batch: Batch, key: Key) -> str:
    """Recomputes the step op by op: first the loss alone, then with its gradient."""
    for name, fn in (("the loss", batch_loss), ("the gradient", gradient)):
        of = functools.partial(fn, loss_fn, key=key)
        found = first_not_finite(of, train_state.params, train_state.state, batch)
        if found is not None:
            return f"op by op through {name}, {found}"
    return "op by op, each number is finite"
