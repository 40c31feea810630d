"""Attention weights as pictures."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from jaxdl._checks import ShapeError, describe
from jaxdl.plots._style import grid, heading

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def attention(
    weights: ArrayLike,
    *,
    tokens: Sequence[str] | None = None,
    queries: Sequence[str] | None = None,
    titles: Sequence[str] | None = None,
    columns: int = 4,
    title: str = "",
) -> "Figure":
    """Draws how much each query (row) attends to each key (column), with one panel per head.

    Args:
        weights: shape (heads, queries, keys) or (queries, keys), from 0 to 1.
        tokens: labels of the keys, and of the queries if ``queries`` isn't given.
        queries: labels of the queries, for attention to another sequence.
        titles: the heads' titles. Defaults to their numbers, if there are several.
        columns: panels per row.
        title: the figure's title.

    Returns:
        A figure with one scale for all heads.

    Raises:
        ShapeError: if the weights have the wrong shape.
        ValueError: if the number of tokens, queries or titles is wrong.

    Example:
        >>> figure = attention(np.eye(3), tokens=["a", "b", "c"])
        >>> [tick.get_text() for tick in figure.axes[0].get_xticklabels()]
        ['a', 'b', 'c']
    """
    maps = np.asarray(weights, np.float32)
    if maps.ndim not in (2, 3) or not maps.size:
        got = describe(maps)
        raise ShapeError(f"attention got {got}; it needs (heads, queries, keys) or (queries, keys)")
    maps = maps[None] if maps.ndim == 2 else maps
    rows = tokens if queries is None else queries
    for names, size, axis in ((rows, maps.shape[1], "queries"), (tokens, maps.shape[2], "keys")):
        if names is not None and len(names) != size:
            raise ValueError(f"attention: {len(names)} tokens for {size} {axis}")
    if titles is not None and len(titles) != len(maps):
        raise ValueError(f"attention: {len(titles)} titles for {len(maps)} heads")
    side = min(max(3.2, 0.3 * max(maps.shape[1:])), 7.0)
    figure = grid(len(maps), columns, width=side, height=side)
    panels = list(figure.axes)
    for i, (axes, head) in enumerate(zip(panels, maps, strict=True)):
        picture = axes.imshow(head, cmap="Blues", vmin=0, vmax=float(maps.max()))
        if tokens is not None:
            axes.set_xticks(range(len(tokens)), tokens, rotation=90, fontsize=10)
        if rows is not None:
            axes.set_yticks(range(len(rows)), rows, fontsize=10)
        axes.set(xlabel="keys", ylabel="queries")
        if titles is not None or len(maps) > 1:
            axes.set_title(f"head {i + 1}" if titles is None else titles[i], fontsize=12)
    figure.colorbar(picture, ax=panels, shrink=0.8, label="weight")
    heading(figure, title)
    return figure
