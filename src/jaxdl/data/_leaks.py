"""Leaks: features of a table that give away the label, or the position of a row."""

from collections.abc import Mapping, Sequence

import numpy as np

from jaxdl.data._dataset import Dataset, has, parts

_FEW = 50  # rows, among which it may be chance
_PROBE = 64  # rows are enough to rule out most features


def leaks(dataset: Dataset) -> list[str]:
    """Returns what is suspicious about the features of a table, one sentence for each.

    Args:
        dataset: a valid one.

    Returns:
        Which features number the rows, and which separate the classes by intervals of their
        values. Empty for inputs that aren't (N, 2 or more), and for fewer than 50 rows.
    """
    named = dataset.train if isinstance(dataset.train, Mapping) else {}
    x, labels = named.get("inputs"), named.get("labels")
    x = np.asarray(x) if hasattr(x, "dtype") else np.zeros(0)  # a tree of arrays is no table
    if x.ndim != 2 or x.shape[1] < 2 or len(x) < _FEW or x.dtype.kind not in "iuf":
        return []
    where = "of dataset.train['inputs']"
    others = [np.asarray(part["inputs"]) for _, part in parts(dataset) if has(part, "inputs")]
    found = [
        f"feature {i} {where} numbers the rows; is it an index?" for i in _numbering(x, others)
    ]
    if dataset.classes and labels is not None and np.shape(labels) == (len(x),):
        y = np.asarray(labels)
        found += [
            f"feature {i} {where} alone separates the classes; is it known before they are?"
            for i in _separating(x, y)
        ]
    return found


def _numbering(x: np.ndarray, others: Sequence[np.ndarray]) -> list[int]:
    """The features whose values are consecutive integers, over all parts."""
    probe = np.sort(x[:_PROBE], axis=0)
    maybe = (np.diff(probe, axis=0) >= 1).all(axis=0) & (probe == np.rint(probe)).all(axis=0)
    found = []
    for i in np.flatnonzero(maybe):
        values = np.sort(np.concatenate([part[:, i] for part in others]))
        if (np.diff(values) == 1).all():
            found.append(int(i))
    return found


def _separating(x: np.ndarray, labels: np.ndarray) -> list[int]:
    """The features by whose order the rows are sorted by class."""
    classes = len(np.unique(labels))
    rows = slice(None, None, max(1, len(x) // _PROBE))
    probe = labels[rows][np.argsort(x[rows], axis=0)]
    changes = (probe[1:] != probe[:-1]).sum(axis=0)
    maybe = np.flatnonzero((changes < classes) & (classes > 1))
    return [int(i) for i in maybe if _separates(x[:, i], labels, classes)]


def _separates(values: np.ndarray, labels: np.ndarray, classes: int) -> bool:
    order = np.argsort(values)
    values, labels = values[order], labels[order]
    changes = np.flatnonzero(labels[1:] != labels[:-1])
    return len(changes) == classes - 1 and bool((values[changes] < values[changes + 1]).all())
