"""How well classes are separated, and how reliable probabilities are."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from jaxdl import metrics
from jaxdl._checks import ShapeError, describe
from jaxdl.plots._style import BLUE, GREY, ORANGE, heading, make_figure, style_of, tidy

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def confusion(matrix: ArrayLike, *, classes: Sequence[str], title: str = "") -> "Figure":
    """Draws a confusion matrix: counts of each true class (row) predicted as each class (column).

    Args:
        matrix: counts, shape (C, C), true classes down, predicted ones across.
        classes: the C class names.
        title: the figure's title.

    Returns:
        A figure; a cell's colour is its share of its row, so that rare classes show, too.

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
    figure = make_figure(1, 1, width=side + 0.6, height=side)
    (axes,) = figure.axes
    picture = axes.imshow(share, cmap="Blues", vmin=0, vmax=1)
    figure.colorbar(picture, ax=axes, shrink=0.8, label="share of the true class")
    for (row, column), value in np.ndenumerate(matrix):
        colour = "white" if share[row, column] > 0.5 else "black" if value else "#b0b0b0"
        axes.text(column, row, value, ha="center", va="center", color=colour, in_layout=False)
    axes.set_xticks(range(count), classes, rotation=45, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(count), classes)
    axes.set(xlabel="predicted", ylabel="true")
    heading(figure, title)
    return figure


def calibration(
    logits: ArrayLike, labels: ArrayLike, *, bins: int = 10, title: str = ""
) -> "Figure":
    """Draws accuracy against predicted confidence, and how often each confidence occurs.

    Args:
        logits: shape (N, classes).
        labels: class indices, shape (N,).
        bins: number of bins of confidence.
        title: the figure's title.

    Returns:
        A figure with two panels: accuracy over confidence, with the expected calibration error,
        and the share of examples over confidence.

    Raises:
        ShapeError: if the shapes don't fit.

    Example:
        >>> figure = calibration([[0.0, 9.0], [9.0, 0.0]], [1, 0])
        >>> figure.axes[0].get_title()
        'expected calibration error 0.0 %'

    Reference:
        Guo et al., "On calibration of modern neural networks", 2017,
        https://arxiv.org/abs/1706.04599.
    """
    sums = metrics.calibration(np.asarray(logits, np.float32), np.asarray(labels), bins=bins)
    weight, confidence, correct = (np.asarray(x) for x in sums)
    error = float(metrics.expected_calibration_error(sums))
    accuracy = np.where(weight > 0, correct / np.maximum(weight, 1e-30), np.nan)
    figure = make_figure(1, 2, width=4.4, height=3.9)
    left, right = figure.axes
    edges = np.arange(bins) / bins
    left.plot([0, 1], [0, 1], "--", color=GREY, lw=1.5, label="as sure as right")
    left.bar(edges, accuracy, 1 / bins, align="edge", color=BLUE, alpha=0.75, edgecolor="white")
    means = confidence[weight > 0] / weight[weight > 0]
    left.plot(means, accuracy[weight > 0], "o", color=ORANGE, label="mean of a bin")
    left.legend(frameon=False, loc="upper left")
    right.bar(edges, weight / weight.sum(), 1 / bins, align="edge", color=BLUE, edgecolor="white")
    name = f"expected calibration error {100 * error:.1f} %"
    tidy(left, title=name, xlabel="confidence", ylabel="accuracy")
    tidy(right, title="how sure it is", xlabel="confidence", ylabel="share of the examples")
    left.set(xlim=(0, 1), ylim=(0, 1.02))
    right.set(xlim=(0, 1))
    heading(figure, title)
    return figure


def roc(
    scores: ArrayLike | Mapping[str, ArrayLike], labels: ArrayLike, *, title: str = ""
) -> "Figure":
    """Draws the ROC curve: the true positive rate against the false positive rate.

    Args:
        scores: higher means more likely positive, shape (N,); or several such arrays by name.
        labels: 0 or 1, shape (N,).
        title: the figure's title.

    Returns:
        A figure with an exact curve per array of scores, with a point for every threshold that
        occurs. The legend has the areas under the curves.

    Raises:
        ShapeError: if scores and labels differ in shape.
        ValueError: if labels aren't 0 or 1, without positives, without negatives, or if a score
            is nan.

    Example:
        >>> figure = roc([0.1, 0.2, 0.3, 0.4], [0, 0, 1, 1])
        >>> figure.axes[0].lines[-1].get_label()
        'area 1.000'
    """
    labels = np.asarray(labels)
    if not np.isin(labels, (0, 1)).all():
        raise ValueError(f"roc: labels are {np.unique(labels)[:4].tolist()} …; they must be 0 or 1")
    if labels.all() or not labels.any():
        raise ValueError("roc: labels are all alike; it needs positives and negatives")
    several = scores if isinstance(scores, Mapping) else {"": scores}
    figure = make_figure(1, 1, width=4.9, height=4.6)
    (axes,) = figure.axes
    axes.plot([0, 1], [0, 1], "--", color=GREY, lw=1.5)
    for i, (name, values) in enumerate(several.items()):
        false, true = _rates(np.asarray(values), labels)
        area = float(np.trapezoid(true, false))
        axes.plot(false, true, label=f"{name}{', ' * bool(name)}area {area:.3f}", **style_of(i))
    tidy(axes, xlabel="false positive rate", ylabel="true positive rate")
    axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01), aspect="equal")
    axes.legend(frameon=False, loc="lower right")
    heading(figure, title)
    return figure


def _rates(scores: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The false and the true positive rate at every threshold, from the highest down."""
    if scores.shape != labels.shape or scores.ndim != 1:
        raise ShapeError(f"roc: scores {describe(scores)} and labels {describe(labels)}")
    if np.isnan(scores).any():
        raise ValueError(f"roc: {np.isnan(scores).sum()} of {len(scores)} scores are nan")
    order = np.argsort(-scores, kind="stable")
    hits = labels[order] == 1
    last = np.append(np.flatnonzero(np.diff(scores[order])), len(scores) - 1)  # equals move at once
    rates = ((np.cumsum(x) / x.sum())[last] for x in (~hits, hits))
    false, true = (np.append(0.0, rate) for rate in rates)
    return false, true
