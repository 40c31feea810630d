"""Pictures of a population: curves with bands, and a heat map over two hyperparameters."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from jaxdl.plots._style import resolution
from jaxdl.sweep._result import Result
from jaxdl.sweep._table import column, moments, table

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#767676", "#000000")
"""Colours that everybody can tell apart (Okabe and Ito, 2008)."""


def population(result: Result, metric: str | None = None) -> "Figure":
    """Draws a metric over epochs, mean ± standard error for each combination, and a heat map.

    The heat map shows the newest epoch over the two hyperparameters with the most values; it is
    left out if fewer than two vary. With more than eight combinations, the best eight have curves.

    Args:
        result: from ``sweep.run``.
        metric: a name in the history. Defaults to accuracy if present, else loss.

    Returns:
        A figure of one or two panels.

    Raises:
        ValueError: if there is no such metric, or no epoch was trained.

    Example:
        >>> save = lambda result: population(result, "accuracy").savefig("sweep.png")
    """
    from matplotlib.figure import Figure

    if not result.history:
        raise ValueError("population: there is nothing to draw: no epoch was trained")
    if metric is None:
        known = {name.removeprefix("validation_") for name in result.history}
        metric = "accuracy" if "accuracy" in known else "loss"
    name, sign = column(result, metric, None)
    varied = _varied_names(result)
    panels = 1 + (len(varied) >= 2)
    figure = Figure(figsize=(5.6 * panels, 4.6), layout="constrained", dpi=resolution(5.6 * panels))
    axes = figure.subplots(1, panels, squeeze=False)[0]
    _curves(axes[0], result, name, sign, varied)
    if panels == 2:
        _heat_map(axes[1], result, name, varied[:2])
    return figure


def _varied_names(result: Result) -> list[str]:
    """The hyperparameters that differ between members, the one with the most values first."""
    counts = {
        name: len({member[name] for member in result.members})
        for name in result.members[0]
        if name != "seed"
    }
    return sorted((n for n in counts if counts[n] > 1), key=lambda n: -counts[n])


def _curves(axes: "Axes", result: Result, name: str, sign: int, varied: Sequence[str]) -> None:
    """Draws the means over seeds, with bands of one standard error."""
    ranked = sorted(table(result), key=lambda row: -np.nan_to_num(sign * row[name], nan=-np.inf))
    for row, colour in zip(ranked, COLOURS, strict=False):
        good = [i for i in row["members"] if result.diverged[i] < 0]
        mean, error = moments(result.history[name][good])
        epochs = np.arange(1, len(mean) + 1)
        label = ", ".join(f"{n.replace('_', ' ')} {_short(row[n])}" for n in varied)
        axes.plot(epochs, mean, color=colour, lw=2, label=label or None)
        if len(good) > 1:
            axes.fill_between(epochs, mean - error, mean + error, color=colour, alpha=0.25, lw=0)
    axes.set_xlabel("epoch")
    axes.set_ylabel(name.replace("_", " "))
    axes.locator_params(axis="x", integer=True)
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    if varied:
        # Below the axes: eight names would cover the curves.
        below = {"loc": "upper center", "bbox_to_anchor": (0.5, -0.14)}
        axes.legend(frameon=False, fontsize=8, ncols=2, **below)


def _heat_map(axes: "Axes", result: Result, name: str, over: Sequence[str]) -> None:
    """Draws the mean of a metric at the newest epoch over two hyperparameters.

    If others vary, too, it averages over them; cells whose members all diverged stay empty.
    """
    across, up = (list(dict.fromkeys(m[n] for m in result.members)) for n in over)
    newest = np.where(result.diverged < 0, result.history[name][:, -1], np.nan)
    grid = np.full((len(up), len(across)), np.nan)
    for row, column_ in np.ndindex(*grid.shape):
        chosen = {over[0]: across[column_], over[1]: up[row]}
        here = [all(m[k] == v for k, v in chosen.items()) for m in result.members]
        grid[row, column_] = _mean(newest[here])
    known = grid[np.isfinite(grid)]
    bright = known.min() + 0.6 * np.ptp(known) if len(known) else 0.0
    axes.imshow(grid, cmap="viridis", aspect="auto", origin="lower")
    for row, column_ in np.ndindex(*grid.shape):
        text = f"{grid[row, column_]:.3f}" if np.isfinite(grid[row, column_]) else "–"
        colour = "white" if grid[row, column_] < bright else "black"
        axes.text(column_, row, text, ha="center", va="center", color=colour, fontsize=8)
    axes.tick_params(axis="x", labelsize=8)
    axes.set_xticks(range(len(across)), [_short(v) for v in across])
    axes.set_yticks(range(len(up)), [_short(v) for v in up])
    axes.set_xlabel(over[0].replace("_", " "))
    axes.set_ylabel(over[1].replace("_", " "))
    axes.set_title(name.replace("_", " "))


def _mean(x: np.ndarray) -> float:
    good = x[np.isfinite(x)]
    return float(good.mean()) if len(good) else float("nan")


def _short(value: object) -> str:
    return f"{value:.2g}" if isinstance(value, float) else getattr(value, "__name__", str(value))
