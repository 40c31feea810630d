"""Nested sets, such as artificial intelligence ⊃ machine learning ⊃ deep learning."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from jaxdl.plots._diagrams import sheet
from jaxdl.plots._style import BLUE, GREEN, GREY, ORANGE, PURPLE, SKY

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def nested_sets(names: Sequence[str], *, title: str = "") -> "Figure":
    """Draws sets within each other, the largest first.

    Args:
        names: from the largest set to the smallest; a line break starts a smaller second line.
        title: the figure's title.

    Returns:
        A figure.

    Raises:
        ValueError: without names, or with more than six.

    Example:
        >>> figure = nested_sets(["artificial intelligence", "machine learning", "deep learning"])
        >>> len(figure.axes[0].patches)
        3
    """
    from matplotlib.patches import FancyBboxPatch

    if not 1 <= len(names) <= 6:
        raise ValueError(f"nested_sets: got {len(names)} names; it needs 1 to 6")
    step, inner = 0.62, 0.9
    width, height = 5.0 + 0.5 * len(names), step * (len(names) - 1) + inner
    figure, axes = sheet(width + 0.3, height + 0.3 + 0.15 * len(names), title)
    colours = (GREY, BLUE, GREEN, ORANGE, PURPLE, SKY)
    for i, (name, colour) in enumerate(zip(names, colours, strict=False)):
        left, bottom = 0.15 + 0.25 * i, 0.15 + 0.15 * i
        top = 0.15 + 0.15 * len(names) + height - step * i
        axes.add_patch(
            FancyBboxPatch(
                (left, bottom), width - 0.5 * i, top - bottom,
                boxstyle="round,pad=0,rounding_size=0.25",
                facecolor=(*_light(colour), 1.0), edgecolor=colour, lw=2.2, zorder=i,
            )
        )  # fmt: skip
        first, _, second = name.partition("\n")
        axes.text(left + 0.25, top - 0.3, first, fontsize=15, va="center", zorder=9)
        if second:
            end = left + width - 0.5 * i - 0.25
            axes.text(end, top - 0.3, second, fontsize=12, ha="right", va="center", zorder=9)
    return figure


def _light(colour: str) -> tuple[float, float, float]:
    """A colour mixed with seven parts of white."""
    from matplotlib.colors import to_rgb

    red, green, blue = (1 - (1 - part) / 8 for part in to_rgb(colour))
    return red, green, blue
