"""Training a network with one loss and one optimizer, the common case of the loop."""

import functools
from collections.abc import Callable, Mapping, Sequence

import jax
import numpy as np
import optax

from jaxdl import _checks
from jaxdl import data as data_lib
from jaxdl._plain import plain_numbers
from jaxdl.data._dataset import at, leaves, plain
from jaxdl.data._stream import Stream, is_batch
from jaxdl.parallel import Placement
from jaxdl.parallel._placement import EVERYWHERE, resolved
from jaxdl.train import _programs
from jaxdl.train._arguments import check_recipe, check_train_state, checked_history
from jaxdl.train._chunks import Length
from jaxdl.train._contract import check_params
from jaxdl.train._diagnosis import explainer
from jaxdl.train._early import EarlyStopping
from jaxdl.train._epoch import batch_sizes, example
from jaxdl.train._evaluate import evaluator
from jaxdl.train._hooks import Hook, progress
from jaxdl.train._loop import train
from jaxdl.train._padding import pads
from jaxdl.train._rows import Where, at_once
from jaxdl.train._run import AnyStep, History, Measured, NamesOf, Run
from jaxdl.train._step import BatchFn, Measure, TrainState, make_step
from jaxdl.train._weights import rows_of
from jaxdl.types import Batch, LossFn, Params, PyTree, Row


