"""The loop around any step: epochs in chunks, validation, a history, a clean stop."""

import contextlib
import dataclasses
import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import numpy as np

from jaxdl import data as data_lib
from jaxdl import metrics
from jaxdl import parallel as parallel_lib
from jaxdl.data._stream import Stream
from jaxdl.parallel import Placement
from jaxdl.parallel._placement import EVERYWHERE, resolved
from jaxdl.parallel._stopping import ShouldStop
from jaxdl.train import _multiprocess, _programs
from jaxdl.train._chunk_program import compiler
from jaxdl.train._chunks import Length, Passed, chunks
from jaxdl.train._diagnosis import examiner, leaf_of
from jaxdl.train._early import EarlyStopping, best_row, check_metric, is_over
from jaxdl.train._hooks import Event, Hook, Kind, progress
from jaxdl.train._pace import Pace
from jaxdl.train._position import check, position, steps_a_pass
from jaxdl.train._run import COLUMNS, AnyStep, History, Interrupted, Run, T
from jaxdl.train._sources import Source, endless, resident, streaming


def loop(
    step: AnyStep[T],
    train_state: T,
    data: data_lib.Dataset | Stream | None = None,
    *,
    epochs: int | None = None,
    max_steps: int | None = None,
    steps_per_epoch: int | None = None,
    batch_size: int | None = None,
    shuffle: bool = True,
    validate: Callable[[T], Mapping[str, Any]] | None = None,
    early_stopping: EarlyStopping | None = None,
    hooks: Sequence[Hook] = (progress(),),
    devices: Placement = EVERYWHERE,
    chunk: int | None = None,
    history: Sequence[dict[str, Any]] = (),
) -> tuple[T, History]:
    """Trains with any step: several networks and optimizers, target networks, a replay buffer.

    Hooks, checkpoints, resuming and clean stops work as in ``fit``, which is this loop around the
    step of ``make_step``.

    Args:
        step: ``(train_state, batch) -> (train_state, metrics)``, pure. A metric that is one number
            is averaged over the rows of an epoch; others are sums as in jaxdl.metrics, never an
            entry for each row. Bind other arrays with ``jax.tree_util.Partial(step, …)``; changing
            them doesn't recompile. Under ``"pmap"`` and ``"shard_map"`` the step must average over
            the axis ``"data"`` itself.
        train_state: any NamedTuple with a field ``step``, an int32 that the step increments, and
            a field ``key`` if a Dataset is shuffled. It stays usable.
        data: the training data. Without it, each step gets the batch ``{}`` and draws what it
            needs from its TrainState.
        epochs: total number of epochs, counted from step 0.
        max_steps: total number of steps, counted from step 0. Defaults to that of ``epochs``.
        steps_per_epoch: steps between two rows of the history, with their validation and event.
            Defaults to one pass over the data; required without data and for an endless stream.
        batch_size: rows per step, over all devices together; for a Dataset only.
        shuffle: draw a new random order for each pass over a Dataset.
        validate: measures a TrainState after each epoch; its numbers enter the history as
            ``validation_…``.
        early_stopping: when to stop early; the best epoch's TrainState is returned.
        hooks: functions called with each ``Event``.
        devices: where to run.
        chunk: maximum number of steps per program. Defaults to about half a second's worth.
        history: rows of earlier epochs when resuming.

    Returns:
        The final TrainState and the history.

    Raises:
        ValueError: if data or numbers are invalid, or the step doesn't increment ``step``.
        TypeError: if the data is neither a Dataset nor a Stream, or a TrainState has no ``step``.
        NonFiniteError: if the metric ``"loss"`` or the field ``params`` becomes nan or infinite.
        Interrupted: if a signal ended the run early.

    Example:
        >>> from typing import NamedTuple
        >>> import jax, jax.numpy as jnp
        >>> class Walk(NamedTuple):
        ...     step: jax.Array
        ...     place: jax.Array
        >>> def step(walk, batch):
        ...     key = jax.random.fold_in(jax.random.key(0), walk.step)
        ...     place = walk.place + jax.random.choice(key, jnp.array([-1, 1]))
        ...     return Walk(walk.step + 1, place), {"distance": jnp.abs(place)}
        >>> end, history = loop(step, Walk(jnp.int32(0), jnp.int32(0)), max_steps=100,
        ...                     steps_per_epoch=50, hooks=())
        >>> int(end.step), [row["step"] for row in history]
        (100, [50, 100])
    """
    arrays, rebuild = _programs.unbound(step)
    run = Run(
        make_step=lambda arrays, train_state, data, batch_size, where: (rebuild(arrays), False),
        arrays=arrays,
        data=data,
        batch_size=batch_size,
        shuffle=shuffle,
        length=Length(epochs, max_steps, steps_per_epoch),
        devices=devices,
        measure=validate or (lambda train_state: {}),
        names_of=lambda train_state: None if validate else (),
        explain=lambda train_state, batch, after: leaf_of("the TrainState", after()),
        stopping=early_stopping,
        restore=lambda last, best: best._replace(step=last.step),
        hooks=tuple(hooks),
        chunk=chunk,
    )
    return train(run, train_state, list(history), "loop")


