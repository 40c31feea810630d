"""Any network as blocks from the input down."""

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from jaxdl.plots._diagrams import PAPER
from jaxdl.plots._style import BLUE, GREY, heading, make_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from jaxdl.explain import LayerSize


def blocks(
    rows: "Sequence[tuple[str, Sequence[int], int] | LayerSize]", *, title: str = ""
) -> "Figure":
    """Draws any network as blocks from the input down, with shapes and numbers of parameters.

    Args:
        rows: ``explain.summary(net, shape).rows``, or triples of name, shape and parameters.
        title: the figure's title.

    Returns:
        A figure; layers that learn are blue. A new column begins after eight blocks.

    Raises:
        ValueError: if there are no rows.

    Example:
        >>> figure = blocks([("dense(784, 10)", (1, 10), 7850)])
        >>> [text.get_text() for text in figure.axes[0].texts]
        ['dense(784, 10)', '1 × 10 · 7,850 parameters']
    """
    if not rows:
        raise ValueError("blocks has no layers to draw")
    columns = -(-len(rows) // 8)
    high = -(-len(rows) // columns)
    figure = make_figure(1, 1, width=4.4 * columns, height=0.3 + 0.82 * high)
    (axes,) = figure.axes
    places = [(i // high, -(i % high)) for i in range(len(rows))]
    for place, row in zip(places, rows, strict=True):
        _block(axes, place, *_row(row))
    for (x, y), (u, v) in pairwise(places):
        start, end = ((x, y - 0.36), (u, v + 0.36)) if x == u else ((x + 0.45, y), (u - 0.45, v))
        axes.annotate("", end, start, arrowprops={"arrowstyle": "-|>", "color": GREY, "lw": 1.8})
    axes.set(xlim=(-0.5, columns - 0.5), ylim=(-high + 0.5, 0.5))
    axes.axis("off")
    heading(figure, title)
    return figure


def _row(row: Any) -> tuple[str, Sequence[int], int]:
    if not hasattr(row, "output_shape"):
        name, shape, params = row
        return name, shape, params
    return f"{row.name} · {row.activation}".rstrip(" ·"), row.output_shape, row.params


def _block(
    axes: "Axes", place: tuple[float, float], name: str, shape: Sequence[int], params: int
) -> None:
    from matplotlib.patches import FancyBboxPatch

    x, y = place
    corner, style = (x - 0.44, y - 0.34), "round,pad=0,rounding_size=0.06"
    colour = BLUE if params else GREY
    box = FancyBboxPatch(
        corner, 0.88, 0.68, boxstyle=style, facecolor=PAPER, edgecolor=colour, lw=2.2
    )
    axes.add_patch(box)
    size = " × ".join(map(str, shape)) + (f" · {params:,} parameters" if params else "")
    short = re.sub(r"\d+\.\d{4,}", lambda number: f"{float(number[0]):.3g}", name)
    short = short if len(short) < 46 else f"{short[:43]}…"
    fits = min(11.5, 400 / max(len(short), 1))
    axes.text(x, y + 0.13, short, ha="center", va="center", fontsize=fits, fontweight="bold")
    axes.text(x, y - 0.15, size, ha="center", va="center", fontsize=10.5)
