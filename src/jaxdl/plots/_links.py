"""Attention as lines from query tokens to key tokens."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from jaxdl._checks import ShapeError, describe
from jaxdl.plots._films import film
from jaxdl.plots._style import blank, grid, heading

if TYPE_CHECKING:
    from matplotlib.animation import FuncAnimation
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap
    from matplotlib.figure import Figure


def attention_links(
    weights: ArrayLike,
    tokens: Sequence[str],
    *,
    queries: Sequence[str] | None = None,
    titles: Sequence[str] | None = None,
    columns: int = 4,
    title: str = "",
) -> "Figure":
    """Draws attention between tokens: a line for each pair, thicker for larger weights.

    Args:
        weights: shape (heads, queries, keys) or (queries, keys), from 0 to 1.
        tokens: the keys, on the right, and the queries on the left if ``queries`` isn't given.
        queries: the queries, for attention to another sequence.
        titles: the heads' titles. Defaults to their numbers, if there are several.
        columns: panels per row.
        title: the figure's title.

    Returns:
        A figure with a panel per head.

    Raises:
        ShapeError: if the weights have another shape, or don't fit the tokens.
        ValueError: if the number of titles is wrong.

    Example:
        >>> figure = attention_links(np.eye(2), ["the", "cat"])
        >>> [text.get_text() for text in figure.axes[0].texts]
        ['the', 'cat', 'the', 'cat']
    """
    rows = tokens if queries is None else queries
    maps = _maps("attention_links", weights, rows, tokens)
    if titles is not None and len(titles) != len(maps):
        raise ValueError(f"attention_links: {len(titles)} titles for {len(maps)} heads")
    high = 0.5 + 0.36 * max(len(rows), len(tokens))
    figure = grid(len(maps), columns, width=_width(rows, tokens), height=high)
    for i, (axes, head) in enumerate(zip(figure.axes, maps, strict=True)):
        _links(axes, head, rows, tokens)
        if titles is not None or len(maps) > 1:
            axes.set_title(f"head {i + 1}" if titles is None else titles[i], fontsize=13)
    heading(figure, title)
    return figure


def attention_animation(
    weights: ArrayLike,
    tokens: Sequence[str],
    *,
    queries: Sequence[str] | None = None,
    titles: Sequence[str] | None = None,
    interval: int = 300,
) -> "FuncAnimation":
    """Animates attention as it forms in training: lines between tokens, and the matrix.

    Args:
        weights: a matrix per picture, shape (pictures, queries, keys).
        tokens: as for ``attention_links``.
        queries: as for ``attention_links``.
        titles: a title for each picture, such as the step. Defaults to their numbers.
        interval: milliseconds between pictures.

    Returns:
        A matplotlib animation, for ``save_animation``.

    Raises:
        ShapeError: if the weights have another shape, or don't fit the tokens.
        ValueError: if the number of titles is wrong.

    Example:
        >>> moving = attention_animation(np.ones((3, 2, 2)) / 2, ["the", "cat"])
        >>> len(list(moving.new_frame_seq()))
        3
        >>> moving._draw_was_started = True  # nobody looks at this one; matplotlib would warn
    """
    rows = tokens if queries is None else queries
    if np.ndim(weights) != 3:
        got = describe(weights)
        raise ShapeError(f"attention_animation got {got}; it needs (pictures, queries, keys)")
    maps = _maps("attention_animation", weights, rows, tokens)
    names = [str(i) for i in range(len(maps))] if titles is None else titles
    if len(names) != len(maps):
        raise ValueError(f"attention_animation: {len(names)} titles for {len(maps)} pictures")
    figure = blank(9.6, max(3.6, 1.0 + 0.36 * len(rows)))
    left, right = figure.subplots(1, 2)

    def draw(i: int) -> None:
        for axes in (left, right):
            axes.clear()
        _links(left, maps[i], rows, tokens)
        right.imshow(maps[i], cmap=_blues(), vmin=0, vmax=1)
        right.set_xticks(range(len(tokens)), tokens, rotation=90, fontsize=11)
        right.set_yticks(range(len(rows)), rows, fontsize=11)
        right.set_xlabel("keys", fontsize=12)
        right.set_ylabel("queries", fontsize=12)
        heading(figure, names[i])

    return film(figure, draw, len(maps), interval)


def _maps(
    function: str, weights: ArrayLike, rows: Sequence[str], tokens: Sequence[str]
) -> np.ndarray:
    maps = np.asarray(weights, np.float32)
    maps = maps[None] if maps.ndim == 2 else maps
    if maps.ndim != 3 or not maps.size or maps.shape[1:] != (len(rows), len(tokens)):
        needs = f"(heads, {len(rows)}, {len(tokens)}) for these tokens"
        raise ShapeError(f"{function} got {describe(np.asarray(weights))}; it needs {needs}")
    return maps


def _width(rows: Sequence[str], tokens: Sequence[str]) -> float:
    return 3.4 + 0.11 * (max(map(len, rows)) + max(map(len, tokens)))


def _blues() -> "Colormap":
    """The colours of weights from 0 to 1, few enough for a small film."""
    from matplotlib import colormaps

    return colormaps["Blues"].resampled(16)


def _links(axes: "Axes", weights: np.ndarray, rows: Sequence[str], tokens: Sequence[str]) -> None:
    """Queries on the left, keys on the right, and lines with the weight's width and colour."""
    middle = (max(len(rows), len(tokens)) - 1) / 2
    at = lambda i, names: middle - i + (len(names) - 1) / 2 - middle
    colours = _blues()
    for (i, j), weight in sorted(np.ndenumerate(weights), key=lambda link: link[1]):
        if weight > 0.01:
            ends = [at(i, rows), at(j, tokens)]
            axes.plot([0, 1], ends, color=colours(float(weight)), lw=0.5 + 5.5 * float(weight))
    for names, x, side in ((rows, -0.06, "right"), (tokens, 1.06, "left")):
        for i, name in enumerate(names):
            axes.text(x, at(i, names), name, ha=side, va="center", fontsize=13)
    room = lambda names: 0.25 + 0.085 * max(map(len, names))
    axes.set(xlim=(-room(rows), 1 + room(tokens)), ylim=(-middle - 0.6, middle + 0.6))
    axes.axis("off")
