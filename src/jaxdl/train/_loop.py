"""The loop around any step: epochs in chunks, validation, a history, a clean stop."""

import contextlib
import dataclasses
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxdl import _checks, metrics
from jaxdl import data as data_lib
from jaxdl import parallel as parallel_lib
from jaxdl._plain import plain_numbers
from jaxdl._warnings import warn
from jaxdl.data._dataset import plain
from jaxdl.data._stream import Stream
from jaxdl.parallel import Placement
from jaxdl.parallel._placement import EVERYWHERE, resolved
from jaxdl.parallel._stopping import ShouldStop
from jaxdl.train import _multiprocess, _programs
from jaxdl.train._arguments import checked_history
from jaxdl.train._chunk_program import compiler
from jaxdl.train._chunks import Length, Passed, chunks
from jaxdl.train._diagnosis import examiner, leaf_of, unexplained
from jaxdl.train._early import EarlyStopping, best_row, check_metric, is_over
from jaxdl.train._history import columns, row, total_epochs, validation
from jaxdl.train._hooks import Event, Hook, Kind, call_all, progress
from jaxdl.train._pace import Pace
from jaxdl.train._position import check, nothing_to_do, position
from jaxdl.train._run import AnyStep, History, Interrupted, Run, T
from jaxdl.train._sources import Source, endless, resident, streaming


@plain_numbers
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
        chunk: maximum number of steps per program. Defaults to about a second's worth.
        history: rows of earlier epochs when resuming.

    Returns:
        The final TrainState and the history.

    Raises:
        ValueError: if data or numbers are invalid, or the step doesn't increment ``step``.
        TypeError: if the data is neither a Dataset nor a Stream; if a TrainState has no ``step``,
            or no ``key`` to shuffle by; if another argument isn't of its kind.
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
    _checks.one_function("loop", "step", step)
    if validate is not None:
        _checks.one_function("loop", "validate", validate, "train_state")
    arrays, rebuild = _programs.unbound(step)
    run = Run(
        caller="loop",
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
        hooks=_checks.functions("loop", "hooks", hooks, "event"),
        chunk=chunk,
    )
    return train(run, train_state, checked_history("loop", history))


def train(run: Run, train_state: Any, history: History) -> tuple[Any, History]:
    """Checks a run, then executes it."""
    if not isinstance(run.stopping, EarlyStopping | None):
        got, name = _checks.shown(run.stopping), run.caller
        raise TypeError(f"{name}: early_stopping is {got}; it must be from train.early_stopping")
    run = dataclasses.replace(run, devices=resolved(run.caller, run.devices))
    check(run, train_state)
    mesh: Any = run.devices.mesh
    same = run.data, train_state, run.length, run.batch_size, history
    _multiprocess.check(run.caller, *same)
    source, run = _source(run)
    passes, done = position(run, train_state, history)
    begin = Passed(
        train_state=_programs.placed(train_state, mesh, run.devices.rule),
        step=int(jax.device_get(train_state.step)),
        passes=passes,
        pace=Pace(run.chunk),
    )
    if _is_over(run, history, begin):
        if not history:
            warn(f"{run.caller}: {nothing_to_do(run, begin.step)}")
    else:
        names = run.names_of(begin.train_state)
        run = dataclasses.replace(run, names_of=lambda train_state: names)
    shuffle = run.shuffle and isinstance(run.data, data_lib.Dataset)
    examine = unexplained if run.devices.donate else examiner(run.explain, shuffle=shuffle)
    steps = lambda: chunks(run.caller, compiler(run), source, examine, run.length, begin, done)
    return _train(run, steps, begin, history)


def _train(
    run: Run, steps: Callable[[], Any], begin: Passed, history: History
) -> tuple[Any, History]:
    """Takes steps until the run is over, a signal asks it to stop, or something fails."""
    passed, signal = begin, None
    best = run.stopping.best if run.stopping else None
    try:
        with parallel_lib.stopping() as should_stop, contextlib.closing(steps()) as moments:
            while not _is_over(run, history, passed) and signal is None:
                new = next(moments)
                if run.stopping:
                    check_metric(run.stopping, columns(run, new))
                if new.complete:
                    history.append(row(run, new) | validation(run, new.train_state))
                    if run.stopping and best_row(run.stopping, history) == len(history) - 1:
                        best = _kept(run, new.train_state)
                before, passed = passed, new  # not earlier: an error leaves what belongs together
                signal = _tell(run, before, passed, history, should_stop)
    except Exception as error:
        if passed is not begin:
            _tell_of_error(run, passed, history, error)
        raise
    train_state = passed.train_state
    if finished := _is_over(run, history, passed):
        train_state = train_state if best is None else run.restore(train_state, best)
    kind: Kind = "finish" if finished else "interrupt"
    call_all(
        run.hooks,
        _event(run, kind, passed, history)._replace(train_state=train_state, signal=signal),
    )
    if signal is not None and not finished:
        raise _interrupted(run, passed, history, signal)
    return train_state, history


def _kept(run: Run, train_state: T) -> T:
    """A TrainState that no later program writes over."""
    return jax.tree.map(jnp.copy, train_state) if run.devices.donate else train_state


def _tell(
    run: Run, before: Passed, passed: Passed, history: History, should_stop: ShouldStop
) -> int | None:
    """Calls the hooks after a chunk or an epoch, and returns the signal to stop, if any."""
    if run.hooks:
        event = _event(run, "epoch" if passed.complete else "chunk", passed, history)
        call_all(run.hooks, event._replace(metrics=_news(before, passed)))
    # Asked after hooks and validation, so that every process asks exactly once per chunk.
    return should_stop(passed.step)


def _tell_of_error(run: Run, passed: Passed, history: History, error: Exception) -> None:
    """Gives hooks their last event, so that what they hold is on the disk and closed.

    Not with several processes: only this one failed, and a hook may wait for the others. Nor where
    the TrainState that hooks would read is gone, given to the program that failed.
    """
    gone = run.devices.donate and passed.train_state.step.is_deleted()
    if jax.process_count() > 1 or gone:
        return
    try:
        call_all(run.hooks, _event(run, "interrupt", passed, history))
    except Exception as further:
        error.add_note(f"at the end of the run, a hook raised {further!r}")


def _event(run: Run, kind: Kind, passed: Passed, history: History) -> Event:
    share = 0.0 if passed.complete else passed.share
    known = columns(run, passed)
    return Event(kind, passed.train_state, history, total_epochs(run), share, columns=known)


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


def _is_over(run: Run, history: History, passed: Passed) -> bool:
    total, max_steps, per = run.length
    done = passed.passes if per is None else passed.step // per
    return (
        (total is not None and done >= total)
        or (max_steps is not None and passed.step >= max_steps)
        or (run.stopping is not None and is_over(run.stopping, history))
    )


def _source(run: Run) -> tuple[Source, Run]:
    mesh: Any = run.devices.mesh
    run = dataclasses.replace(run, arrays=_programs.placed(run.arrays, mesh))
    if run.data is None:
        return endless(), run
    if isinstance(run.data, Stream):
        return streaming(run.caller, run.data.train, mesh, chunk=run.chunk), run
    placed = _programs.placed(plain(run.data.train), mesh)
    return resident(placed, run.batch_size or 1), run
