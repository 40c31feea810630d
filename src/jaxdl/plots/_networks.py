"""Networks of dense layers: neurons and edges, with dots for neurons that don't fit."""

from collections.abc import Collection, Sequence
from itertools import pairwise, product
from typing import TYPE_CHECKING, TypeAlias

import jax
import numpy as np
from numpy.typing import ArrayLike

from jaxdl._checks import ShapeError
from jaxdl.plots._diagrams import PAPER
from jaxdl.plots._style import BLUE, GREY, ORANGE, heading, make_figure
from jaxdl.types import Params

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Place: TypeAlias = tuple[float, float]
Column: TypeAlias = dict[int, Place]
"""The neurons of a layer that are drawn, with their places."""

_STEP = 1.7  # between layers
_DRAWN = 6  # neurons of a layer that is too wide to be drawn whole


def network(
    sizes: Sequence[int] | None = None,
    params: Params | None = None,
    *,
    inputs: Sequence[str] | None = None,
    outputs: Sequence[str] | None = None,
    values: Sequence[ArrayLike] | None = None,
    dropped: Sequence[Collection[int]] | None = None,
    captions: bool = False,
    most: int = 12,
    title: str = "",
) -> "Figure":
    r"""Draws a network of dense layers, with a circle per neuron and an edge per weight.

    Args:
        sizes: neurons of the input and of each layer. Defaults to those of ``params``, or
            (2, 3, 1).
        params: of a network of dense layers, such as ``models.mlp``. Edges with positive weights
            are blue, negative ones orange and dashed; larger weights are thicker. If there are few
            edges, the weights are written on them.
        inputs: names of the inputs. Defaults to x₁, x₂ …
        outputs: names of the outputs.
        values: numbers to write into the neurons, by layer, the input first.
        dropped: neurons removed by dropout, by layer, the input first; they are crossed out and
            have no edges.
        captions: whether to name each layer below it, with its number of neurons.
        most: in layers with more neurons than this, the middle ones become "⋮".
        title: the figure's title.

    Returns:
        A figure.

    Raises:
        ValueError: if there are fewer than two sizes, the number of names or values is wrong, or
            ``params`` have no dense layer.
        ShapeError: if the kernels of ``params`` don't fit ``sizes``.

    Example:
        >>> figure = network((2, 3, 1))
        >>> len(figure.axes[0].lines)  # edges
        9
        >>> figure = network((784, 64, 10), captions=True)
        >>> [text.get_text() for text in figure.axes[0].texts][-3:]
        ['input layer\n784', 'hidden layer\n64', 'output layer\n10']
    """
    kernels = _kernels(params)
    if params is not None and not kernels:
        raise ValueError("network: params have no kernel of a dense layer, (n_in, n_out)")
    sizes = tuple(sizes or _sizes(kernels) or (2, 3, 1))
    _check(sizes, kernels, inputs, outputs, values)
    columns, width, height = layout(sizes, most)
    left, right = 0.7 * bool(captions), 0.7 * bool(outputs)
    figure = make_figure(1, 1, width=1.3 * (width + left + right), height=1.3 * (height + left))
    (axes,) = figure.axes
    out = [set(d) for d in dropped] if dropped is not None else [set[int]() for _ in sizes]
    _edges(axes, [_kept(c, d) for c, d in zip(columns, out, strict=True)], kernels)
    for i, (column, taken) in enumerate(zip(columns, out, strict=True)):
        _neurons(axes, column, _texts(i, sizes[i], inputs, values), taken, given=i == 0)
    for i, (x, y) in columns[-1].items() if outputs else ():
        axes.text(x + 0.33, y, outputs[i], va="center", fontsize=14)  # type: ignore[index]
    if captions:
        _captions(axes, sizes, -height / 2 - 0.3)
    axes.set(xlim=(-0.5 - left / 2, width - 0.5 + right + left / 2), aspect="equal")
    axes.axis("off")
    heading(figure, title)
    return figure


def layout(sizes: Sequence[int], most: int) -> tuple[list[Column], float, float]:
    """Places of the neurons that are drawn, by layer, and width and height of the picture."""
    rows = max(min(size, _DRAWN + 2) if size > most else size for size in sizes)
    distance = 1.0 if rows < 5 else 0.62
    columns = [_column(i, size, most, distance) for i, size in enumerate(sizes)]
    return columns, _STEP * (len(sizes) - 1) + 1.0, distance * (rows - 1) + 0.7


def paint(axes: "Axes", sizes: Sequence[int], dropped: Sequence[Collection[int]]) -> None:
    """Draws a network into existing axes, without weights and names."""
    columns, width, height = layout(sizes, max(*sizes, 12))
    _edges(axes, [_kept(c, d) for c, d in zip(columns, dropped, strict=True)], ())
    for i, (column, taken) in enumerate(zip(columns, dropped, strict=True)):
        _neurons(axes, column, _texts(i, sizes[i], None, None), taken, given=i == 0)
    half = height / 2
    axes.set(xlim=(-0.5, width - 0.5), ylim=(-half, half), aspect="equal")
    axes.axis("off")


