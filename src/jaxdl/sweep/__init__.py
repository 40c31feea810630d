"""Populations: hundreds of models trained in one compiled program.

``run`` trains every combination of hyperparameters and seeds, side by side, and each member gets
what ``fit`` makes of it alone.
"""

from jaxdl.sweep.ensembles import Prediction as Prediction
from jaxdl.sweep.ensembles import combine as combine
from jaxdl.sweep.ensembles import ensemble as ensemble
from jaxdl.sweep.ensembles import measure as measure
from jaxdl.sweep.halving import Rung as Rung
from jaxdl.sweep.halving import halve as halve
from jaxdl.sweep.halving import rungs as rungs
from jaxdl.sweep.halving import scores as scores
from jaxdl.sweep.halving import survivors as survivors
from jaxdl.sweep.pictures import draw as draw
from jaxdl.sweep.plan import MakeRun as MakeRun
from jaxdl.sweep.plan import Run as Run
from jaxdl.sweep.repeats import evaluate as evaluate
from jaxdl.sweep.repeats import history as history
from jaxdl.sweep.repeats import seeds as seeds
from jaxdl.sweep.repeats import show as show
from jaxdl.sweep.result import Result as Result
from jaxdl.sweep.result import best as best
from jaxdl.sweep.result import select as select
from jaxdl.sweep.result import state as state
from jaxdl.sweep.result import states as states
from jaxdl.sweep.result import table as table
from jaxdl.sweep.runs import run as run
from jaxdl.sweep.space import choices as choices
from jaxdl.sweep.space import grid as grid
from jaxdl.sweep.space import integers as integers
from jaxdl.sweep.space import log_uniform as log_uniform
from jaxdl.sweep.space import random as random
from jaxdl.sweep.space import sobol as sobol
from jaxdl.sweep.space import uniform as uniform
from jaxdl.sweep.telling import Progress as Progress
from jaxdl.sweep.telling import progress as progress
from jaxdl.sweep.telling import progress_line as progress_line
