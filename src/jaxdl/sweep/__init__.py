"""Populations: hundreds of models trained in one compiled program.

``run`` trains every combination of hyperparameters and seeds side by side; each member gets the
same result as with ``fit`` alone. ``plots.population`` plots the result.
"""

from jaxdl import _face
from jaxdl.sweep._ensembles import Prediction, combine, ensemble, evaluate_ensemble
from jaxdl.sweep._evaluate import evaluate
from jaxdl.sweep._halving import Rung, halve, rungs, scores, survivors
from jaxdl.sweep._plan import MakeRun, Run, Steps
from jaxdl.sweep._progress import Progress, progress, progress_line
from jaxdl.sweep._result import Interrupted, Result, select, state, states
from jaxdl.sweep._runs import run
from jaxdl.sweep._seeds import run_seeds
from jaxdl.sweep._space import choices, grid, integers, log_uniform, random, sobol, uniform
from jaxdl.sweep._study import study
from jaxdl.sweep._table import best, format_table, history, table

__all__ = [
    "Interrupted",
    "MakeRun",
    "Prediction",
    "Progress",
    "Result",
    "Run",
    "Rung",
    "Steps",
    "best",
    "choices",
    "combine",
    "ensemble",
    "evaluate",
    "evaluate_ensemble",
    "format_table",
    "grid",
    "halve",
    "history",
    "integers",
    "log_uniform",
    "progress",
    "progress_line",
    "random",
    "run",
    "run_seeds",
    "rungs",
    "scores",
    "select",
    "sobol",
    "state",
    "states",
    "study",
    "survivors",
    "table",
    "uniform",
]

__doc__ = _face.index(globals())
