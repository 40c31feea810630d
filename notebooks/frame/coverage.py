"""Where each sentence of the five lectures is: the table coverage.toml, and what it promises.

An item is a concept, claim, formula, example or figure of the lectures. The cells that carry it
have the tag ``item-17``, say, in the notebooks that the table names.
"""

import functools
import importlib
import tomllib
from collections.abc import Mapping, Sequence
from typing import Any

import nbformat
from nbformat import NotebookNode

from frame.images import pictures
from frame.source import HERE, sources, tagged
from frame.stubs import asserts

COUNT = 102
KINDS = ("concept", "figure", "formula", "number")


def table() -> dict[str, Any]:
    """Returns the table: its items, and the numbers of those that are missing."""
    return tomllib.loads((HERE / "coverage.toml").read_text())


def problems(item: Mapping[str, Any]) -> list[str]:
    """Returns what an item's row promises and the executed lectures don't keep."""
    found = [] if item["kind"] in KINDS else [f"kind {item['kind']!r} is none of {KINDS}"]
    cells = [c for number in item["notebooks"] for c in _cells(number, f"item-{item['number']}")]
    found += [
        f"notebook {number} has no cell with the tag item-{item['number']}"
        for number in item["notebooks"]
        if not _cells(number, f"item-{item['number']}")
    ]
    code = [cell for cell in cells if cell.cell_type == "code"]
    if any(cell.execution_count is None for cell in code):
        found.append("a cell is not executed")
    if item["kind"] in ("formula", "number") and not any(asserts(cell.source) for cell in code):
        found.append("no cell asserts it")
    if item["kind"] == "figure" and not any(True for cell in code for _ in pictures(cell)):
        found.append("no cell draws it")
    return found + _unknown(item.get("functions", ()), code)


def _unknown(functions: Sequence[str], code: Sequence[NotebookNode]) -> list[str]:
    """Functions that jaxdl doesn't have or that no cell calls."""
    found = []
    for name in functions:
        module, _, last = name.rpartition(".")
        if not hasattr(importlib.import_module(f"jaxdl.{module}".rstrip(".")), last):
            found.append(f"jaxdl has no {name}")
        if not any(last in cell.source for cell in code):
            found.append(f"no cell uses {name}")
    return found


def _cells(number: str, tag: str) -> list[NotebookNode]:
    return tagged(_twin(number), tag)


@functools.cache
def _twin(number: str) -> NotebookNode:
    (path,) = sources([number])
    return nbformat.read(path.with_suffix(".ipynb"), as_version=4)