def train(run: Run, train_state: Any, history: History, caller: str) -> tuple[Any, History]:
    """Checks a run, then executes it."""
    if not hasattr(train_state, "step") or not hasattr(train_state, "_replace"):
        kind = type(train_state).__name__
        raise TypeError(f"{caller}: train_state is a {kind}; it needs a NamedTuple with a step")
    run = dataclasses.replace(run, devices=resolved(caller, run.devices))
    check(run, caller)
    mesh: Any = run.devices.mesh
    _multiprocess.check(run.data, train_state, run.length, run.batch_size, history)
    source, run = _source(run)
    passes, done = position(run, train_state, history)
    begin = Passed(
        train_state=_programs.placed(train_state, mesh, run.devices.rule),
        step=int(train_state.step),
        passes=passes,
        pace=Pace(run.chunk),
    )
    if _is_over(run, history, begin):
        if not history:
            warnings.warn(f"{caller}: {_nothing_to_do(run, begin)}", stacklevel=3)
    else:
        names = run.names_of(begin.train_state)
        run = dataclasses.replace(run, names_of=lambda train_state: names)
    examine = examiner(run.explain, shuffle=run.shuffle and isinstance(run.data, data_lib.Dataset))
    steps = lambda: chunks(compiler(run), source, examine, run.length, begin, done)
    return _train(run, steps, begin, history)


def _train(
    run: Run, steps: Callable[[], Any], begin: Passed, history: History
) -> tuple[Any, History]:
    """Takes steps until the run is over or a signal asks it to stop."""
    passed, signal = begin, None
    best = run.stopping.best if run.stopping else None
    with parallel_lib.stopping() as should_stop, contextlib.closing(steps()) as moments:
        while not _is_over(run, history, passed) and signal is None:
            before, passed = passed, next(moments)
            if run.stopping:
                check_metric(run.stopping, _columns(run, passed))
            if passed.complete:
                history.append(_row(run, passed) | _validation(run, passed.train_state))
                if run.stopping and best_row(run.stopping, history) == len(history) - 1:
                    best = passed.train_state
            signal = _tell(run, before, passed, history, should_stop)
    train_state = passed.train_state
    if finished := _is_over(run, history, passed):
        train_state = train_state if best is None else run.restore(train_state, best)
    kind: Kind = "finish" if finished else "interrupt"
    share = 0.0 if passed.complete else passed.share
    for hook in run.hooks:
        hook(Event(kind, train_state, history, _epochs(run), share, signal, _columns(run, passed)))
    if signal is not None and not finished:
        raise _interrupted(run, passed, history, signal)
    return train_state, history


