"""One member of a population: its first TrainState, a part of an epoch, an evaluation."""

import dataclasses
from collections.abc import Mapping
from typing import Any, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp

from jaxdl.sweep._plan import Combination, MakeRun, Run, StepFn, Steps
from jaxdl.train._epoch import (
    batch_sizes,
    example,
    make_chunk,
    make_evaluation,
    summed,
    tree_is_finite,
)
from jaxdl.train._measured import as_sums
from jaxdl.train._padding import pads
from jaxdl.train._rows import Where, at_once
from jaxdl.train._step import init_state, make_step
from jaxdl.train._weights import row_count, rows_of, with_weight
from jaxdl.types import Array, Batch, Key, Metrics, PyTree

ALONE = Where(None, None)
"""A member never shares its batches with other devices."""

Numbers: TypeAlias = Mapping[str, PyTree]
"""Hyperparameters by name that are arrays, traced or not."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Spec:
    """Everything that determines what the programs of a group compute."""

    make_run: MakeRun
    fixed: Combination
    batch_size: int
    shuffle: bool
    shared: bool  # whether all members see the same batches


class Members(NamedTuple):
    """What training changes, of one member or of many along a first axis."""

    train_state: PyTree  # its step is that of all
    sums: Metrics
    diverged: Array  # int32, the first step whose loss wasn't finite, -1 before


def build(spec: Spec, numbers: Numbers) -> Run | Steps:
    """Calls ``make_run`` with a member's hyperparameters.

    Raises:
        TypeError: if it returns anything but a Run or Steps.
    """
    try:
        run = spec.make_run(**dict(spec.fixed), **numbers)
    except Exception as error:
        traced = [name for name, x in numbers.items() if isinstance(x, jax.core.Tracer)]
        if traced:
            error.add_note(
                f"sweep.run: make_run got {', '.join(traced)} as traced numbers. What shapes or"
                f" Python code depend on must be in static=…, as static={traced[:1]}"
            )
        raise
    if not isinstance(run, Run | Steps):
        raise TypeError(
            f"sweep.run: make_run returned a {type(run).__name__}; it must return a sweep.Run or"
            " sweep.Steps"
        )
    return run


def initial(spec: Spec, numbers: Numbers, key: Key) -> PyTree:
    """The TrainState of step 0.

    Raises:
        TypeError: if it has no step or key.
    """
    run = build(spec, numbers)
    if isinstance(run, Run):
        return init_state(run.net, run.tx, key)
    train_state = run.init(key)
    if not {"step", "key"} <= set(getattr(train_state, "_fields", ())):
        kind = type(train_state).__name__
        raise TypeError(f"sweep.run: init returned a {kind}, not a NamedTuple with step and key")
    return train_state


def advance(
    spec: Spec, data: Batch, span: tuple[Array, Array], numbers: Numbers, members: Members
) -> Members:
    """Takes the steps first … last - 1 of the epoch that a member is in.

    Unlike ``fit``, it continues if a loss isn't finite, and notes the step: others, which share
    its loop, must not wait, and nothing of it reaches them.
    """
    ts = members.train_state
    step, pad = step_of(spec, numbers, ts, data)
    how = {"batch_size": spec.batch_size, "shuffle": spec.shuffle, "pad": pad}
    tracked = _Tracked(ts.step, ts.key, bare(ts), members.diverged)
    # Under a name of its own, so that the loop doesn't look at the loss.
    sums = {"all": members.sums}
    chunk: Any = make_chunk(_tracking(step), **how)  # type: ignore[arg-type]
    after, sums, _ = chunk(tracked, sums, data, *span)
    ts = _whole(after)
    finite = tree_is_finite(getattr(ts, "params", ()))
    return Members(ts, sums["all"], _noted(after.diverged, ts.step - 1, finite))


def step_of(spec: Spec, numbers: Numbers, train_state: PyTree, data: Batch) -> tuple[StepFn, bool]:
    """The training step of a member, its metrics as sums, and whether batches are filled up."""
    run = build(spec, numbers)
    if isinstance(run, Steps):
        return summed(run.step, None), False
    sizes = batch_sizes(rows_of(data) or 0, spec.batch_size)
    pad = pads(
        run.loss_fn, train_state.params, train_state.state, example(data, spec.batch_size),
        key=train_state.key, where=ALONE, sizes=sizes, batch_fns=run.batch_fns,
    )  # fmt: skip
    return make_step(run.loss_fn, run.tx, batch_fns=run.batch_fns), pad


def evaluate(spec: Spec, data: Batch, numbers: Numbers, train_state: PyTree) -> Metrics:
    """Sums of loss and metrics over data."""
    run = build(spec, numbers)
    if isinstance(run, Steps):
        batch = with_weight(data)
        found = {} if run.measure is None else dict(run.measure(train_state, batch))
        return as_sums(found, row_count(batch))
    size = min(at_once(spec.batch_size), rows_of(data) or 0)
    measure = make_evaluation(run.loss_fn, batch_size=size)
    return measure(train_state.params, train_state.state, data)


def bare(train_state: PyTree, *, key: bool = False) -> PyTree:
    """A TrainState without its step, and without its key unless that is asked for."""
    return train_state._replace(step=(), key=train_state.key if key else ())


class _Tracked(NamedTuple):
    """A TrainState in the loop, with a note of where it diverged."""

    step: Array
    key: Key
    rest: PyTree
    diverged: Array


def _whole(tracked: _Tracked) -> PyTree:
    return tracked.rest._replace(step=tracked.step, key=tracked.key)


def _tracking(step: StepFn) -> StepFn:
    """A step that notes whether its loss is finite."""

    def run(tracked: _Tracked, batch: Batch) -> tuple[_Tracked, Metrics]:
        after, sums = step(_whole(tracked), batch)
        finite = jnp.isfinite(sums["loss"].total) if "loss" in sums else jnp.asarray(True)
        diverged = _noted(tracked.diverged, tracked.step, finite)
        return _Tracked(after.step, after.key, bare(after), diverged), {"all": sums}

    return run


def _noted(diverged: Array, step: Array, finite: Array) -> Array:
    return jnp.where((diverged < 0) & ~finite, step, diverged)
