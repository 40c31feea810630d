"""A network's decisions over the plane, as a picture and animated over its training."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from jaxdl._checks import ShapeError, describe
from jaxdl.plots._films import film
from jaxdl.plots._style import COLOURS, MARKERS, heading, make_figure, names_of
from jaxdl.types import Params

if TYPE_CHECKING:
    from matplotlib.animation import FuncAnimation
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


Predict: TypeAlias = Callable[[np.ndarray], ArrayLike]
STEPS = 6  # of certainty, in a film


def boundary(
    predict: Predict | Mapping[str, Predict],
    inputs: ArrayLike,
    labels: ArrayLike | Mapping[str, ArrayLike],
    *,
    margin: float = 0.3,
    resolution: int = 150,
    classes: Sequence[str] | None = None,
    title: str = "",
) -> "Figure":
    """Draws a network's predicted classes over the plane, their certainty, and the examples.

    Args:
        predict: maps points (N, 2) to logits (N, classes), or for two classes to one logit, (N,) or
            (N, 1), positive for class 1. Or several such functions by name, with a panel each.
        inputs: examples, shape (N, 2).
        labels: class indices, shape (N,); or by the names of ``predict``.
        margin: how far the picture goes beyond the examples.
        resolution: points along each axis at which ``predict`` is computed.
        classes: names of the classes.
        title: the figure's title.

    Returns:
        A figure: stronger colours are more certain; black lines mark equally likely classes.

    Raises:
        ShapeError: if inputs, labels or logits have another shape.
        ValueError: if labels aren't whole numbers from 0 on, or more than the names of classes;
            or if labels and predict have other names.

    Example:
        >>> figure = boundary(lambda x: x[:, 0], [[-1.0, 0.0], [1.0, 0.0]], [0, 1])
        >>> [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
        ['0', '1']
    """
    several = predict if isinstance(predict, Mapping) else {"": predict}
    given = labels if isinstance(labels, Mapping) else dict.fromkeys(several, labels)
    if list(given) != list(several):
        raise ValueError(f"boundary: labels of {list(given)}, and predict of {list(several)}")
    width, height = (5.2, 4.8) if len(several) == 1 else (3.9, 3.9)
    figure = make_figure(1, len(several), width=width, height=height)
    for axes, (name, function) in zip(figure.axes, several.items(), strict=True):
        points, indices = _examples(inputs, given[name], classes)
        plane = _plane(points, margin, resolution)
        _decisions(axes, _probabilities(function(plane.reshape(-1, 2))), plane)
        _scatter(axes, points, indices, classes)
        axes.set_title(name, fontsize=13)
    _legend(axes if len(several) == 1 else figure, axes, classes)
    heading(figure, title)
    return figure


def boundary_animation(
    predict: Callable[[Params, np.ndarray], ArrayLike],
    snapshots: Sequence[Params],
    inputs: ArrayLike,
    labels: ArrayLike,
    *,
    titles: Sequence[str] | None = None,
    classes: Sequence[str] | None = None,
    margin: float = 0.3,
    resolution: int = 80,
    interval: int = 150,
    dpi: int = 190,
) -> "FuncAnimation":
    """Animates ``boundary`` over training, with one picture per snapshot.

    Args:
        predict: ``(params, points) -> logits``; see ``boundary``.
        snapshots: parameters in the order of training.
        inputs: examples, shape (N, 2).
        labels: class indices, shape (N,).
        titles: the pictures' titles. Defaults to their numbers.
        classes: names of the classes.
        margin: how far the picture goes beyond the examples.
        resolution: points along each axis.
        interval: milliseconds between pictures.
        dpi: dots per inch of the pictures.

    Returns:
        A matplotlib animation, for ``save_animation``; certainty is shown in six steps, because
        even areas make small files.

    Raises:
        ShapeError: if inputs, labels or logits have another shape.
        ValueError: without snapshots, if the number of titles is wrong, or if labels aren't whole
            numbers from 0 on, or more than the names of classes.

    Example:
        >>> x, labels = [[-1.0, 0.0], [1.0, 0.0]], [0, 1]
        >>> film = boundary_animation(lambda p, x: p * x[:, 0], [0.1, 1.0], x, labels)
        >>> len(list(film.new_frame_seq()))
        2
        >>> film._draw_was_started = True  # nobody looks at this one; matplotlib would warn
    """
    points, indices = _examples(inputs, labels, classes)
    names = [f"{i}" for i in range(len(snapshots))] if titles is None else titles
    if not snapshots or len(names) != len(snapshots):
        raise ValueError(f"boundary_animation: {len(names)} titles, {len(snapshots)} snapshots")
    figure = make_figure(1, 1, width=5.2, height=4.8)
    figure.set_dpi(dpi)
    (axes,) = figure.axes
    plane = _plane(points, margin, resolution)

    def draw(i: int) -> None:
        axes.clear()
        found = _probabilities(predict(snapshots[i], plane.reshape(-1, 2)))
        _decisions(axes, found, plane, steps=STEPS)
        _scatter(axes, points, indices, classes)
        _legend(axes, axes, classes)
        axes.set_title(names[i], fontsize=13)

    return film(figure, draw, len(snapshots), interval)


def _examples(
    inputs: ArrayLike, labels: ArrayLike, classes: Sequence[str] | None
) -> tuple[np.ndarray, np.ndarray]:
    points, given = np.asarray(inputs, np.float32), np.asarray(labels)
    if points.shape != (*given.shape, 2) or given.ndim != 1 or not given.size:
        raise ShapeError(
            f"boundary: inputs {describe(points)} and labels {describe(given)}; "
            "they need shapes (N, 2) and (N,), N at least 1"
        )
    indices = given.astype(int)
    if (indices != given).any() or indices.min() < 0:
        some = np.unique(given)[:4].tolist()
        raise ValueError(f"boundary: labels are {some} …; they must be whole numbers from 0 on")
    if classes is not None and indices.max() >= len(classes):
        raise ValueError(f"boundary: {len(classes)} classes, but label {indices.max()}")
    return points, indices


def _plane(points: np.ndarray, margin: float, resolution: int) -> np.ndarray:
    """Points of a grid around the examples, shape (resolution, resolution, 2)."""
    low, high = points.min(axis=0) - margin, points.max(axis=0) + margin
    lines = [
        np.linspace(a, b, resolution, dtype=np.float32) for a, b in zip(low, high, strict=True)
    ]
    return np.stack(np.meshgrid(*lines), axis=-1)


def _probabilities(logits: ArrayLike) -> np.ndarray:
    """Probabilities (N, classes) from logits; a single logit yields those of both classes."""
    z = np.asarray(logits, np.float64)
    z = z[:, 0] if z.ndim == 2 and z.shape[1] == 1 else z
    if z.ndim not in (1, 2):
        raise ShapeError(f"boundary: predict returned {describe(z)}; it needs (N, classes) or (N,)")
    z = np.stack([np.zeros_like(z), z], axis=1) if z.ndim == 1 else z
    powers = np.exp(z - z.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def _decisions(
    axes: "Axes", probabilities: np.ndarray, plane: np.ndarray, steps: int | None = None
) -> None:
    from matplotlib.colors import to_rgb

    rows, count = probabilities.shape
    if rows != plane.size // 2:
        raise ShapeError(f"boundary: predict returned {rows} rows for {plane.size // 2} points")
    p = probabilities.reshape(*plane.shape[:2], count)
    colours = np.array([to_rgb(COLOURS[i % len(COLOURS)]) for i in range(count)])
    strength = (p.max(axis=-1, keepdims=True) - 1 / count) / (1 - 1 / count)
    strength = strength if steps is None else np.round(steps * strength) / steps
    shade = 1 - 0.45 * strength * (1 - colours[p.argmax(axis=-1)])
    (left, bottom), (right, top) = plane[0, 0], plane[-1, -1]
    axes.imshow(shade, origin="lower", extent=(left, right, bottom, top), aspect="auto", zorder=0)
    for i in range(count if count > 2 else 1):
        lead = p[..., i] - np.delete(p, i, axis=-1).max(axis=-1)
        if lead.min() < 0 < lead.max():
            axes.contour(plane[..., 0], plane[..., 1], lead, [0], colors="black", linewidths=1.6)


def _scatter(
    axes: "Axes", points: np.ndarray, labels: np.ndarray, classes: Sequence[str] | None
) -> None:
    names = names_of(classes, labels.max() + 1)
    for i in np.unique(labels):
        chosen = points[labels == i]
        axes.scatter(
            chosen[:, 0],
            chosen[:, 1],
            s=34 if len(points) > 20 else 120,
            color=COLOURS[i % len(COLOURS)],
            marker=MARKERS[i % len(MARKERS)],
            edgecolor="white",
            linewidth=0.8,
            label=names[i],
            zorder=3,
        )
    axes.set_xlabel("$x_1$", fontsize=13)
    axes.set_ylabel("$x_2$", fontsize=13)
    axes.tick_params(labelsize=11)
    axes.locator_params(nbins=6)


def _legend(where: "Axes | Figure", axes: "Axes", classes: Sequence[str] | None) -> None:
    """Adds a legend of the classes: inside a single panel, or outside several."""
    handles, _ = axes.get_legend_handles_labels()
    place = "upper right" if where is axes else "outside right upper"
    name = "class" if classes is None else None
    where.legend(handles=handles, loc=place, framealpha=0.9, title=name)