def _tell(
    run: Run, before: Passed, passed: Passed, history: History, should_stop: ShouldStop
) -> int | None:
    """Calls the hooks after a chunk or an epoch, and returns the signal to stop, if any."""
    kind: Kind = "epoch" if passed.complete else "chunk"
    share, columns = 0.0 if passed.complete else passed.share, _columns(run, passed)
    event = Event(kind, passed.train_state, history, _epochs(run), share, None, columns)
    if run.hooks:
        event = event._replace(metrics=_news(before, passed))
    for hook in run.hooks:
        hook(event)
    # Asked after hooks and validation, so that every process asks exactly once per chunk.
    return should_stop(passed.step)


def _news(before: Passed, passed: Passed) -> dict[str, Any]:
    """The metrics of the steps since an event: the epoch's sums without those up to it."""
    if before.complete or not before.sums:
        return metrics.compute(passed.sums)
    new, old = jax.device_get((passed.sums, before.sums))
    return metrics.compute(jax.tree.map(np.subtract, new, old))


def _interrupted(run: Run, passed: Passed, history: History, signal: int) -> Interrupted:
    if parallel_lib.is_primary():
        print(f"stopped by signal {signal} after step {passed.step}", file=sys.stderr, flush=True)
    stop = Interrupted(128 + signal)
    stop.train_state, stop.history, stop.signal = passed.train_state, history, signal
    return stop


def _row(run: Run, passed: Passed) -> dict[str, Any]:
    return {
        "epoch": _epoch(run, passed),
        "step": passed.step,
        **metrics.compute(passed.sums),
        "seconds": passed.seconds,
        "examples_per_second": passed.rows / passed.seconds,
        "compile_seconds": passed.compile_seconds,
    }


def _validation(run: Run, train_state: Any) -> dict[str, Any]:
    return {f"validation_{name}": value for name, value in run.measure(train_state).items()}


def _columns(run: Run, passed: Passed) -> tuple[str, ...]:
    """The column names of a row, if all are known before the first one."""
    names = run.names_of(passed.train_state)
    if names is None or not passed.sums:
        return ()
    return (*COLUMNS, *passed.sums, *(f"validation_{name}" for name in names))


def _epoch(run: Run, passed: Passed) -> int | float:
    """The number of complete epochs; fractional only if ``max_steps`` ends within one."""
    per = run.length.steps_per_epoch or steps_a_pass(run)
    number = passed.passes if per is None else passed.step / per
    return round(number, 4) if number % 1 else int(number)


def _epochs(run: Run) -> float | None:
    """The number of epochs a run will have, if known."""
    per = run.length.steps_per_epoch or steps_a_pass(run)
    if run.length.max_steps is None or per is None:
        return run.length.epochs
    return min(run.length.max_steps / per, run.length.epochs or float("inf"))


def _is_over(run: Run, history: History, passed: Passed) -> bool:
    epochs, max_steps, per = run.length
    done = passed.passes if per is None else passed.step // per
    return (
        (epochs is not None and done >= epochs)
        or (max_steps is not None and passed.step >= max_steps)
        or (run.stopping is not None and is_over(run.stopping, history))
    )


def _nothing_to_do(run: Run, begin: Passed) -> str:
    asked = (
        f"{run.length.max_steps} steps"
        if run.length.epochs is None
        else f"{run.length.epochs} epochs"
    )
    return (
        f"nothing is trained: the TrainState has taken {begin.step} steps already, and {asked} are"
        " counted from step 0. Ask for more, or start anew from its parameters with"
        " init_state(net, tx, key, params=train_state.params, state=train_state.state)"
    )


def _source(run: Run) -> tuple[Source, Run]:
    mesh: Any = run.devices.mesh
    run = dataclasses.replace(run, arrays=_programs.placed(run.arrays, mesh))
    if run.data is None:
        return endless(), run
    if isinstance(run.data, Stream):
        return streaming(run.data.train, mesh, chunk=run.chunk), run
    placed = _programs.placed(dict(run.data.train), mesh)
    return resident(placed, run.batch_size or 1), run
