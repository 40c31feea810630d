"""Tables: CSV, Parquet and NPZ files, with columns by name."""

import difflib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np

from jaxdl import _checks
from jaxdl._plain import plain_numbers
from jaxdl._warnings import warn
from jaxdl.data._columns import Columns, opened
from jaxdl.data._dataset import Split
from jaxdl.data._splits import check_rows, check_split, split_rows
from jaxdl.data._validity import too_wide


@plain_numbers
def table(
    path: str | os.PathLike[str],
    *,
    labels: str,
    features: Sequence[str] | None = None,
    task: Literal["classification", "regression"] = "classification",
    fractions: tuple[float, float, float] = (0.8, 0.1, 0.1),
    seed: int = 0,
) -> Split:
    r"""Reads a dataset from a CSV, Parquet or NPZ file.

    A CSV file has commas between its cells, the columns' names in its first line, and is UTF-8.

    Args:
        path: a file that ends in ``.csv``, ``.parquet``, or in ``.npz`` with an array (N, …) for
            each column.
        labels: the column to predict.
        features: the columns to predict from. Defaults to all others, except an index that pandas
            wrote, which is left out with a warning. They must be numbers; an empty cell is nan,
            which ``check`` then reports. A single array of an NPZ file keeps its shape and dtype;
            several are concatenated.
        task: whether labels are classes (whole numbers or words) or numbers to predict.
        fractions: shares for training, validation and test; stratified by class.
        seed: seed of the split.

    Returns:
        A Dataset: ``inputs`` float32 (N, features), or as in the NPZ file; ``labels`` int32 (N,)
        with their sorted names as ``classes``, or float32 (N, 1) for regression. Numbers are
        sorted as numbers.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if the file is damaged, decodes to more than ``$JAXDL_MAX_BYTES`` (4 GiB), has
            no such column (the nearest ones are named) or two of the same name; if a column holds
            anything but numbers, or a whole number beyond 32 bits; if the labels are among the
            features.
        TypeError: if ``features`` is one string.
        ImportError: for Parquet, if pyarrow isn't installed.

    Warns:
        UserWarning: if an index column is left out; the warning names it.

    Example:
        >>> import tempfile
        >>> file = Path(tempfile.mkdtemp()) / "irises.csv"
        >>> _ = file.write_text("length,width,kind" + 10 * "\n5.1,3.5,setosa\n7.0,3.2,virginica")
        >>> irises = table(file, labels="kind")
        >>> irises.classes, irises.train["inputs"].shape
        (('setosa', 'virginica'), (16, 2))
    """
    path = Path(path).expanduser()
    if isinstance(features, str):
        raise TypeError(f"table: features is the string {features!r}; it must be a list of names")
    _checks.one_of("table", "task", task, ("classification", "regression"))
    check_split("table", fractions, seed, parts=3)
    columns = opened(path)
    names = _without_index(path, columns, labels) if features is None else list(features)
    _check_names(path, labels, names, columns.names)
    values = columns.read([labels, *dict.fromkeys(names)])
    _check_lengths(path, values)
    inputs = _inputs(path, {name: values[name] for name in names})
    y, classes = _labels(path, labels, values[labels], task)
    check_rows(f"table: {path}", len(y))
    strata = y if classes else np.zeros(len(y), int)
    rows = {"inputs": inputs, "labels": y}
    about = f"{path.name}: {len(y):,} rows of {len(names)} columns"
    return split_rows(rows, strata, fractions, seed=seed, classes=classes, description=about)


def _without_index(path: Path, columns: Columns, labels: str) -> list[str]:
    index = [name for name in columns.row_names if name != labels]
    if index:
        warn(
            f"table: left out {', '.join(map(repr, index))} of {path}, the index that pandas"
            " writes beside the columns; to keep it, name it in features"
        )
    return [name for name in columns.names if name != labels and name not in index]


def _check_names(path: Path, labels: str, features: list[str], known: Sequence[str]) -> None:
    for name in (labels, *features):
        if name not in known:
            near = difflib.get_close_matches(str(name), known, n=2)
            hint = f" Did you mean {' or '.join(map(repr, near))}?" if near else ""
            raise ValueError(
                f"table: {path} has no column {name!r}.{hint} It has {', '.join(known)}"
            )
    if not features:
        raise ValueError(f"table: {path} has no column besides the labels {labels!r}")
    if len(set(features)) < len(features):
        raise ValueError(f"table: features is {features}; it must name each column once")
    if labels in features:
        raise ValueError(f"table: {labels!r} is what to predict; it can't be a feature as well")


