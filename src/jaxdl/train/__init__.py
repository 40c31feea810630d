"""Training: one pure step, compiled over whole epochs, and the loop around it."""

from jaxdl.train.epoch import make_epoch as make_epoch
from jaxdl.train.epoch import make_evaluation as make_evaluation
from jaxdl.train.fit import History as History
from jaxdl.train.fit import evaluate as evaluate
from jaxdl.train.fit import fit as fit
from jaxdl.train.fit import predict as predict
from jaxdl.train.hooks import Event as Event
from jaxdl.train.hooks import Hook as Hook
from jaxdl.train.hooks import progress as progress
from jaxdl.train.step import TrainState as TrainState
from jaxdl.train.step import init_state as init_state
from jaxdl.train.step import make_step as make_step
from jaxdl.train.step import supervised as supervised
