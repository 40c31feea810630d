"""Backpropagation on the drawn network: values forwards, errors δ backwards."""

from collections.abc import Sequence
from itertools import pairwise, product
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from jaxdl.plots._diagrams import PAPER, Place, arrow, circle, sheet
from jaxdl.plots._films import film
from jaxdl.plots._style import GREY, PURPLE, heading

if TYPE_CHECKING:
    from matplotlib.animation import FuncAnimation
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from jaxdl.explain import Backprop

_STEP, _ROW, _RADIUS, _MOST = 2.0, 0.95, 0.36, 8
_RAISED = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


class _Flow(NamedTuple):
    """One example's numbers: a and δ by layer, the input first, and the weights between them."""

    values: list[np.ndarray]
    deltas: list[np.ndarray]
    kernels: list[np.ndarray]
    loss: float


def backpropagation(
    steps: "Backprop", *, example: int = 0, stage: int | None = None, title: str = ""
) -> "Figure":
    """Draws how the error flows back through a network: δˡ = (Wˡ⁺¹)ᵀδˡ⁺¹ ∘ σ′(Zˡ).

    Args:
        steps: ``explain.backprop(net, loss, params, state, x, labels)`` of a network of dense
            layers with at most eight neurons each.
        example: which row of x to draw.
        stage: how much to draw: 0 is only the input, then one stage per layer forwards, then one
            per layer backwards. Defaults to all.
        title: the figure's title.

    Returns:
        A figure: each neuron with its activation a in black and its error δ = ∂L/∂z in purple;
        purple arrows, thicker for larger values, carry W·δ back.

    Raises:
        ValueError: if a layer isn't dense or is too wide, or there is no such example or stage.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxdl import explain, layers, losses
        >>> params, x, y = {"kernel": jnp.ones((1, 1))}, jnp.ones((1, 1)), jnp.zeros((1, 1))
        >>> net = layers.dense(1, 1, bias=False)
        >>> steps = explain.backprop(net, losses.mse_loss, params, (), x, y)
        >>> texts = [text.get_text() for text in backpropagation(steps).axes[0].texts]
        >>> "δ = 2" in texts, "L = 1.000" in texts
        (True, True)
    """
    flow = _flow(steps, example)
    last = 2 * len(flow.kernels)
    if stage is not None and not 0 <= stage <= last:
        raise ValueError(f"backpropagation: stage is {stage}; it must be from 0 to {last}")
    figure, axes = sheet(*_extent(flow), title)
    _draw(axes, flow, last if stage is None else stage)
    return figure


def backpropagation_animation(
    steps: "Backprop", *, example: int = 0, interval: int = 1200
) -> "FuncAnimation":
    """Animates ``backpropagation``: forwards layer by layer, and back again.

    Args:
        steps: as for ``backpropagation``.
        example: which row of x to draw.
        interval: milliseconds between pictures.

    Returns:
        A matplotlib animation, for ``save_animation``, with a picture for each stage.

    Raises:
        ValueError: as ``backpropagation``.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxdl import explain, layers, losses
        >>> params, x = {"kernel": jnp.ones((1, 1))}, jnp.ones((1, 1))
        >>> net = layers.dense(1, 1, bias=False)
        >>> steps = explain.backprop(net, losses.mse_loss, params, (), x, x)
        >>> moving = backpropagation_animation(steps)
        >>> len(list(moving.new_frame_seq()))
        3
        >>> moving._draw_was_started = True  # nobody looks at this one; matplotlib would warn
    """
    flow = _flow(steps, example)
    width, height = _extent(flow)
    count = len(flow.kernels)
    figure, axes = sheet(width, height, " ")

    def draw(i: int) -> None:
        axes.clear()
        axes.set(xlim=(0, width), ylim=(0, height))
        axes.axis("off")
        _draw(axes, flow, i)
        forwards = f"forwards: layer {i}" if i else "the input"
        heading(figure, forwards if i <= count else f"backwards: layer {2 * count + 1 - i}")

    return film(figure, draw, 2 * count + 1, interval)


