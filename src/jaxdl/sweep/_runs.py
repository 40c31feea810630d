"""Trains a population: all combinations of hyperparameters and seeds in a few programs."""

import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal, NamedTuple, TypeAlias

import jax
import numpy as np
from jax.experimental import multihost_utils
from jax.sharding import PartitionSpec

from jaxdl import _checks, parallel
from jaxdl import data as data_lib
from jaxdl._checked import checked
from jaxdl.data._dataset import plain
from jaxdl.parallel._stopping import ShouldStop
from jaxdl.sweep import _loop, _memory, _programs, _saving
from jaxdl.sweep._loop import Moment, Work
from jaxdl.sweep._member import Spec
from jaxdl.sweep._plan import MakeRun, Plan, checksum, describe, fixed_names, grouped, make_plan
from jaxdl.sweep._progress import Hook, Progress, progress
from jaxdl.sweep._result import Interrupted, Result, collect
from jaxdl.sweep._space import Values
from jaxdl.sweep._store import Stored
from jaxdl.sweep._usage import check_used
from jaxdl.train._weights import rows_of
from jaxdl.types import Row

Order: TypeAlias = Literal["shared", "own"]


@checked
def run(
    make_run: MakeRun,
    data: data_lib.Dataset,
    *,
    epochs: int,
    seeds: int | Sequence[int] = 1,
    grid: Mapping[str, Values] | None = None,
    points: Mapping[str, object] | None = None,
    static: Sequence[str] = (),
    batch_size: int = 128,
    shuffle: bool = True,
    order: Order = "shared",
    start: Result | None = None,
    many: bool = False,
    memory: int | None = None,
    lanes: int | None = None,
    chunk: int | None = None,
    hooks: Sequence[Hook] | None = None,
    checkpoints: str | Path | None = None,
    resume: bool = False,
) -> Result:
    """Trains every combination of hyperparameters with every seed, side by side.

    Members that differ only in numbers share one program, a ``vmap`` over their TrainStates, spread
    over all devices. Each gets the same result as with ``fit`` alone, and the failure of one leaves
    others unaffected. With several processes (``parallel.initialize``) all call ``run`` with the
    same arguments and get the Result; process 0 writes. On CPUs one device per core is fastest:
    call ``jax.config.update("jax_num_cpu_devices", 2)`` first.

    Args:
        make_run: from hyperparameters by name to a ``Run`` or ``Steps``. Numbers arrive as traced
            scalars and may be used like arrays: in an optimizer, ``dropout``, a loss, an
            initialisation. So do arrays and trees of arrays, such as a teacher or a schedule;
            members and tables show their numbers. A parameter ``seed`` receives the member's seed.
        data: the training data, and the validation data if it has a validation part.
        epochs: passes over the training part, counted from step 0.
        seeds: the number of seeds, from 0, or the seeds themselves. The member with seed s starts
            from ``train.init_state(net, tx, jax.random.key(s))``.
        grid: values by name; all combinations are trained.
        points: values by name; entry i of each forms point i; see ``sweep.random``.
        static: names whose values determine shapes or Python code, such as a width. Each
            combination of them is a separate program; anything that isn't a number, such as an
            activation, is always static.
        batch_size: rows per step.
        shuffle: draw a new random order for each epoch.
        order: ``"shared"``: all members see the batches and the dropout of the first seed, which is
            faster. ``"own"``: those of their own seed, as in ``fit``.
        start: a population to continue, e.g. from ``select``, instead of seeds, grid and points.
        many: allow more than 10,000 members.
        memory: bytes that a device may use. Defaults to what is free. Members that don't fit are
            trained one part after another.
        lanes: number of members computed side by side on a device; the others follow. Defaults to
            all; on a CPU to one if there are convolutions, else to as many as fit its cache.
        chunk: maximum number of steps per program. Defaults to about four seconds' worth.
        hooks: functions called with ``Progress``. Defaults to one line of a terminal.
        checkpoints: folder in which to save the population every ten seconds and at the end, also
            when Ctrl-C or SIGTERM ends it.
        resume: continue from the newest checkpoint there.

    Returns:
        A Result.

    Raises:
        ValueError: if the population is empty or larger than allowed, columns differ in length,
            ``make_run`` doesn't accept or use a name, the data can't be trained on, or ``resume``
            finds another population.
        TypeError: if ``make_run`` doesn't return a Run or Steps, or an argument has the wrong type.
        Interrupted: if a signal ended the run; it holds the Result so far, in which some members
            have fewer epochs.

    Example:
        >>> import optax
        >>> from jaxdl import layers, losses, train
        >>> x = np.linspace(-1, 1, 64, dtype="float32")[:, None]
        >>> net = layers.dense(1, 1)
        >>> loss_fn = train.supervised(net, losses.mse_loss)
        >>> def make_run(learning_rate):
        ...     return Run(net, loss_fn, optax.sgd(learning_rate))
        >>> from jaxdl.sweep import Run
        >>> rates = {"learning_rate": [0.001, 0.3]}
        >>> line = data_lib.Dataset(train={"inputs": x, "labels": 3 * x + 1})
        >>> result = run(make_run, line, epochs=20, batch_size=16, seeds=2, grid=rates)
        >>> from jaxdl.sweep import best
        >>> best(result, "loss")["learning_rate"]
        0.3
    """
    _check_kinds(data, hooks, checkpoints)
    data_lib.check(data)
    limits = {"memory": memory, "lanes": lanes, "chunk": chunk}
    given = {"epochs": epochs, "batch_size": batch_size}
    given |= {name: x for name, x in limits.items() if x is not None}
    _checks.positive_ints("sweep.run", **given)
    _check_rows(data, batch_size, order)
    plan = _plan(make_run, seeds, grid, points, static, many, start)
    shared = (order == "shared" and start is None) or (start is not None and start.shared)
    mesh = parallel.data_mesh()
    train = _programs.place(plain(data.train), mesh, PartitionSpec())
    validation = data.validation
    if validation is not None:
        validation = _programs.place(plain(validation), mesh, PartitionSpec())
    used = data_lib.Dataset(plain(data.train), data.validation)
    free = memory or _least(int(0.9 * _memory.memory_of(mesh.local_devices[0])))
    how = {"batch_size": batch_size, "shuffle": shuffle, "shared": shared}
    limits = {"epochs": epochs, "memory": free, "lanes": lanes, "chunk": chunk}
    works = [
        Work(
            spec=Spec(make_run=make_run, fixed=group.fixed, **how),  # type: ignore[arg-type]
            group=group, data=used, placed=(train, validation), mesh=mesh,
            **limits,  # type: ignore[arg-type]
        )
        for group in plan.groups
    ]  # fmt: skip
    for work in works:
        check_used(work.spec, work.group.numbers, data.train)
    if parallel.is_primary() and len(plan.members) > 1:
        print(f"sweep.run: {describe(plan)}", file=sys.stderr)
    population, rows = _saving.begin(works, plan, start, checkpoints, resume)
    watchers = _Watchers(tuple(hooks if hooks is not None else (progress(),)), checkpoints)
    spent, signal = _train(works, plan, population, rows, watchers)
    result = collect(plan, population, rows, shared=shared, seconds=spent)
    if signal is not None:
        if parallel.is_primary():
            print(f"sweep.run: stopped by signal {signal} before its end", file=sys.stderr)
        stop = Interrupted(128 + signal)
        stop.result, stop.results, stop.signal = result, [result], signal
        raise stop
    return result


