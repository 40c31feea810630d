"""Saving the state of a run, and reading all or part of it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal, TypeVar

import jax.numpy as jnp
import numpy as np

from jaxdl import _checks, parallel
from jaxdl._plain import plain_numbers
from jaxdl.checkpoint import _directory, _files, _leaves
from jaxdl.checkpoint._directory import Best
from jaxdl.checkpoint._files import Contents
from jaxdl.types import PyTree, Row

Tree = TypeVar("Tree")


@plain_numbers
def save(
    directory: str | Path,
    train_state: PyTree,
    history: Sequence[Row] = (),
    *,
    keep: int = 3,
    best: Best | None = None,
) -> None:
    """Writes a TrainState and its history, whole or not at all.

    Only one run at a time may write to a directory. Half-written files of a killed run are removed.
    With several processes, all must call this; the first one writes and the others wait.

    Args:
        directory: folder for the checkpoints of this run; created if missing.
        train_state: a TrainState, or another tree with a ``step``, which names the checkpoint.
        history: the rows so far: numbers, strings and lists of them.
        keep: number of newest checkpoints to keep.
        best: a column of the history and ``"max"`` or ``"min"``: the checkpoint with the best
            value is kept too.

    Raises:
        ValueError: if the directory holds a good checkpoint of a later step, hence of another run,
            or if ``best`` isn't a pair of a name and ``"max"`` or ``"min"``.
        OSError: if it can't be written; earlier checkpoints are unchanged.
        TypeError: if the history holds anything that JSON can't represent.

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
    _checks.path("checkpoint.save", "directory", directory)
    _checks.positive_ints("checkpoint.save", keep=keep)
    _directory.check_best("checkpoint.save", best)
    contents = snapshot("checkpoint.save", train_state, history)
    if parallel.is_primary():
        _directory.check_order(directory, contents.step)
        _directory.add(Path(directory), contents, keep, best)
    parallel.broadcast_from_primary(0)


def restore(
    directory: str | Path, like: Tree, *, only: Sequence[str] | None = None
) -> tuple[Tree, list[Row]]:
    """Reads the newest good checkpoint, or a part of it, into a tree that it must fit exactly.

    Damaged and half-written checkpoints are skipped with a warning that names them. The checkpoint
    may come from any number of processes and devices. With several processes each reads the files.

    Args:
        directory: the folder of a run's checkpoints, or of one checkpoint.
        like: a TrainState of the same structure, shapes and dtypes, such as that of
            ``init_state``; ``jax.ShapeDtypeStruct`` may stand for arrays. Arrays are placed on the
            devices of its arrays.
        only: paths of the parts to read, e.g. ``("params", "state")``, or ``("params/encoder",)``
            for a network with another head. The rest is taken from ``like`` and may differ, such
            as the state of another optimizer. Defaults to everything.

    Returns:
        The TrainState and the history of ``save``.

    Raises:
        FileNotFoundError: if there is no checkpoint.
        ValueError: if none is good (lists the faults of each); if shapes, dtypes or paths of
            leaves differ (shows each one in the checkpoint and in ``like``); or if neither has a
            part of ``only``.

    Example:
        >>> import jax, optax, tempfile
        >>> from jaxdl import layers, train
        >>> net, key = layers.dense(2, 1), jax.random.key(0)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     save(folder, train.init_state(net, optax.sgd(0.1), key))
        ...     anew = train.init_state(net, optax.adam(0.1), jax.random.key(1))
        ...     tuned, history = restore(folder, anew, only=("params", "state"))
        >>> bool((tuned.params["kernel"] == train.init_state(net, optax.sgd(0.1), key)
        ...       .params["kernel"]).all())
        True
    """
    _checks.path("restore", "directory", directory)
    names = _parts(only)

    def check(contents: Contents) -> None:
        _check_fits(contents, like, names)

    _, contents = _directory.newest(Path(directory), check)
    return _leaves.put(contents.leaves, contents.arrays, like, names), contents.history


