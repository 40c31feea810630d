"""Training: one pure step, compiled over whole epochs, and the loop around it."""

from jaxdl.train._all_rows import all_rows
from jaxdl.train._batch_fns import class_weights, label_smoothing, mixup
from jaxdl.train._compilations import keep_compilations
from jaxdl.train._diagnosis import NonFiniteError
from jaxdl.train._early import EarlyStopping, early_stopping
from jaxdl.train._epoch import make_chunk, make_epoch, make_evaluation
from jaxdl.train._evaluate import evaluate, predict
from jaxdl.train._fit import fit
from jaxdl.train._hooks import Event, Hook, progress
from jaxdl.train._interpreter import first_not_finite
from jaxdl.train._log import gradient_norm, learning_rate
from jaxdl.train._loop import History, Interrupted, loop
from jaxdl.train._loss_scale import LossScale, dynamic_loss_scale
from jaxdl.train._step import BatchFn, Measure, TrainState, init_state, make_step
from jaxdl.train._supervised import rowwise, supervised
from jaxdl.train._writers import jsonl, tensorboard

__all__ = [
    "BatchFn",
    "EarlyStopping",
    "Event",
    "History",
    "Hook",
    "Interrupted",
    "LossScale",
    "Measure",
    "NonFiniteError",
    "TrainState",
    "all_rows",
    "class_weights",
    "dynamic_loss_scale",
    "early_stopping",
    "evaluate",
    "first_not_finite",
    "fit",
    "gradient_norm",
    "init_state",
    "jsonl",
    "keep_compilations",
    "label_smoothing",
    "learning_rate",
    "loop",
    "make_chunk",
    "make_epoch",
    "make_evaluation",
    "make_step",
    "mixup",
    "predict",
    "progress",
    "rowwise",
    "supervised",
    "tensorboard",
]