class _Watchers(NamedTuple):
    hooks: tuple[Hook, ...]
    checkpoints: str | Path | None


def _plan(
    make_run: MakeRun,
    seeds: int | Sequence[int],
    grid: Mapping[str, Values] | None,
    points: Mapping[str, object] | None,
    static: Sequence[str],
    many: bool,
    start: Result | None,
) -> Plan:
    if start is None:
        return make_plan(
            make_run, seeds=seeds, values=grid or {}, points=points, static=static, many=many
        )
    if grid or points or seeds != 1 or static:
        raise ValueError("sweep.run: start has its own points and seeds; pass no others")
    names = fixed_names(start.plan)
    seeded = any("seed" in group.numbers for group in start.plan.groups)
    arrays = start.plan.arrays
    groups = grouped(start.members, names, seeded=seeded, arrays=arrays)
    return Plan(list(start.members), groups, start.plan.combinations, arrays)


def _train(
    works: Sequence[Work],
    plan: Plan,
    stored: Sequence[Stored],
    rows: list[Row],
    watchers: _Watchers,
) -> tuple[dict[str, float], int | None]:
    """Trains all groups; returns the seconds of training and of compilation, and any signal."""
    spent = {"seconds": 0.0, "compile_seconds": 0.0}
    save = _saving.saver(watchers.checkpoints, checksum(plan, works[0].spec.batch_size))
    began = time.monotonic()
    moment: Moment | None = None
    signal: int | None = None
    with parallel.stopping() as should_stop:
        for number, moment in _moments(works, stored):
            spent["seconds"] += moment.seconds
            spent["compile_seconds"] += moment.compile_seconds
            if moment.row is not None:
                rows.append(moment.row)
            at = _progress(works, plan, rows, moment, time.monotonic() - began)
            for hook in watchers.hooks:
                hook(at)
            signal = _asked(should_stop, number, moment)
            if signal is not None:
                break
            save(moment, stored, rows, last=False)
    if moment is not None:
        save(moment, stored, rows, last=True)
    return spent, signal


