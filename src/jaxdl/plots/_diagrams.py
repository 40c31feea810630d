"""Building blocks of diagrams: circles, boxes and arrows in one set of axes."""

from typing import TYPE_CHECKING, Any, TypeAlias

from jaxdl.plots._style import GREY, blank, heading

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Place: TypeAlias = tuple[float, float]

PAPER = "#F4F4F4"
"""The ground of what is given rather than computed."""

INCHES = 1.15
"""Of paper for one unit of a diagram, so that text has the same size in all of them."""

_OUTLINE: dict[str, Any] = {"facecolor": "white", "edgecolor": "black", "lw": 1.8, "zorder": 3}


def sheet(width: float, height: float, title: str = "") -> tuple["Figure", "Axes"]:
    """Makes a figure of ``width`` × ``height`` units with invisible axes."""
    figure = blank(INCHES * width, INCHES * height + 0.45 * bool(title))
    axes = figure.subplots()
    axes.set(xlim=(0, width), ylim=(0, height), aspect="equal")
    axes.axis("off")
    heading(figure, title)
    return figure, axes


def circle(
    axes: "Axes", place: Place, text: str = "", *, radius: float = 0.3, **options: Any
) -> None:
    """Draws a circle with a text in it; options are those of matplotlib's patches."""
    from matplotlib.patches import Circle

    axes.add_patch(Circle(place, radius, **(_OUTLINE | options)))
    axes.text(*place, text, ha="center", va="center", fontsize=15, zorder=5)


def box(axes: "Axes", place: Place, text: str, *, size: Place = (1.6, 0.5), **options: Any) -> None:
    """Draws a rounded box around a text; ``place`` is its middle."""
    from matplotlib.patches import FancyBboxPatch

    (x, y), (width, height) = place, size
    shape = "round,pad=0,rounding_size=0.1"
    corner = (x - width / 2, y - height / 2)
    axes.add_patch(FancyBboxPatch(corner, width, height, boxstyle=shape, **(_OUTLINE | options)))
    axes.text(x, y, text, ha="center", va="center", fontsize=13, zorder=5)


def arrow(axes: "Axes", start: Place, end: Place, *, gap: float = 0.3, **options: Any) -> None:
    """Draws an arrow between two places, ``gap`` units short of both."""
    from matplotlib.patches import FancyArrowPatch

    (x, y), (u, v) = start, end
    length = max(((u - x) ** 2 + (v - y) ** 2) ** 0.5, 1e-9)
    dx, dy = gap * (u - x) / length, gap * (v - y) / length
    style: dict[str, Any] = {"arrowstyle": "-|>", "mutation_scale": 14, "color": GREY, "lw": 1.8}
    ends = {"shrinkA": 0, "shrinkB": 0, "zorder": 2}
    axes.add_patch(FancyArrowPatch((x + dx, y + dy), (u - dx, v - dy), **style | ends | options))


def label(axes: "Axes", place: Place, text: str, *, size: float = 13, **options: Any) -> None:
    """Writes a text at a place, on white so that lines don't cross it."""
    ground = {"facecolor": "white", "edgecolor": "none", "pad": 1.2}
    style: dict[str, Any] = {"ha": "center", "va": "center", "zorder": 4, "bbox": ground} | options
    axes.text(*place, text, fontsize=size, **style)
