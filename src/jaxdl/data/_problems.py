"""Problems: what is worth knowing about a dataset before training, though not an error."""

from collections.abc import Mapping
from typing import NamedTuple

import jax
import numpy as np

from jaxdl.data._dataset import Dataset, check_dataset, check_named, parts
from jaxdl.data._leaks import leaks
from jaxdl.data._validity import validate
from jaxdl.types import Batch


class Problems(NamedTuple):
    """What ``problems`` finds; 0 or empty throughout in a sound dataset."""

    error: str  # the message of ``check``; nothing else is looked for then
    constant_features: int  # of the training inputs
    untrained_classes: tuple[str, ...]  # in validation or test and not in training
    leaked: dict[str, int]  # by part, how many of its rows are in the training part too
    relabeled: dict[str, int]  # how many of these have another label there
    repeated: int  # rows that the training part holds more than once
    leaks: tuple[str, ...] = ()  # features that give away the label or number the rows, in words


def problems(dataset: Dataset) -> Problems:
    """Counts what may spoil training or its results.

    Rows are the same if their inputs are, byte for byte.

    Args:
        dataset: with ``inputs`` in each part. If ``check`` refuses it, only that is reported.

    Returns:
        The Problems; ``describe_problems`` puts them into words.

    Raises:
        ValueError: if a part has no ``inputs``.

    Example:
        >>> train = {"inputs": np.array([[0, 1], [0, 2]]), "labels": np.array([0, 0])}
        >>> test = {"inputs": np.array([[0, 2]]), "labels": np.array([1])}
        >>> found = problems(Dataset(train, test=test, classes=("a", "b")))
        >>> found.constant_features, found.untrained_classes, found.leaked, found.relabeled
        (1, ('b',), {'test': 1}, {'test': 1})
    """
    check_dataset("problems", dataset)
    if error := _error(dataset):
        return Problems(error, 0, (), {}, {}, 0)
    for name, part in parts(dataset):
        check_named("problems", part, "inputs", f"dataset.{name}")
    others = {name: part for name, part in parts(dataset) if name != "train"}
    keys = _row_keys(dataset.train)
    place = {key: i for i, key in reversed(list(enumerate(keys)))}
    found = {name: _found(part, place) for name, part in others.items()}
    return Problems(
        "",
        sum(_constant(np.asarray(x)) for x in jax.tree.leaves(dataset.train["inputs"])),
        _untrained(dataset, others),
        {name: len(rows) for name, (rows, _) in found.items() if len(rows)},
        _relabeled(dataset.train, others, found),
        len(keys) - len(place),
        tuple(leaks(dataset)),
    )


def describe_problems(found: Problems) -> list[str]:
    """Puts problems into words, a sentence each.

    Example:
        >>> describe_problems(Problems("", 0, ("dog",), {"test": 2}, {}, 0))
        ['1 class has no row to train on: dog', '2 rows of test are in train too']
    """
    lines = [found.error] if found.error else []
    if found.constant_features:
        lines.append(f"{_count(found.constant_features, 'input feature')} constant in train")
    if found.untrained_classes:
        n = len(found.untrained_classes)
        names = ", ".join(found.untrained_classes)
        lines.append(f"{n} {'class has' if n == 1 else 'classes have'} no row to train on: {names}")
    for name, n in found.leaked.items():
        other = found.relabeled.get(name, 0)
        labels = f", {other} of them with another label" if other else ""
        lines.append(f"{_count(n, 'row', f' of {name}')} in train too{labels}")
    if found.repeated:
        lines.append(f"{_count(found.repeated, 'row')} in train more than once")
    return [*lines, *found.leaks]


def _count(n: int, what: str, more: str = "") -> str:
    return f"{n} {what}{more} is" if n == 1 else f"{n} {what}s{more} are"


def _error(dataset: Dataset) -> str:
    try:
        validate(dataset)
    except (TypeError, ValueError) as error:
        return str(error)
    return ""


def _row_keys(part: Batch) -> list[bytes]:
    """The bytes of each row's inputs."""
    arrays = [np.ascontiguousarray(x) for x in jax.tree.leaves(part["inputs"])]
    bytes_of = [x.reshape(len(x), -1).view(np.uint8).reshape(len(x), -1) for x in arrays]
    return [row.tobytes() for row in np.concatenate(bytes_of, axis=1)]


def _found(part: Batch, place: dict[bytes, int]) -> tuple[np.ndarray, np.ndarray]:
    """Which rows of a part are in training, and where."""
    pairs = [(i, place[key]) for i, key in enumerate(_row_keys(part)) if key in place]
    both = np.array(pairs, int).reshape(-1, 2)
    return both[:, 0], both[:, 1]


def _relabeled(
    train: Batch, others: Mapping[str, Batch], found: Mapping[str, tuple[np.ndarray, np.ndarray]]
) -> dict[str, int]:
    """How many rows of each part have another label in training."""
    counts = {}
    for name, (rows, places) in found.items():
        if len(rows) and "labels" in others[name] and "labels" in train:
            ours = np.asarray(others[name]["labels"])[rows]
            differ = ours != np.asarray(train["labels"])[places]
            counts[name] = int(differ.reshape(len(rows), -1).any(axis=1).sum())
    return {name: n for name, n in counts.items() if n}


def _constant(x: np.ndarray) -> int:
    """How many features of a row are the same in all rows."""
    return int((x == x[:1]).all(axis=0).sum())


def _untrained(dataset: Dataset, others: Mapping[str, Batch]) -> tuple[str, ...]:
    if not dataset.classes or "labels" not in dataset.train:
        return ()
    trained = set(np.unique(dataset.train["labels"]).tolist())
    seen = {int(y) for part in others.values() for y in np.unique(part.get("labels", []))}
    known = range(len(dataset.classes))
    return tuple(dataset.classes[y] for y in sorted(seen - trained) if y in known)
