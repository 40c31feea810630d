"""A perceptron with several outputs: one dense layer."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from jaxdl._checks import ShapeError
from jaxdl.plots._diagrams import PAPER, Place, arrow, circle, label, sheet
from jaxdl.plots._style import BLUE, GREY, ORANGE
from jaxdl.types import Params

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def multi_output(
    n_in: int = 3,
    n_out: int = 2,
    *,
    params: Params | None = None,
    inputs: Sequence[float] | None = None,
    output: int = 0,
    title: str = "",
) -> "Figure":
    r"""Draws a perceptron with several outputs: zᵢ = w₀ᵢ + Σⱼ xⱼ·wⱼᵢ. All inputs feed all outputs.

    Args:
        n_in: number of inputs m, up to eight.
        n_out: number of outputs, up to eight.
        params: ``{"kernel": (m, n_out), "bias": (n_out,)}`` of a ``dense(m, n_out)``.
        inputs: the m input values; with ``params``, the outputs are computed and written.
        output: the output whose edges carry their weights; the others' are grey.
        title: the figure's title.

    Returns:
        A figure.

    Raises:
        ValueError: if a number is out of range, or the number of ``inputs`` is wrong.
        ShapeError: if ``params`` have another shape.

    Example:
        >>> figure = multi_output(2, 2)
        >>> [text.get_text() for text in figure.axes[0].texts][-3::2]
        ['$\\hat{y}_{1}=g(z_{1})$', '$\\hat{y}_{2}=g(z_{2})$']
    """
    if not (1 <= n_in <= 8 and 1 <= n_out <= 8 and 0 <= output < n_out):
        got = f"n_in {n_in}, n_out {n_out} and output {output}"
        raise ValueError(f"multi_output: got {got}; it draws 1 to 8 inputs and outputs")
    if inputs is not None and len(inputs) != n_in:
        raise ValueError(f"multi_output: got {len(inputs)} inputs, expected {n_in}")
    kernel = None if params is None else np.asarray(params["kernel"])
    if kernel is not None and kernel.shape != (n_in, n_out):
        got = f"got {kernel.shape}"
        raise ShapeError(f"multi_output: expected a kernel of shape ({n_in}, {n_out}), {got}")
    high = 0.95 * max(n_in, n_out) + 0.3
    figure, axes = sheet(7.4, high, title)
    left, right = _column(0.7, n_in, high), _column(4.2, n_out, high)
    for i in (*(i for i in range(n_out) if i != output), output):
        for j in range(n_in):
            weight = None if kernel is None else float(kernel[j, i])
            _edge(axes, left[j], right[i], (j + 1, i + 1), weight, chosen=i == output)
    for j, place in enumerate(left):
        text = f"$x_{{{j + 1}}}$" if inputs is None else f"{inputs[j]:g}"
        circle(axes, place, text, facecolor=PAPER)
    z = None if kernel is None or inputs is None else np.asarray(inputs) @ kernel
    z = z if z is None or params is None else z + np.asarray(params.get("bias", 0.0))
    for i, place in enumerate(right):
        _output(axes, place, i + 1, None if z is None else float(z[i]), chosen=i == output)
    return figure


def _column(x: float, count: int, high: float) -> list[Place]:
    top = high / 2 + 0.95 * (count - 1) / 2
    return [(x, top - 0.95 * row) for row in range(count)]


def _edge(
    axes: "Axes", start: Place, end: Place, index: tuple[int, int], weight: float | None,
    *, chosen: bool,
) -> None:  # fmt: skip
    colour = "#404040" if weight is None else BLUE if weight >= 0 else ORANGE
    colour = colour if chosen else "#C8C8C8"
    arrow(axes, start, end, gap=0.36, color=colour, lw=2.0 if chosen else 1.2)
    if not chosen:
        return
    (x, y), (u, v) = start, end
    text = f"$w_{{{index[0]},{index[1]}}}$" if weight is None else f"{weight:.2g}"
    label(axes, (x + 0.35 * (u - x), y + 0.35 * (v - y)), text, color=colour)


def _output(axes: "Axes", place: Place, number: int, z: float | None, *, chosen: bool) -> None:
    x, y = place
    edge = "black" if chosen else GREY
    text = f"$z_{{{number}}}$" if z is None else f"{z:.2g}"
    circle(axes, place, text, radius=0.34, edgecolor=edge)
    arrow(axes, place, (x + 1.3, y), gap=0.36)
    name = rf"$\hat{{y}}_{{{number}}}=g(z_{{{number}}})$"
    axes.text(x + 1.05, y, name, fontsize=14, va="center")
