"""Columns by name, from CSV, Parquet and NPZ files."""

import contextlib
import csv
import functools
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from jaxdl.data import _files, _optional_import
from jaxdl.data import _npz as _npz_files
from jaxdl.data._files import Unreadable

_INDEX = re.compile(r"|Unnamed: \d+|__index_level_\d+__")  # what pandas calls a nameless index


class Columns(NamedTuple):
    """The columns of a file, to be read by name."""

    names: tuple[str, ...]
    row_names: tuple[str, ...]  # those that pandas wrote as the rows' index
    read: Callable[[Sequence[str]], dict[str, np.ndarray]]


def opened(path: Path) -> Columns:
    """Opens a file whose name ends in ``.csv``, ``.parquet`` or ``.npz``.

    Args:
        path: the file.

    Returns:
        Its Columns: arrays of numbers, or of objects where cells are words or empty.

    Raises:
        FileNotFoundError: if there is no such file.
        Unreadable: if it is damaged, too large, or of another kind; ``read`` raises it, too.
        ImportError: for Parquet, if pyarrow isn't installed.
    """
    kinds = {".csv": ("CSV", _csv), ".parquet": ("Parquet", _parquet), ".npz": ("NPZ", _npz)}
    if path.suffix.lower() not in kinds:
        raise Unreadable(f"table: {path} must end in {', '.join(kinds)}")
    kind, opener = kinds[path.suffix.lower()]
    _files.check_regular("table", path)
    with _files.reading("table", path, kind):
        columns = opener(path)
    names = columns.names
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise Unreadable(f"table: {path} has more than one column {twice!r}; rename one of them")
    index = {*columns.row_names, *filter(_INDEX.fullmatch, names)}
    guarded = _files.reading("table", path, kind)(columns.read)
    return Columns(names, tuple(name for name in names if name in index), guarded)


def _csv(path: Path) -> Columns:
    lines = list(_lines(path))
    if len(lines) < 2:
        raise Unreadable(f"table: {path} has {len(lines)} lines; it needs names and then rows")
    names, rows = [name.strip() for name in lines[0][1]], lines[1:]
    if len(names) == 1 and (other := next((mark for mark in ";\t|" if mark in names[0]), "")):
        raise Unreadable(
            f"table: {path} separates cells by {other!r}; they must be separated by commas, and"
            " numbers written with a decimal point"
        )
    for i, (line, row) in enumerate(rows):
        if len(row) != len(names):
            raise Unreadable(
                f"table: row {i} of {path} (line {line}) has {len(row)} cells, and there are"
                f" {len(names)} names"
            )
    # Of objects: in an array of text, every row would take as much room as the longest cell.
    column = lambda j: np.array([row[j].strip() for _, row in rows], object)
    read = lambda wanted: {name: column(names.index(name)) for name in wanted}
    return Columns(tuple(names), (), read)


def _lines(path: Path) -> Iterator[tuple[int, list[str]]]:
    """The rows of a CSV file, each with the number of the line that it starts in."""
    with path.open(newline="", encoding="utf-8-sig") as file, _cells_of_any_length():
        reader = csv.reader(file, strict=True)
        start = 1
        try:
            for row in reader:
                if row:
                    yield start, row
                start = reader.line_num + 1
        except csv.Error as error:
            raise Unreadable(
                f"table: the row of {path} that starts in line {start} can't be read: {error}."
                " Is a quote not closed?"
            ) from error


@contextlib.contextmanager
def _cells_of_any_length() -> Iterator[None]:
    before = csv.field_size_limit(sys.maxsize)
    try:
        yield
    finally:
        csv.field_size_limit(before)


def _parquet(path: Path) -> Columns:
    parquet = _optional_import.module("table", "pyarrow.parquet", "pyarrow")
    schema = parquet.read_schema(path)
    # As a dictionary, a text that is repeated in many rows is kept once.
    texts = [field.name for field in schema if str(field.type) in ("string", "large_string")]
    file = parquet.ParquetFile(path, read_dictionary=texts)
    written = (schema.pandas_metadata or {}).get("index_columns", [])
    index = tuple(name for name in written if isinstance(name, str))
    return Columns(tuple(schema.names), index, functools.partial(_of_parquet, path, file))


def _of_parquet(path: Path, file: Any, names: Sequence[str]) -> dict[str, np.ndarray]:
    schema, rows = file.schema_arrow, file.metadata.num_rows
    for name in names:
        if (kind := schema.field(name).type).num_fields and "dictionary" not in str(kind):
            raise Unreadable(f"table: column {name!r} of {path} holds {kind}, not numbers or words")
    _files.check_size("table", path, 8 * rows * len(names))
    table = file.read(columns=list(names))
    table.validate(full=True)
    if table.num_rows != rows:
        raise Unreadable(f"table: {path} holds {table.num_rows} rows, its footer says {rows}")
    return {name: _values(table[name]) for name in names}


def _values(column: Any) -> np.ndarray:
    """A column of Parquet; Arrow mistakes a missing word for another, and rounds wide integers."""
    if not hasattr(column.type, "value_type"):
        has_holes = column.null_count and "int" in str(column.type)
        return np.array(column.to_pylist(), object) if has_holes else column.to_numpy()
    words = [np.array([*chunk.dictionary.to_pylist(), None], object) for chunk in column.chunks]
    rows = [chunk.indices.fill_null(-1).to_numpy() for chunk in column.chunks]
    return np.concatenate([w[i] for w, i in zip(words, rows, strict=True)] or [np.empty(0, object)])


def _npz(path: Path) -> Columns:
    members = _npz_files.members(path)

    def read(names: Sequence[str]) -> dict[str, np.ndarray]:
        wanted = [members[name] for name in names]
        _files.check_size("table", path, sum(member.file_size for member in wanted))
        return dict(zip(names, _npz_files.read(path, wanted), strict=True))

    return Columns(tuple(members), (), read)
