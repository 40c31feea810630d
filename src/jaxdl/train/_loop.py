"""An epoch as chunks of steps, each a call of one program."""

import time
from collections.abc import Callable, Generator
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from jaxdl.train import _programs
from jaxdl.train._diagnosis import Examine
from jaxdl.train._pace import Pace, next_steps
from jaxdl.train._programs import Program, Recipe
from jaxdl.train._sources import Part, Source
from jaxdl.train._step import TrainState
from jaxdl.types import Metrics


class Passed(NamedTuple):
    """How far an epoch has come."""

    train_state: TrainState
    sums: Metrics  # of the metrics of its steps
    complete: bool
    share: float | None  # of it that is done; None where nobody knows
    rows: int
    seconds: float  # of training
    compile_seconds: float
    pace: Pace


Compiler: TypeAlias = Callable[[TrainState, Part], tuple[Program, Metrics, float]]
"""Gives the program of a part, its sums of no steps, and how long it took to compile now."""


def compiler(recipe: Recipe) -> Compiler:
    """Makes what compiles the program of a part, where its shape comes for the first time."""
    known: dict[Any, tuple[Program, Metrics]] = {}

    def compiled(train_state: TrainState, part: Part) -> tuple[Program, Metrics, float]:
        shapes = tuple((name, x.shape, x.dtype) for name, x in sorted(part.data.items()))
        if found := known.get((part.batch_size, shapes)):
            return *found, 0.0
        made = _programs.compile_chunk(recipe, part.batch_size, train_state, part.data)
        known[part.batch_size, shapes] = made[:2]
        return made

    return compiled


def epoch_chunks(
    compiled: Compiler,
    source: Source,
    train_state: TrainState,
    pace: Pace,
    examine: Examine,
    *,
    epoch: int,
    done: int,
) -> Generator[Passed, None, None]:
    """Takes the steps of an epoch that are left, chunk by chunk.

    Args:
        compiled: see ``compiler``.
        source: of the epoch's rows.
        train_state: to begin with.
        pace: how quick the chunks before were.
        examine: makes the error that says what went wrong where a number isn't finite.
        epoch: its number, from 0 on.
        done: how many of its steps have been taken before.

    Yields:
        How far it has come, after each chunk.

    Raises:
        NonFiniteError: at the first step whose loss or new parameters aren't finite.
    """
    passed = Passed(train_state, {}, False, None, 0, 0.0, 0.0, pace)
    with source(epoch, done) as parts:
        for part in parts:
            program, zeros, seconds = compiled(passed.train_state, part)
            passed = passed._replace(
                sums=passed.sums or zeros,
                rows=passed.rows + part.rows,
                compile_seconds=passed.compile_seconds + seconds,
            )
            at = part.first
            while at < part.steps:
                end = at + next_steps(passed.pace, part.steps - at)
                passed = _chunk(program, passed, part, at, end, epoch, examine)
                yield passed
                at = end


def _chunk(
    program: Program, before: Passed, part: Part, at: int, end: int, epoch: int, examine: Examine
) -> Passed:
    """Takes the steps at … end - 1 of a part, and waits for them."""
    begin = time.perf_counter()
    numbers = np.int32(at), np.int32(end)
    train_state, sums, finite = program(before.train_state, before.sums, part.data, *numbers)
    if not bool(finite):  # it waits here
        again = lambda k: program(before.train_state, before.sums, part.data, numbers[0], k)[0]
        taken = int(train_state.step) - int(before.train_state.step)
        raise examine(again, part, at, at + taken, epoch)
    seconds = time.perf_counter() - begin
    return before._replace(
        train_state=train_state,
        sums=sums,
        complete=part.last and end == part.steps,
        share=None if part.total is None else end / part.total,
        seconds=before.seconds + seconds,
        pace=before.pace._replace(steps=end - at, seconds=seconds),
    )