def _moments(works: Sequence[Work], stored: Sequence[Stored]) -> Iterator[tuple[int, Moment]]:
    number = 0
    for work, own in zip(works, stored, strict=True):
        for moment in _loop.train(work, own):
            yield number, moment
            number += 1


def _asked(should_stop: ShouldStop, number: int, moment: Moment) -> int | None:
    """The signal to stop, which ``fit`` may have noticed itself."""
    return moment.signal if moment.signal is not None else should_stop(number)


def _least(memory: int) -> int:
    """The least bytes that a process has: all must train in the same parts."""
    if jax.process_count() == 1:
        return memory
    of_all = multihost_utils.process_allgather(np.int32(memory // 2**20))  # 32 bits hold MiB
    return int(of_all.min()) * 2**20


def _progress(
    works: Sequence[Work], plan: Plan, rows: Sequence[Row], moment: Moment, seconds: float
) -> Progress:
    done = sum(len(row["members"]) for row in rows)
    part = 0.0 if moment.row is not None else moment.share * len(moment.at)
    runs = len(plan.members)
    return Progress(runs, done + part, runs * works[0].epochs, seconds, rows[-1] if rows else None)


def _check_kinds(data: object, hooks: object, checkpoints: object) -> None:
    if not isinstance(data, data_lib.Dataset):
        raise TypeError(f"sweep.run: data is a {type(data).__name__}; it must be a Dataset")
    if hooks is not None and not isinstance(hooks, Sequence):
        raise TypeError(f"sweep.run: hooks is {hooks!r}; it must be a sequence of functions")
    if not isinstance(checkpoints, str | Path | None):
        raise TypeError(f"sweep.run: checkpoints is {checkpoints!r}; it must be a folder's path")


def _check_rows(data: data_lib.Dataset, batch_size: int, order: str) -> None:
    size = rows_of(data.train) or 0
    if batch_size > size:
        raise ValueError(f"sweep.run: batch_size is {batch_size}, but there are {size} rows")
    if order not in ("shared", "own"):
        raise ValueError(f'sweep.run: order is {order!r}; it must be "shared" or "own"')
