"""A network as a graph: layers from bottom to top, skip connections at their sides."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeAlias

from jaxdl.plots._diagrams import PAPER, Place, arrow, box, circle, label, sheet
from jaxdl.plots._style import BLUE, GREY, ORANGE

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Node: TypeAlias = tuple[str, Sequence[int], Sequence[int], int]
"""A layer's name, the nodes that feed it (-1 is the input), its shape, its number of parameters."""

_HIGH = 0.66  # from one node to the next


def graph(nodes: Sequence[Node], *, title: str = "") -> "Figure":
    """Draws a network with its skip connections and branches, the input at the bottom.

    Args:
        nodes: ``explain.graph(net, shape)``, or tuples of name, inputs, shape and parameters.
        title: the figure's title.

    Returns:
        A figure: a box for each layer, blue if it learns; a circle where branches meet; an orange
        arrow for each skip connection.

    Raises:
        ValueError: if there are no nodes, or a node's input comes after it.

    Example:
        >>> figure = graph([("dense(4, 4)", (-1,), (1, 4), 20), ("+", (-1, 0), (1, 4), 0)])
        >>> [text.get_text() for text in figure.axes[0].texts]
        ['$x$', 'dense(4, 4)', '1 × 4', '+', '1 × 4']
    """
    if not nodes:
        raise ValueError("graph: there are no nodes to draw")
    for i, (name, inputs, *_) in enumerate(nodes):
        if any(not -1 <= source < i for source in inputs):
            raise ValueError(f"graph: node {i}, {name}, is fed by {inputs}; only earlier ones can")
    lanes = _lanes(nodes)
    side = 0.2 + 0.45 * (1 + max((lane for _, _, lane in lanes), default=-1))
    width = max(2.2, 0.115 * max(len(name) for name, *_ in nodes) + 0.4)
    figure, axes = sheet(width + 2 * side + 2.6, _HIGH * len(nodes) + 0.75, title)
    x = side + 0.3 + width / 2
    at = lambda i: (x, _HIGH * (i + 1) + 0.35)
    circle(axes, at(-1), "$x$", radius=0.22, facecolor=PAPER)
    for i, node in enumerate(nodes):
        _node(axes, at(i), width, *node)
        if i - 1 in node[1]:
            arrow(axes, at(i - 1), at(i), gap=0.22)
    for start, end, lane in lanes:
        edge = 0.2 if nodes[end][0] in ("+", "×") else width / 2
        _skip(axes, at(start), at(end), width / 2 + 0.4 + 0.45 * lane, edge)
    return figure


def _node(
    axes: "Axes",
    place: Place,
    width: float,
    name: str,
    inputs: Sequence[int],
    shape: Sequence[int],
    params: int,
) -> None:
    if name in ("+", "×"):
        circle(axes, place, name, radius=0.2)
    else:
        colour = BLUE if params else GREY
        box(axes, place, name, size=(width, 0.42), edgecolor=colour)
    x, y = place
    size = " × ".join(map(str, shape))
    label(axes, (x + width / 2 + 0.15, y), size, size=13, ha="left", color="#404040")


def _lanes(nodes: Sequence[Node]) -> list[tuple[int, int, int]]:
    """The connections that skip nodes, each on the innermost free lane."""
    lanes: list[tuple[int, int, int]] = []
    skips = [(j, i) for i, node in enumerate(nodes) for j in node[1] if j < i - 1]
    for start, end in sorted(skips, key=lambda skip: skip[1] - skip[0]):
        taken = {lane for a, b, lane in lanes if a < end and start < b}
        lanes.append((start, end, min(set(range(len(taken) + 1)) - taken)))
    return lanes


def _skip(axes: "Axes", start: Place, end: Place, out: float, edge: float) -> None:
    """An arrow that leaves above its source, runs along the left side, and enters its target."""
    (x, y), (_, v) = start, end
    leave = y + 0.34
    axes.plot([x, x, x - out, x - out], [y + 0.2, leave, leave, v], color=ORANGE, lw=1.8, zorder=1)
    arrow(axes, (x - out, v), (x - edge, v), gap=0.0, color=ORANGE)
