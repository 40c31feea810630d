"""Tables: CSV, Parquet and NPZ files, with columns by name."""

import csv
import difflib
import os
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np

from jaxdl.data import _optional_import
from jaxdl.data._dataset import Dataset
from jaxdl.data._splits import split_rows


def table(
    path: str | os.PathLike[str],
    *,
    labels: str,
    features: Sequence[str] | None = None,
    task: Literal["classification", "regression"] = "classification",
    fractions: tuple[float, float, float] = (0.8, 0.1, 0.1),
    seed: int = 0,
) -> Dataset:
    r"""Reads a dataset from a CSV, Parquet or NPZ file.

    Args:
        path: a file that ends in ``.csv``, with the names of the columns in its first line, in
            ``.parquet``, or in ``.npz``, with an array (N, …) a column.
        labels: the column to predict.
        features: the columns to predict from; all others unless given. They must be numbers; an
            empty cell is nan, which ``check`` then reports. A single array of an NPZ file keeps
            its shape, and several are put side by side.
        task: whether labels are classes, numbers or words, or numbers to come near to.
        fractions: shares to train on, to validate on and to test; stratified by class.
        seed: of the split.

    Returns:
        A Dataset: ``inputs`` float32 (N, features), or as in the NPZ file, ``labels`` int32 (N,)
        with their sorted names as ``classes``, or float32 (N, 1) for regression.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if the file can't be read, has no such column (the nearest ones are named) or
            two of one name, a column holds what isn't a number (names file, column and row), or
            the labels are among the features.
        TypeError: if ``features`` is one string.
        ImportError: for Parquet, if pyarrow isn't installed.

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
    columns = _columns(path)
    names = [name for name in columns if name != labels] if features is None else list(features)
    for name in (labels, *names):
        _check_known(path, name, columns)
    if not names:
        raise ValueError(f"table: {path} has no column besides the labels {labels!r}")
    if labels in names:
        raise ValueError(f"table: {labels!r} is to be predicted, and can't be one of the features")
    _check_lengths(path, {name: columns[name] for name in (labels, *names)})
    inputs = _inputs(path, {name: columns[name] for name in names})
    y, classes = _labels(path, labels, columns[labels], task)
    strata = y if classes else np.zeros(len(y), int)
    rows = {"inputs": inputs, "labels": y}
    about = f"{path.name}: {len(y):,} rows of {len(names)} columns"
    return split_rows(rows, strata, fractions, seed=seed, classes=classes, description=about)


def _columns(path: Path) -> dict[str, np.ndarray]:
    readers = {".csv": _csv, ".parquet": _parquet, ".npz": _npz}
    if path.suffix not in readers:
        raise ValueError(f"table: {path} must end in {', '.join(readers)}")
    if not path.is_file():
        raise FileNotFoundError(f"table: there is no file {path}")
    try:
        return readers[path.suffix](path)
    except (OSError, ValueError, EOFError, csv.Error, zipfile.BadZipFile, zlib.error) as error:
        if str(error).startswith("table: "):
            raise
        kind = path.suffix[1:].upper() if path.suffix != ".parquet" else "Parquet"
        raise ValueError(f"table: {path} can't be read as {kind}: {error}") from error


def _csv(path: Path) -> dict[str, np.ndarray]:
    with path.open(newline="", encoding="utf-8-sig") as file:
        lines = [line for line in csv.reader(file) if line]
    if len(lines) < 2:
        raise ValueError(f"table: {path} has {len(lines)} lines; it needs names and then rows")
    names, rows = [name.strip() for name in lines[0]], lines[1:]
    for i, row in enumerate(rows):
        if len(row) != len(names):
            raise ValueError(
                f"table: row {i} of {path} has {len(row)} cells, and there are {len(names)} names"
            )
    _check_distinct(path, names)
    # Of objects: an array of text has room in every row for the longest cell of all.
    cells = ((row[j].strip() for row in rows) for j in range(len(names)))
    return {name: np.array([*x], object) for name, x in zip(names, cells, strict=True)}


def _parquet(path: Path) -> dict[str, np.ndarray]:
    parquet = _optional_import.module("table", "pyarrow.parquet", "pyarrow")
    read = parquet.ParquetFile(path).read()
    _check_distinct(path, read.column_names)
    return {name: read[name].to_numpy() for name in read.column_names}


def _npz(path: Path) -> dict[str, np.ndarray]:
    if not zipfile.is_zipfile(path):
        raise ValueError("it isn't a ZIP archive")
    with np.load(path, allow_pickle=False) as file:
        return {name: file[name] for name in file.files}


def _check_distinct(path: Path, names: Sequence[str]) -> None:
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"table: {path} has more than one column {twice!r}; rename one of them")


def _check_known(path: Path, name: str, columns: dict[str, np.ndarray]) -> None:
    if name not in columns:
        near = difflib.get_close_matches(name, columns, n=2)
        hint = f" Did you mean {' or '.join(map(repr, near))}?" if near else ""
        known = ", ".join(columns)
        if path.suffix == ".csv" and len(columns) == 1 and {*known} & {*";\t|"}:
            hint = " Its cells must be separated by commas."
        raise ValueError(f"table: {path} has no column {name!r}.{hint} It has {known}")


def _check_lengths(path: Path, columns: dict[str, np.ndarray]) -> None:
    lengths = {name: len(x) if x.ndim else 0 for name, x in columns.items()}
    if len(set(lengths.values())) > 1 or 0 in lengths.values():
        raise ValueError(f"table: the columns of {path} have lengths {lengths}; they need rows")


def _inputs(path: Path, columns: dict[str, np.ndarray]) -> np.ndarray:
    if len(columns) == 1 and next(iter(columns.values())).ndim > 1:
        ((name, block),) = columns.items()
        return block if block.dtype.kind in "biuf" else _numbers(path, name, block)
    numbers = [_numbers(path, name, x).reshape(len(x), -1) for name, x in columns.items()]
    return np.concatenate(numbers, axis=1)


def _numbers(path: Path, name: str, x: np.ndarray) -> np.ndarray:
    """A column as float32; empty cells are nan."""
    if x.dtype.kind in "biuf":
        return x.astype(np.float32)
    for i, cell in enumerate(x.ravel()):
        if not _is_number(cell):
            raise ValueError(
                f"table: column {name!r} of {path} isn't of numbers: row {i} is {str(cell)!r}"
            )
    empty = [_is_empty(cell) for cell in x.ravel()]
    return np.where(empty, "nan", x.ravel()).astype(np.float32).reshape(x.shape)


def _is_empty(cell: object) -> bool:
    return cell is None or (isinstance(cell, str) and not cell)


def _is_number(cell: object) -> bool:
    if _is_empty(cell):
        return True
    try:
        float(cell)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return False
    return True


def _labels(path: Path, name: str, x: np.ndarray, task: str) -> tuple[np.ndarray, tuple[str, ...]]:
    if task == "regression":
        return _numbers(path, name, x).reshape(len(x), -1), ()
    if task != "classification":
        raise ValueError(f"table: task is {task!r}; it is 'classification' or 'regression'")
    cells = _classes(f"column {name!r} of {path}", x)
    is_count = isinstance(cells[0], str) and all(map(str.isdecimal, cells))
    # So that class 10 follows class 9; words of one number, as 1 and 01, are classes of their own.
    order = (lambda cell: (int(cell), cell)) if is_count else None
    found = {cell: i for i, cell in enumerate(sorted(set(cells), key=order))}
    return np.array([found[cell] for cell in cells], np.int32), tuple(map(str, found))


def _classes(column: str, x: np.ndarray) -> list[Any]:
    """The cells of a column as words or numbers, none of them missing or a fraction."""
    if x.ndim != 1:
        raise ValueError(f"table: {column} has shape {x.shape}; classes need (N,)")
    cells = x.tolist()
    missing = [i for i, cell in enumerate(cells) if _is_empty(cell) or cell != cell]
    if missing:
        raise ValueError(
            f"table: {len(missing)} labels in {column} are empty, the first is"
            f" that of row {missing[0]}"
        )
    if all(map(_is_number, cells)) and not all(float(cell).is_integer() for cell in cells):
        raise ValueError(
            f"table: {column} holds fractions, not classes; for numbers to come"
            ' near to, pass task="regression"'
        )
    return [str(cell) for cell in cells] if x.dtype.kind in "OSU" else cells
