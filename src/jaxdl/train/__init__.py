"""Training: one pure step, compiled over whole epochs, and the loop around it.

``fit(supervised(net, losses.cross_entropy), tx, init_state(net, tx, key), dataset, epochs=5,
batch_size=128)`` is the common case. You can replace each part with your own:

**A loss** is ``loss_fn(params, state, batch, *, key, train) -> (loss, (state, metrics))``. The loss
is one number, the mean over the batch's rows, or ``metrics.Mean(total, count)`` for a mean over
something else, such as tokens: both sums are added up over devices, parts of a batch and batches,
then divided once. ``batch["weight"]`` is always present, and 0 for padding rows. The state keeps
its structure. A metric is one number, also a mean over rows, or sums: those of ``jaxdl.metrics``,
or an array such as a confusion matrix, but not an entry for each row, which is refused.

>>> import jax, jax.numpy as jnp, optax
>>> from jaxdl import data, layers, metrics, train
>>> net = layers.dense(3, 3)
>>> def loss_fn(params, state, batch, *, key, train):  # an autoencoder that sees noise
...     noise = 0.1 * jax.random.normal(key, batch["x"].shape) if train else 0.0
...     y, state = net.apply(params, state, batch["x"] + noise, key=key, train=train)
...     rows = ((y - batch["x"]) ** 2).sum(axis=1)
...     return metrics.mean(rows, weight=batch["weight"]), (state, {"largest": rows.max()})
>>> tx, x = optax.adam(0.1), jax.random.normal(jax.random.key(1), (50, 3))
>>> end, history = train.fit(loss_fn, tx, train.init_state(net, tx, jax.random.key(0)),
...                          data.Dataset({"x": x}), epochs=30, batch_size=16, hooks=())
>>> sorted(history[-1])[:5], history[-1]["loss"] < 0.2
(['compile_seconds', 'epoch', 'examples_per_second', 'largest', 'loss'], True)

``rowwise`` takes the mean for you: its network returns ``(rows, {"largest": rows})``. If rows
interact, as in a contrastive loss, ``all_rows`` gathers those of all devices.

**Other arrays**, such as a teacher's parameters or β, are bound with ``jax.tree_util.Partial``;
anything else the loss closes over is read anew at each call of ``fit``. Neither is ever stale.

>>> def shrunk(params, state, batch, *, key, train, beta):
...     loss, aux = loss_fn(params, state, batch, key=key, train=train)
...     return loss.total / loss.count + beta * (params["kernel"] ** 2).sum(), aux
>>> bound = jax.tree_util.Partial(shrunk, beta=jnp.float32(10.0))
>>> train.evaluate(bound, end, {"x": x})["loss"] > 10
True

**A layer** is ``Layer(init, apply)``, see ``jaxdl.types``; ``jaxdl.combinators`` composes them.

**A step** is ``(train_state, batch) -> (train_state, metrics)`` for any NamedTuple that counts its
``step``: two networks, target networks, a replay buffer. ``make_step`` builds the step of a loss,
which may be part of a larger step; ``loop`` runs any step, with or without data.

>>> def scheduled(train_state, batch):  # β grows with the steps
...     now = jax.tree_util.Partial(shrunk, beta=1e-4 * train_state.step)
...     return train.make_step(now, tx)(train_state, batch)
>>> end, history = train.loop(scheduled, end._replace(step=jnp.int32(0)), data.Dataset({"x": x}),
...                           max_steps=10, steps_per_epoch=5, batch_size=16, hooks=())
>>> [row["step"] for row in history]
[5, 10]

A part that breaks its contract is named in an error before the first step.
"""

from jaxdl import _face
from jaxdl.train._all_rows import all_rows
from jaxdl.train._batch_fns import class_weights, label_smoothing, mixup
from jaxdl.train._compilations import keep_compilations
from jaxdl.train._diagnosis import NonFiniteError
from jaxdl.train._early import EarlyStopping, early_stopping
from jaxdl.train._epoch import make_chunk, make_epoch, make_evaluation
from jaxdl.train._evaluate import evaluate, predict
from jaxdl.train._find import LearningRates, find_learning_rate
from jaxdl.train._fit import fit
from jaxdl.train._hooks import Event, Hook, progress
from jaxdl.train._interpreter import first_not_finite
from jaxdl.train._log import gradient_norm, learning_rate
from jaxdl.train._loop import loop
from jaxdl.train._loss_scale import LossScale, dynamic_loss_scale
from jaxdl.train._profile import LayerTime, Profile, profile
from jaxdl.train._run import History, Interrupted
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
    "LayerTime",
    "LearningRates",
    "LossScale",
    "Measure",
    "NonFiniteError",
    "Profile",
    "TrainState",
    "all_rows",
    "class_weights",
    "dynamic_loss_scale",
    "early_stopping",
    "evaluate",
    "find_learning_rate",
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
    "profile",
    "progress",
    "rowwise",
    "supervised",
    "tensorboard",
]

__doc__ = _face.index(globals())
