"""What each layer of an image network makes of a picture: its feature maps, layer by layer."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from jaxdl.plots._films import film
from jaxdl.plots._style import blank, empty, heading, signed_colours

if TYPE_CHECKING:
    from matplotlib.animation import FuncAnimation
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from jaxdl.explain import Trace


def features(trace: "Trace", *, example: int = 0, most: int = 8, title: str = "") -> "Figure":
    """Draws the strongest feature maps of each layer, from the picture down to the deepest.

    Args:
        trace: ``explain.trace(net, params, state, x)`` of images (N, height, width, channels).
        example: which image to draw.
        most: maps drawn of a layer: those with the largest values for this image.
        title: the figure's title.

    Returns:
        A figure with a row per layer that yields images. Each map has its own scale: white is 0,
        blue positive, orange negative.

    Raises:
        ValueError: if no layer yields images, or there is no such example.

    Example:
        >>> import jax
        >>> from jaxdl import explain, layers
        >>> net = layers.conv(1, 2, (3, 3))
        >>> params, state = net.init(jax.random.key(0))
        >>> figure = features(explain.trace(net, params, state, np.ones((1, 5, 5, 1), "f")))
        >>> [text.get_text() for axes in figure.axes for text in axes.texts]
        ['input, 5 × 5 × 1', 'conv(1, 2, (3, 3)), 3 × 3 × 2']
    """
    rows = _rows("features", trace, example)
    columns = min(most, max(maps.shape[-1] for _, maps in rows))
    figure = blank(1.25 * columns + 0.4, 1.5 * len(rows) + 0.2)
    panels = figure.subplots(len(rows), columns, squeeze=False)
    for line, (name, maps) in zip(panels, rows, strict=True):
        _row(line, name, maps)
    heading(figure, title)
    return figure


def features_animation(
    trace: "Trace", *, example: int = 0, most: int = 8, interval: int = 1200
) -> "FuncAnimation":
    """Animates ``features``: one layer after the other.

    Args:
        trace: as for ``features``.
        example: which image to draw.
        most: maps drawn of a layer, at most eight.
        interval: milliseconds between pictures.

    Returns:
        A matplotlib animation, for ``save_animation``, with a picture for the input and one for
        each layer that yields images.

    Raises:
        ValueError: as ``features``, or if ``most`` isn't from 1 to 8.

    Example:
        >>> import jax
        >>> from jaxdl import explain, layers
        >>> net = layers.conv(1, 2, (3, 3))
        >>> params, state = net.init(jax.random.key(0))
        >>> trace = explain.trace(net, params, state, np.ones((1, 5, 5, 1), "f"))
        >>> moving = features_animation(trace)
        >>> len(list(moving.new_frame_seq()))
        2
        >>> moving._draw_was_started = True  # nobody looks at this one; matplotlib would warn
    """
    if not 1 <= most <= 8:
        raise ValueError(f"features_animation: most is {most}; it must be from 1 to 8")
    rows = _rows("features_animation", trace, example)
    figure = blank(9.6, 5.4)
    panels = figure.subplots(2, 4)

    def draw(i: int) -> None:
        name, maps = rows[i]
        for axes in panels.flat:
            axes.clear()
        _row(panels.ravel()[:most], "", maps)
        for axes in panels.flat:
            axes.set_axis_off()
        heading(figure, name)

    return film(figure, draw, len(rows), interval)


def _rows(function: str, trace: "Trace", example: int) -> list[tuple[str, np.ndarray]]:
    """The image and what each layer makes of it, (height, width, channels), with its name."""
    found = [(layer.name, np.asarray(layer.a)) for layer in trace.layers]
    maps = [(name, a) for name, a in found if a.ndim == 4]
    if not maps:
        raise ValueError(f"{function}: no layer of the trace yields images")
    first = next(i for i, (_, a) in enumerate(found) if a.ndim == 4)
    maps = [("input", np.asarray(trace.layers[first].inputs)), *maps]
    count = len(maps[-1][1])
    if not -count <= example < count:
        raise ValueError(f"{function}: example is {example}; there are {count}")
    shape = lambda a: " × ".join(map(str, a.shape[1:]))
    return [(f"{name}, {shape(a)}", a[example]) for name, a in maps if a.ndim == 4]


def _row(panels: Sequence["Axes"], name: str, maps: np.ndarray) -> None:
    """The strongest maps of one layer, strongest first."""
    strength = np.abs(maps).reshape(-1, maps.shape[-1]).max(axis=0)
    order = np.argsort(-strength, kind="stable")[: len(panels)]
    for axes in panels:
        empty(axes)
        axes.patch.set_visible(False)  # or a panel without a map would cover the title beside it
    for axes, channel in zip(panels, order, strict=False):
        span = max(float(strength[channel]), 1e-9)
        axes.imshow(maps[..., channel], cmap=signed_colours(), vmin=-span, vmax=span)
    # The title only reserves room: the first column would become half as wide as a name in it.
    panels[0].set_title(" " if name else "", fontsize=12)
    said = panels[0].text(0, 1.04, name, fontsize=12, transform=panels[0].transAxes)
    said.set_in_layout(False)
