"""Trains the members of a group, part by part if the device can't hold them all."""

import dataclasses
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

import jax
import numpy as np
from jax.sharding import Mesh, PartitionSpec

from jaxdl import metrics, parallel
from jaxdl.data import Dataset
from jaxdl.parallel import AXIS
from jaxdl.sweep import _memory, _programs, _store
from jaxdl.sweep._member import Members, Spec, bare, build
from jaxdl.sweep._plan import Group, Run
from jaxdl.sweep._programs import Program, Programs
from jaxdl.sweep._store import Stored
from jaxdl.train import Event, Interrupted, NonFiniteError, fit
from jaxdl.train._pace import Pace, next_steps
from jaxdl.train._weights import rows_of
from jaxdl.types import Batch, PyTree, Row

TIMES = ("seconds", "compile_seconds", "examples_per_second")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Work:
    """What stays the same while a group is trained."""

    spec: Spec
    group: Group
    data: Dataset
    placed: tuple[Batch, Batch | None]  # its training and validation part on the devices
    mesh: Mesh
    epochs: int
    memory: int  # bytes per device
    lanes: int | None
    chunk: int | None


class Moment(NamedTuple):
    """The state of a part after each program; it has a row at the end of an epoch."""

    at: np.ndarray  # which members of the group
    share: float  # of their epoch that is done
    row: Row | None
    seconds: float
    compile_seconds: float
    keep: Callable[[], None]  # writes the members into the store
    signal: int | None = None  # that ended it early


def train(work: Work, stored: Stored) -> Iterator[Moment]:
    """Trains the members of a group that aren't done; yields after each program that has run."""
    steps = steps_an_epoch(work)
    left = np.flatnonzero(np.asarray(stored.train_state.step) < work.epochs * steps)
    if len(work.group.places) == 1:
        run = build(work.spec, _store.plain(work.group, 0))
        if isinstance(run, Run):
            yield from _alone(work, run, stored) if len(left) and stored.diverged[0] < 0 else ()
            return
    # After an interruption some members are further than others.
    for step in sorted(set(np.asarray(stored.train_state.step)[left].tolist())):
        at = left[np.asarray(stored.train_state.step)[left] == step]
        made = _fitting(work, stored, at)
        size, measure = int(np.prod(made.layout)), _programs.evaluator(work.spec, made.layout)
        compiling = made.seconds
        for begin in range(0, len(at), size):
            for moment in _part(work, stored, made, measure, at[begin : begin + size]):
                yield moment._replace(compile_seconds=compiling)
                compiling = 0.0


