"""The loop: epochs in chunks, validation, a history, a clean stop."""

import contextlib
import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

import jax
import optax
from jax.sharding import Mesh

from jaxdl import _checks, metrics
from jaxdl import data as data_lib
from jaxdl import parallel as parallel_lib
from jaxdl.data._stream import Stream
from jaxdl.parallel import Parallel, Rule
from jaxdl.parallel._processes import ShouldStop
from jaxdl.train import _multiprocess, _programs
from jaxdl.train._diagnosis import Examine, examiner
from jaxdl.train._early import EarlyStopping, best_row, is_over
from jaxdl.train._evaluate import evaluate
from jaxdl.train._hooks import Event, Hook, Kind, progress
from jaxdl.train._loop import Compiler, Passed, compiler, epoch_chunks
from jaxdl.train._pace import Pace
from jaxdl.train._programs import Recipe
from jaxdl.train._rows import at_once
from jaxdl.train._sources import Source, resident, streaming
from jaxdl.train._step import BatchFn, Measure, TrainState
from jaxdl.types import LossFn, Params

History: TypeAlias = list[dict[str, Any]]
"""A row an epoch: ``epoch``, ``step``, ``loss``, each metric, the same of validation, times."""


def fit(
    loss_fn: LossFn,
    tx: optax.GradientTransformation,
    train_state: TrainState,
    dataset: data_lib.Dataset | Stream,
    *,
    epochs: int,
    batch_size: int | None = None,
    shuffle: bool = True,
    accumulate: int = 1,
    batch_fns: Sequence[BatchFn] = (),
    log: Mapping[str, Measure] | None = None,
    validate: Callable[[TrainState], Params] = lambda train_state: train_state.params,
    early_stopping: EarlyStopping | None = None,
    hooks: Sequence[Hook] = (progress(),),
    parallel: Parallel = "auto",
    mesh: Mesh | None = None,
    rule: Rule | None = None,
    chunk: int | None = None,
    history: Sequence[dict[str, Any]] = (),
    debug_nans: bool = False,
    reproducible: bool = False,
) -> tuple[TrainState, History]:
    """Trains until a number of epochs is complete, and validates after each.

    The data of a Dataset is put on the device once, that of a Stream travels while the batches
    before are computed with. Epochs run as programs of many steps, short ones as one, long ones in
    chunks of half a second: the results are the same to the bit, however they are cut.
    With several processes (see ``parallel.initialize``) all of them call ``fit``, with the same
    arguments: each has the whole Dataset, and of a Stream's batches its own rows.
    Ctrl-C, SIGTERM and a cluster's notice end the run after the chunk under way, with all that it
    has; a second signal ends it at once. A TrainState that has taken steps goes on from there, in
    the midst of an epoch too: ``epochs`` counts from step 0.

    Args:
        loss_fn: see ``supervised``.
        tx: an optax gradient transformation.
        train_state: from ``init_state``, or from an earlier run; it stays usable.
        dataset: what to train on, and to validate on where it has a validation part.
        epochs: how many passes over the training part, from step 0 on.
        batch_size: rows a step, over all devices together; the batches of a Stream have theirs.
            Validation takes four times as many at once, and 1,000 at most.
        shuffle: whether each epoch has its own random order, drawn from the TrainState's key; a
            Stream has its own.
        accumulate: into how many parts a batch is cut; see ``make_step``.
        batch_fns: what changes batches in training; see ``make_step``.
        log: more numbers for the history; see ``make_step``.
        validate: the parameters to validate with, as an average of them that ``tx`` keeps.
        early_stopping: when to end before, and with the parameters of which epoch.
        hooks: functions that are told of each epoch; see ``Event``.
        parallel: the engine on several devices; ``"auto"`` is ``"jit"``.
        mesh: the devices, of which the axis ``"data"`` shares each batch; all devices along that
            axis unless given. One of two axes needs the engine ``"jit"``.
        rule: how parameters and optimizer state are split over the mesh, where they aren't to lie
            whole on every device: ``parallel.fully_sharded(mesh)`` or ``parallel.by_path``. The
            engine is ``"jit"``, and the numbers are the same.
        chunk: how many steps are one program, at most, instead of half a second of them; of a
            Stream also how many batches travel together.
        history: rows of the epochs before, where a run goes on. With a Stream it says how many
            steps an epoch has.
        debug_nans: whether a step that isn't finite runs again, op by op, to name the layer.
        reproducible: whether GPUs of one kind give the same bits, slower in places; CPUs always do.

    Returns:
        The final TrainState and the history: a dict an epoch, with ``loss`` and each metric over
        the epoch's own batches (dropout on, while parameters change), ``validation_loss`` and so
        on after it, ``seconds`` of training, ``examples_per_second`` and ``compile_seconds``. The
        row of an epoch that a run went on in is of the steps taken since.

    Raises:
        ValueError: if the data can't be trained on (see ``data.check``), or a number makes no
            sense for it; if the history isn't that of the TrainState; if the mesh or the rule
            doesn't fit; if processes have different data, TrainStates or numbers.
        TypeError: if the dataset is neither a Dataset nor a Stream.
        NonFiniteError: if a loss or a parameter becomes nan or infinite; it names step and leaf,
            and has the TrainState from before that step.

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
    _check(dataset, epochs, batch_size, chunk)
    engine, history = parallel_lib.resolve(parallel), list(history)
    mesh = _mesh(mesh, rule, engine)
    _multiprocess.check(dataset, train_state, epochs, batch_size, history)
    shuffle = shuffle and not isinstance(dataset, Stream)
    named, fns = tuple((log or {}).items()), tuple(batch_fns)
    recipe = Recipe(loss_fn, tx, accumulate, fns, named, shuffle, engine, reproducible, mesh, rule)
    if isinstance(dataset, Stream):
        source, validation = streaming(dataset.train, mesh, chunk=chunk), dataset.validation
    else:
        train, validation = _programs.placed((dict(dataset.train), dataset.validation), mesh)
        source = resident(train, batch_size or 1)
    measure = functools.partial(evaluate, loss_fn, batch_size=at_once(batch_size), parallel=engine)
    run = _Run(
        compiler(recipe),
        examiner(recipe, debug_nans=debug_nans),
        source,
        functools.partial(_validation, measure, validation, validate),
        tuple(hooks),
        epochs,
        early_stopping,
    )
    first = _position(dataset, train_state, batch_size, history)
    return _train(run, _programs.placed(train_state, mesh, rule), history, first, Pace(chunk))


class _Run(NamedTuple):
    """What stays the same over a run."""

    compiled: Compiler
    examine: Examine
    source: Source
    measure: Callable[[TrainState], dict[str, Any]]  # what validation adds to a row
    hooks: tuple[Hook, ...]
    epochs: int
    stopping: EarlyStopping | None


def _train(
    run: _Run, train_state: TrainState, history: History, first: tuple[int, int], pace: Pace
) -> tuple[TrainState, History]:
    """Runs the epochs that are left; ``first`` is the one to begin with and its steps done."""
    epoch, done = first
    share, signal = None, None
    best = run.stopping.best if run.stopping else None
    with parallel_lib.stopping() as should_stop:
        while not _is_over(run, history, epoch) and signal is None:
            passed, signal = _epoch(run, train_state, history, pace, (epoch, done), should_stop)
            train_state, pace, share = passed.train_state, passed.pace, passed.share
            if passed.complete:
                epoch, done, share = epoch + 1, 0, 0.0
                if run.stopping and best_row(run.stopping, history) == len(history) - 1:
                    best = train_state
    finished = _is_over(run, history, epoch)
    if finished and best is not None:
        train_state = train_state._replace(params=best.params, state=best.state)
    kind: Kind = "finish" if finished else "interrupt"
    _tell(run, Event(kind, train_state, history, run.epochs, share, signal))
    return train_state, history


def _epoch(
    run: _Run,
    train_state: TrainState,
    history: History,
    pace: Pace,
    at: tuple[int, int],
    should_stop: ShouldStop,
) -> tuple[Passed, int | None]:
    """Runs an epoch, or as much of it as there is time for; a complete one gets a row."""
    epoch, done = at
    passed = None
    chunks = epoch_chunks(
        run.compiled, run.source, train_state, pace, run.examine, epoch=epoch, done=done
    )
    with contextlib.closing(chunks):
        for passed in chunks:
            if passed.complete:
                history.append(_row(passed, epoch) | run.measure(passed.train_state))
            kind: Kind = "epoch" if passed.complete else "chunk"
            share = 0.0 if passed.complete else passed.share
            _tell(run, Event(kind, passed.train_state, history, run.epochs, share))
            # Asked after the hooks and validation, so that it is once a chunk in every process.
            signal = should_stop(int(passed.train_state.step))
            if passed.complete or signal is not None:
                return passed, signal
    raise ValueError(f"fit: the stream has no batches in epoch {epoch + 1} after its first {done}")


def _row(passed: Passed, epoch: int) -> dict[str, Any]:
    return {
        "epoch": epoch + 1,
        "step": int(passed.train_state.step),
        **metrics.compute(passed.sums),
        "seconds": passed.seconds,
        "examples_per_second": passed.rows / passed.seconds,
        "compile_seconds": passed.compile_seconds,
    }


def _is_over(run: _Run, history: History, epoch: int) -> bool:
    return epoch >= run.epochs or (run.stopping is not None and is_over(run.stopping, history))


def _tell(run: _Run, event: Event) -> None:
    for hook in run.hooks:
        hook(event)


def _validation(
    measure: Callable[[TrainState, Any], dict[str, Any]],
    validation: Any,
    params_of: Callable[[TrainState], Params],
    train_state: TrainState,
) -> dict[str, Any]:
    """What validation adds to a row of the history."""
    if validation is None:
        return {}
    train_state = train_state._replace(params=params_of(train_state))
    measured = measure(train_state, validation)
    return {f"validation_{name}": value for name, value in measured.items()}


def _mesh(mesh: Mesh | None, rule: Rule | None, engine: Parallel) -> Mesh:
    """The devices of a run, where they fit its engine."""
    mesh = parallel_lib.data_mesh() if mesh is None else mesh
    parallel_lib.known_axis(mesh, parallel_lib.AXIS)
    if engine != "jit" and (rule is not None or len(mesh.axis_names) > 1):
        raise ValueError(f'fit: parallel is {engine!r}; a rule, or a second axis, needs "jit"')
    return mesh


def _position(
    dataset: data_lib.Dataset | Stream,
    train_state: TrainState,
    batch_size: int | None,
    history: History,
) -> tuple[int, int]:
    """The epoch that a TrainState is in, counted from 0, and how many of its steps are done."""
    step = int(train_state.step)
    if isinstance(dataset, data_lib.Dataset):
        size = len(jax.tree.leaves(dataset.train)[0])
        epoch, done = divmod(step, -(-size // (batch_size or 1)))
        if history and history[-1]["epoch"] != epoch:
            raise ValueError(
                f"fit: the history ends with epoch {history[-1]['epoch']}, but with batches of"
                f" {batch_size} of {size} rows the TrainState's step {step} lies behind epoch"
                f" {epoch}: a run goes on with the batch size and the rows that it began with"
            )
        return epoch, done
    if step and not history:
        raise ValueError(
            f"fit: the TrainState has taken {step} steps; to go on with a stream it needs the"
            " history, which says where its epochs end (and step 0 for a start with new data)"
        )
    return (history[-1]["epoch"], step - history[-1]["step"]) if history else (0, 0)


def _check(
    dataset: data_lib.Dataset | Stream, epochs: int, batch_size: int | None, chunk: int | None
) -> None:
    _checks.positive_ints("fit", epochs=epochs, **({} if chunk is None else {"chunk": chunk}))
    if isinstance(dataset, Stream):
        if batch_size is not None:
            raise ValueError(f"fit: batch_size is {batch_size}; a Stream's batches have theirs")
        return
    if not isinstance(dataset, data_lib.Dataset):
        kind = type(dataset).__name__
        raise TypeError(f"fit: dataset is a {kind}; it must be a Dataset or Stream")
    data_lib.check(dataset)
    _checks.positive_ints("fit", batch_size=batch_size)
    size = len(jax.tree.leaves(dataset.train)[0])
    if batch_size is not None and batch_size > size:
        few = f"but there are only {size} rows to train on"
        raise ValueError(f"fit: batch_size is {batch_size}, {few}")
