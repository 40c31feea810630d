"""The rows of a run's history: the numbers of an epoch, and what validation adds to them."""

from collections.abc import Mapping

from jaxdl import metrics
from jaxdl.train._chunks import Passed
from jaxdl.train._contract import COLUMNS
from jaxdl.train._position import steps_a_pass
from jaxdl.train._run import Run
from jaxdl.types import PyTree, Row


def row(run: Run, passed: Passed) -> Row:
    """The row of the epoch that has just ended."""
    return {
        "epoch": _epoch(run, passed),
        "step": passed.step,
        **metrics.compute(passed.sums),
        "seconds": passed.seconds,
        "examples_per_second": passed.rows / passed.seconds,
        "compile_seconds": passed.compile_seconds,
    }


def validation(run: Run, train_state: PyTree) -> Row:
    """The numbers measured by validation after the epoch."""
    found = run.measure(train_state)
    if not isinstance(found, Mapping):
        raise TypeError(
            f"{run.caller}: validate returned {found!r}; it must return numbers by name"
        )
    return {f"validation_{name}": value for name, value in found.items()}


def columns(run: Run, passed: Passed) -> tuple[str, ...]:
    """The column names of a row, if all are known before the first one."""
    names = run.names_of(passed.train_state)
    if names is None or not passed.sums:
        return ()
    return (*COLUMNS, *passed.sums, *(f"validation_{name}" for name in names))


def _epoch(run: Run, passed: Passed) -> int | float:
    """The number of complete epochs; fractional only if ``max_steps`` ends within one."""
    per = run.length.steps_per_epoch or steps_a_pass(run)
    number = passed.passes if per is None else passed.step / per
    return round(number, 4) if number % 1 else int(number)


def total_epochs(run: Run) -> float | None:
    """The number of epochs a run will have, if known."""
    per = run.length.steps_per_epoch or steps_a_pass(run)
    if run.length.max_steps is None or per is None:
        return run.length.epochs
    return min(run.length.max_steps / per, run.length.epochs or float("inf"))
