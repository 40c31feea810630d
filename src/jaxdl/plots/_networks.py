"""Networks: neurons and edges of small ones, blocks of large ones."""

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import jax
import numpy as np
from jax.typing import ArrayLike

from jaxdl._checks import ShapeError
from jaxdl.plots._style import BLUE, GREY, ORANGE, heading, make_figure
from jaxdl.types import Params

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_PAPER = "#F4F4F4"


def network(
    sizes: Sequence[int] | None = None,
    params: Params | None = None,
    *,
    inputs: Sequence[str] | None = None,
    outputs: Sequence[str] | None = None,
    values: Sequence[ArrayLike] | None = None,
    most: int = 12,
    title: str = "",
) -> "Figure":
    """Draws a network of dense layers: a circle a neuron, an edge a weight.

    Args:
        sizes: neurons of the input and of each layer; those of ``params``, or (2, 3, 1), unless
            given.
        params: of a network of dense layers, as of ``models.mlp``: an edge is blue where its
            weight is positive, orange and dashed where negative, and the thicker the larger it
            is. Of few edges the weights are written too.
        inputs: names of the inputs; x₁, x₂ … unless given.
        outputs: names of the outputs.
        values: what the neurons of each layer have, the input first, written into them.
        most: with more neurons than these in a layer, the network is drawn as ``blocks``.
        title: what stands above.

    Returns:
        A figure.

    Raises:
        ValueError: if there are fewer than two sizes, or the names or values are of another number,
            or if ``params`` have no dense layer.
        ShapeError: if the kernels of ``params`` have other sizes.

    Example:
        >>> figure = network((2, 3, 1))
        >>> len(figure.axes[0].lines)  # edges
        9
    """
    kernels = _kernels(params)
    if params is not None and not kernels:
        raise ValueError("network: params have no kernel of a dense layer, (n_in, n_out)")
    sizes = tuple(sizes or _sizes(kernels) or (2, 3, 1))
    _check(sizes, kernels, inputs, outputs, values)
    if max(sizes) > most:
        return blocks(_triples(sizes), title=title)
    distance = 1.0 if max(sizes) < 5 else 0.62
    width, height = 1.7 * (len(sizes) - 1) + 1.0, distance * (max(sizes) - 1) + 0.7
    figure = make_figure(1, 1, width=1.3 * (width + 0.7 * bool(outputs)), height=1.3 * height)
    (axes,) = figure.axes
    places = [_places(i, size, distance) for i, size in enumerate(sizes)]
    _edges(axes, places, kernels)
    _neurons(axes, places, _texts(sizes, inputs, values))
    for (x, y), name in zip(places[-1], outputs or [], strict=False):
        axes.text(x + 0.33, y, name, va="center", fontsize=12)
    axes.set(xlim=(-0.5, width - 0.5 + 0.7 * bool(outputs)), aspect="equal")
    axes.axis("off")
    heading(figure, title)
    return figure


