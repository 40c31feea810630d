"""One neuron: inputs, weighted sum, activation and output."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from jaxdl._checks import ShapeError
from jaxdl.plots._diagrams import PAPER, Place, arrow, circle, label, sheet
from jaxdl.plots._style import BLUE, ORANGE
from jaxdl.types import Array, Params

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def neuron(
    n_in: int = 3,
    activation: Callable[[Array], Array] | None = None,
    *,
    params: Params | None = None,
    inputs: Sequence[float] | None = None,
    simplified: bool = False,
    title: str = "",
) -> "Figure":
    """Draws a neuron: ŷ = g(w₀ + Σᵢ xᵢ·wᵢ).

    Args:
        n_in: number of inputs m; with more than six, the middle ones become "⋮".
        activation: g, drawn as a curve in its circle. By default only the letter is drawn.
        params: ``{"kernel": (m, 1), "bias": (1,)}`` of a ``dense(m, 1)``; the edges then carry
            its weights, blue where positive and orange where negative.
        inputs: the m input values; with ``params``, the sum and the output are computed and
            written, too.
        simplified: whether to draw the sum and the activation as one circle, without the bias, as
            in pictures of networks.
        title: the figure's title.

    Returns:
        A figure.

    Raises:
        ValueError: if ``n_in`` isn't positive, or the number of ``inputs`` is wrong.
        ShapeError: if ``params`` have another number of inputs.

    Example:
        >>> figure = neuron(2, simplified=True)
        >>> [text.get_text() for text in figure.axes[0].texts][:4]
        ['$x_{1}$', '$w_{1}$', '$x_{2}$', '$w_{2}$']
    """
    weights, bias = _numbers(n_in, params, inputs)
    shown = _shown(n_in)
    rows = len(shown) + (not simplified)
    figure, axes = sheet(6.2 if simplified else 7.6, 0.85 * rows + 0.5, title)
    places = [(0.7, 0.85 * (rows - 1 - row) + 0.65) for row in range(rows)]
    middle = float(np.mean([y for _, y in places]))
    body: Place = (3.2, middle)
    if not simplified:
        _input(axes, places.pop(0), body, "$1$", "$w_0$", bias)
    for i, place in zip(shown, places, strict=True):
        if i is None:
            axes.text(*place, r"$\vdots$", ha="center", va="center", fontsize=20)
            continue
        name = f"$x_{{{i + 1}}}$" if inputs is None else f"{inputs[i]:g}"
        weight = None if weights is None else float(weights[i])
        _input(axes, place, body, name, f"$w_{{{i + 1}}}$", weight)
    z = None if inputs is None or weights is None else float(np.dot(inputs, weights)) + (bias or 0)
    (_one_body if simplified else _two_bodies)(axes, body, activation, z)
    return figure


def _numbers(
    n_in: int, params: Params | None, inputs: Sequence[float] | None
) -> tuple[np.ndarray | None, float | None]:
    """Weights and bias of ``params``, if there are any."""
    if n_in < 1:
        raise ValueError(f"neuron: n_in is {n_in}; it must be a positive integer")
    if inputs is not None and len(inputs) != n_in:
        raise ValueError(f"neuron: got {len(inputs)} inputs, expected {n_in}")
    if params is None:
        return None, None
    kernel = np.asarray(params["kernel"])
    if kernel.shape != (n_in, 1):
        raise ShapeError(f"neuron: expected a kernel of shape ({n_in}, 1), got {kernel.shape}")
    return kernel[:, 0], float(np.sum(params.get("bias", 0.0)))


def _shown(n_in: int) -> list[int | None]:
    """The inputs that are drawn; None for the dots between them."""
    return [*range(n_in)] if n_in <= 6 else [0, 1, 2, None, n_in - 1]


def _input(
    axes: "Axes", place: Place, body: Place, name: str, symbol: str, weight: float | None
) -> None:
    """Draws an input with its edge into the neuron, and what it is multiplied by."""
    circle(axes, place, name, facecolor=PAPER)
    colour = "#404040" if weight is None else BLUE if weight >= 0 else ORANGE
    arrow(axes, place, body, gap=0.36, color=colour)
    (x, y), (u, v) = place, body
    text = symbol if weight is None else f"{weight:.2g}"
    label(axes, (x + 0.45 * (u - x), y + 0.45 * (v - y)), text, color=colour)


def _two_bodies(
    axes: "Axes", body: Place, activation: Callable[[Array], Array] | None, z: float | None
) -> None:
    """Σ and g in circles of their own, then ŷ."""
    x, y = body
    circle(axes, body, r"$\Sigma$", radius=0.36)
    end = (x + 1.7, y)
    circle(axes, end, "" if activation else "$g$", radius=0.36)
    if activation:
        _curve(axes, end, activation)
    arrow(axes, body, end, gap=0.38)
    arrow(axes, end, (x + 3.5, y), gap=0.38)
    label(axes, (x + 0.85, y + 0.25), "$z$" if z is None else f"$z$ = {z:.2g}", size=12)
    label(axes, (x + 3.4, y), _output(activation, z), size=15)


def _one_body(
    axes: "Axes", body: Place, activation: Callable[[Array], Array] | None, z: float | None
) -> None:
    """One circle that says z, as neurons of networks are drawn, then ŷ = g(z)."""
    x, y = body
    circle(axes, body, "$z$" if z is None else f"{z:.2g}", radius=0.36)
    arrow(axes, body, (x + 1.75, y), gap=0.38)
    label(axes, (x + 2.2, y), _output(activation, z) if z is not None else r"$\hat{y}=g(z)$")


def _output(activation: Callable[[Array], Array] | None, z: float | None) -> str:
    if activation is None or z is None:
        return r"$\hat{y}$"
    return rf"$\hat{{y}}$ = {float(activation(np.asarray(z, np.float32))):.2g}"  # type: ignore[arg-type]


def _curve(axes: "Axes", place: Place, activation: Callable[[Array], Array]) -> None:
    """Draws the activation from −4 to 4 into its circle, stretched to fit."""
    z = np.linspace(-4, 4, 81, dtype=np.float32)
    g = np.asarray(activation(z))  # type: ignore[arg-type]
    g = (g - g.min()) / max(float(np.ptp(g)), 1e-6) - 0.5
    axes.plot(place[0] + 0.055 * z, place[1] + 0.36 * g, color=BLUE, lw=2.2, zorder=4)
