"""Populations: hundreds of models trained in one compiled program.

``run`` trains every combination of hyperparameters and seeds, side by side, and each member gets
what ``fit`` makes of it alone.
"""

from jaxdl import _face
from jaxdl.sweep._ensembles import Prediction, combine, ensemble, measure
from jaxdl.sweep._halving import Rung, halve, rungs, scores, survivors
from jaxdl.sweep._pictures import draw
from jaxdl.sweep._plan import MakeRun, Run
from jaxdl.sweep._progress import Progress, progress, progress_line
from jaxdl.sweep._repeats import evaluate, history, seeds, show
from jaxdl.sweep._result import Result, best, select, state, states, table
from jaxdl.sweep._runs import run
from jaxdl.sweep._space import choices, grid, integers, log_uniform, random, sobol, uniform

__all__ = [
    "MakeRun",
    "Prediction",
    "Progress",
    "Result",
    "Run",
    "Rung",
    "best",
    "choices",
    "combine",
    "draw",
    "ensemble",
    "evaluate",
    "grid",
    "halve",
    "history",
    "integers",
    "log_uniform",
    "measure",
    "progress",
    "progress_line",
    "random",
    "run",
    "rungs",
    "scores",
    "seeds",
    "select",
    "show",
    "sobol",
    "state",
    "states",
    "survivors",
    "table",
    "uniform",
]

__doc__ = _face.index(globals())
