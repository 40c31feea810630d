"""The dataset: train, validation and test arrays, class names and a description."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple, TypeAlias, TypeVar

import jax
import numpy as np

from jaxdl import _checks, _paths
from jaxdl.types import PyTree

Part: TypeAlias = PyTree
"""Arrays that share their first axis, in host memory: a dict, or any other tree."""


class Dataset(NamedTuple):
    """Arrays for training, validation and test, all in host memory.

    A part is a dict of arrays that share their first axis: ``"inputs"`` (N, …), ``"labels"`` (N,).
    Inputs may be a tree of arrays, such as ``{"image": …, "age": …}``. For a loss of your own, a
    part may be any tree, such as a tuple ``(x, y)``; only dicts have weights and labels.

    Example:
        >>> Dataset(train={"inputs": np.ones((8, 3)), "labels": np.ones(8)}).test is None
        True
    """

    train: Part
    validation: Part | None = None
    test: Part | None = None
    classes: tuple[str, ...] = ()  # label i means classes[i]; empty if labels aren't classes
    description: str = ""  # one line


class TrainTest(Dataset):
    """A Dataset with a test part, for type checkers."""

    __slots__ = ()
    if TYPE_CHECKING:

        @property
        def test(self) -> Part: ...


class TrainValidation(Dataset):
    """A Dataset with a validation part, for type checkers."""

    __slots__ = ()
    if TYPE_CHECKING:

        @property
        def validation(self) -> Part: ...


class Split(TrainTest):
    """A Dataset with validation and test parts, for type checkers."""

    __slots__ = ()
    if TYPE_CHECKING:

        @property
        def validation(self) -> Part: ...


D = TypeVar("D", bound=Dataset)
_MANY = 8  # arrays, more of which make a message unreadable


def parts(dataset: Dataset) -> Iterator[tuple[str, Part]]:
    """Yields the name and arrays of each part of the dataset."""
    for name in ("train", "validation", "test"):
        if (part := getattr(dataset, name)) is not None:
            yield name, part


def with_parts(dataset: D, change: Callable[[Part], Part]) -> D:
    """Returns the dataset with each of its parts changed by a function."""
    changed: dict[str, Part] = {name: change(part) for name, part in parts(dataset)}
    return dataset._replace(**changed)


def leaves(tree: PyTree) -> list[tuple[str, PyTree]]:
    """Returns the arrays of a tree, each with its path."""
    return [(_paths.spell(path), x) for path, x in jax.tree.leaves_with_path(tree)]


def listed(tree: PyTree) -> str:
    """Returns a tree's arrays in words, for messages."""
    named = [f"{path} {_checks.describe(x)}".lstrip() for path, x in leaves(tree)]
    return ", ".join(named if len(named) <= _MANY else [*named[:_MANY], f"… {len(named)} in all"])


def rows_of(tree: PyTree) -> int | None:
    """Returns the number of rows of a tree's arrays; None if they differ or have no axis."""
    lengths = {np.shape(x)[:1] for x in jax.tree.leaves(tree)}
    return lengths.pop()[0] if len(lengths) == 1 and lengths != {()} else None


def has(part: Part, name: str) -> bool:
    """Whether a part is a dict that has an array, or a tree of them, of this name."""
    return isinstance(part, Mapping) and name in part


def plain(part: Part) -> PyTree:
    """Returns a part as a tree that JAX knows: any kind of Mapping as a dict."""
    return dict(part) if isinstance(part, Mapping) else part


def at(where: str, path: str) -> str:
    """Returns what messages call an array of a tree.

    Example:
        >>> at("dataset.train", "inputs"), at("dataset.train", "")
        ("dataset.train['inputs']", 'dataset.train')
    """
    return f"{where}[{path!r}]" if path else where


def take(tree: PyTree, rows: np.ndarray | slice) -> PyTree:
    """Returns rows of every array of a tree, on the host."""
    return jax.tree.map(lambda x: np.asarray(x)[rows], tree)


def check_dataset(function: str, dataset: object) -> None:
    """Raises a TypeError unless ``dataset`` is a Dataset with a training part."""
    if not isinstance(dataset, Dataset):
        raise TypeError(
            f"{function}: dataset is a {type(dataset).__name__}; it must be a Dataset, such as"
            ' data.Dataset(train={"inputs": …, "labels": …})'
        )
    if dataset.train is None:
        raise TypeError(f"{function}: dataset.train is None; it must hold the training data")


def check_named(function: str, part: Part, name: str, where: str = "a part") -> None:
    """Raises a ValueError unless a part is a dict that has this name."""
    if not isinstance(part, Mapping):
        kind = type(part).__name__
        raise ValueError(f"{function}: {where} is a {kind}; it needs a dict with {name!r}")
    if name not in part:
        raise ValueError(f"{function}: {where} holds {listed(part)}, no {name!r}")


def select_classes(dataset: D, classes: Sequence[str]) -> D:
    """Keeps the rows of some classes and renumbers these classes in the given order.

    Args:
        dataset: has class names and integer ``labels`` of shape (N,) in every part.
        classes: names from ``dataset.classes``.

    Returns:
        A Dataset of the chosen rows in their original order; label i means ``classes[i]``.

    Raises:
        ValueError: if a name is unknown or appears twice, or a part has no labels.
        TypeError: if ``classes`` isn't a sequence of names.

    Example:
        >>> train = {"inputs": np.arange(4), "labels": np.array([0, 1, 2, 1])}
        >>> pets = select_classes(Dataset(train, classes=("bear", "cat", "dog")), ("dog", "cat"))
        >>> pets.train["inputs"], pets.train["labels"]
        (array([1, 2, 3]), array([1, 0, 1], dtype=int32))
    """
    _check_names(dataset, classes)
    new_label = np.full(len(dataset.classes), -1, np.int32)
    new_label[[dataset.classes.index(name) for name in classes]] = np.arange(len(classes))

    def relabel(part: Part) -> Part:
        check_named("select_classes", part, "labels")
        labels = new_label[np.asarray(part["labels"])]
        rows = labels >= 0
        return {**take(part, rows), "labels": labels[rows]}

    return with_parts(dataset, relabel)._replace(classes=tuple(classes))


def _check_names(dataset: Dataset, classes: Sequence[str]) -> None:
    check_dataset("select_classes", dataset)
    if isinstance(classes, str) or not isinstance(classes, Sequence):
        raise TypeError(f"select_classes: classes is {classes!r}; it must be a tuple of names")
    unknown = [name for name in classes if name not in dataset.classes]
    if unknown:
        known = ", ".join(dataset.classes) or "none"
        raise ValueError(f"select_classes: no class {unknown[0]!r}; the dataset's are: {known}")
    if not classes or len(set(classes)) < len(classes):
        raise ValueError(
            f"select_classes: classes is {tuple(classes)}; it needs one or more names, each once"
        )
