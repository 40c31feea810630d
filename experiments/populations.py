"""Populations in experiments: those of ``sweep.run``, and the seeds of ``--seeds`` side by side.

With ``--seeds N`` an experiment's ``main`` is called once a seed. What the first call wants to be
trained is trained for all seeds, in one program; the calls after it find their part done.
"""

import contextlib
import shutil
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import numpy as np

from jaxdl import checkpoint, data, parallel, sweep, train
from results import goes_on, prepare, saved, started_again

if TYPE_CHECKING:
    from common import Config


class Group(NamedTuple):
    """Seeds that train together."""

    output: Path  # below it each of them has a folder
    seeds: tuple[int, ...]
    resume: bool
    trained: dict[Path, tuple[data.Dataset, sweep.Result]]  # by the folder below that of a seed


class Recipe(NamedTuple):
    """What is trained."""

    make_run: sweep.MakeRun
    members: int  # how many seeds of the population belong to one of the experiment
    options: dict[str, Any]  # of sweep.run


_GROUP: ContextVar[Group | None] = ContextVar("group", default=None)


@contextlib.contextmanager
def together(output: Path, seeds: tuple[int, ...], *, resume: bool) -> Iterator[None]:
    """A context in which what one seed trains is trained for all of them."""
    token = _GROUP.set(Group(output, seeds, resume, {}))
    try:
        yield
    finally:
        _GROUP.reset(token)


def population(
    config: "Config",
    make_run: sweep.MakeRun,
    dataset: data.Dataset,
    *,
    batch_size: int,
    members: int = 1,
    grid: Mapping[str, Any] | None = None,
    static: Sequence[str] = (),
    shuffle: bool = True,
    shared_order: bool = False,
) -> sweep.Result:
    """Trains a population with a progress line and checkpoints.

    Seed s of the experiment has the members of seeds s·members … (s + 1)·members − 1. Where members
    share their batches, those of several seeds can't train together.
    """
    config = goes_on(config)
    prepare(config)
    options = {"grid": grid, "static": static, "batch_size": batch_size, "shuffle": shuffle}
    options |= {"order": "shared" if shared_order else "own", "epochs": config.epochs}
    recipe = Recipe(make_run, members, options)
    reason = "the members of a seed share their batches" if shared_order else None
    result = _of_group(config, recipe, dataset, reason)
    if result is not None:
        return result
    return _train(recipe, dataset, config.output, (config.seed,), resume=config.resume)


def member(
    config: "Config",
    made: sweep.Run,
    dataset: data.Dataset,
    *,
    batch_size: int,
    shuffle: bool,
    reason: str | None,
) -> tuple[train.TrainState, train.History] | None:
    """What a seed's network has become, trained beside those of the others.

    None where there are no others, where a network diverged (alone it says where), and where there
    is a reason to train them one after another.
    """
    options = {"batch_size": batch_size, "shuffle": shuffle, "order": "own"}
    recipe = Recipe(lambda: made, 1, options | {"epochs": config.epochs})
    result = _of_group(config, recipe, dataset, reason)
    if result is None or result.diverged[0] >= 0:
        return None
    train_state, history = sweep.state(result, 0), sweep.history(result, 0)
    # As if it had been trained alone.
    checkpoint.save(config.output / "checkpoints", train_state, history)
    newest = train.Event("epoch", train_state, history, config.epochs)
    train.jsonl(config.output / "metrics.jsonl")(newest)
    return train_state, history


def end(number: int, at: str) -> None:
    """Ends the program where a signal ended the training, and says how to go on."""
    name = signal.Signals(number).name
    if parallel.is_primary():
        print(f"stopped by {name} at {at}; --resume goes on from there", file=sys.stderr)
    sys.exit(128 + number)


def _of_group(
    config: "Config", recipe: Recipe, dataset: data.Dataset, reason: str | None
) -> sweep.Result | None:
    """The part of one seed of what all of them train; None where it has to train alone."""
    group = _GROUP.get()
    if group is None:
        return None
    label = config.output.relative_to(group.output / f"seed_{config.seed}")
    if reason is None and label not in group.trained:
        folder = group.output / "together" / label
        again = started_again(folder)
        resume = again or (group.resume and bool(saved(folder)))
        result = _train(recipe, dataset, folder, group.seeds, resume=resume)
        group.trained[label] = dataset, result
    if reason is None and not _equal(dataset, group.trained[label][0]):
        reason = f"seed {config.seed} has other data than seed {group.seeds[0]}"
    if reason is not None:
        print(f"seeds one after another{_of(label)}: {reason}")
        return None
    result, own = group.trained[label][1], _block(config.seed, recipe.members)
    return sweep.select(result, [i for i, x in enumerate(result.members) if x["seed"] in own])


def _train(
    recipe: Recipe, dataset: data.Dataset, folder: Path, seeds: Sequence[int], *, resume: bool
) -> sweep.Result:
    """Trains all members of some seeds, or ends with what is in the way or the signal that came."""
    checkpoints = folder / "checkpoints"
    if not resume and parallel.is_primary():  # an earlier run's, which this one replaces
        shutil.rmtree(checkpoints, ignore_errors=True)
    numbers = [n for seed in seeds for n in _block(seed, recipe.members)]
    try:
        result = sweep.run(
            recipe.make_run,
            dataset,
            seeds=numbers,
            checkpoints=checkpoints,
            resume=resume,
            **recipe.options,
        )
    except (OSError, ValueError) as error:
        if not resume:
            raise
        sys.exit(f"error: --resume: {error}")
    if result.signal is not None:
        done = sum(len(row["members"]) for row in result.rows)
        end(result.signal, f"{done} of {len(result.members) * recipe.options['epochs']} epochs")
    return result


def _block(seed: int, members: int) -> range:
    return range(seed * members, (seed + 1) * members)


def _of(label: Path) -> str:
    return "" if label == Path() else f" ({label})"


def _equal(some: data.Dataset, other: data.Dataset) -> bool:
    """Whether two datasets train alike."""
    a, b = ((dict(x.train), x.validation) for x in (some, other))
    if jax.tree.structure(a) != jax.tree.structure(b):
        return False
    return all(map(np.array_equal, jax.tree.leaves(a), jax.tree.leaves(b)))
