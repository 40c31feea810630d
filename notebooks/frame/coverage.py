"""Where each sentence of the five lectures is: the table coverage.toml, and what it promises.

An item is a concept, claim, formula, example or figure of the lectures. The cells that carry it
have the tag ``item-17``, say, in the notebooks that the table names.
"""

import functools
import importlib
import re
import tomllib
from collections.abc import Mapping, Sequence
from typing import Any

import nbformat
from nbformat import NotebookNode

from frame.images import pictures
from frame.printed import text
from frame.source import HERE, sources, tagged
from frame.stubs import asserts, names_in

COUNT = 102
KINDS = ("concept", "figure", "formula", "number")
DECIMAL = re.compile(r"(?<![\w.,^{])(?<!PyTorch )(?<!Keras )\d+\.\d+(?![\d.])")
"""A number such as 0.25, but not a version; what it is compared with may have more digits."""

CODE = re.compile(r"```.*?```|`[^`]*`|\]\([^)]*\)", re.DOTALL)


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
    found += ["a cell is empty"] if not all(cell.source.strip() for cell in cells) else []
    found += _unsaid(item, " ".join(c.source for c in cells if c.cell_type == "markdown"))
    if any(cell.execution_count is None for cell in code):
        found.append("a cell is not executed")
    if item["kind"] in ("formula", "number"):
        silent = [number for number in item["notebooks"] if not _asserted(number, item["number"])]
        found += [f"no cell of notebook {number} asserts it" for number in silent]
    if item["kind"] == "figure" and not any(True for cell in code for _ in pictures(cell)):
        found.append("no cell draws it")
    return found + _unknown(item.get("functions", ()), code)


def _unsaid(item: Mapping[str, Any], prose: str) -> list[str]:
    """Words that the text of an item's cells lacks, and decimals in it that no code has."""
    words = item.get("words", ())
    found = ["a concept needs words"] if item["kind"] == "concept" and not words else []
    found += [f"no text says {word!r}" for word in words if word not in " ".join(prose.split())]
    known = [number for name in item["notebooks"] for number in _computed(name)]
    for said in DECIMAL.findall(CODE.sub("", prose)):
        off = 0.501 * 10.0 ** -len(said.partition(".")[2])
        if not any(abs(n * scale - float(said)) <= off for n in known for scale in (1, 100)):
            found.append(f"no code of {item['notebooks']} has the number {said} of the text")
    return found


@functools.cache
def _computed(number: str) -> list[float]:
    """The decimal numbers in the code of a lecture and in what it prints."""
    code = [cell for cell in _twin(number).cells if cell.cell_type == "code"]
    texts = [cell.source for cell in code] + [text(o) for cell in code for o in cell.outputs]
    return [float(found) for said in texts for found in DECIMAL.findall(said)]


def _asserted(notebook: str, item: int) -> bool:
    cells = _cells(notebook, f"item-{item}")
    return any(asserts(cell.source) for cell in cells if cell.cell_type == "code")


def _unknown(functions: Sequence[str], code: Sequence[NotebookNode]) -> list[str]:
    """Functions that jaxdl doesn't have or that no cell calls."""
    found = []
    for name in functions:
        module, _, last = name.rpartition(".")
        if not hasattr(importlib.import_module(f"jaxdl.{module}".rstrip(".")), last):
            found.append(f"jaxdl has no {name}")
        if not any(last in names_in(cell.source) for cell in code):
            found.append(f"no cell uses {name}")
    return found


def _cells(number: str, tag: str) -> list[NotebookNode]:
    return tagged(_twin(number), tag)


@functools.cache
def _twin(number: str) -> NotebookNode:
    (path,) = sources([number])
    return nbformat.read(path.with_suffix(".ipynb"), as_version=4)
