"""The checkpoints of a run: a folder of them, of which the newest good one counts."""

import math
import re
import shutil
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypeVar

import numpy as np

from jaxdl import _checks, parallel
from jaxdl.checkpoint import _files, _leaves
from jaxdl.checkpoint._files import Contents

Tree = TypeVar("Tree")
Best = tuple[str, Literal["max", "min"]]
"""A column of the history, and whether more of it is better or less."""


def save(
    directory: str | Path,
    train_state: Any,
    history: Sequence[dict[str, Any]] = (),
    *,
    keep: int = 3,
    best: Best | None = None,
) -> None:
    """Writes a TrainState and its history, whole or not at all.

    One run at a time writes to a directory. What a kill left half-written there is removed. With
    several processes all of them call; the first one writes, and the others wait for it.

    Args:
        directory: where the checkpoints of this run lie; made where it doesn't exist.
        train_state: a TrainState, or another tree with a ``step``, which names the checkpoint.
        history: the rows so far; numbers, text and lists of them.
        keep: how many of the newest checkpoints stay.
        best: a column of the history and ``"max"`` or ``"min"``: the checkpoint with the best
            value stays too.

    Raises:
        ValueError: if the directory holds a good checkpoint of a later step, of another run, or
            ``best`` isn't a pair of a name and ``"max"`` or ``"min"``.
        OSError: if it can't be written; the earlier checkpoints are as they were.
        TypeError: if the history holds what JSON can't.

    Example:
        >>> import jax, optax, tempfile
        >>> from jaxdl import layers, train
        >>> train_state = train.init_state(layers.dense(2, 1), optax.sgd(0.1), jax.random.key(0))
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     save(folder, train_state, [{"epoch": 1}])
        ...     again, history = restore(folder, train_state)
        >>> history
        [{'epoch': 1}]
    """
    _checks.positive_ints("checkpoint.save", keep=keep)
    check_best("checkpoint.save", best)
    contents = snapshot(train_state, history)
    if parallel.is_primary():
        check_order(directory, contents.step)
        add(Path(directory), contents, keep, best)
    parallel.agreed(0)


def restore(directory: str | Path, like: Tree) -> tuple[Tree, list[dict[str, Any]]]:
    """Reads the newest good checkpoint into a tree that must fit it exactly.

    A damaged or half-written checkpoint is named in a warning and skipped. It doesn't matter how
    many processes and devices wrote it. With several processes each reads the files.

    Args:
        directory: where the checkpoints of a run lie, or the folder of one of them.
        like: a TrainState of the same structure, shapes and dtypes, as ``init_state`` gives it;
            ``jax.ShapeDtypeStruct`` will do for arrays. Arrays go where its arrays are.

    Returns:
        The TrainState and the history of ``save``.

    Raises:
        FileNotFoundError: if there is no checkpoint.
        ValueError: if none of them is good, which names all and what is wrong with each; or if
            shapes, dtypes or names of leaves differ from those of ``like``, which names all that
            differ.

    Example:
        >>> restore("no/such/folder", like=())
        Traceback (most recent call last):
        ...
        FileNotFoundError: no checkpoint to go on from in no/such/folder
    """
    folder, contents = _newest(Path(directory))
    wrong = _leaves.differences(contents.leaves, like)
    if wrong:
        listed = "\n  ".join(wrong)
        raise ValueError(f"restore: {folder} doesn't fit the network:\n  {listed}")
    return _leaves.put(contents.leaves, contents.arrays, like), contents.history


