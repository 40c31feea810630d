"""A recurrent network as a loop, and unrolled in time."""

from typing import TYPE_CHECKING

from jaxdl import _checks
from jaxdl.plots._diagrams import PAPER, arrow, box, circle, label, sheet
from jaxdl.plots._style import BLUE

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def unrolled(steps: int = 4, *, cell: str = "cell", title: str = "") -> "Figure":
    """Draws hₜ = f(xₜ, hₜ₋₁) as a loop and, equivalently, as one copy of f per time step.

    Args:
        steps: number of time steps to draw; the last one is T.
        cell: text in each box, such as ``"LSTM"``.
        title: the figure's title.

    Returns:
        A figure.

    Raises:
        ValueError: if ``steps`` isn't a positive integer.

    Example:
        >>> figure = unrolled(3, cell="GRU")
        >>> sum(text.get_text() == "GRU" for text in figure.axes[0].texts)
        4
    """
    _checks.positive_ints("unrolled", steps=steps)
    figure, axes = sheet(3.2 + 1.9 * steps, 3.0, title)
    names = [str(t + 1) for t in range(steps)]
    names[-1] = "T" if steps > 1 else "1"
    for i, t in enumerate(["t", *names]):
        x = 1.0 if i == 0 else 1.55 + 1.9 * i
        box(axes, (x, 1.5), cell, size=(1.05, 0.6), edgecolor=BLUE)
        circle(axes, (x, 0.4), f"$x_{{{t}}}$", facecolor=PAPER)
        circle(axes, (x, 2.6), f"$h_{{{t}}}$")
        arrow(axes, (x, 0.4), (x, 1.5), gap=0.32)
        arrow(axes, (x, 1.5), (x, 2.6), gap=0.32)
        if i > 1:
            arrow(axes, (x - 1.9 + 0.22, 1.5), (x - 0.22, 1.5), gap=0.32)
            before = "…  $h_{T-1}$" if i == steps and steps > 2 else f"$h_{{{names[i - 2]}}}$"
            label(axes, (x - 0.95, 1.74), before, size=14)
    loop = {"color": BLUE, "connectionstyle": "arc3,rad=1.8"}
    arrow(axes, (0.475, 1.62), (0.475, 1.38), gap=0, **loop)
    axes.text(2.3, 1.5, "=", fontsize=24, ha="center", va="center")
    return figure
