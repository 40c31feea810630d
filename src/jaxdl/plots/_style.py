"""What all pictures share: colour-blind-safe colours, sizes, and the grid of axes."""

import functools
import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap
    from matplotlib.figure import Figure

BLUE, ORANGE, GREEN, PURPLE, SKY = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9"
"""Colours that everybody can tell apart (Okabe and Ito, 2008)."""

GREY = "#767676"
"""For the background."""

COLOURS = (BLUE, ORANGE, GREEN, PURPLE, "#E69F00", SKY, "#000000", "#8C6D31")
"""Okabe and Ito's palette without its yellow, too light on white, and one brown."""

DASHES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)))
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
"""Lines and points differ in more than their colour."""


def make_figure(rows: int, columns: int, *, width: float, height: float) -> "Figure":
    """Makes a grid of axes of a given size in inches."""
    figure = blank(columns * width, rows * height)
    figure.subplots(rows, columns)
    return figure


def blank(width: float, height: float) -> "Figure":
    """Makes an empty figure that isn't kept in global state and that notebooks can show."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ModuleNotFoundError as error:
        what = 'jaxdl.plots draws with matplotlib: pip install "jaxdl-toolkit[experiments]"'
        raise ModuleNotFoundError(what, name=error.name) from error

    figure = Figure(figsize=(width, height), layout="constrained", dpi=resolution(width))
    FigureCanvasAgg(figure)
    # Notebooks show figures only once pyplot has made one; this works without.
    shown: Any = figure
    shown._repr_png_ = functools.partial(_png, figure)
    return figure


def _png(figure: "Figure") -> bytes:
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=figure.dpi, bbox_inches="tight")
    return file.getvalue()


def resolution(width: float) -> float:
    """Dots per inch: matplotlib's ``figure.dpi`` if it was changed, else at least 150.

    Narrow figures get more, so that all are wide enough for a slide, also when their margins are
    cut off.
    """
    from matplotlib import rcParams, rcParamsDefault

    own = rcParams["figure.dpi"]
    if own not in (rcParamsDefault["figure.dpi"], 150.0):
        return float(own)
    return max(150.0, 1500 / width)


def grid(count: int, columns: int, *, width: float, height: float) -> "Figure":
    """Makes a grid of axes for a number of pictures, without empty ones in the last row."""
    columns = min(columns, count)
    figure = make_figure(-(-count // columns), columns, width=width, height=height)
    for axes in figure.axes[count:]:
        axes.remove()
    return figure


def tidy(axes: "Axes", *, title: str = "", xlabel: str = "", ylabel: str = "") -> None:
    """Removes the needless parts of the frame and labels the axes."""
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_xlabel(xlabel, fontsize=12)
    axes.set_ylabel(ylabel, fontsize=12)
    axes.set_title(title, fontsize=13)
    axes.tick_params(labelsize=11)


def empty(axes: "Axes") -> None:
    """Removes ticks and frame, as for images."""
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(False)


def caption(axes: "Axes", text: str, **font: Any) -> None:
    """Writes the title of an image at its place, for which matplotlib would search in each draw."""
    axes.set_title(text, y=1.0, **font)


def signed_colours() -> "Colormap":
    """Makes a colour scale for signed numbers: orange below zero, white at zero, blue above.

    Returns:
        A matplotlib colormap, for values in a range symmetric about zero.

    Example:
        >>> [round(float(x), 2) for x in signed_colours()(0.5)[:3]]  # in the middle
        [1.0, 1.0, 1.0]
    """
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("signed", [ORANGE, "white", BLUE])


def tones(values: "np.ndarray") -> dict[str, Any]:
    """Colours for an image of numbers: white to blue where none is negative, else to both sides."""
    from matplotlib.colors import LinearSegmentedColormap

    size = float(abs(values).max()) or 1.0
    if values.min() < 0:
        return {"cmap": signed_colours(), "vmin": -size, "vmax": size}
    white_to_blue = LinearSegmentedColormap.from_list("positive", ["white", BLUE])
    return {"cmap": white_to_blue, "vmin": 0.0, "vmax": size}


def heading(figure: "Figure", title: str) -> None:
    """Writes a title above all panels, if there is one."""
    if title:
        figure.suptitle(title, fontsize=15)


def style_of(i: int) -> dict[str, Any]:
    """Colour and dashes of the i-th of several lines."""
    return {"color": COLOURS[i % len(COLOURS)], "linestyle": DASHES[i % len(DASHES)], "lw": 2.2}


def names_of(classes: Sequence[str] | None, count: int) -> Sequence[str]:
    """The names of classes, or their numbers."""
    return [str(i) for i in range(count)] if classes is None else classes
