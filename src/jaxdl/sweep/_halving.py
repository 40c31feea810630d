"""Successive halving: train many briefly, drop the worst, train the rest longer."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from jaxdl import _checks, checkpoint
from jaxdl._checked import checked
from jaxdl.data import Dataset
from jaxdl.sweep._plan import MakeRun
from jaxdl.sweep._result import Interrupted, Result, select
from jaxdl.sweep._runs import run
from jaxdl.sweep._table import column, moments, table


class Rung(NamedTuple):
    """A stage of successive halving."""

    points: int  # how many combinations are trained
    epochs: int  # up to which epoch, counted from step 0


@checked
def rungs(points: int, epochs: int, *, factor: int = 2, first: int = 1) -> list[Rung]:
    """The stages from many points and few epochs to few points and all epochs.

    Stage k trains ⌈n / ηᵏ⌉ points up to epoch min(first·ηᵏ, epochs).

    Args:
        points: n, the initial number of combinations.
        epochs: number of epochs that the last stage reaches.
        factor: η, by which points shrink and epochs grow.
        first: epochs of the first stage.

    Returns:
        One Rung or more; the last one has all epochs.

    Raises:
        ValueError: if a number isn't positive, η is 1, or ``first`` is more than ``epochs``.

    Example:
        >>> rungs(8, 4)
        [Rung(points=8, epochs=1), Rung(points=4, epochs=2), Rung(points=2, epochs=4)]
    """
    _checks.positive_ints("sweep.rungs", points=points, epochs=epochs, factor=factor, first=first)
    if factor == 1 or first > epochs:
        raise ValueError(f"sweep.rungs: factor is {factor} and first {first} of {epochs} epochs; "
                         "factor must be 2 or more, and first at most all epochs")  # fmt: skip
    stages = 1 + math.ceil(round(math.log(epochs / first, factor), 9))
    sizes = [(-(-points // factor**k), min(first * factor**k, epochs)) for k in range(stages)]
    return [Rung(*size) for size in sizes]


@checked
def survivors(scores: Sequence[float] | np.ndarray, keep: int) -> np.ndarray:
    """Selects the entries with the highest scores; nan is worst, and the first of equals survives.

    Args:
        scores: shape (n,).
        keep: how many to keep, at most n.

    Returns:
        Their indices, in the original order.

    Raises:
        ValueError: if ``keep`` isn't between 1 and n.

    Example:
        >>> survivors([0.5, float("nan"), 0.9, 0.7], 2).tolist()
        [2, 3]
    """
    scores = np.asarray(scores, np.float64)
    if not 1 <= keep <= len(scores):
        raise ValueError(f"sweep.survivors: keep is {keep} of {len(scores)} scores")
    ranked = np.argsort(-np.where(np.isnan(scores), -np.inf, scores), kind="stable")
    return np.sort(ranked[:keep])


def scores(result: Result, metric: str, mode: str | None = None) -> np.ndarray:
    """Scores each combination, higher is better, by a metric of the newest epoch.

    Args:
        result: of ``run``.
        metric: as for ``best``; averaged over seeds, and nan if one of them diverged.
        mode: ``"max"`` or ``"min"``, as for ``best``.

    Returns:
        Shape (combinations,), in the order of the table.

    Raises:
        ValueError: if there is no such metric.

    Example:
        >>> keep_half = lambda r: survivors(scores(r, "accuracy"), len(table(r)) // 2)
    """
    name, sign = column(result, metric, mode)
    newest = result.history[name][:, -1]
    newest = np.where(result.diverged < 0, newest, np.nan)
    return np.array([sign * moments(newest[row["members"]])[0] for row in table(result)])


@checked
def halve(
    make_run: MakeRun,
    data: Dataset,
    *,
    epochs: int,
    metric: str,
    mode: str | None = None,
    factor: int = 2,
    first: int = 1,
    checkpoints: str | Path | None = None,
    resume: bool = False,
    **options: Any,
) -> list[Result]:
    """Trains a population by successive halving.

    Each rung continues from the surviving TrainStates of the one before, so no step is taken twice.
    All seeds of a combination stay or go together.

    Args:
        make_run: see ``run``.
        data: the data; give it a validation part for a meaningful metric.
        epochs: number of epochs of the final survivors.
        metric: the metric that decides, e.g. ``"accuracy"``; see ``best``.
        mode: ``"max"`` or ``"min"``.
        factor: by which the population shrinks and epochs grow.
        first: epochs of the first rung.
        checkpoints: a folder, with a subfolder for each rung: ``rung_0``, ``rung_1`` ….
        resume: continue from the newest checkpoints there.
        **options: seeds, points and other arguments of ``run``.

    Returns:
        The Result of each rung; the last one has the survivors.

    Raises:
        ValueError: as ``run`` and ``rungs``.
        Interrupted: if a signal ended a rung; it holds the ``results`` so far.

    Example:
        >>> search = lambda make_run, data, points: halve(
        ...     make_run, data, epochs=8, metric="accuracy", points=points)

    Reference:
        Jamieson and Talwalkar, "Non-stochastic best arm identification and hyperparameter
        optimization", 2016.
    """
    rungs(1, epochs, factor=factor, first=first)  # raises before anything is trained
    start = {k: options.pop(k) for k in ("seeds", "grid", "points", "static") if k in options}
    results: list[Result] = []

    def train(rung: Rung, **options: Any) -> None:
        kept = _kept(checkpoints, len(results), resume)
        try:
            results.append(run(make_run, data, epochs=rung.epochs, **kept, **options))
        except Interrupted as stop:
            stop.results = [*results, stop.result]
            raise

    train(Rung(0, first), **start, **options)
    for rung in rungs(len(table(results[0])), epochs, factor=factor, first=first)[1:]:
        rows = table(results[-1])
        best = survivors(scores(results[-1], metric, mode), min(rung.points, len(rows)))
        train(
            rung,
            start=select(results[-1], [i for n in best for i in rows[n]["members"]]),
            **options,
        )
    return results


def _kept(folder: str | Path | None, rung: int, resume: bool) -> dict[str, Any]:
    """Where a rung keeps its checkpoints, and whether it resumes: later rungs may have none yet."""
    if folder is None:
        return {"resume": resume}
    own = Path(folder) / f"rung_{rung}"
    return {"checkpoints": own, "resume": resume and (rung == 0 or _has_checkpoint(own))}


def _has_checkpoint(folder: Path) -> bool:
    try:
        checkpoint.load(folder)
    except FileNotFoundError:
        return False
    return True
