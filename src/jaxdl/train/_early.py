"""When to stop before all epochs are done: a decision from the history alone."""

import math
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

from jaxdl import _checks
from jaxdl.train._step import TrainState


class EarlyStopping(NamedTuple):
    """What ``early_stopping`` gives."""

    metric: str  # a column of the history
    patience: int
    mode: Literal["min", "max"]
    margin: float
    best: TrainState | None  # of an earlier run that continues, that of its best epoch


def early_stopping(
    metric: str = "validation_loss",
    *,
    patience: int = 5,
    mode: Literal["min", "max"] = "min",
    margin: float = 0.0,
    best: TrainState | None = None,
) -> EarlyStopping:
    """Ends a run when a number of the history stops improving.

    The run returns the parameters, and the state, that were measured in its best epoch.

    Args:
        metric: a column of the history, as ``"validation_accuracy"``.
        patience: how many epochs without a better one end it.
        mode: whether less or more is better.
        margin: by how much an epoch must beat the best before it to count as better.
        best: where a run continues, the TrainState of the best epoch so far, which
            ``checkpoint.best`` has. Defaults to the best of the epochs to come.

    Returns:
        An argument for ``fit``.

    Raises:
        ValueError: if an argument is out of range.

    Example:
        >>> stopping = early_stopping("validation_accuracy", patience=3, mode="max")
        >>> stopping.patience
        3
    """
    _checks.positive_ints("early_stopping", patience=patience)
    if mode not in ("min", "max"):
        raise ValueError(f'early_stopping: mode is {mode!r}; it must be "min" or "max"')
    if not margin >= 0:
        raise ValueError(f"early_stopping: margin is {margin}; it must be 0 or more")
    return EarlyStopping(metric, patience, mode, margin, best)


def check_metric(stopping: EarlyStopping, columns: Sequence[str]) -> None:
    """Raises a ValueError if a history with these columns, where they are known, lacks the metric.

    Example:
        >>> check_metric(early_stopping("loss"), ("epoch", "loss"))
    """
    if columns and stopping.metric not in columns:
        known = ", ".join(columns)
        raise ValueError(f"early_stopping: metric is {stopping.metric!r}; there are {known}")


def best_row(stopping: EarlyStopping, history: Sequence[dict[str, Any]]) -> int:
    """The index of the best row of a history, the first of equals; -1 where there is none.

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


def is_over(stopping: EarlyStopping, history: Sequence[dict[str, Any]]) -> bool:
    """Whether patience has run out.

    Example:
        >>> rows = [{"loss": 1.0}, {"loss": 2.0}, {"loss": 2.0}]
        >>> is_over(early_stopping("loss", patience=2), rows)
        True
    """
    return len(history) - 1 - best_row(stopping, history) >= stopping.patience