def _check_lengths(path: Path, columns: dict[str, np.ndarray]) -> None:
    lengths = {name: len(x) if x.ndim else 0 for name, x in columns.items()}
    if len(set(lengths.values())) > 1 or 0 in lengths.values():
        raise ValueError(f"table: the columns of {path} have lengths {lengths}; they need rows")


def _inputs(path: Path, columns: dict[str, np.ndarray]) -> np.ndarray:
    if len(columns) == 1 and next(iter(columns.values())).ndim > 1:
        ((name, block),) = columns.items()
        if block.dtype.kind in "biuf":
            _check_width(path, name, block)
            return block
        return _numbers(path, name, block)
    numbers = [_numbers(path, name, x).reshape(len(x), -1) for name, x in columns.items()]
    return np.concatenate(numbers, axis=1)


def _numbers(path: Path, name: str, x: np.ndarray) -> np.ndarray:
    """A column as float32; empty cells are nan."""
    if x.dtype.kind not in "biuf":
        cells = x.ravel().tolist()
        numbers = [_number(cell) for cell in cells]
        if None in numbers:
            bad = numbers.index(None)
            raise ValueError(
                f"table: column {name!r} of {path} doesn't hold numbers: row {bad} is "
                f"{str(cells[bad])[:60]!r}"
            )
        x = np.array(numbers, np.float64).reshape(x.shape)
        if (abs(x) >= 2**31).any() and all(map(_is_whole, cells)):
            _check_width(path, name, np.array([int(cell or 0) for cell in cells], object))
    _check_width(path, name, x)
    with np.errstate(over="ignore"):  # `check` reports what is infinite in float32
        return x.astype(np.float32)


def _check_width(path: Path, name: str, x: np.ndarray) -> None:
    if (value := too_wide(x)) is not None:
        raise ValueError(
            f"table: column {name!r} of {path} holds {value}, a whole number beyond 32 bits; "
            "subtract or divide, or write it as a floating-point number if it may be rounded"
        )


def _number(cell: Any) -> float | None:
    """The number in a cell: nan if the cell is empty, None if it isn't a number."""
    if cell is None or cell == "":
        return float("nan")
    try:  # Python takes 1_000 for a number, too
        return None if isinstance(cell, str) and "_" in cell else float(cell)
    except (TypeError, ValueError):
        return None
    except OverflowError:
        return float("inf")


def _is_whole(cell: object) -> bool:
    """Whether a cell is an integer, or empty."""
    is_text = isinstance(cell, str) and (not cell or cell.lstrip("+-").isdecimal())
    return cell is None or is_text or isinstance(cell, int)


def _labels(path: Path, name: str, x: np.ndarray, task: str) -> tuple[np.ndarray, tuple[str, ...]]:
    if task == "regression":
        return _numbers(path, name, x).reshape(len(x), -1), ()
    cells = _classes(f"column {name!r} of {path}", x)
    numbers = {cell: _number(cell) for cell in dict.fromkeys(cells)}
    # So that class 10 follows class 9; words for one number, such as 1 and 01, stay apart.
    order = None if None in numbers.values() else lambda cell: (numbers[cell], cell)
    found = {cell: i for i, cell in enumerate(sorted(numbers, key=order))}
    return np.array([found[cell] for cell in cells], np.int32), tuple(map(str, found))


def _classes(column: str, x: np.ndarray) -> list[Any]:
    """The cells of a column as words or numbers, none of them missing or a fraction."""
    if x.ndim != 1:
        raise ValueError(f"table: {column} has shape {x.shape}; classes need (N,)")
    cells = x.tolist()
    if missing := [i for i, cell in enumerate(cells) if cell in (None, "", b"") or cell != cell]:
        raise ValueError(
            f"table: {len(missing)} labels in {column} are empty, the first is"
            f" that of row {missing[0]}"
        )
    cells = [str(cell) for cell in cells] if x.dtype.kind in "OSU" else cells
    distinct = dict.fromkeys(cells)
    if lines := [cell for cell in distinct if isinstance(cell, str) and "\n" in cell]:
        raise ValueError(
            f"table: in {column} the label of row {cells.index(lines[0])} spans several lines:"
            f" {lines[0][:60]!r}. Is a quote not closed?"
        )
    numbers = [number for cell in distinct if (number := _number(cell)) is not None]
    if len(numbers) == len(distinct) and not all(number.is_integer() for number in numbers):
        raise ValueError(
            f"table: {column} holds fractions, not classes; to predict numbers,"
            ' pass task="regression"'
        )
    return cells
