"""Pictures: what they must show, read back from the figure."""

import numpy as np
import pytest

from jaxdl import plots

ROWS = [
    {"epoch": e, "step": 9 * e, "loss": 1 / e, "accuracy": 1 - 0.5 / e, "seconds": 0.1,
     "validation_loss": 1.2 / e, "validation_accuracy": 0.9 - 0.5 / e,
     "examples_per_second": 1e4, "compile_seconds": 0.0}
    for e in (1, 2, 3)
]  # fmt: skip


def test_history_has_a_panel_a_metric_with_training_and_validation():
    figure = plots.history(ROWS, title="a run")
    assert [axes.get_ylabel() for axes in figure.axes] == ["loss", "accuracy"]
    for axes, name in zip(figure.axes, ("loss", "accuracy"), strict=True):
        ours, theirs = axes.lines
        np.testing.assert_array_equal(ours.get_ydata(), [row[name] for row in ROWS])
        expected = [row[f"validation_{name}"] for row in ROWS]
        np.testing.assert_array_equal(theirs.get_ydata(), expected)


def test_history_without_rows():
    with pytest.raises(ValueError, match="not one epoch"):
        plots.history([])


def test_predictions_mark_the_wrong_ones_only():
    images = np.zeros((5, 8, 8, 1), "uint8")
    figure = plots.predictions(images, [0, 1, 2, 0, 1], [0, 2, 2, 0, 0], classes="abc", columns=3)
    titles = [axes.get_title() for axes in figure.axes]
    assert titles == ["a", "c\n(is b)", "c", "a", "a\n(is b)", ""]


def test_colour_images_are_drawn_too(tmp_path):
    images = np.random.default_rng(0).integers(0, 255, (2, 8, 8, 3)).astype("uint8")
    plots.predictions(images, [0, 1], [0, 1], classes="ab").savefig(tmp_path / "x.png")


def test_confusion_counts_and_a_class_that_never_occurs():
    figure = plots.confusion([[2, 1], [0, 0]], classes=["cat", "dog"])
    assert [text.get_text() for text in figure.axes[0].texts] == ["2", "1", "0", "0"]
    colours = figure.axes[0].images[0].get_array()
    np.testing.assert_allclose(colours, [[2 / 3, 1 / 3], [0, 0]])


def test_confusion_of_another_size():
    with pytest.raises(ValueError, match=r"3 classes, but a matrix of shape \(2, 2\)"):
        plots.confusion(np.eye(2), classes="abc")
