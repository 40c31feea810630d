"""What an experiment trains, and the training of one network or one population."""

import signal
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import jax
import optax

from harness import resume
from harness.config import Config, UserError
from jaxdl import checkpoint, data, parallel, sweep, train
from jaxdl.data import Dataset
from jaxdl.types import Batch, Key, Layer, LossFn, Metrics, Params, State


class Run(NamedTuple):
    """A network to train, with everything that decides what it becomes."""

    data: data.Dataset
    net: Layer
    loss_fn: LossFn
    tx: optax.GradientTransformation
    epochs: int
    batch_size: int
    shuffle: bool = True
    batch_fns: tuple[train.BatchFn, ...] = ()
    early_stopping: train.EarlyStopping | None = None
    hooks: tuple[train.Hook, ...] = ()
    may_diverge: bool = False  # a loss that isn't finite is a result like any other
    start: tuple[Params, State] | None = None  # learned before; by default they are drawn


class Loop(NamedTuple):
    """A training by a step of its own, as ``train.loop`` takes it."""

    step: Callable[[Any, Batch], tuple[Any, Metrics]]
    start: Callable[[Key], Any]  # from a key to the TrainState of step 0
    epochs: int
    steps_per_epoch: int | None = None  # None: a pass over the data
    data: Dataset | None = None
    batch_size: int | None = None
    validate: Callable[[Any], Mapping[str, Any]] | None = None  # from a TrainState to numbers


class Population(NamedTuple):
    """Networks to train side by side: each combination of the grid, ``members`` times.

    Seed s of the experiment has the members of seeds s·members … (s + 1)·members − 1.
    """

    data: data.Dataset
    make_run: sweep.MakeRun
    epochs: int
    batch_size: int
    members: int = 1
    grid: Mapping[str, Any] = {}
    static: tuple[str, ...] = ()
    shuffle: bool = True
    shared_order: bool = False  # all members see the same batches, which is faster


class Trained(NamedTuple):
    """A network after training."""

    run: Run
    train_state: train.TrainState  # if it diverged, from before it did
    history: train.History
    error: train.NonFiniteError | None = None  # where it diverged


class Looped(NamedTuple):
    """The outcome of training by an experiment's own step."""

    loop: Loop
    train_state: Any
    history: train.History


class Swept(NamedTuple):
    """A population after training."""

    population: Population
    result: sweep.Result


Built: TypeAlias = Run | Loop | Population | Mapping[str, Run] | Mapping[str, Loop]
"""What ``build`` may give."""


class Interrupted(Exception):
    """A signal ended the training."""

    def __init__(self, number: int, at: str) -> None:
        super().__init__(f"stopped by {signal.Signals(number).name} at {at}")
        self.number = number


def alone(config: Config, folder: Path, run: Run) -> Trained:
    """Trains one network with a progress line, a line of metrics an epoch, and checkpoints."""
    train_state = first(config, run)
    stopping = run.early_stopping
    watched = stopping and (stopping.metric, stopping.mode)
    again = config.resume and bool(resume.saved(folder))
    history: train.History = []
    if again:
        train_state, history, stopping = resume.restored(folder, train_state, stopping)
    try:
        train_state, history = train.fit(
            run.loss_fn,
            run.tx,
            train_state,
            run.data,
            epochs=run.epochs,
            batch_size=run.batch_size,
            shuffle=run.shuffle,
            batch_fns=run.batch_fns,
            early_stopping=stopping,
            hooks=(
                train.progress(),
                *run.hooks,
                checkpoint.hook(folder / "checkpoints", best=watched),
                train.jsonl(folder / "metrics.jsonl"),
            ),
            devices=parallel.Placement(config.parallel),
            history=history,
        )
    except train.NonFiniteError as error:
        if not run.may_diverge:
            raise
        return Trained(run, train_state, history, error)
    except train.Interrupted as stopped:
        raise _interrupted(stopped) from stopped
    return Trained(run, parallel.local(train_state), history)


def looped(config: Config, folder: Path, loop: Loop) -> Looped:
    """Trains by a step of its own, with the same files as ``alone``."""
    if config.parallel not in ("auto", "jit"):  # there a step has to average over the devices
        raise UserError(f"--parallel {config.parallel}: this experiment has a step of its own: jit")
    train_state = jax.jit(loop.start)(jax.random.key(config.seed))
    history: train.History = []
    if config.resume and resume.saved(folder):
        train_state, history, _ = resume.restored(folder, train_state, None)
    try:
        train_state, history = train.loop(
            loop.step,
            train_state,
            loop.data,
            epochs=loop.epochs,
            steps_per_epoch=loop.steps_per_epoch,
            batch_size=loop.batch_size,
            validate=loop.validate,
            hooks=(
                train.progress(),
                checkpoint.hook(folder / "checkpoints"),
                train.jsonl(folder / "metrics.jsonl"),
            ),
            devices=parallel.Placement(config.parallel),
            history=history,
        )
    except train.Interrupted as stopped:
        raise _interrupted(stopped) from stopped
    return Looped(loop, parallel.local(train_state), history)


def _interrupted(stopped: train.Interrupted) -> Interrupted:
    return Interrupted(stopped.signal, f"step {int(stopped.train_state.step)}")


def first(config: Config, run: Run) -> train.TrainState:
    """The TrainState of step 0: with drawn parameters, or with what was learned before."""
    params, state = run.start or (None, None)
    key = jax.random.key(config.seed)
    return train.init_state(run.net, run.tx, key, params=params, state=state)


def population(
    built: Population, folder: Path, seeds: Sequence[int], *, again: bool
) -> sweep.Result:
    """Trains the members of some seeds with a progress line and checkpoints."""
    again = again and bool(resume.saved(folder))
    try:
        result = sweep.run(
            built.make_run,
            built.data,
            epochs=built.epochs,
            seeds=[n for seed in seeds for n in block(built, seed)],
            grid=built.grid,
            static=built.static,
            batch_size=built.batch_size,
            shuffle=built.shuffle,
            order="shared" if built.shared_order else "own",
            checkpoints=folder / "checkpoints",
            resume=again,
        )
    except (OSError, ValueError) as error:
        if not again:
            raise
        raise UserError(f"--resume: {error}") from error
    except sweep.Interrupted as stopped:
        done = sum(len(row["members"]) for row in stopped.result.rows)
        whole = len(stopped.result.members) * built.epochs
        raise Interrupted(stopped.signal, f"{done} of {whole} epochs") from stopped
    return result


def block(built: Population, seed: int) -> range:
    """The seeds of the members that belong to one seed of the experiment."""
    return range(seed * built.members, (seed + 1) * built.members)