def load(directory: str | Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Reads the newest good checkpoint of which nothing is known before.

    Nothing that stands in the files is ever run as code, so they may come from anyone.

    Args:
        directory: where the checkpoints of a run lie, or the folder of one of them.

    Returns:
        The tree, as nested dicts of NumPy arrays and typed keys by the text of each part of a
        path (the ``mu`` of an optimizer's first part is ``tree["opt_state"]["0"]["mu"]``), and the
        history. Parts without arrays, as ``()``, leave no trace.

    Raises:
        FileNotFoundError: if there is no checkpoint.
        ValueError: if none of them is good; names all and what is wrong with each.

    Example:
        >>> import jax, optax, tempfile
        >>> from jaxdl import layers, train
        >>> train_state = train.init_state(layers.dense(2, 1), optax.sgd(0.1), jax.random.key(0))
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     save(folder, train_state)
        ...     tree, history = load(folder)
        >>> sorted(tree), tree["params"]["kernel"].shape
        (['key', 'params', 'step'], (2, 1))
    """
    _, contents = _newest(Path(directory))
    return _leaves.nested(contents.leaves, contents.arrays), contents.history


def best(directory: str | Path, metric: str, mode: Literal["max", "min"] = "max") -> Path:
    """Finds the good checkpoint with the best value of a metric, to ``restore`` or ``load`` it.

    Args:
        directory: where the checkpoints of a run lie.
        metric: a column of the history, as ``"validation_accuracy"``.
        mode: whether more of it is better or less.

    Returns:
        The folder of that checkpoint; of several as good, the newest.

    Raises:
        FileNotFoundError: if no good checkpoint has the metric.
        ValueError: if ``mode`` is neither ``"max"`` nor ``"min"``.

    Example:
        >>> best("no/such/folder", "validation_accuracy")
        Traceback (most recent call last):
        ...
        FileNotFoundError: no good checkpoint with validation_accuracy in no/such/folder
    """
    check_best("checkpoint.best", (metric, mode))
    for folder in _ranked(_folders(Path(directory)), (metric, mode)):
        if not _files.faults(folder):
            return folder
    raise FileNotFoundError(f"no good checkpoint with {metric} in {directory}")


def snapshot(train_state: Any, history: Sequence[dict[str, Any]]) -> Contents:
    """Copies what is to be saved, so that training can go on."""
    named, arrays = _leaves.take(train_state)
    return Contents(int(train_state.step), [dict(row) for row in history], named, arrays)


def add(directory: Path, contents: Contents, keep: int, best: Best | None) -> None:
    """Writes a checkpoint unless it is there, and removes those that are no longer kept."""
    for rest in directory.glob(f"*{_files.UNFINISHED}"):
        shutil.rmtree(rest, ignore_errors=True)
    place = _place(directory, contents)
    if place is not None:
        _files.write(place, contents)
    # Beyond this step there can only be damaged ones: they don't count, and stay to be looked at.
    folders = [folder for folder in _folders(directory) if _order(folder)[0] <= contents.step]
    kept = {*folders[-keep:], *(_ranked(folders, best)[:1] if best else ())}
    for past in folders:
        if past not in kept:
            _files.remove(past)


def check_order(directory: str | Path, step: int) -> None:
    """Raises a ValueError if a good checkpoint is of a later step: it belongs to another run."""
    for folder in _folders(Path(directory)):
        if _order(folder)[0] > step and not _files.faults(folder):
            raise ValueError(
                f"save: {folder} is of a later step than this run's step {step}: go on from it"
                " with restore, or choose another directory"
            )


def check_best(function: str, best: Any) -> None:
    """Raises a ValueError unless it is None, or a metric and whether more or less is better."""
    pair = isinstance(best, Sequence) and not isinstance(best, str) and len(best) == 2
    if best is not None and not (pair and best[1] in ("max", "min")):
        raise ValueError(
            f'{function}: best is {best!r}; it needs a metric and "max" or "min", as'
            ' ("validation_accuracy", "max")'
        )


def value(row: Mapping[str, Any], best: Best) -> float:
    """What is to be high of a row of the history: -∞ where it is missing or nan."""
    metric, mode = best
    x = float(row.get(metric, math.nan)) * (1 if mode == "max" else -1)
    return -math.inf if math.isnan(x) else x


def _newest(directory: Path) -> tuple[Path, Contents]:
    """Reads the newest good checkpoint, or ``directory`` itself where it is one."""
    alone = any((directory / name).exists() for name in (_files.SUMS, _files.CONTENTS))
    folders = [directory] if alone else _folders(directory)
    if not folders:
        raise FileNotFoundError(f"no checkpoint to go on from in {directory}")
    wrong: list[str] = []
    for folder in reversed(folders):
        try:
            contents = _files.read(folder)
        except ValueError as error:
            wrong.append(str(error))
            continue
        if wrong:
            listed = "\n  ".join(wrong)
            warnings.warn(f"skipped for {folder}:\n  {listed}", stacklevel=3)
        return folder, contents
    raise ValueError("no checkpoint is good:\n  " + "\n  ".join(wrong))


def _folders(directory: Path) -> list[Path]:
    """The checkpoints in the order of their steps."""
    named = (path for path in directory.glob("*") if re.fullmatch(r"\d{10}(\.\d+)?", path.name))
    return sorted(named, key=_order)


def _order(folder: Path) -> tuple[int, int]:
    """The step of a checkpoint, and which of that step it is: 0000000120, then 0000000120.2."""
    step, _, number = folder.name.partition(".")
    return int(step), int(number or 1)


def _place(directory: Path, contents: Contents) -> Path | None:
    """Where a checkpoint goes: never over a good one, and nowhere if its numbers are there.

    A run that ends with the parameters of its best epoch has two of its last step.
    """
    folder = directory / f"{contents.step:010d}"
    of_step = [path for path in _folders(directory) if _order(path)[0] == contents.step]
    good = [path for path in of_step if not _files.faults(path)]
    if not good:
        return folder
    try:
        there = _files.read(good[-1])
    except ValueError:
        if not _files.faults(good[-1]):
            raise  # its sums are right, so it is another program's
        return _place(directory, contents)  # it was removed while it was read
    if _equal(there.arrays, contents.arrays):
        return None
    return folder.with_suffix(f".{_order(good[-1])[1] + 1}")


def _ranked(folders: Sequence[Path], best: Best) -> list[Path]:
    """Those of the checkpoints that have a metric, the best first and of several the newest."""
    values = {}
    for folder in reversed(folders):
        try:
            step, history, *_ = _files.decode(folder)
            # A checkpoint within an epoch has the row of the epoch before, which isn't its own.
            if history and history[-1].get("step", step) == step:
                values[folder] = value(history[-1], best)
        except Exception:  # damaged: whatever can go wrong, it isn't the best
            continue
    found = [folder for folder, x in values.items() if x > -math.inf]
    return sorted(found, key=values.__getitem__, reverse=True)


def _equal(some: Mapping[str, np.ndarray], others: Mapping[str, np.ndarray]) -> bool:
    bits = lambda arrays: {name: x.tobytes() for name, x in arrays.items()}
    return bits(some) == bits(others)