@plain_numbers
def fit(
    loss_fn: LossFn,
    tx: optax.GradientTransformation,
    train_state: TrainState,
    dataset: data_lib.Dataset | Stream | None,
    *,
    epochs: int | None = None,
    max_steps: int | None = None,
    steps_per_epoch: int | None = None,
    batch_size: int | None = None,
    shuffle: bool = True,
    accumulate: int = 1,
    batch_fns: Sequence[BatchFn] = (),
    log: Mapping[str, Measure] | None = None,
    validate: Callable[[TrainState], Params] = lambda train_state: train_state.params,
    early_stopping: EarlyStopping | None = None,
    hooks: Sequence[Hook] = (progress(),),
    devices: Placement = EVERYWHERE,
    chunk: int | None = None,
    history: Sequence[Row] = (),
) -> tuple[TrainState, History]:
    """Trains for a number of epochs and validates after each.

    A Dataset is put on the device once; batches of a Stream are transferred while earlier ones are
    computed. Short epochs run as one program, long ones in chunks of about a second; the
    result is the same to the bit either way. With several processes (see ``parallel.initialize``)
    all call ``fit`` with the same arguments: each has the whole Dataset, or its own rows of a
    Stream's batches.

    Ctrl-C, SIGTERM or a cluster's preemption notice ends the run after the current chunk by raising
    ``Interrupted``, which holds the TrainState and the history so far; a second signal ends it at
    once. A TrainState that has already taken steps resumes where it stopped, even within an epoch:
    ``epochs`` and ``max_steps`` count from step 0.

    Args:
        loss_fn: see ``supervised`` and ``jaxdl.train``. Bind arrays other than the batch, such as
            a teacher's parameters, with ``jax.tree_util.Partial(loss_fn, teacher=…)``.
        tx: an optax gradient transformation.
        train_state: from ``init_state`` or an earlier run; it stays usable.
        dataset: the training data, and the validation data if it has a validation part; None for
            a loss that draws its data from its key.
        epochs: total number of epochs, counted from step 0.
        max_steps: total number of steps. Defaults to that of ``epochs``.
        steps_per_epoch: steps between two rows of the history, with their validation and event.
            Defaults to one pass over the training part.
        batch_size: rows per step, over all devices together; a Stream has its own. Validation
            uses four times as many, at most 1,000.
        shuffle: draw a new random order for each pass from the TrainState's key; a Stream has its
            own order.
        accumulate: number of parts to split each batch into; see ``make_step``.
        batch_fns: functions that change training batches; see ``make_step``.
        log: more numbers for the history; see ``make_step``.
        validate: returns the parameters to validate with, such as an average that ``tx`` keeps;
            early stopping returns those of the best epoch.
        early_stopping: when to stop early; the best epoch's parameters are returned.
        hooks: functions called with each ``Event``.
        devices: where to run, e.g. ``parallel.Placement("shard_map")``. Defaults to ``jit`` over
            all devices.
        chunk: maximum number of steps per program, and of a Stream's batches transferred together.
            Defaults to about a second's worth.
        history: rows of earlier epochs when resuming. For a Stream of unknown length they tell
            how many steps a pass has.

    Returns:
        The final TrainState and the history: one dict per epoch, with ``loss`` and each metric over
        the epoch's own batches (dropout on, while parameters change), ``validation_loss`` and so
        on after it, ``seconds`` of training, ``examples_per_second`` and ``compile_seconds``. If a
        run resumes within an epoch, that epoch's row covers only the steps taken since.

    Raises:
        ValueError: if the data can't be trained on (see ``data.check``); if a number doesn't suit
            it; if the history doesn't belong to the TrainState; if the devices don't fit; if
            processes have different data, TrainStates or numbers; if the loss or the network
            breaks its contract.
        TypeError: likewise, if the dataset is neither a Dataset nor a Stream, and if another
            argument isn't of its kind.
        NonFiniteError: if a loss or a parameter becomes nan or infinite; it names the step, leaf
            and layer, and holds the TrainState from before that step.
        Interrupted: if a signal ended the run early.

    Example:
        >>> from jaxdl import layers, losses
        >>> x = jax.numpy.linspace(-1, 1, 64)[:, None]
        >>> line = data_lib.Dataset(train={"inputs": x, "labels": 3 * x + 1})
        >>> net, tx = layers.dense(1, 1), optax.sgd(0.3)
        >>> from jaxdl.train import init_state, supervised
        >>> start = init_state(net, tx, jax.random.key(0))
        >>> end, history = fit(supervised(net, losses.mse_loss), tx, start, line,
        ...                    epochs=40, batch_size=16)
        >>> len(history), history[-1]["loss"] < 1e-3
        (40, True)
    """
    check_train_state("fit", train_state)
    check_params("fit", train_state.params)
    measures = check_recipe("fit", loss_fn, tx, accumulate, batch_fns, log)
    _checks.one_function("fit", "validate", validate, "train_state")
    devices = resolved("fit", devices)
    arrays, rebuild = _programs.unbound(loss_fn)
    options = {"accumulate": accumulate, "batch_fns": tuple(batch_fns), "log": measures}

    def make(
        arrays: PyTree, train_state: TrainState, data: Batch, batch_size: int, where: Where
    ) -> tuple[AnyStep[TrainState], bool]:
        own = rebuild(arrays)
        step = make_step(own, tx, axis_name=where.axis_name, **options)  # type: ignore[arg-type]
        if not jax.tree.leaves(data):
            return step, False
        sizes = batch_sizes(rows_of(data) or 0, batch_size)
        if isinstance(dataset, Stream):
            sizes = (batch_size,)
        pad = pads(
            own, train_state.params, train_state.state, example(data, batch_size),
            key=train_state.key, where=where, sizes=sizes, batch_fns=tuple(batch_fns),
        )  # fmt: skip
        return step, pad

    measure, names_of = _validation(loss_fn, dataset, batch_size, devices, validate)
    run = Run(
        caller="fit",
        make_step=make,
        arrays=arrays,
        data=dataset,
        batch_size=batch_size,
        shuffle=shuffle,
        length=Length(epochs, max_steps, steps_per_epoch),
        devices=devices,
        measure=measure,
        names_of=names_of,
        explain=explainer(loss_fn, accumulate, tuple(batch_fns)),
        stopping=early_stopping,
        restore=lambda last, best: last._replace(params=validate(best), state=best.state),
        hooks=_checks.functions("fit", "hooks", hooks, "event"),
        chunk=chunk,
    )
    return train(run, train_state, checked_history("fit", history))


def _validation(
    loss_fn: LossFn,
    dataset: data_lib.Dataset | Stream | None,
    batch_size: int | None,
    devices: Placement,
    params_of: Callable[[TrainState], Params],
) -> tuple[Measured, NamesOf]:
    """Returns what measures a TrainState, and what names its numbers before the first step."""
    part = getattr(dataset, "validation", None)
    if part is None:
        return lambda train_state: {}, lambda train_state: ()
    run = evaluator("fit", loss_fn, batch_size=at_once(batch_size), devices=devices)
    of = lambda ts: ts._replace(params=params_of(ts))
    if isinstance(dataset, Stream) and not is_batch(part):
        return lambda ts: run.measure_all(of(ts), part), lambda ts: None
    for path, x in leaves(part):
        _checks.numeric("fit", at("validation", path), np.asarray(x))
    place = functools.cache(lambda: _programs.placed(plain(part), devices.mesh))
    return lambda ts: run.measure(of(ts), place()), lambda ts: run.names(of(ts), place())
