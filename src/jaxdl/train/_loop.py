"""The loop around any step: epochs in chunks, validation, a history, a clean stop."""

import contextlib
import dataclasses
import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

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
    """Trains by any step: several networks and optimizers, target networks, a replay buffer.

    Epochs are programs of many steps, with hooks, checkpoints, resume and a clean stop as in
    ``fit``, which is this loop around the step of ``make_step``.

    Args:
        step: ``(train_state, batch) -> (train_state, metrics)``, pure. A metric that is one number
            is averaged over the rows of an epoch, others are sums as in jaxdl.metrics. Arrays that
            it needs besides go in by ``jax.tree_util.Partial(step, …)``, without compiling anew
            when they change. Under ``"pmap"`` and ``"shard_map"`` it averages over the axis
            ``"data"`` itself.
        train_state: any NamedTuple with a field ``step``, an int32 that the step counts up, and,
            where a Dataset is shuffled, ``key``. It stays usable.
        data: what to train on. Without, each step gets ``{}`` as its batch, and draws what it needs
            from its TrainState.
        epochs: how many epochs in all, counted from step 0.
        max_steps: how many steps in all, counted from step 0. Defaults to what ``epochs`` says.
        steps_per_epoch: how many steps are an epoch, after which there is a row of the history,
            validation and an event. Defaults to one pass over the data; without data, and for a
            stream without end, it must be given.
        batch_size: rows a step, over all devices together; for a Dataset only.
        shuffle: whether each pass over a Dataset has its own random order.
        validate: measures a TrainState after each epoch; its numbers go into the history as
            ``validation_…``.
        early_stopping: when to end before, and with the TrainState of which epoch.
        hooks: functions that are given each ``Event``.
        devices: where it runs.
        chunk: how many steps are one program, at most. Defaults to about half a second of them.
        history: rows of the epochs before, where a run continues.

    Returns:
        The final TrainState and the history.

    Raises:
        ValueError: if data or numbers make no sense, or the step doesn't count.
        TypeError: if the data is neither a Dataset nor a Stream, or a TrainState has no ``step``.
        NonFiniteError: if the metric ``"loss"``, or a field ``params``, isn't finite any more.
        Interrupted: if a signal ended it before its end.

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
    """Checks a run and does it."""
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
    """Takes steps until the run is over, or a signal asks to stop."""
    passed, signal = begin, None
    best = run.stopping.best if run.stopping else None
    with parallel_lib.stopping() as should_stop, contextlib.closing(steps()) as moments:
        while not _is_over(run, history, passed) and signal is None:
            passed = next(moments)
            if run.stopping:
                check_metric(run.stopping, _columns(run, passed))
            if passed.complete:
                history.append(_row(run, passed) | _validation(run, passed.train_state))
                if run.stopping and best_row(run.stopping, history) == len(history) - 1:
                    best = passed.train_state
            signal = _tell(run, passed, history, should_stop)
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


def _tell(run: Run, passed: Passed, history: History, should_stop: ShouldStop) -> int | None:
    """Tells the hooks of a chunk or an epoch, and asks for a signal."""
    kind: Kind = "epoch" if passed.complete else "chunk"
    share, columns = 0.0 if passed.complete else passed.share, _columns(run, passed)
    for hook in run.hooks:
        hook(Event(kind, passed.train_state, history, _epochs(run), share, None, columns))
    # Asked after the hooks and validation, so that it is once a chunk in every process.
    return should_stop(passed.step)


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
    """The names of a row, where all are known before there is one."""
    names = run.names_of(passed.train_state)
    if names is None or not passed.sums:
        return ()
    return (*COLUMNS, *passed.sums, *(f"validation_{name}" for name in names))


def _epoch(run: Run, passed: Passed) -> int | float:
    """How many epochs are complete; a whole number but where ``max_steps`` ends within one."""
    per = run.length.steps_per_epoch or steps_a_pass(run)
    number = passed.passes if per is None else passed.step / per
    return round(number, 4) if number % 1 else int(number)


def _epochs(run: Run) -> float | None:
    """How many epochs a run will have, where anybody knows."""
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
