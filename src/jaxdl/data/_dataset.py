"""The dataset: train, validation and test arrays, class names and a description."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from jaxdl.types import Batch


class Dataset(NamedTuple):
    """Arrays for training, validation and test that lie whole in the memory of the host.

    A part is a dict of arrays that share their first axis: ``"inputs"`` (N, …), ``"labels"`` (N,).

    Example:
        >>> Dataset(train={"inputs": np.ones((8, 3)), "labels": np.ones(8)}).test is None
        True
    """

    train: Batch
    validation: Batch | None = None
    test: Batch | None = None
    classes: tuple[str, ...] = ()  # label i means classes[i]; empty where labels aren't classes
    description: str = ""  # one line


def parts(dataset: Dataset) -> Iterator[tuple[str, Batch]]:
    """Yields name and arrays of each part that the dataset has.

    Example:
        >>> [name for name, _ in parts(Dataset(train={}, test={}))]
        ['train', 'test']
    """
    for name in ("train", "validation", "test"):
        if (part := getattr(dataset, name)) is not None:
            yield name, part


def take(part: Batch, rows: np.ndarray | slice) -> dict[str, np.ndarray]:
    """Returns the rows of every array, on the host.

    Example:
        >>> take({"inputs": np.arange(5)}, np.array([3, 1]))
        {'inputs': array([3, 1])}
    """
    return {name: np.asarray(x)[rows] for name, x in part.items()}


def select_classes(dataset: Dataset, classes: Sequence[str]) -> Dataset:
    """Keeps the rows of some classes, and numbers these classes anew in the order given.

    Args:
        dataset: with class names, and integer ``labels`` of shape (N,) in every part.
        classes: names out of ``dataset.classes``.

    Returns:
        A Dataset of the chosen rows in their old order; label i means ``classes[i]``.

    Raises:
        ValueError: if the dataset doesn't know a name, or a name comes twice.
        TypeError: if ``classes`` is one string.

    Example:
        >>> train = {"inputs": np.arange(4), "labels": np.array([0, 1, 2, 1])}
        >>> pets = select_classes(Dataset(train, classes=("bear", "cat", "dog")), ("dog", "cat"))
        >>> pets.train["inputs"], pets.train["labels"]
        (array([1, 2, 3]), array([1, 0, 1], dtype=int32))
    """
    _check_names(dataset, classes)
    new_label = np.full(len(dataset.classes), -1, np.int32)
    new_label[[dataset.classes.index(name) for name in classes]] = np.arange(len(classes))

    def relabel(part: Batch) -> Batch:
        labels = new_label[np.asarray(part["labels"])]
        rows = labels >= 0
        return take(part, rows) | {"labels": labels[rows]}

    chosen = {name: relabel(part) for name, part in parts(dataset)}
    return Dataset(**chosen, classes=tuple(classes), description=dataset.description)


def _check_names(dataset: Dataset, classes: Sequence[str]) -> None:
    if isinstance(classes, str):
        raise TypeError(f"select_classes: classes is the string {classes!r}; it must be a tuple")
    unknown = [name for name in classes if name not in dataset.classes]
    if unknown:
        known = ", ".join(dataset.classes) or "none"
        raise ValueError(f"select_classes: no class {unknown[0]!r}; the dataset's are: {known}")
    if not classes or len(set(classes)) < len(classes):
        raise ValueError(
            f"select_classes: classes is {tuple(classes)}; it needs one name or more, each once"
        )
