"""Pictures for a slide, and those of a network that tells classes apart."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from harness.config import Config
from harness.data import part_of
from harness.run import Trained
from jaxdl import plots, train

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#767676")
"""Colours that everybody can tell apart (Okabe and Ito, 2008)."""


def canvas(rows: int, columns: int, *, width: float, height: float) -> "Figure":
    """A grid of axes, each of a size in inches, for a picture on a slide."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(columns * width, rows * height), layout="constrained", dpi=150)
    FigureCanvasAgg(figure)
    for axes in figure.subplots(rows, columns, squeeze=False).flat:
        axes.spines[["top", "right"]].set_visible(False)
        axes.set_prop_cycle(color=COLOURS)
    return figure


def of_classes(config: Config, trained: Trained) -> dict[str, Callable[[], "Figure"]]:
    """The history, images with what the network takes them for, and which classes it confuses."""
    dataset = trained.run.data
    test = part_of(dataset, "test")
    inputs, labels = np.asarray(test["inputs"]), np.asarray(test["labels"])
    predicted = np.asarray(train.predict(trained.run.net, trained.train_state, inputs))
    predicted = predicted.argmax(axis=-1)
    matrix = np.zeros((len(dataset.classes),) * 2, int)
    np.add.at(matrix, (labels, predicted), 1)
    accuracy = f"{(predicted == labels).mean():.1%} of {len(labels):,} test images right"
    # The rows of a file may be sorted by class: pictures spread evenly over it show them all.
    shown = np.linspace(0, len(labels) - 1, min(4 if config.smoke else 32, len(labels))).astype(int)
    some = (inputs[shown], labels[shown], predicted[shown])
    classes = dataset.classes
    return {
        "history.png": lambda: plots.history(trained.history, title=_title(config)),
        "predictions.png": lambda: plots.predictions(*some, classes=classes, title=accuracy),
        "confusion.png": lambda: plots.confusion(matrix, classes=classes, title=accuracy),
    }


def _title(config: Config) -> str:
    """The folder of a run in words, with its parent for one of several seeds."""
    folder, seed = config.output, f"seed_{config.seed}"
    names = [folder.parent.name, seed] if folder.name == seed else [folder.name]
    text = ", ".join(names).replace("_", " ").replace("$", r"\$")  # matplotlib reads $ as TeX
    return "".join(x if x.isprintable() else "?" for x in text)
