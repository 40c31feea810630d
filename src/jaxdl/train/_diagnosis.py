"""What went wrong where a number isn't finite: the step, the first bad leaf, the layer."""

import functools
from collections.abc import Callable
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np

from jaxdl import _paths
from jaxdl import parallel as parallel_lib
from jaxdl.train._gradients import batch_loss, gradient
from jaxdl.train._interpreter import first_not_finite, is_finite
from jaxdl.train._programs import Recipe
from jaxdl.train._rows import epoch_order
from jaxdl.train._sources import Part
from jaxdl.train._step import TrainState, draws
from jaxdl.types import Batch, Params


class NonFiniteError(FloatingPointError):
    """A loss or parameters that aren't finite any more, and what there was before.

    ``train_state`` is that before the step, with finite parameters and ``step`` steps taken;
    ``batch`` is the step's batch.
    """

    train_state: TrainState
    batch: Batch


Examine: TypeAlias = Callable[[Callable[[Any], TrainState], Part, int, int, int], NonFiniteError]
"""From what repeats a chunk up to a step of it, its part, its first step, the one behind the last
that was taken, and the epoch's number, to the error."""


def examiner(recipe: Recipe, *, debug_nans: bool) -> Examine:
    """Makes what finds out why a chunk ended with a number that isn't finite.

    A chunk is a function, and can be computed again up to any step, to the same bits: nothing
    needs to be watched, or kept, while all goes well.
    """

    def examine(
        again: Callable[[Any], TrainState], part: Part, first: int, end: int, epoch: int
    ) -> NonFiniteError:
        good_before = lambda k: _first_path(_here(again(np.int32(k)).params)) is None
        step = _first_bad(good_before, first, end)
        train_state = _here(again(np.int32(step)))
        batch = _batch(recipe, train_state, part, step, epoch)
        found = _leaf(recipe, train_state, batch, lambda: _here(again(np.int32(step + 1)).params))
        if debug_nans:
            found += f"; {_layer(recipe, train_state, batch)}"
        where = f"in epoch {epoch + 1}, at step {int(train_state.step)} (counted from 0)"
        error = NonFiniteError(found.format(where=where))
        error.train_state, error.batch = train_state, batch
        return error

    return examine


def _first_bad(good_before: Callable[[int], Any], first: int, end: int) -> int:
    """The last of the steps first … end - 1 that began with finite parameters.

    It is nearly always end - 1, where the loss isn't finite. Else an earlier one made parameters
    that aren't, which the loss has come to see later.
    """
    low, high = first, end - 1
    if low == high or bool(good_before(high)):
        return high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if bool(good_before(middle)) else (low, middle)
    return low


def _here(tree: Any) -> Any:
    """Brings a tree from wherever it lies to one device of this process."""
    return jax.device_put(parallel_lib.local(tree), jax.local_devices()[0])


def _batch(recipe: Recipe, train_state: TrainState, part: Part, step: int, epoch: int) -> Batch:
    """The rows of a step of a part, as they come from the data."""
    size, n = len(jax.tree.leaves(part.data)[0]), part.batch_size
    number = jnp.int32(epoch)
    order_of = jax.jit(functools.partial(epoch_order, size=size, shuffle=recipe.shuffle))
    rows = np.asarray(order_of(train_state.key, number))[step * n : (step + 1) * n]
    return _here({name: np.asarray(x)[rows] for name, x in part.data.items()})


def _leaf(
    recipe: Recipe, train_state: TrainState, batch: Batch, after: Callable[[], Params]
) -> str:
    """Says what isn't finite: loss, gradient, or parameters after the update; names the leaf."""
    key, changed = draws(train_state, batch, recipe.batch_fns)
    of = jax.jit(functools.partial(gradient, recipe.loss_fn, accumulate=recipe.accumulate))
    grads, _, sums = of(train_state.params, train_state.state, changed, key=key)
    loss = float(sums["loss"].total) / max(float(sums["loss"].count), 1e-30)
    said = f"the loss is {loss} {{where}}; "
    if (path := _first_path(train_state.params)) is not None:
        return f"{said}params/{path} was not finite before it"
    if (path := _first_path(grads)) is not None:
        return f"{said}the gradient of params/{path} is the first that isn't finite"
    if (path := _first_path(after())) is not None:
        return f"{said}the gradient is finite, but the update makes params/{path} something else"
    return f"{said}all gradients are finite: look for labels outside the network's classes"


def _first_path(tree: Params) -> str | None:
    for path, x in jax.tree.leaves_with_path(tree):
        if not is_finite(x):
            return _paths.spell(path).replace("{", "{{").replace("}", "}}")
    return None


def _layer(recipe: Recipe, train_state: TrainState, batch: Batch) -> str:
    """Computes the step again, op by op: first the loss alone, then with its gradient."""
    key, batch = draws(train_state, batch, recipe.batch_fns)
    for name, fn in (("the loss", batch_loss), ("the gradient", gradient)):
        of = functools.partial(fn, recipe.loss_fn, key=key)
        found = first_not_finite(of, train_state.params, train_state.state, batch)
        if found is not None:
            return f"op by op through {name}, {found}"
    return "op by op, each number is finite"
