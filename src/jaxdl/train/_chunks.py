"""The steps of a run, one chunk of them after another, each a call of one program."""

import time
from collections.abc import Callable, Generator
from typing import Any, NamedTuple, TypeAlias

import jax
import numpy as np

from jaxdl.train._diagnosis import Examine
from jaxdl.train._pace import Pace, next_steps
from jaxdl.train._programs import Program
from jaxdl.train._sources import Part, Source
from jaxdl.types import Metrics

Compiler: TypeAlias = Callable[[Any, Part], tuple[Program, Metrics, float]]
"""Gives the program of a part, its sums of no steps, and how long it took to compile now."""


class Length(NamedTuple):
    """How long a run is, and how often it adds a row to the history."""

    epochs: int | None
    max_steps: int | None
    steps_per_epoch: int | None  # None: an epoch is a pass over the data


class Passed(NamedTuple):
    """How far a run has come since the last row of its history."""

    train_state: Any
    step: int
    passes: int  # over the data, complete ones
    pace: Pace
    sums: Any = ()  # of the metrics of its steps
    complete: bool = False  # whether an epoch has just ended
    share: float | None = None  # of the epoch that is done; None where nobody knows
    rows: int = 0
    seconds: float = 0.0  # of training
    compile_seconds: float = 0.0


def chunks(
    caller: str,
    compiled: Compiler,
    source: Source,
    examine: Examine,
    length: Length,
    begin: Passed,
    done: int,
) -> Generator[Passed, None, None]:
    """Takes steps without end, chunk by chunk, pass after pass over the data.

    Args:
        caller: the function that messages name.
        compiled: see ``Compiler``.
        source: where the rows come from.
        examine: makes the error that says what went wrong if a number isn't finite.
        length: where epochs, and with them chunks, end.
        begin: where the run starts.
        done: how many steps of the pass under way have been taken before.

    Yields:
        How far it has come, after each chunk. After a complete epoch it starts from zero.

    Raises:
        NonFiniteError: at the first step whose loss or new parameters aren't finite.
        ValueError: if a pass has no batches.
    """
    passed = begin
    while True:
        first = passed.step
        with source(passed.passes, done) as parts:
            for part in parts:
                program, zeros, seconds = compiled(passed.train_state, part)
                compiling, at = seconds, part.first
                while at < part.steps:
                    end = _end(passed, part, at, length)
                    passed = passed._replace(
                        sums=passed.sums or zeros,
                        compile_seconds=passed.compile_seconds + compiling,
                    )
                    passed = _chunk(program, passed, part, at, end, examine, length)
                    yield passed
                    if passed.complete:
                        passed = Passed(*passed[:4], share=0.0)
                    compiling, at = 0.0, end
        if passed.step == first:
            number = passed.passes + 1
            raise ValueError(
                f"{caller}: the stream has no batches in epoch {number} after its first {done}"
                + (_why_over(length) if done else "")
            )
        done = 0


def _why_over(length: Length) -> str:
    """What a run that starts beyond the end of a pass needs."""
    if length.steps_per_epoch is None:
        return ": to continue a later epoch it needs the history"
    return (
        ": with steps_per_epoch a run continues in a later pass only if the length of a pass is"
        " known, as for a Dataset or a data.Reader"
    )


def _end(passed: Passed, part: Part, at: int, length: Length) -> int:
    """The step of a part that the next chunk ends before."""
    end = at + next_steps(passed.pace, part.steps - at)
    if length.steps_per_epoch is not None:
        end = min(end, at + length.steps_per_epoch - passed.step % length.steps_per_epoch)
    return end if length.max_steps is None else min(end, at + length.max_steps - passed.step)


def _chunk(
    program: Program,
    before: Passed,
    part: Part,
    at: int,
    end: int,
    examine: Examine,
    length: Length,
) -> Passed:
    """Takes the steps at … end - 1 of a part, and waits for them."""
    began = time.perf_counter()
    numbers = np.int32(at), np.int32(end)
    train_state, sums, finite = program(before.train_state, before.sums, part.data, *numbers)
    finite, reached = jax.device_get((finite, train_state.step))  # it waits here
    if not finite:
        again = lambda k: program(before.train_state, before.sums, part.data, numbers[0], k)[0]
        raise examine(again, part, at, at + int(reached) - before.step, before.passes)
    seconds, step = time.perf_counter() - began, before.step + end - at
    if reached != step:
        raise ValueError(
            f"the step function took the TrainState from step {before.step} to"
            f" {reached} in {end - at} steps; it must return step + 1"
        )
    over = part.last and end == part.steps
    per = length.steps_per_epoch
    share = None if part.total is None else end / part.total
    return before._replace(
        train_state=train_state,
        step=step,
        passes=before.passes + over,
        sums=sums,
        complete=(step % per == 0 if per else over) or step == length.max_steps,
        share=share if per is None else step % per / per,
        rows=before.rows + (end - at) * part.batch_size - (part.padding if over else 0),
        seconds=before.seconds + seconds,
        pace=before.pace._replace(steps=end - at, seconds=seconds),
    )


def no_sums(shapes: Metrics) -> Metrics:
    """Sums of no steps; NumPy's zeros need no program of their own.

    Example:
        >>> no_sums({"loss": jax.ShapeDtypeStruct((), np.float32)})
        {'loss': array(0., dtype=float32)}
    """
    return jax.tree.map(lambda s: np.zeros(s.shape, s.dtype), shapes)
