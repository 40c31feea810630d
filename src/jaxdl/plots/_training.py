"""Training curves of one or several runs."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from jaxdl.plots._style import BLUE, ORANGE, heading, make_figure, style_of, tidy
from jaxdl.types import Row

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Rows: TypeAlias = Sequence[Row]
"""What ``train.fit`` returns: one dict per epoch."""

_TIMES = ("epoch", "step", "seconds", "examples_per_second", "compile_seconds")


def history(rows: Rows | Sequence[Rows], *, title: str = "") -> "Figure":
    """Draws loss and metrics over epochs, with training and validation in one panel each.

    Args:
        rows: the history from ``train.fit``, a dict per epoch; or a list of such, one per seed.
            Lines are then means, with bands of ± one standard deviation, over the epochs that all
            runs have.
        title: the figure's title.

    Returns:
        A figure with a panel for each name without the prefix ``validation_``.

    Raises:
        ValueError: if there are no rows.

    Example:
        >>> figure = history([{"epoch": 1, "loss": 0.5}, {"epoch": 2, "loss": 0.3}])
        >>> [axes.get_ylabel() for axes in figure.axes]
        ['loss']
    """
    runs = _runs("history", rows)
    names = [k for k in runs[0][0] if k not in _TIMES and not k.startswith("validation_")]
    names.sort(key=lambda name: name != "loss")
    figure = make_figure(1, len(names), width=4.8, height=3.7)
    for axes, name in zip(figure.axes, names, strict=True):
        _draw(axes, runs, name, label="training", color=BLUE, lw=2)
        if f"validation_{name}" in runs[0][0]:
            _draw(axes, runs, f"validation_{name}", label="validation", color=ORANGE, lw=2)
            axes.legend(frameon=False)
        _axes(axes, name)
    heading(figure, title)
    return figure


def compare(
    runs: Mapping[str, Rows | Sequence[Rows]],
    *,
    metric: str = "loss",
    log: bool = False,
    title: str = "",
) -> "Figure":
    """Draws one metric of several runs over epochs, for example to compare optimizers.

    Args:
        runs: by name, one history, or a list of one per seed, drawn with a band.
        metric: a column of the histories, such as ``"validation_accuracy"``.
        log: whether the metric's axis is logarithmic.
        title: the figure's title.

    Returns:
        A figure with a line per run.

    Raises:
        ValueError: if there are no runs or rows, or a history has no such column.

    Example:
        >>> adam, sgd = [{"epoch": 1, "loss": 0.5}], [{"epoch": 1, "loss": 0.7}]
        >>> figure = compare({"adam": adam, "sgd": sgd})
        >>> [line.get_label() for line in figure.axes[0].lines]
        ['adam', 'sgd']
    """
    if not runs:
        raise ValueError("compare has no runs")
    figure = make_figure(1, 1, width=6.4, height=4.2)
    (axes,) = figure.axes
    for i, (name, rows) in enumerate(runs.items()):
        histories = _runs("compare", rows)
        if metric not in histories[0][0]:
            known = ", ".join(histories[0][0])
            raise ValueError(f"compare: metric is {metric!r}; the history of {name} has {known}")
        _draw(axes, histories, metric, label=name, **style_of(i))
    _axes(axes, metric)
    axes.set_yscale("log" if log else "linear")
    axes.legend(frameon=False)
    heading(figure, title)
    return figure


def _runs(function: str, rows: Any) -> list[Rows]:
    """A single history as a list of one; several cut to the epochs they share."""
    runs = [rows] if len(rows) and isinstance(rows[0], Mapping) else list(rows)
    shared = min(map(len, runs), default=0)
    if not shared:
        raise ValueError(f"{function} has no rows: not one epoch was completed")
    return [run[:shared] for run in runs]


def _draw(axes: "Axes", runs: Sequence[Rows], name: str, *, label: str, **style: Any) -> None:
    epochs = [row["epoch"] for row in runs[0]]
    values = np.array([[row[name] for row in run] for run in runs], float)
    marker = "o" if len(epochs) < 30 else ""
    mean, spread = values.mean(axis=0), values.std(axis=0)
    axes.plot(epochs, mean, marker=marker, label=label, **style)
    if len(runs) > 1:
        axes.fill_between(
            epochs, mean - spread, mean + spread, color=style["color"], alpha=0.2, lw=0
        )


def _axes(axes: "Axes", name: str) -> None:
    tidy(axes, xlabel="epoch", ylabel=name.replace("_", " "))
    axes.locator_params(axis="x", integer=True)
