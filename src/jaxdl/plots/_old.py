"""Pictures of data, training and results, readable on a slide; each function returns its figure.

matplotlib is imported when a picture is drawn. Figures belong to no global state: save them with
``figure.savefig("name.png")``, or end a notebook cell with one.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from jax.typing import ArrayLike

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BLUE, ORANGE, GREY = "#0072B2", "#D55E00", "#767676"
"""Two colours that everybody can tell apart (Okabe and Ito, 2008), and one for lines behind."""


def history(rows: Sequence[dict[str, Any]], *, title: str = "") -> "Figure":
    """Draws loss and metrics over epochs, training and validation in one panel each.

    Args:
        rows: what ``train.fit`` returns: a dict an epoch.
        title: what stands above.

    Returns:
        A figure with a panel for each of the names that have no ``validation_`` in front.

    Raises:
        ValueError: if there are no rows.

    Example:
        >>> figure = history([{"epoch": 1, "loss": 0.5}, {"epoch": 2, "loss": 0.3}])
        >>> [axes.get_ylabel() for axes in figure.axes]
        ['loss']
    """
    if not rows:
        raise ValueError("history has no rows: not one epoch was completed")
    times = ("epoch", "step", "seconds", "examples_per_second", "compile_seconds")
    names = [k for k in rows[0] if k not in times and not k.startswith("validation_")]
    names.sort(key=lambda name: name != "loss")
    figure = _figure(1, len(names), width=4.8, height=3.7)
    for axes, name in zip(figure.axes, names, strict=True):
        _curves(axes, rows, name)
    figure.suptitle(title)
    return figure


def _curves(axes: "Axes", rows: Sequence[dict[str, Any]], name: str) -> None:
    epochs = [row["epoch"] for row in rows]
    marker = "o" if len(rows) < 30 else ""
    for key, label, colour in (
        (name, "training", BLUE),
        (f"validation_{name}", "validation", ORANGE),
    ):
        if key in rows[0]:
            axes.plot(epochs, [row[key] for row in rows], colour, marker=marker, lw=2, label=label)
    axes.set_xlabel("epoch")
    axes.set_ylabel(name.replace("_", " "))
    axes.locator_params(axis="x", integer=True)
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    if len(axes.lines) > 1:
        axes.legend(frameon=False)


def predictions(
    images: ArrayLike,
    labels: ArrayLike,
    predicted: ArrayLike,
    *,
    classes: Sequence[str],
    columns: int = 8,
    title: str = "",
) -> "Figure":
    r"""Draws images with what a network takes them for; wrong ones are framed and corrected.

    Args:
        images: shape (N, height, width) or (N, height, width, 1 or 3).
        labels: the right classes, shape (N,).
        predicted: what the network says, shape (N,).
        classes: their names.
        columns: images a row.
        title: what stands above.

    Returns:
        A figure of ⌈N / columns⌉ rows.

    Example:
        >>> figure = predictions(np.zeros((2, 8, 8)), [0, 1], [0, 0], classes=["cat", "dog"])
        >>> [axes.get_title() for axes in figure.axes[:2]]
        ['cat', 'cat\n(is dog)']
    """
    images, labels, predicted = (np.asarray(x) for x in (images, labels, predicted))
    figure = _figure(-(-len(images) // columns), columns, width=1.45, height=1.85)
    for axes in figure.axes:
        axes.axis("off")
    for axes, image, label, guess in zip(figure.axes, images, labels, predicted, strict=False):
        right = label == guess
        axes.imshow(np.squeeze(image), cmap="gray")
        axes.set_title(
            classes[guess] if right else f"{classes[guess]}\n(is {classes[label]})",
            color="black" if right else ORANGE,
            fontsize=10,
            fontweight="normal" if right else "bold",
        )
        if not right:
            _frame(axes)
    figure.suptitle(title)
    return figure


def _frame(axes: "Axes") -> None:
    axes.axis("on")
    axes.set(xticks=[], yticks=[])
    for spine in axes.spines.values():
        spine.set(edgecolor=ORANGE, linewidth=4)


def confusion(matrix: ArrayLike, *, classes: Sequence[str], title: str = "") -> "Figure":
    """Draws how often each class (row) was taken for each class (column), with counts.

    Args:
        matrix: counts, shape (C, C), true classes down, predicted ones across.
        classes: their C names.
        title: what stands above.

    Returns:
        A figure; the colour of a cell is its share of its row, so that rare classes show too.

    Raises:
        ValueError: if the matrix isn't (C, C).

    Example:
        >>> figure = confusion([[3, 1], [0, 4]], classes=["cat", "dog"])
        >>> sorted(text.get_text() for text in figure.axes[0].texts)
        ['0', '1', '3', '4']
    """
    matrix = np.asarray(matrix)
    count = len(classes)
    if matrix.shape != (count, count):
        raise ValueError(f"confusion: {count} classes, but a matrix of shape {matrix.shape}")
    share = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    side = 2.2 + 0.5 * count
    figure = _figure(1, 1, width=side + 0.6, height=side)
    (axes,) = figure.axes
    picture = axes.imshow(share, cmap="Blues", vmin=0, vmax=1)
    figure.colorbar(picture, ax=axes, shrink=0.8, label="share of the true class")
    for (row, column), value in np.ndenumerate(matrix):
        colour = "white" if share[row, column] > 0.5 else "black" if value else "#b0b0b0"
        axes.text(column, row, value, ha="center", va="center", color=colour)
    axes.set_xticks(range(count), classes, rotation=45, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(count), classes)
    axes.set(xlabel="predicted", ylabel="true")
    figure.suptitle(title)
    return figure


def _figure(rows: int, columns: int, *, width: float, height: float) -> "Figure":
    """A grid of axes, each of a size in inches, that no global state holds on to."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(columns * width, rows * height), layout="constrained", dpi=150)
    FigureCanvasAgg(figure)
    figure.subplots(rows, columns)
    return figure