def _captions(axes: "Axes", sizes: Sequence[int], y: float) -> None:
    """Names the layers below their columns, with their numbers of neurons."""
    for i, size in enumerate(sizes):
        kind = "input" if i == 0 else "output" if i == len(sizes) - 1 else "hidden"
        text = f"{kind} layer\n{size}"
        axes.text(_STEP * i, y, text, ha="center", va="center", fontsize=14)


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


def _column(layer: int, size: int, most: int, distance: float) -> Column:
    """Positions of a layer's neurons around the middle; the key −1 is for the dots."""
    half = _DRAWN // 2
    shown = [*range(size)] if size <= most else [*range(half), -1, *range(size - half, size)]
    top = distance * (len(shown) - 1) / 2
    return {i: (_STEP * layer, top - distance * row) for row, i in enumerate(shown)}


def _kept(column: Column, dropped: Collection[int]) -> Column:
    """The neurons that have edges."""
    return {i: place for i, place in column.items() if i >= 0 and i not in dropped}


def _edges(axes: "Axes", columns: Sequence[Column], kernels: Sequence[np.ndarray]) -> None:
    largest = max((float(np.abs(k).max()) for k in kernels), default=0.0) or 1.0
    written = sum(len(a) * len(b) for a, b in pairwise(columns)) <= 12
    for i, (left, right) in enumerate(pairwise(columns)):
        edges = list(product(left.items(), right.items()))
        if not kernels:
            for (_, (x, y)), (_, (u, v)) in edges:
                axes.plot([x, u], [y, v], color=GREY, lw=1.2, zorder=1)
            continue
        where = _free([(start, end) for (_, start), (_, end) in edges])
        for ((j, (x, y)), (k, (u, v))), place in zip(edges, where, strict=True):
            weight = float(kernels[i][j, k])
            colour, dashes = (BLUE, "-") if weight >= 0 else (ORANGE, "--")
            width = 0.4 + 4.0 * abs(weight) / largest
            axes.plot([x, u], [y, v], dashes, color=colour, lw=width, zorder=1)
            if written:
                _weight(axes, place, weight, colour)


def _free(edges: Sequence[tuple[Place, Place]]) -> list[Place]:
    """For each edge the point on it that is farthest from the other edges and their points."""
    found: list[Place] = []
    for i, ((x, y), (u, v)) in enumerate(edges):
        others = [*edges[:i], *edges[i + 1 :]]
        points = [(x + t * (u - x), y + t * (v - y)) for t in np.linspace(0.25, 0.75, 21)]
        rooms = [_room(point, others, found) for point in points]
        found.append(points[int(np.argmax(rooms))])
    return found


def _room(place: Place, others: Sequence[tuple[Place, Place]], taken: Sequence[Place]) -> float:
    """How far a place is from edges, by height, and from places, by height and half the width."""
    x, y = place
    height = lambda start, end: abs(
        start[1] + (x - start[0]) / (end[0] - start[0]) * (end[1] - start[1]) - y
    )
    away = lambda other: max(abs(other[1] - y), 0.5 * abs(other[0] - x))
    return min([1.0, *(height(*edge) for edge in others), *(away(other) for other in taken)])


def _weight(axes: "Axes", place: Place, weight: float, colour: str) -> None:
    """Writes a weight on its edge."""
    axes.text(
        *place,
        f"{weight:.2f}",
        ha="center",
        va="center",
        fontsize=11,
        color=colour,
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.6},
        zorder=5,
    )


def _texts(
    layer: int,
    size: int,
    inputs: Sequence[str] | None,
    values: Sequence[ArrayLike] | None,
) -> Sequence[str]:
    """The texts in a layer's neurons."""
    if values is not None:
        return [f"{v:.2f}" for v in np.asarray(values[layer]).reshape(-1)]
    if layer:
        return [""] * size
    return inputs or [f"$x_{{{i + 1}}}$" for i in range(size)]


def _neurons(
    axes: "Axes", column: Column, names: Sequence[str], dropped: Collection[int], *, given: bool
) -> None:
    from matplotlib.patches import Circle

    face = PAPER if given else "white"
    for i, place in column.items():
        if i < 0:
            axes.text(*place, r"$\vdots$", ha="center", va="center", fontsize=18)
            continue
        gone = i in dropped
        edge, name = (GREY, "✕") if gone else ("black", names[i])
        axes.add_patch(Circle(place, 0.24, facecolor=face, edgecolor=edge, lw=1.6, zorder=3))
        colour = ORANGE if gone else "black"
        axes.text(*place, name, ha="center", va="center", fontsize=13, color=colour, zorder=4)
