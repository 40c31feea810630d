"""What the experiments share that start from a trained network."""

import importlib
import re
from collections.abc import Mapping
from types import ModuleType
from typing import TYPE_CHECKING, Literal

import numpy as np

from harness.config import Config, UserError
from harness.data import part_of
from harness.figures import COLOURS, canvas
from harness.report import Report, tested
from harness.run import Run, Trained, first
from jaxdl import interop, parallel, train

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def pretrained(
    name: Literal["minilm", "crepe_tiny", "crepe_full", "silero_vad"],
) -> interop.Pretrained:
    """``interop.pretrained``, or a line that says which package is missing."""
    try:
        return interop.pretrained(name)
    except ImportError as error:
        raise UserError(str(error), code=1) from error


def needs(experiment: str, module: str) -> ModuleType:
    """A module that ``[pretrained]`` brings, or a line that says so."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        text = f'{experiment} needs {module}: pip install -e ".[pretrained]"'
        raise UserError(text, code=1) from error


def before(config: Config, run: Run, metric: str) -> float:
    """A metric on the test part of what a run starts from."""
    test, start = part_of(run.data, "test"), first(config, run)
    engine = parallel.Placement(config.parallel)
    return train.evaluate(run.loss_fn, start, test, devices=engine)[metric]


def compared(
    config: Config, trained: Mapping[str, Trained], at_start: Mapping[str, float], metric: str
) -> Report:
    """A metric on test data before and after each training, printed and drawn."""
    numbers = dict(at_start)
    for name, each in trained.items():
        measured = tested(config, each)
        numbers |= {f"{name}_{key}": value for key, value in measured.items()}
    bars = numbers.keys() & {*at_start, *(f"{name}_test_{metric}" for name in trained)}
    shown = {key: numbers[key] for key in numbers if key in bars}
    print("  ".join(f"{key} {value:.4f}" for key, value in shown.items()))
    curves = {name: [row["loss"] for row in each.history] for name, each in trained.items()}
    return Report(numbers, {"comparison.png": lambda: _draw(shown, curves, metric)})


def _draw(numbers: Mapping[str, float], curves: Mapping[str, list[float]], metric: str) -> "Figure":
    figure = canvas(1, 2, width=5.2, height=3.4)
    left, right = figure.axes
    for name, losses in curves.items():
        left.plot(np.arange(1, len(losses) + 1), losses, label=name.replace("_", " "), lw=2)
    left.set(xlabel="epoch", ylabel="training loss", ylim=(0, None))
    left.legend(frameon=False)
    names = [key.replace(f"_test_{metric}", "").replace("_", " ") for key in numbers]
    bars = right.barh(names, list(numbers.values()), color=COLOURS[0])
    right.bar_label(bars, [f"{value:.3f}" for value in numbers.values()], padding=3)
    right.invert_yaxis()
    right.set(xlabel=f"test {metric.replace('_', ' ')}", xlim=(0, 1.15))
    return figure


SUBJECTS = ("interpolate", "linalg", "ndimage", "optimize", "signal", "sparse", "special", "stats")
"""The packages of SciPy with fifty functions or more."""


def sentences(subject: str) -> list[str]:
    """What each public function of a package of SciPy does: the sentence that begins its help."""
    module = importlib.import_module(f"scipy.{subject}")
    kept = (getattr(module, name, None) for name in module.__all__)
    found = (_first_sentence(each) for each in kept if callable(each))
    return list(dict.fromkeys(filter(None, found)))


def _first_sentence(described: object) -> str:
    """The first paragraph of help that isn't a signature, up to the end of its first sentence."""
    paragraphs = [" ".join(part.split()) for part in (described.__doc__ or "").split("\n\n")]
    prose = (p for p in paragraphs if len(p.split()) > 3 and not re.match(r"\w+\(|Parameters", p))
    return re.split(r"(?<=\w[.:])\s", next(prose, ""))[0].rstrip(".:")
