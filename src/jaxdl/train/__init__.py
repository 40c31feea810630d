"""Training with your own loss, layer or step, and the loop around them.

``fit(supervised(net, losses.cross_entropy), tx, init_state(net, tx, key), dataset, epochs=5,
batch_size=128)`` is the common case. Any part may be your own; one that breaks its contract is
named before the first step.

**A loss** returns ``(loss, (state, metrics))``: numbers that are means over the batch's rows, or
``metrics.Mean(total, count)`` for a mean over something else, such as tokens. A batch that is a
dict always has a ``"weight"``, 0 for padding. ``rowwise`` takes the means for you; ``all_rows``
gathers rows that interact. Arrays besides the batch, such as β or a teacher, are bound with
``Partial``; whatever else a loss reads from outside is read again at each call.

>>> import jax, jax.numpy as jnp, optax
>>> from jax.tree_util import Partial
>>> from jaxdl import Layer, data, layers, metrics, serial, train
>>> def loss_fn(params, state, batch, *, key, train, beta):  # a sparse autoencoder
...     y, state = net.apply(params, state, batch["x"], key=key, train=train)
...     rows = ((y - batch["x"]) ** 2).sum(axis=1) + beta * jnp.abs(y).sum(axis=1)
...     return metrics.mean(rows, weight=batch["weight"]), (state, {"largest": rows.max()})

**A layer** is ``Layer(init, apply)``, or a plain function of an array. A state other than ``()``
is carried from step to step and keeps its structure; see ``serial`` and ``combinators.compose``.

>>> def apply(params, state, x, *, key=None, train=False):
...     return x * params["scale"], {"steps": state["steps"] + train}
>>> scale = Layer(lambda key: ({"scale": jnp.ones(3)}, {"steps": jnp.int32(0)}), apply)
>>> net, tx, key = serial(layers.dense(3, 3), scale), optax.adam(0.1), jax.random.key(0)
>>> points = data.Dataset({"x": jax.random.normal(key, (50, 3))})
>>> start, options = train.init_state(net, tx, key), {"batch_size": 16, "hooks": ()}
>>> end, rows = train.fit(Partial(loss_fn, beta=0.01), tx, start, points, epochs=30, **options)
>>> rows[-1]["loss"] < 0.2, int(end.state[1]["steps"])
(True, 120)

**A step** is ``(train_state, batch) -> (train_state, metrics)``, where the TrainState is any
NamedTuple with a ``step`` that counts, and with a ``key`` if a Dataset is shuffled: two networks,
target networks, a replay buffer. ``make_step`` builds that of a loss; ``loop`` runs any.

>>> def scheduled(train_state, batch):  # β grows with the steps
...     growing = Partial(loss_fn, beta=1e-4 * train_state.step)
...     return train.make_step(growing, tx)(train_state, batch)
>>> end, rows = train.loop(scheduled, start, points, max_steps=10, steps_per_epoch=5, **options)
>>> [row["step"] for row in rows]
[5, 10]
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
