"""How numbers are distributed, layer by layer."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from jaxdl.plots._style import BLUE, grid, heading

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def histograms(
    values: Mapping[str, ArrayLike],
    *,
    xlabel: str = "value",
    bins: int = 60,
    columns: int = 4,
    title: str = "",
) -> "Figure":
    r"""Draws one histogram per layer, all on one scale, to show numbers that grow or vanish.

    Args:
        values: arrays of any shape by name, such as ``{r.label: r.a for r in trace.layers}`` for
            activations, or ``{r.label: r.delta for r in backprop.layers}`` for errors.
        xlabel: label of the x axis.
        bins: number of bins from the smallest to the largest number.
        columns: panels per row.
        title: the figure's title.

    Returns:
        A figure with one panel per layer: the share of numbers in each bin, with mean and standard
        deviation. Numbers that aren't finite are left out and counted.

    Raises:
        ValueError: if there is nothing to draw, or no value is finite.

    Example:
        >>> figure = histograms({"1": np.array([0.0, 1.0]), "2": np.array([2.0, 2.0])})
        >>> [axes.get_title() for axes in figure.axes]
        ['1\nmean 0.5, sd 0.5', '2\nmean 2, sd 0']
    """
    arrays = {name: np.asarray(x, np.float64).reshape(-1) for name, x in values.items()}
    finite = {name: x[np.isfinite(x)] for name, x in arrays.items()}
    together = np.concatenate([*finite.values(), np.empty(0)])
    if not together.size:
        raise ValueError("histograms has no finite numbers to draw")
    edges = np.histogram_bin_edges(together, bins)
    figure = grid(len(arrays), columns, width=3.1, height=2.6)
    for axes, (name, x) in zip(figure.axes, finite.items(), strict=True):
        axes.stairs(np.histogram(x, edges)[0] / max(x.size, 1), edges, fill=True, color=BLUE)
        left_out = arrays[name].size - x.size
        text = f"mean {x.mean():.2g}, sd {x.std():.2g}" if x.size else "none is finite"
        text += f", {left_out:,} not finite" if left_out and x.size else ""
        axes.set_title(f"{name}\n{text}", fontsize=12)
        axes.set_xlabel(xlabel, fontsize=12)
        axes.set_yticks([])
        axes.tick_params(labelsize=11)
        axes.spines[["top", "right", "left"]].set_visible(False)
    heading(figure, title)
    return figure
