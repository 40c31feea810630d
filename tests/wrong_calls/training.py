"""Wrong calls of networks as a whole, of training, checkpoints, devices and sweeps."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from jaxdl import (
    activations,
    checkpoint,
    data,
    functional,
    initializers,
    layers,
    losses,
    metrics,
    optim,
    parallel,
    serial,
    sweep,
    train,
)
from wrong_calls.row import Wrong

KEY, X = jax.random.key(0), np.ones((8, 4), "f")
PART = {"inputs": X, "labels": np.arange(8) % 3}
SET = data.Dataset(PART, classes=("a", "b", "c"))
NET, TX = serial(layers.dense(4, 3)), optim.sgd(0.1)
LOSS = train.supervised(NET, losses.cross_entropy)
PARAMS = ({"kernel": jnp.zeros((4, 3)), "bias": jnp.zeros(3)},)
STATE = train.TrainState(jnp.int32(0), PARAMS, ((),), TX.init(PARAMS), KEY)


class Walk(NamedTuple):
    """A TrainState without a key."""

    step: jax.Array


def fit(loss_fn=LOSS, tx=TX, train_state=STATE, dataset=SET, **options):
    options = {"epochs": 1, "batch_size": 4, "hooks": ()} | options
    return lambda: train.fit(loss_fn, tx, train_state, dataset, **options)


def streamed(source):
    return fit(dataset=data.Stream(source), batch_size=None, steps_per_epoch=1)


def loss(net=NET, fn=losses.cross_entropy, **options):
    return lambda: train.supervised(net, fn, **options)


def swept(**options):
    make = lambda lr=0.1: sweep.Run(NET, LOSS, optim.sgd(lr))
    return lambda: sweep.run(make, SET, **{"epochs": 1, "batch_size": 4, "hooks": ()} | options)


def no_batch(key, batch):
    pass


ROWS = [
    # Networks
    Wrong(lambda: NET.apply(None, ((),), X), r"serial\(dense.*params are None; they", TypeError),
    Wrong(
        lambda: NET.apply((*PARAMS, {}), ((), ()), X),
        r"serial\(dense\(4, 3\)\) got params of the parts 0, 1; its parts are 0",
    ),
    Wrong(lambda: NET.apply({"a": {}}, ((),), X), "got params of the parts a; its parts are 0"),
    Wrong(lambda: layers.dense(2**40, 2**40).init(KEY), "shape is .* no memory has room for it"),
    Wrong(lambda: functional.dropout(3, X, 0.5), "dropout: key is 3; it must be a key", TypeError),
    Wrong(
        lambda: functional.gaussian_noise(jax.random.split(KEY), X, 0.5),
        r"gaussian_noise: key is key<fry>\[2\]; it must be a key",
        TypeError,
    ),
    Wrong(lambda: activations.gumbel_softmax(X, key=None), "key is None; it must be", TypeError),
    Wrong(lambda: initializers.normal()(3, (2,)), "an initializer: key is 3; it", TypeError),
    # Losses and steps
    Wrong(
        loss(net=layers.dense),
        "a network is made of Layers.*; dense makes one when it is called",
        TypeError,
    ),
    Wrong(
        loss(losses.cross_entropy, NET),
        "supervised: loss is serial.dense.4, 3..; it must",
        TypeError,
    ),
    Wrong(loss(fn="cross_entropy"), "loss is 'cross_entropy'; it must be a function", TypeError),
    Wrong(loss(metrics=["accuracy"]), r"metrics is \['accuracy'\]; it must be a dict", TypeError),
    Wrong(loss(metrics={"a": 1}), r"metrics\['a'\] is 1; it must be a function", TypeError),
    Wrong(loss(metrics={"loss": metrics.accuracy}), "a metric is called 'loss', which is"),
    Wrong(loss(regularizer=lambda: 0), "regularizer can't be called with .params.", TypeError),
    Wrong(lambda: train.rowwise(None), "a network is made of Layers .* not of None", TypeError),
    Wrong(lambda: train.init_state(NET, TX, 0), "init_state: key is 0; it must be", TypeError),
    Wrong(lambda: train.init_state(NET, 0.1, KEY), "tx is 0.1; it must be an opt", TypeError),
    Wrong(lambda: train.init_state(NET, optim.adam, KEY), r"adam; .* as adam\(…\)", TypeError),
    Wrong(lambda: train.init_state(PARAMS, TX, KEY), r"Layers .* not of \(\{'kernel", TypeError),
    Wrong(lambda: train.init_state(NET, KEY, TX), r"init_state: tx is Array\(\(\)", TypeError),
    Wrong(lambda: train.make_step("loss", TX), "make_step: loss_fn is 'loss'", TypeError),
    Wrong(lambda: train.make_step(LOSS, optax.sgd), "tx is the function sgd; it", TypeError),
    Wrong(
        lambda: train.make_step(LOSS, TX, log={"loss": train.gradient_norm})(STATE, PART),
        "make_step: log has 'loss', which the loss measures too",
    ),
    Wrong(
        lambda: train.make_step(LOSS, TX, batch_fns=[no_batch])(STATE, PART),
        r"batch_fns\[0\], no_batch, returned a NoneType; it must return the batch",
        TypeError,
    ),
    # fit
    Wrong(fit(train_state=None), "fit: train_state is a NoneType without step, pa", TypeError),
    Wrong(fit(train_state=tuple(STATE)), "fit: train_state is a tuple without step", TypeError),
    Wrong(fit(train_state=PARAMS), "it must be a TrainState, as init_state", TypeError),
    Wrong(fit(train_state=STATE._replace(key=3)), "train_state: key is 3; it must", TypeError),
    Wrong(fit(loss_fn=None), "fit: loss_fn is None; it must be a function", TypeError),
    Wrong(fit(tx=0.1), "fit: tx is 0.1; it must be an optimizer, as optim.adam", TypeError),
    Wrong(fit(accumulate=0), "fit: accumulate is 0; it must be a positive integer"),
    Wrong(fit(hooks=print), "hooks is <built-in function print>; it must be a seq", TypeError),
    Wrong(fit(hooks=None), "fit: hooks is None; it must be a sequence of functions", TypeError),
    Wrong(fit(hooks=["a"]), r"hooks\[0\] is 'a'; it must be a function of \(event\)", TypeError),
    Wrong(fit(hooks=[lambda: 0]), r"hooks\[0\] can't be called with \(event\): too", TypeError),
    Wrong(fit(batch_fns=lambda k, b: b), "batch_fns is <.*; it must be a sequence", TypeError),
    Wrong(fit(batch_fns=[lambda b: b]), r"batch_fns\[0\] can't be called with \(ke", TypeError),
    Wrong(fit(log=["a"]), r"log is \['a'\]; it must be a dict of functions by name", TypeError),
    Wrong(fit(validate=3), "fit: validate is 3; it must be a function", TypeError),
    Wrong(fit(history=None), "fit: history is None; it must be a list of rows", TypeError),
    Wrong(fit(history=[1]), r"fit: history\[0\] is 1; it must be a dict", TypeError),
    Wrong(fit(history=[{"loss": 1}]), r"history\[0\] has no 'epoch', only loss; it must"),
    Wrong(fit(early_stopping="loss"), "early_stopping is 'loss'; it must be from", TypeError),
    Wrong(fit(batch_fns=[train.class_weights([1, 5])]), "rows with the labels 2 have", Exception),
    Wrong(streamed(lambda epoch: None), "a stream's source yielded a NoneType; it", TypeError),
    Wrong(streamed(lambda epoch: [(X, X)]), "the batch is a tuple; it must be a dict", TypeError),
    Wrong(
        fit(
            loss_fn=train.supervised(NET, losses.cross_entropy, metrics={"step": metrics.accuracy})
        ),
        "a metric is called 'step', which the history uses itself",
    ),
    Wrong(
        lambda: train.loop(lambda s, b: (s, {}), Walk(0), SET, epochs=1, batch_size=4),
        "loop: a Dataset is shuffled by the TrainState's key, and Walk has none; give it a",
        TypeError,
    ),
    Wrong(lambda: train.loop(3, Walk(0), SET, epochs=1), "loop: step is 3; it must be", TypeError),
    # Around it
    Wrong(lambda: train.evaluate(LOSS, PARAMS, PART), "tuple without params, state", TypeError),
    Wrong(
        lambda: train.evaluate(LOSS, STATE, PART | {"labels": np.array(["a"] * 8)}),
        r"evaluate: data\['labels'\] is <U1\[8\]; it must hold numbers",
        TypeError,
    ),
    Wrong(lambda: train.predict(NET, PARAMS, X), "predict: train_state is a tuple", TypeError),
    Wrong(lambda: train.predict(NET, STATE, ["a"]), "inputs is <U1.*must hold numbers", TypeError),
    Wrong(lambda: train.predict(layers.dense, STATE, X), "dense makes one when it is", TypeError),
    Wrong(lambda: train.early_stopping(3), "early_stopping: metric is 3; it must be", TypeError),
    Wrong(lambda: train.jsonl(None), "train.jsonl: path is None; it must be a path", TypeError),
    Wrong(lambda: train.jsonl(""), "train.jsonl: path is empty; it must be a path"),
    Wrong(lambda: train.jsonl("/"), "train.jsonl: / is a folder; it must be the path of a file"),
    Wrong(lambda: train.tensorboard(3), "train.tensorboard: directory is 3; it must", TypeError),
    # Checkpoints
    Wrong(lambda: checkpoint.save(None, STATE), "checkpoint.save: directory is None", TypeError),
    Wrong(
        lambda: checkpoint.save("x", STATE._replace(step=-1)),
        "checkpoint.save: train_state.step is -1; it must be 0 or more",
    ),
    Wrong(lambda: checkpoint.restore(3, STATE), "restore: directory is 3; it must be", TypeError),
    Wrong(lambda: checkpoint.load(None), "load: directory is None; it must be a path", TypeError),
    Wrong(lambda: checkpoint.best(None, "loss"), "checkpoint.best: directory is Non", TypeError),
    Wrong(lambda: checkpoint.hook(3), "checkpoint.hook: directory is 3; it must be a", TypeError),
    Wrong(lambda: checkpoint.hook("x", best=(3, "max")), "best is .3, 'max'.; it needs a metric"),
    Wrong(lambda: checkpoint.faults(None), "checkpoint.faults: folder is None; it", TypeError),
    # Devices and sweeps
    Wrong(lambda: parallel.by_path(3, {}), "by_path: label is 3; it must be a function", TypeError),
    Wrong(lambda: parallel.by_path(str, []), r"parts is \[\]; it must be a dict by na", TypeError),
    Wrong(lambda: parallel.by_path(str, {"a": 3}), r"parts\['a'\] is 3; it must be a", TypeError),
    Wrong(lambda: parallel.share_of(-1), "share_of: rows is -1; it must be an integer of at leas"),
    Wrong(lambda: parallel.shard_batch(PART, 0), "shard_batch: devices is 0; it must be a positi"),
    Wrong(lambda: parallel.broadcast_from_primary("x"), "number is 'x'; it must be", TypeError),
    Wrong(lambda: sweep.random(0, 3, {"a": sweep.uniform(0, 1)}), "key is 0; it must", TypeError),
    Wrong(swept(seeds=1.5), "sweep.run: seeds is 1.5; it must be a number or a list", TypeError),
    Wrong(swept(memory=-1), "sweep.run: memory is -1; it must be a positive integer"),
    Wrong(swept(hooks=print), "sweep.run: hooks is <.*; it must be a sequence of fun", TypeError),
    Wrong(swept(checkpoints=3), "sweep.run: checkpoints is 3; it must be a folder's", TypeError),
    Wrong(swept(grid={"lr": [np.nan]}), r"sweep: lr is \[nan\]; nan is no value to try"),
]
