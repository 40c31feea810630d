"""One member of a population: its first TrainState, a part of an epoch, an evaluation."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from jaxdl import metrics as metrics_lib
from jaxdl.sweep._plan import MakeRun, Run
from jaxdl.train._epoch import batch_sizes, example, make_evaluation, tree_is_finite
from jaxdl.train._padding import pads
from jaxdl.train._rows import Rows, Where, at_once, epoch_order, exact, padded, take
from jaxdl.train._step import Step, TrainState, init_state, make_step
from jaxdl.types import Array, Batch, Key, Metrics, Params, State

ALONE = Where(None, None)
"""A member never shares its batches with other devices."""


class Recipe(NamedTuple):
    """All that decides what the programs of a group compute."""

    make_run: MakeRun
    fixed: tuple[tuple[str, Any], ...]
    batch_size: int
    shuffle: bool
    shared: bool  # whether all members see the same batches


class Members(NamedTuple):
    """What training changes, of one member or of many along a first axis."""

    train_state: TrainState  # its step is that of all
    sums: Metrics
    diverged: Array  # int32, the first step whose loss wasn't finite, -1 before


def build(recipe: Recipe, numbers: Mapping[str, Any]) -> Run:
    """Calls ``make_run`` with a member's hyperparameters.

    Raises:
        TypeError: if it gives something else than a Run.
    """
    try:
        run = recipe.make_run(**dict(recipe.fixed), **numbers)
    except Exception as error:
        traced = [name for name, x in numbers.items() if isinstance(x, jax.core.Tracer)]
        if traced:
            error.add_note(
                f"sweep.run: make_run got {', '.join(traced)} as traced numbers. What shapes or"
                f" Python code depend on is named in static=…, as static={traced[:1]}"
            )
        raise
    if not isinstance(run, Run):
        raise TypeError(
            f"sweep.run: make_run gave a {type(run).__name__}; it must give a sweep.Run"
        )
    return run


def initial(recipe: Recipe, numbers: Mapping[str, Any], key: Key) -> TrainState:
    """The TrainState of step 0, as ``train.init_state`` gives it."""
    run = build(recipe, numbers)
    return init_state(run.net, run.tx, key)


def advance(
    recipe: Recipe,
    data: Batch,
    span: tuple[Array, Array],
    order: Array | None,
    numbers: Mapping[str, Any],
    members: Members,
) -> Members:
    """Takes the steps first … last - 1 of the epoch that a member is in.

    Unlike ``fit``, it goes on where a loss isn't finite, and notes the step: others, which share
    its loop, must not wait, and nothing of it reaches them.
    """
    first, last = span
    size = len(jax.tree.leaves(data)[0])
    if order is None:
        order = order_of(recipe, members.train_state, size)
    step, n = step_of(recipe, numbers), recipe.batch_size
    pad = pads(
        build(recipe, numbers).loss_fn,
        members.train_state.params, members.train_state.state, example(data, n),
        key=members.train_state.key, where=ALONE, sizes=batch_sizes(size, n),
    )  # fmt: skip
    batches, rest = (_padded if pad else exact)(order, n, ALONE)
    full = len(batches.numbers)
    one = lambda rows, members: _one(step, take(data, rows, ALONE), members)
    body = lambda i, members: one(_at(batches, i), members)
    if full:
        members = lax.fori_loop(first, jnp.minimum(last, full), body, members)
    if rest is not None:
        members = lax.cond(last > full, lambda m: one(rest, m), lambda m: m, members)
    return _noted(members, tree_is_finite(members.train_state.params))


def order_of(recipe: Recipe, train_state: TrainState, size: int) -> Array:
    """The order of the rows in the epoch that a TrainState is in, that of ``fit``."""
    epoch = train_state.step // -(-size // recipe.batch_size)
    return epoch_order(train_state.key, epoch, size, shuffle=recipe.shuffle)


def step_of(recipe: Recipe, numbers: Mapping[str, Any]) -> Step:
    """The training step of a member."""
    run = build(recipe, numbers)
    return make_step(run.loss_fn, run.tx, batch_fns=run.batch_fns)


def evaluate(
    recipe: Recipe, data: Batch, numbers: Mapping[str, Any], params: Params, state: State
) -> Metrics:
    """Sums of loss and metrics over data."""
    size = min(at_once(recipe.batch_size), len(jax.tree.leaves(data)[0]))
    loss_fn = build(recipe, numbers).loss_fn
    return make_evaluation(loss_fn, batch_size=size)(params, state, data)


def _one(step: Step, batch: Batch, members: Members) -> Members:
    train_state, new = step(members.train_state, batch)
    sums = metrics_lib.merge(members.sums, new)
    after = Members(train_state, sums, members.diverged)
    return _noted(after, jnp.isfinite(new["loss"].total))


def _noted(members: Members, finite: Array) -> Members:
    newly = (members.diverged < 0) & ~finite
    return members._replace(
        diverged=jnp.where(newly, members.train_state.step - 1, members.diverged)
    )


def _padded(order: Array, batch_size: int, where: Where) -> tuple[Rows, Rows | None]:
    return padded(order, batch_size, where), None


def _at(batches: Rows, i: Array) -> Rows:
    weight = None if batches.weight is None else batches.weight[i]
    return batches._replace(numbers=batches.numbers[i], weight=weight)


def bare(train_state: TrainState, *, key: bool = False) -> Any:
    """A TrainState without its step, and without its key unless that is asked for."""
    return train_state._replace(step=(), key=train_state.key if key else ())  # type: ignore[arg-type]
