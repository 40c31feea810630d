"""What all pictures share: colours that everybody can tell apart, sizes, and the grid of axes."""

import functools
import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap
    from matplotlib.figure import Figure

BLUE, ORANGE, GREEN, PURPLE, SKY = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9"
"""Colours that everybody can tell apart (Okabe and Ito, 2008)."""

GREY = "#767676"
"""For what stands behind."""

COLOURS = (BLUE, ORANGE, GREEN, PURPLE, "#E69F00", SKY, "#000000", "#8C6D31")
"""Okabe and Ito's palette without its yellow, too light on white, and one brown."""

DASHES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)))
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
"""Lines and points differ in more than their colour."""


def make_figure(rows: int, columns: int, *, width: float, height: float) -> "Figure":
    """Makes a grid of axes, each of a size in inches."""
    figure = blank(columns * width, rows * height)
    figure.subplots(rows, columns)
    return figure


def blank(width: float, height: float) -> "Figure":
    """Makes an empty figure that no global state holds on to, and that notebooks show."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ModuleNotFoundError as error:
        what = 'jaxdl.plots draws with matplotlib: pip install "jaxdl-toolkit[experiments]"'
        raise ModuleNotFoundError(what, name=error.name) from error

    figure = Figure(figsize=(width, height), layout="constrained", dpi=resolution())
    FigureCanvasAgg(figure)
    # A notebook knows how to show figures only once pyplot has made one; this it understands too.
    shown: Any = figure
    shown._repr_png_ = functools.partial(_png, figure)
    return figure


def _png(figure: "Figure") -> bytes:
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=figure.dpi, bbox_inches="tight")
    return file.getvalue()


def resolution() -> float:
    """Points an inch: 150, enough for a slide, unless matplotlib's ``figure.dpi`` was changed."""
    from matplotlib import rcParams, rcParamsDefault

    own = rcParams["figure.dpi"]
    return 150.0 if own == rcParamsDefault["figure.dpi"] else float(own)


def grid(count: int, columns: int, *, width: float, height: float) -> "Figure":
    """Makes a grid of axes for some pictures, without the empty ones of the last row."""
    columns = min(columns, count)
    figure = make_figure(-(-count // columns), columns, width=width, height=height)
    for axes in figure.axes[count:]:
        axes.remove()
    return figure


def tidy(axes: "Axes", *, title: str = "", xlabel: str = "", ylabel: str = "") -> None:
    """Leaves of a frame what is needed, and writes what the axes are."""
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_xlabel(xlabel, fontsize=12)
    axes.set_ylabel(ylabel, fontsize=12)
    axes.set_title(title, fontsize=13)
    axes.tick_params(labelsize=11)


def empty(axes: "Axes") -> None:
    """Takes ticks and frame away, as for images."""
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(False)


def signed_colours() -> "Colormap":
    """Makes the scale of signed numbers: orange below zero, white at zero, blue above.

    Returns:
        A colormap of matplotlib, for values between two numbers of the same size.

    Example:
        >>> [round(float(x), 2) for x in signed_colours()(0.5)[:3]]  # in the middle
        [1.0, 1.0, 1.0]
    """
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("signed", [ORANGE, "white", BLUE])


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