def _flow(steps: "Backprop", example: int) -> _Flow:
    """The numbers of one example, checked."""
    layers = steps.layers
    if not layers or not all(layer.is_dense for layer in layers):
        names = [layer.name for layer in layers if not layer.is_dense]
        raise ValueError(f"backpropagation draws dense layers; the network has {names}")
    rows = len(layers[0].inputs)
    if not -rows <= example < rows:
        raise ValueError(f"backpropagation: example is {example}; there are {rows}")
    values = [layers[0].inputs[example], *(layer.a[example] for layer in layers)]
    deltas = [np.zeros(0), *(layer.delta[example] for layer in layers)]
    widest = max(np.size(v) for v in values)
    if widest > _MOST:
        raise ValueError(f"backpropagation: a layer has {widest} neurons; at most {_MOST} fit")
    kernels = [np.asarray(layer.params["kernel"]) for layer in layers]
    return _Flow(list(map(np.asarray, values)), list(map(np.asarray, deltas)), kernels,
                 float(steps.loss))  # fmt: skip


def _extent(flow: _Flow) -> tuple[float, float]:
    rows = max(v.size for v in flow.values)
    return _STEP * len(flow.values) + 0.9, _ROW * rows + 1.0


def _draw(axes: "Axes", flow: _Flow, stage: int) -> None:
    count = len(flow.kernels)
    reached = [i <= stage for i in range(count + 1)]
    returned = [i > 0 and stage >= 2 * count + 1 - i for i in range(count + 1)]
    places = [_column(flow, i) for i in range(count + 1)]
    for i, (left, right) in enumerate(pairwise(places)):
        back = returned[i + 1] and i > 0
        errors = flow.kernels[i] * flow.deltas[i + 1] if back else flow.kernels[i]
        _edges(axes, left, right, errors, lit=reached[i + 1], back=back)
    for i, column in enumerate(places):
        for j, place in enumerate(column):
            value = flow.values[i][j] if reached[i] else None
            delta = flow.deltas[i][j] if returned[i] else None
            _neuron(axes, place, value, delta, given=i == 0)
        axes.text(
            column[0][0],
            0.35,
            _formula(i, count, back=returned[i]),
            fontsize=12,
            ha="center",
            va="center",
        )
    x, y = places[-1][0][0], _extent(flow)[1] / 2 + 0.25
    if stage >= count:
        axes.text(x + 0.75, y, f"L = {flow.loss:.3f}", fontsize=13, va="center")


def _column(flow: _Flow, layer: int) -> list[Place]:
    size, (_, height) = flow.values[layer].size, _extent(flow)
    middle = height / 2 + 0.25
    top = middle + _ROW * (size - 1) / 2
    return [(0.8 + _STEP * layer, top - _ROW * row) for row in range(size)]


def _formula(layer: int, count: int, *, back: bool) -> str:
    """A layer's name and, once its δ is known, what it is."""
    if layer == 0:
        return "input"
    if not back:
        return "output" if layer == count else f"layer {layer}"
    here, above = (str(n).translate(_RAISED) for n in (layer, layer + 1))
    if layer == count:
        return f"δ{here} = ∂L/∂Z{here}"
    return f"δ{here} = (W{above})ᵀδ{above}∘σ′(Z{here})"


def _edges(
    axes: "Axes", left: Sequence[Place], right: Sequence[Place], carried: np.ndarray,
    *, lit: bool, back: bool,
) -> None:  # fmt: skip
    largest = float(np.abs(carried).max()) or 1.0
    for (i, start), (j, end) in product(enumerate(left), enumerate(right)):
        share = abs(float(carried[i, j])) / largest
        if back:
            width = 0.5 + 3.5 * share
            options = {"color": PURPLE, "lw": width, "mutation_scale": 9 + 3 * width}
            arrow(axes, end, start, gap=_RADIUS + 0.04, **options)
        else:
            (x, y), (u, v) = start, end
            colour = "#404040" if lit else "#D0D0D0"
            axes.plot([x, u], [y, v], color=colour, lw=0.5 + 2.0 * share, zorder=1)


def _neuron(
    axes: "Axes", place: Place, value: float | None, delta: float | None, *, given: bool
) -> None:
    x, y = place
    face = PAPER if given else "white"
    edge = GREY if value is None else "black" if delta is None else PURPLE
    circle(axes, place, radius=_RADIUS, facecolor=face, edgecolor=edge)
    if value is not None:
        axes.text(x, y, f"{value:.2f}", ha="center", va="center", fontsize=12, zorder=5)
    if delta is not None:
        ground = {"facecolor": "white", "edgecolor": "none", "pad": 0.8}
        style: dict[str, Any] = {"ha": "center", "va": "center", "zorder": 6, "bbox": ground}
        axes.text(x, y - _RADIUS - 0.11, f"δ = {delta:.2g}", fontsize=11, color=PURPLE, **style)
