"""A network before and after dropout."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import jax
import numpy as np

from jaxdl import functional
from jaxdl.plots._networks import layout, paint
from jaxdl.plots._style import heading, make_figure
from jaxdl.types import Key

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def dropout(
    sizes: Sequence[int] = (4, 6, 6, 2),
    rate: float = 0.5,
    *,
    key: Key | None = None,
    title: str = "",
) -> "Figure":
    """Draws a network, and next to it what dropout leaves of it in one training step.

    Args:
        sizes: neurons of the input and of each layer, at most twelve each. The hidden ones are
            dropped.
        rate: share p of the neurons that is dropped.
        key: a random key; ``functional.dropout`` draws with it. Defaults to key 0.
        title: the figure's title.

    Returns:
        A figure of two panels; dropped neurons are crossed out and have lost their edges.

    Raises:
        ValueError: if there is no hidden layer, a layer is too wide, or the rate is out of range.

    Example:
        >>> figure = dropout((2, 4, 1), 0.5)
        >>> [axes.get_title() for axes in figure.axes]
        ['without dropout', 'with dropout, p = 0.5: 3 of 4 hidden neurons are left']
    """
    if len(sizes) < 3 or not all(1 <= size <= 12 for size in sizes):
        what = "it needs three sizes or more, from 1 to 12"
        raise ValueError(f"dropout: sizes are {tuple(sizes)}; {what}")
    keys = jax.random.split(jax.random.key(0) if key is None else key, len(sizes))
    hidden = range(1, len(sizes) - 1)
    draw = lambda i: functional.dropout(keys[i], np.ones(sizes[i], "float32"), rate=rate)
    gone = {i: set(np.flatnonzero(np.asarray(draw(i)) == 0).tolist()) for i in hidden}
    _, width, height = layout(sizes, 12)
    figure = make_figure(1, 2, width=1.05 * width, height=1.05 * height + 0.3)
    left, right = figure.axes
    paint(left, sizes, [set() for _ in sizes])
    paint(right, sizes, [gone.get(i, set()) for i in range(len(sizes))])
    there = sum(sizes[i] for i in hidden)
    kept = there - sum(map(len, gone.values()))
    left.set_title("without dropout", fontsize=13)
    words = f"with dropout, p = {rate:g}: {kept} of {there} hidden neurons are left"
    right.set_title(words, fontsize=13)
    heading(figure, title)
    return figure