def load(directory: str | Path) -> tuple[PyTree, list[Row]]:
    """Reads the newest good checkpoint without knowing its structure.

    Nothing in the files is ever run as code, so they may come from anyone.

    Args:
        directory: the folder of a run's checkpoints, or of one checkpoint.

    Returns:
        The tree, with NumPy arrays and typed keys as leaves, and the history. Dicts, tuples and
        lists are restored, so ``tree["params"]`` and ``tree["state"]`` are those of the network; a
        TrainState, an optimizer's state or another class becomes a dict of its fields.

    Raises:
        FileNotFoundError: if there is no checkpoint.
        ValueError: if none is good; lists the faults of each.

    Example:
        >>> import jax, optax, tempfile
        >>> from jaxdl import layers, train
        >>> train_state = train.init_state(layers.dense(2, 1), optax.sgd(0.1), jax.random.key(0))
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     save(folder, train_state)
        ...     tree, history = load(folder)
        >>> sorted(tree), tree["params"]["kernel"].shape, tree["state"]
        (['key', 'opt_state', 'params', 'state', 'step'], (2, 1), ())
    """
    _checks.path("load", "directory", directory)
    folder, contents = _directory.newest(Path(directory))
    try:
        tree = _leaves.built(contents.outline, contents.leaves, contents.arrays)
    except Exception as error:  # someone else wrote it: anything can happen
        raise ValueError(f"{folder}: not a checkpoint of jaxdl: {error!r}") from error
    return tree, contents.history


def best(directory: str | Path, metric: str, mode: Literal["max", "min"] = "max") -> Path:
    """Finds the good checkpoint with the best value of a metric, to ``restore`` or ``load`` it.

    Args:
        directory: the folder of a run's checkpoints.
        metric: a column of the history, e.g. ``"validation_accuracy"``.
        mode: ``"max"`` if higher is better, ``"min"`` if lower is.

    Returns:
        The folder of that checkpoint, the newest in case of ties.

    Raises:
        FileNotFoundError: if no good checkpoint has the metric.
        ValueError: if ``mode`` is neither ``"max"`` nor ``"min"``.

    Example:
        >>> best("no/such/folder", "validation_accuracy")
        Traceback (most recent call last):
        ...
        FileNotFoundError: no good checkpoint with validation_accuracy in no/such/folder
    """
    _checks.path("checkpoint.best", "directory", directory)
    _directory.check_best("checkpoint.best", (metric, mode))
    for folder in _directory.ranked(_directory.listed(Path(directory)), (metric, mode)):
        if not _files.faults(folder):
            return folder
    raise FileNotFoundError(f"no good checkpoint with {metric} in {directory}")


def snapshot(function: str, train_state: PyTree, history: Sequence[Row]) -> Contents:
    """Copies what will be saved, so that training can continue."""
    step = step_of(function, train_state)
    if isinstance(history, Mapping) or not all(isinstance(row, Mapping) for row in history):
        raise TypeError(f"{function}: history is {history!r}; it must be a list of rows, as dicts")
    leaves, arrays = _leaves.take(train_state)
    rows, outline = [dict(row) for row in history], _leaves.outline(train_state)
    return Contents(step, rows, leaves, outline, arrays)


def step_of(function: str, train_state: PyTree) -> int:
    """Returns the step of a tree, the only field that a checkpoint requires."""
    mapping = isinstance(train_state, Mapping)
    step = train_state.get("step") if mapping else getattr(train_state, "step", None)
    if step is None or np.ndim(step) or not jnp.issubdtype(jnp.result_type(step), np.integer):
        raise TypeError(
            f"{function}: train_state is a {type(train_state).__name__}; it needs a step, an"
            " integer that names the checkpoint"
        )
    if int(step) < 0:
        raise ValueError(f"{function}: train_state.step is {int(step)}; it must be 0 or more")
    return int(step)


def _parts(only: Sequence[str] | None) -> Sequence[str] | None:
    if isinstance(only, str) or (only is not None and not only):
        raise ValueError(f'restore: only is {only!r}; it needs paths, as ("params", "state")')
    return only


def _check_fits(contents: Contents, like: PyTree, only: Sequence[str] | None) -> None:
    """Raises a ValueError that shows how a checkpoint and a tree differ, if they do."""
    known = [*contents.leaves, *_leaves.places(like)]
    for part in only or ():
        if not any(_leaves.below(path, [part]) for path in known):
            fields = sorted({path.partition("/")[0] for path in known})
            raise ValueError(
                f"restore: only names {part!r}, which neither the checkpoint nor like"
                f" has; they have {', '.join(fields)}"
            )
    wrong = _leaves.differences(contents.leaves, like, only)
    if wrong:
        listed = "\n  ".join(wrong.values())
        raise ValueError(
            f"restore: the checkpoint of step {contents.step} doesn't fit:\n  {listed}"
            + _hint(wrong)
        )


def _hint(wrong: Mapping[str, str]) -> str:
    """What to do if only the optimizer's state differs."""
    if not all(_leaves.below(path, ["opt_state"]) for path in wrong):
        return ""
    return (
        '\nThis is the state of another optimizer; only=("step", "params", "state",'
        ' "key") restores all the rest'
    )