def steps_an_epoch(work: Work) -> int:
    """Steps of an epoch, the last of which may not be full."""
    return -(-(rows_of(work.placed[0]) or 0) // work.spec.batch_size)


def _fitting(work: Work, stored: Stored, at: np.ndarray) -> Programs:
    """Compiles for as many members at a time as the device's memory holds, by XLA's account."""
    size, devices = len(at), work.mesh.size
    example = (work.group.numbers, _store.pick(stored, at, shared=work.spec.shared))
    data = sum(x.nbytes for x in jax.tree.leaves(work.placed))
    lanes = work.lanes or _memory.lanes_of(stored)
    while True:
        layout = _programs.layout_of(size, devices, _store.bytes_of(stored), lanes)
        made = _programs.compile_programs(work.spec, layout, example, work.placed[0], work.mesh)
        if made.bytes_needed <= work.memory or size == 1:
            return made
        of_member = (made.bytes_needed - data) / (layout.rounds * layout.lanes)
        most = devices * int((work.memory - data) / max(1.0, of_member))
        size = max(1, min(most, size // 2 if most >= size else most))


def _part(
    work: Work, stored: Stored, made: Programs, measure: Program, at: np.ndarray
) -> Iterator[Moment]:
    """Trains some members to the last epoch."""
    numbers, members = _placed(work, stored, made, at)
    steps, pace = steps_an_epoch(work), Pace(work.chunk)
    epoch, done = divmod(int(members.train_state.step), steps)
    while epoch < work.epochs:
        seconds = 0.0
        while done < steps:
            end = done + next_steps(pace, steps - done)
            began = time.perf_counter()
            span = _programs.place((np.int32(done), np.int32(end)), work.mesh, PartitionSpec())
            members = made.advance(numbers, members, work.placed[0], *span)
            jax.block_until_ready(members)
            took = time.perf_counter() - began
            pace, done, seconds = _pace(work, end - done, took), end, seconds + took
            keep = _keeper(work, stored, members, at)
            if done < steps:
                yield Moment(at, done / steps, None, took, 0.0, keep)
        row = _row(work, measure, numbers, members, at, epoch, seconds)
        zeros = _programs.place(made.zeros, work.mesh, PartitionSpec(AXIS))
        members = members._replace(sums=zeros)
        epoch, done = epoch + 1, 0
        if epoch == work.epochs:
            keep()
        yield Moment(at, 1.0, row, took, 0.0, keep)


def _pace(work: Work, steps: int, seconds: float) -> Pace:
    """Chunks four times as long as ``fit``'s, as all members go in and out of each."""
    return Pace(work.chunk, steps, seconds / 4)


def _keeper(work: Work, stored: Stored, members: Members, at: np.ndarray) -> Callable[[], None]:
    def keep() -> None:
        trained = bare(members.train_state), members.diverged
        train_state, diverged = parallel.local(trained)
        _store.keep(stored, at, train_state, diverged, int(members.train_state.step))

    return keep


def _placed(work: Work, stored: Stored, made: Programs, at: np.ndarray) -> tuple[PyTree, Members]:
    """Numbers and TrainStates of some members on the devices; spare places hold copies of the last
    member.
    """
    spare = int(np.prod(made.layout)) - len(at)
    padded = np.concatenate([at, np.repeat(at[-1:], spare)])
    numbers = jax.tree.map(lambda x: x[padded], work.group.numbers)
    train_state = _store.pick(stored, padded, shared=work.spec.shared)
    members = Members(train_state, made.zeros, stored.diverged[padded])
    return (
        _programs.place(numbers, work.mesh, PartitionSpec(AXIS)),
        _programs.place_members(members, work.mesh, shared=work.spec.shared),
    )


def _row(
    work: Work,
    measure: Program,
    numbers: object,
    members: Members,
    at: np.ndarray,
    epoch: int,
    seconds: float,
) -> Row:
    """What the members measured in an epoch, each number a list."""
    own = lambda sums: {
        name: by_member(x, len(at)).tolist()
        for name, x in metrics.compute(parallel.local(sums)).items()
    }
    row = {"members": work.group.places[at].tolist(), "epoch": epoch + 1}
    row |= {"step": int(members.train_state.step), **own(members.sums)}
    if work.placed[1] is not None:
        measured = own(measure(numbers, members.train_state, work.placed[1]))
        row |= {f"validation_{name}": x for name, x in measured.items()}
    rows = len(at) * (rows_of(work.placed[0]) or 0)
    return row | {"seconds": seconds, "examples_per_second": rows / seconds}


def by_member(x: PyTree, n: int) -> np.ndarray:
    """A metric of n members and copies of the last: members first, then the fields of sums.

    Example:
        >>> by_member((np.array([1.0, 2.0, 2.0]), np.array([3.0, 4.0, 4.0])), 2).tolist()
        [[1.0, 3.0], [2.0, 4.0]]
    """
    return (np.stack(x, axis=1) if isinstance(x, tuple) else np.asarray(x))[:n]


def _alone(work: Work, run: Run, stored: Stored) -> Iterator[Moment]:
    """Trains a group of one with ``fit`` itself: the same program, to the bit."""
    newest: list[Event] = []
    diverged, signal = -1, None

    def note(event: Event) -> None:
        newest[:] = [event]

    try:
        end, _ = fit(
            run.loss_fn,
            run.tx,
            _store.member(stored, 0, shared=work.spec.shared),
            work.data,
            epochs=work.epochs,
            batch_size=work.spec.batch_size,
            shuffle=work.spec.shuffle,
            batch_fns=run.batch_fns,
            hooks=(note,),
            chunk=work.chunk,
        )
    except NonFiniteError as error:
        end, diverged = error.train_state, int(error.train_state.step)
    except Interrupted as stop:
        end, signal = stop.train_state, stop.signal
    kept = jax.tree.map(lambda x: np.asarray(x)[None], bare(end))
    _store.keep(stored, np.array([0]), kept, [diverged], int(end.step))
    rows = list(newest[0].history) if newest else []
    if diverged >= 0:
        epoch = diverged // steps_an_epoch(work) + 1
        place = {"epoch": epoch, "step": epoch * steps_an_epoch(work)}
        rows.append({**place, "loss": float("nan"), **dict.fromkeys(TIMES, 0.0)})
    for row in rows:
        yield _alone_moment(work, row)
    if signal is not None:
        share = newest[0].share or 0.0
        yield Moment(np.array([0]), share, None, 0.0, 0.0, lambda: None, signal)


def _alone_moment(work: Work, row: Row) -> Moment:
    """A row of ``fit`` as one of a population."""
    numbers = {k: [v] for k, v in row.items() if k not in ("epoch", "step", *TIMES)}
    own = {"members": work.group.places.tolist(), **numbers}
    own |= {name: row[name] for name in ("epoch", "step", "seconds", "examples_per_second")}
    return Moment(np.array([0]), 1.0, own, row["seconds"], row["compile_seconds"], lambda: None)
