"""What every experiment shares: its command line, its folder, its training and its report.

An experiment is a file with a ``Config`` and two functions:

    build(config) -> Run                what is to be trained: data, network, loss, optimizer
    report(config, trained) -> Report   what came of it: numbers and pictures

``build`` may also give a Loop, a training by a step of its own, and ``report`` gets a Looped;
several Runs or Loops by name, and ``report`` gets what came of each; or a Population, and
``report`` gets a Swept. ``main(Config, build, report, __doc__)`` does the rest, for
one seed or for ``--seeds N``. It calls ``build`` once for each seed, and trains seeds side by side
only where their programs and their data are the same.
"""

from typing import TYPE_CHECKING

from harness.cli import main, one_device_a_core
from harness.config import Config, UserError, some
from harness.data import load, part_of, shortened
from harness.figures import COLOURS, canvas
from harness.finetuning import SUBJECTS, before, compared, needs, pretrained, sentences
from harness.report import Report, classification, tested, tested_each
from harness.run import Built, Loop, Looped, Population, Run, Swept, Trained, first

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = [
    "COLOURS",
    "SUBJECTS",
    "Built",
    "Config",
    "Figure",
    "Loop",
    "Looped",
    "Population",
    "Report",
    "Run",
    "Swept",
    "Trained",
    "UserError",
    "before",
    "canvas",
    "classification",
    "compared",
    "first",
    "load",
    "main",
    "needs",
    "one_device_a_core",
    "part_of",
    "pretrained",
    "sentences",
    "shortened",
    "some",
    "tested",
    "tested_each",
]
