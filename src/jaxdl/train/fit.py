"""The loop: whole epochs compiled, validation, a history, a clean stop."""

import contextlib
import functools
import math
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.typing import ArrayLike

from jaxdl import checks, metrics
from jaxdl import data as data_lib
from jaxdl import parallel as parallel_lib
from jaxdl.parallel import Parallel
from jaxdl.train.epoch import make_epoch, make_evaluation
from jaxdl.train.hooks import Event, Hook, progress
from jaxdl.train.step import TrainState, make_step
from jaxdl.types import Array, Batch, Layer, LossFn, Metrics

History: TypeAlias = list[dict[str, Any]]
"""A row an epoch: ``epoch``, ``step``, ``loss``, each metric, the same of validation, times."""


def fit(
    loss_fn: LossFn,
    tx: optax.GradientTransformation,
    train_state: TrainState,
    dataset: data_lib.Dataset,
    *,
    epochs: int,
    batch_size: int,
    shuffle: bool = True,
    hooks: Sequence[Hook] = (progress(),),
    parallel: Parallel = "auto",
    history: Sequence[dict[str, Any]] = (),
) -> tuple[TrainState, History]:
    """Trains until a number of epochs is complete, and validates after each.

    The data is put on the device once; an epoch is one compiled program, and so is a validation.
    Ctrl-C ends the run after the epoch under way, with all that it has; a second Ctrl-C ends it
    at once. A TrainState that has taken steps goes on from there: ``epochs`` counts from step 0.

    Args:
        loss_fn: see ``supervised``.
        tx: an optax gradient transformation.
        train_state: from ``init_state``, or from an earlier run; it stays usable.
        dataset: what to train on, and to validate on where it has a validation part.
        epochs: how many passes over the training part, from step 0 on.
        batch_size: rows a step, over all devices together.
        shuffle: whether each epoch has its own random order, drawn from the TrainState's key.
        hooks: functions that are told of each epoch; see ``Event``.
        parallel: the engine on several devices; ``"auto"`` is ``"jit"``.
        history: rows of the epochs before, where a run goes on.

    Returns:
        The final TrainState and the history: a dict an epoch, with ``loss`` and each metric over
        the epoch's own batches (dropout on, while parameters change), ``validation_loss`` and so
        on after it, ``seconds`` of training, ``examples_per_second`` and ``compile_seconds``.

    Raises:
        ValueError: if the data can't be trained on (see ``data.check``), or a number makes no
            sense for it.
        FloatingPointError: if the loss becomes nan or infinite; names the first bad parameter.

    Example:
        >>> from jaxdl import layers, losses
        >>> x = jnp.linspace(-1, 1, 64)[:, None]
        >>> line = data_lib.Dataset(train={"inputs": x, "labels": 3 * x + 1})
        >>> net, tx = layers.dense(1, 1), optax.sgd(0.3)
        >>> from jaxdl.train import init_state, supervised
        >>> start = init_state(net, tx, jax.random.key(0))
        >>> end, history = fit(supervised(net, losses.mse_loss), tx, start, line,
        ...                    epochs=40, batch_size=16)
        >>> len(history), history[-1]["loss"] < 1e-3
        (40, True)
    """
    _check(dataset, epochs, batch_size)
    train_state, train, validation = parallel_lib.replicate(
        (train_state, dataset.train, dataset.validation), parallel_lib.data_mesh()
    )
    program = _training(loss_fn, tx, batch_size, shuffle, parallel_lib.resolve(parallel))
    run, compile_seconds = _compiled(program, train_state, train)
    size = len(jax.tree.leaves(train)[0])
    history = list(history)
    with _interruptible() as interrupted:
        for epoch in range(int(train_state.step) // -(-size // batch_size), epochs):
            train_state, row, seconds = _train_epoch(run, train_state, train, epoch + 1)
            if validation is not None:
                measured = evaluate(loss_fn, train_state, validation, parallel=parallel)
                row |= {f"validation_{name}": value for name, value in measured.items()}
            row |= {"seconds": seconds, "examples_per_second": size / seconds}
            history.append(row | {"compile_seconds": compile_seconds})
            compile_seconds = 0.0  # counted once, in the row of the first epoch
            _tell(hooks, "epoch", train_state, history, epochs)
            if interrupted.is_set():
                break
    _tell(hooks, "interrupt" if interrupted.is_set() else "finish", train_state, history, epochs)
    return train_state, history


def evaluate(
    loss_fn: LossFn,
    train_state: TrainState,
    data: Batch,
    *,
    batch_size: int = 1000,
    parallel: Parallel = "auto",
) -> dict[str, Any]:
    """Measures loss and metrics over data, as if in one batch, with nothing random.

    Args:
        loss_fn: see ``supervised``.
        train_state: whose params and state are used.
        data: arrays by name, as ``dataset.test``.
        batch_size: rows at a time; it bounds the memory and changes nothing in the result.
        parallel: the engine on several devices.

    Returns:
        ``"loss"`` and each metric by name, as numbers.

    Raises:
        ValueError: if the data is empty.

    Example:
        >>> from jaxdl import layers, losses
        >>> from jaxdl.train import init_state, supervised
        >>> net = layers.rescale(2.0)
        >>> start = init_state(net, optax.sgd(0.1), jax.random.key(0))
        >>> data = {"inputs": jnp.ones((10, 1)), "labels": jnp.zeros((10, 1))}
        >>> evaluate(supervised(net, losses.mse_loss), start, data)
        {'loss': 4.0}
    """
    size = len(jax.tree.leaves(data)[0])
    if size == 0:
        raise ValueError("evaluate got data without rows")
    run = _evaluation(loss_fn, min(batch_size, size), parallel_lib.resolve(parallel))
    arguments = (train_state.params, train_state.state, data)
    return metrics.compute(run(*parallel_lib.replicate(arguments, parallel_lib.data_mesh())))


def predict(
    net: Layer, train_state: TrainState, inputs: ArrayLike, *, batch_size: int = 1000
) -> np.ndarray:
    """Computes what a network gives for inputs, some rows at a time, with nothing random.

    Args:
        net: a Layer.
        train_state: whose params and state are used.
        inputs: shape (N, …).
        batch_size: rows at a time; it bounds the memory on the device.

    Returns:
        The outputs, shape (N, …), on the host.

    Raises:
        ValueError: if there are no inputs.

    Example:
        >>> from jaxdl import layers
        >>> from jaxdl.train import init_state
        >>> start = init_state(layers.rescale(2.0), optax.sgd(0.1), jax.random.key(0))
        >>> predict(layers.rescale(2.0), start, jnp.ones((3, 1))).tolist()
        [[2.0], [2.0], [2.0]]
    """
    inputs = np.asarray(inputs)
    if len(inputs) == 0:
        raise ValueError("predict got inputs without rows")
    batch_size = min(batch_size, len(inputs))
    # The last batch ends with the last row and overlaps with the one before: one shape for all.
    starts = [*range(0, len(inputs) - batch_size, batch_size), len(inputs) - batch_size]
    run = functools.partial(_prediction(net), train_state.params, train_state.state)
    outputs = [np.asarray(run(inputs[i : i + batch_size])) for i in starts]
    overlap = batch_size * len(starts) - len(inputs)
    return np.concatenate([*outputs[:-1], outputs[-1][overlap:]])


# The programs are kept, so that a second fit or evaluation with the same functions and shapes
# doesn't compile again: several seeds in a loop, a run continued, validation and then test.
@functools.lru_cache(maxsize=64)
def _training(
    loss_fn: LossFn,
    tx: optax.GradientTransformation,
    batch_size: int,
    shuffle: bool,
    engine: Parallel,
) -> Callable[..., tuple[TrainState, Metrics]]:
    mesh = parallel_lib.data_mesh()
    where = parallel_lib.placement(engine, mesh)
    step = make_step(loss_fn, tx, axis_name=where["axis_name"])
    epoch = make_epoch(step, batch_size=batch_size, shuffle=shuffle, **where)
    return parallel_lib.compile_replicated(epoch, engine, mesh, donate=True)


@functools.lru_cache(maxsize=64)
def _evaluation(loss_fn: LossFn, batch_size: int, engine: Parallel) -> Callable[..., Metrics]:
    mesh = parallel_lib.data_mesh()
    where = parallel_lib.placement(engine, mesh)
    evaluation = make_evaluation(loss_fn, batch_size=batch_size, **where)
    return parallel_lib.compile_replicated(evaluation, engine, mesh)


@functools.lru_cache(maxsize=64)
def _prediction(net: Layer) -> Callable[..., Array]:
    return jax.jit(lambda params, state, inputs: net.apply(params, state, inputs)[0])


def _compiled(program: Callable[..., Any], *args: Any) -> tuple[Callable[..., Any], float]:
    start = time.perf_counter()
    compiled = program.lower(*args).compile()  # type: ignore[attr-defined]
    return compiled, time.perf_counter() - start


def _check(dataset: data_lib.Dataset, epochs: int, batch_size: int) -> None:
    data_lib.check(dataset)
    checks.sizes("fit", epochs=epochs, batch_size=batch_size)
    size = len(jax.tree.leaves(dataset.train)[0])
    if batch_size > size:
        raise ValueError(
            f"fit: batch_size is {batch_size}, but there are only {size} rows to train on"
        )


def _train_epoch(
    run: Callable[..., Any], train_state: TrainState, data: Batch, epoch: int
) -> tuple[TrainState, dict[str, Any], float]:
    """Runs one epoch; returns the TrainState, the row of the history and the seconds it took."""
    start = time.perf_counter()
    train_state, sums = run(train_state, data)
    measured = metrics.compute(sums)
    seconds = time.perf_counter() - start
    row = {"epoch": epoch, "step": int(train_state.step), **measured}
    if not math.isfinite(row["loss"]):
        raise FloatingPointError(_diagnosis(row, train_state))
    return train_state, row, seconds


def _diagnosis(row: dict[str, Any], train_state: TrainState) -> str:
    """Says when the loss stopped being a number, and the first parameter that isn't finite."""
    leaves, _ = jax.tree.flatten_with_path(train_state.params)
    bad = [path for path, x in leaves if not bool(jnp.isfinite(x).all())]
    where = (
        f"params{jax.tree_util.keystr(bad[0])} is the first parameter that isn't finite"
        if bad
        else "all parameters are finite: look for labels outside the classes of the network"
    )
    return f"the loss is {row['loss']} in epoch {row['epoch']}, by step {row['step']}; {where}"


@contextlib.contextmanager
def _interruptible() -> Iterator[threading.Event]:
    """Turns the first Ctrl-C into an event; the second interrupts as usual."""
    interrupted = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield interrupted  # only the main thread may handle signals
        return
    before = signal.getsignal(signal.SIGINT)

    def first(signum: int, frame: Any) -> None:
        interrupted.set()
        signal.signal(signal.SIGINT, before)

    signal.signal(signal.SIGINT, first)
    try:
        yield interrupted
    finally:
        signal.signal(signal.SIGINT, before)


def _tell(hooks: Sequence[Hook], *event: Any) -> None:
    for hook in hooks:
        hook(Event(*event))