def blocks(rows: Sequence[Any], *, title: str = "") -> "Figure":
    """Draws any network as blocks from the input down, with shapes and numbers of parameters.

    Args:
        rows: ``explain.summary(net, shape).rows``, or triples of name, shape and parameters.
        title: what stands above.

    Returns:
        A figure; layers that learn are blue. After eight blocks a new column begins.

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


def _kernels(params: Params | None) -> list[np.ndarray]:
    """The weight matrices of dense layers, in order."""
    return [np.asarray(leaf) for leaf in jax.tree.leaves(params) if np.ndim(leaf) == 2]


def _sizes(kernels: Sequence[np.ndarray]) -> tuple[int, ...]:
    return (*(k.shape[0] for k in kernels), kernels[-1].shape[1]) if kernels else ()


def _check(
    sizes: Sequence[int],
    kernels: Sequence[np.ndarray],
    inputs: Sequence[str] | None,
    outputs: Sequence[str] | None,
    values: Sequence[ArrayLike] | None,
) -> None:
    if len(sizes) < 2 or min(sizes) < 1:
        raise ValueError(f"network needs at least two sizes, in and out, got {tuple(sizes)}")
    shapes = [kernel.shape for kernel in kernels]
    if kernels and shapes != list(pairwise(sizes)):
        raise ShapeError(f"network: sizes {tuple(sizes)}, but kernels of shapes {shapes}")
    for name, given, size in (("inputs", inputs, sizes[0]), ("outputs", outputs, sizes[-1])):
        if given is not None and len(given) != size:
            raise ValueError(f"network: {len(given)} {name} for {size} neurons")
    if values is not None and [np.size(v) for v in values] != list(sizes):
        raise ValueError(f"network: values of {[np.size(v) for v in values]} neurons for {sizes}")


def _triples(sizes: Sequence[int]) -> list[tuple[str, tuple[int, ...], int]]:
    layers = [(f"dense({a}, {b})", (b,), (a + 1) * b) for a, b in pairwise(sizes)]
    return [("input", (sizes[0],), 0), *layers]


def _places(layer: int, size: int, distance: float) -> list[tuple[float, float]]:
    """Where the neurons of a layer are: in a column, around the middle."""
    return [(1.7 * layer, distance * ((size - 1) / 2 - i)) for i in range(size)]


def _edges(
    axes: "Axes", places: Sequence[Sequence[tuple[float, float]]], kernels: Sequence[np.ndarray]
) -> None:
    largest = max((float(np.abs(k).max()) for k in kernels), default=0.0) or 1.0
    written = sum(len(a) * len(b) for a, b in pairwise(places)) <= 12
    for i, (left, right) in enumerate(pairwise(places)):
        for (j, (x, y)), (k, (u, v)) in ((a, b) for a in enumerate(left) for b in enumerate(right)):
            if not kernels:
                axes.plot([x, u], [y, v], color=GREY, lw=1.2, zorder=1)
                continue
            weight = float(kernels[i][j, k])
            colour, dashes = (BLUE, "-") if weight >= 0 else (ORANGE, "--")
            width = 0.4 + 4.0 * abs(weight) / largest
            axes.plot([x, u], [y, v], dashes, color=colour, lw=width, zorder=1)
            if written:
                along = 0.45 if len(right) == 1 else 0.27 + 0.2 * (k % 3)
                _weight(axes, (x, y), (u, v), weight, along, colour)


def _weight(
    axes: "Axes",
    start: tuple[float, float],
    end: tuple[float, float],
    weight: float,
    along: float,
    colour: str,
) -> None:
    """Writes a weight on its edge; neighbours at other points of theirs, so that none overlap."""
    (x, y), (u, v) = start, end
    axes.text(
        x + along * (u - x),
        y + along * (v - y),
        f"{weight:.2f}",
        ha="center",
        va="center",
        fontsize=10,
        color=colour,
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.6},
        zorder=5,
    )


def _texts(
    sizes: Sequence[int], inputs: Sequence[str] | None, values: Sequence[ArrayLike] | None
) -> list[list[str]]:
    if values is not None:
        return [[f"{v:.2f}" for v in np.asarray(layer).reshape(-1)] for layer in values]
    first = inputs or [f"$x_{{{i + 1}}}$" for i in range(sizes[0])]
    return [list(first), *([""] * size for size in sizes[1:])]


def _neurons(
    axes: "Axes", places: Sequence[Sequence[tuple[float, float]]], texts: Sequence[Sequence[str]]
) -> None:
    from matplotlib.patches import Circle

    for i, (column, names) in enumerate(zip(places, texts, strict=True)):
        for place, name in zip(column, names, strict=True):
            face = _PAPER if i == 0 else "white"
            axes.add_patch(Circle(place, 0.24, facecolor=face, edgecolor="black", lw=1.6, zorder=3))
            axes.text(*place, name, ha="center", va="center", fontsize=12, zorder=4)


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
        corner, 0.88, 0.68, boxstyle=style, facecolor=_PAPER, edgecolor=colour, lw=2.2
    )
    axes.add_patch(box)
    size = " × ".join(map(str, shape)) + (f" · {params:,} parameters" if params else "")
    short = name if len(name) < 46 else f"{name[:43]}…"
    fits = min(11.5, 400 / max(len(short), 1))
    axes.text(x, y + 0.13, short, ha="center", va="center", fontsize=fits, fontweight="bold")
    axes.text(x, y - 0.15, size, ha="center", va="center", fontsize=10.5)
