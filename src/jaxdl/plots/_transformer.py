"""A transformer's block, and what happens inside its attention."""

from typing import TYPE_CHECKING, Any

import numpy as np

from jaxdl._checks import ShapeError
from jaxdl.plots._diagrams import PAPER, Place, arrow, box, circle, label, sheet
from jaxdl.plots._style import BLUE, GREY, ORANGE
from jaxdl.types import Params

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_HIGH = 0.64  # from one box to the next


def transformer_block(
    params: Params,
    n_heads: int = 1,
    *,
    norm_first: bool = True,
    activation: str = "relu",
    title: str = "",
) -> "Figure":
    r"""Draws a transformer block with its sizes, and next to it the inside of its attention.

    Args:
        params: of ``models.transformer_block``.
        n_heads: number of heads, h.
        norm_first: whether normalisation comes before attention and network, or after each
            sum, as in ``models.transformer_block``.
        activation: name of the activation in the block's small network.
        title: the figure's title.

    Returns:
        A figure: boxes that learn are blue, what is added past them is orange.

    Raises:
        ShapeError: if ``params`` aren't those of such a block.

    Example:
        >>> import jax
        >>> from jaxdl import models
        >>> params, _ = models.transformer_block(8, 2, n_hidden=16).init(jax.random.key(0))
        >>> texts = [text.get_text() for text in transformer_block(params, 2).axes[0].texts]
        >>> [text for text in texts if "→" in text and "W_O" not in text]
        ['attention, 2 heads\n8 → 3·8 → 8', 'dense 8 → 16', 'dense 16 → 8']
    """
    width, hidden = _sizes(params)
    figure, axes = sheet(9.4, 9 * _HIGH + 0.75, title)
    _block(axes, (width, hidden), n_heads, activation, norm_first=norm_first)
    _inside(axes, width, n_heads)
    return figure


def _sizes(params: Params) -> tuple[int, int]:
    """Width of the block and of its hidden layer."""
    try:
        width = np.shape(params["attention"]["out"]["kernel"])[1]
        hidden = np.shape(params["mlp"]["up"]["kernel"])[1]
    except (KeyError, TypeError, IndexError) as error:
        what = "params aren't those of models.transformer_block"
        raise ShapeError(f"transformer_block: {what}") from error
    return int(width), int(hidden)


def _block(
    axes: "Axes", sizes: tuple[int, int], n_heads: int, activation: str, *, norm_first: bool
) -> None:
    """The block from bottom to top, with the two paths past it."""
    width, hidden = sizes
    heads = f"{n_heads} head{'s' if n_heads > 1 else ''}"
    attention = (f"attention, {heads}\n{width} → 3·{width} → {width}", BLUE)
    dense = [
        (f"dense {width} → {hidden}", BLUE),
        (activation, GREY),
        (f"dense {hidden} → {width}", BLUE),
    ]
    norm = ("layer norm", BLUE)
    first = [norm, attention, "+", norm, *dense, "+"]
    last = [attention, "+", norm, *dense, "+", norm]
    parts = first if norm_first else last
    x, places = 2.2, [(2.2, 0.35 + _HIGH * (i + 1)) for i in range(len(parts))]
    circle(axes, (x, 0.35), "$x$", radius=0.22, facecolor=PAPER)
    below, start = (x, 0.35), (x, 0.35)
    for part, place in zip(parts, places, strict=True):
        arrow(axes, below, place, gap=0.23)
        if part == "+":
            circle(axes, place, "+", radius=0.2)
            _past(axes, start, place)
            start = place
        else:
            box(axes, place, part[0], size=(2.5, 0.46), edgecolor=part[1])
            start = place if not norm_first and part == norm else start
        below = place
    arrow(axes, below, (x, below[1] + _HIGH), gap=0.2)
    label(axes, (x, below[1] + _HIGH), "$y$", size=15)


def _past(axes: "Axes", start: Place, end: Place) -> None:
    """An orange path from below a group of boxes to the sum above it."""
    (x, y), (_, v) = start, end
    left = x - 1.65
    axes.plot([x, left, left], [y + 0.31, y + 0.31, v], color=ORANGE, lw=1.8, zorder=1)
    arrow(axes, (left, v), (x - 0.2, v), gap=0.0, color=ORANGE)


def _inside(axes: "Axes", width: int, n_heads: int) -> None:
    """Queries, keys and values of one head, and what becomes of them."""
    each = width // n_heads
    x, low = 6.9, 0.35 + _HIGH
    rows = [low + 0.78 * i for i in range(7)]
    wide: dict[str, Any] = {"size": (3.6, 0.55)}
    label(axes, (x, 0.35), f"inside attention: a head has {width} / {n_heads} = {each} features")
    box(axes, (x, rows[0]), f"each token, {width} numbers", edgecolor=GREY, facecolor=PAPER, **wide)
    names = ("Q = X W_Q", "K = X W_K", "V = X W_V")
    for dx, name in zip((-1.55, 0.0, 1.55), names, strict=True):
        box(axes, (x + dx, rows[1]), name, size=(1.35, 0.5), edgecolor=BLUE)
        arrow(axes, (x + 0.6 * dx, rows[0] + 0.27), (x + dx, rows[1] - 0.25), gap=0.02)
    middle = x - 0.775
    scores: dict[str, Any] = {"size": (2.6, 0.55), "edgecolor": GREY}
    box(axes, (middle, rows[2]), f"scores Q Kᵀ / √{each}", **scores)
    box(axes, (middle, rows[3]), "softmax: shares, sum 1", **scores)
    for dx in (-0.775, 0.775):
        arrow(axes, (middle + dx, rows[1] + 0.25), (middle + dx, rows[2] - 0.27), gap=0.0)
    arrow(axes, (middle, rows[2]), (middle, rows[3]), gap=0.28)
    box(axes, (x, rows[4]), "shares · V: mean of values", edgecolor=GREY, **wide)
    arrow(axes, (middle, rows[3]), (middle, rows[4]), gap=0.28)
    arrow(axes, (x + 1.55, rows[1] + 0.25), (x + 1.55, rows[4] - 0.27), gap=0.0)
    side = "the head's answer" if n_heads == 1 else f"answers of {n_heads} heads side by side"
    box(axes, (x, rows[5]), side, edgecolor=GREY, **wide)
    box(axes, (x, rows[6]), f"dense {width} → {width} (W_O)", edgecolor=BLUE, **wide)
    for i in (4, 5):
        arrow(axes, (x, rows[i]), (x, rows[i + 1]), gap=0.28)
