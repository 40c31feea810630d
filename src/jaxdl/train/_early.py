"""When to stop before all epochs are done: a decision from the history alone."""

import math
from collections.abc import Sequence
from typing import Literal, NamedTuple

from jaxdl import _checks, _ranges
from jaxdl._plain import plain_numbers
from jaxdl.train._step import TrainState
from jaxdl.types import Row


class EarlyStopping(NamedTuple):
    """The settings that ``early_stopping`` returns."""

    metric: str  # a column of the history
    patience: int
    mode: Literal["min", "max"]
    margin: float
    best: TrainState | None  # when resuming, the TrainState of the best epoch so far


@plain_numbers
def early_stopping(
    metric: str = "validation_loss",
    *,
    patience: int = 5,
    mode: Literal["min", "max"] = "min",
    margin: float = 0.0,
    best: TrainState | None = None,
) -> EarlyStopping:
    """Ends a run when a metric of the history stops improving.

    The run returns the parameters and the state of its best epoch.

    Args:
        metric: a column of the history, e.g. ``"validation_accuracy"``.
        patience: number of epochs without improvement after which the run ends.
        mode: ``"min"`` if lower is better, ``"max"`` if higher is.
        margin: minimum change that counts as an improvement.
        best: when resuming, the TrainState of the best epoch so far, found with
            ``checkpoint.best``. Defaults to the best of the epochs to come.

    Returns:
        An argument for ``fit``.

    Raises:
        ValueError: if an argument is out of range.
        TypeError: if one is of another kind.

    Example:
        >>> stopping = early_stopping("validation_accuracy", patience=3, mode="max")
        >>> stopping.patience
        3
    """
    if not isinstance(metric, str):
        raise TypeError(f"early_stopping: metric is {metric!r}; it must be a column's name")
    _checks.positive_ints("early_stopping", patience=patience)
    if mode not in ("min", "max"):
        raise ValueError(f'early_stopping: mode is {mode!r}; it must be "min" or "max"')
    _ranges.check("early_stopping", margin=margin)
    return EarlyStopping(metric, patience, mode, margin, best)


def check_metric(stopping: EarlyStopping, columns: Sequence[str]) -> None:
    """Raises a ValueError if the columns of a history are known and lack the metric.

    Example:
        >>> check_metric(early_stopping("loss"), ("epoch", "loss"))
    """
    if columns and stopping.metric not in columns:
        known = ", ".join(columns)
        raise ValueError(f"early_stopping: metric is {stopping.metric!r}; there are {known}")


def best_row(stopping: EarlyStopping, history: Sequence[Row]) -> int:
    """The index of the best row of a history, the first of equals; -1 if there is none.

    Raises:
        ValueError: if the history has no such column.

    Example:
        >>> rows = [{"loss": 2.0}, {"loss": 1.0}, {"loss": 1.5}]
        >>> best_row(early_stopping("loss"), rows)
        1
    """
    sign = 1 if stopping.mode == "min" else -1
    best, least = -1, math.inf
    for i, row in enumerate(history):
        check_metric(stopping, tuple(row))
        value = sign * row[stopping.metric]
        if value < least - (stopping.margin if math.isfinite(least) else 0):
            best, least = i, value
    return best


def is_over(stopping: EarlyStopping, history: Sequence[Row]) -> bool:
    """Whether patience has run out.

    Example:
        >>> rows = [{"loss": 1.0}, {"loss": 2.0}, {"loss": 2.0}]
        >>> is_over(early_stopping("loss", patience=2), rows)
        True
    """
    return len(history) - 1 - best_row(stopping, history) >= stopping.patience
