"""Sources of lectures: which there are, and what a source says as a notebook."""

import re
from collections.abc import Sequence
from pathlib import Path

import jupytext
from nbformat import NotebookNode

HERE = Path(__file__).parents[1]
PLACE = {"24": "09"}
"""Lectures that are taught after another one than their number says."""

FOLDED = {"plot", "solution", "setup"}  # tags of cells whose code is folded


def sources(numbers: Sequence[str] = ()) -> list[Path]:
    """Returns the lectures' sources in the order of teaching: those of some numbers, or all."""
    found = sorted(HERE.glob("[0-9][0-9]_*.py"), key=_order)
    return [path for path in found if not numbers or path.name[:2] in numbers]


def _order(path: Path) -> tuple[str, str]:
    number = path.name[:2]
    return PLACE.get(number, number), number


def tags(cell: NotebookNode) -> list[str]:
    """Returns the tags of a cell."""
    return list(cell.metadata.get("tags", ()))


def tagged(notebook: NotebookNode, tag: str) -> list[NotebookNode]:
    """Returns the cells that have a tag."""
    return [cell for cell in notebook.cells if tag in tags(cell)]


def read(path: Path) -> NotebookNode:
    """Reads a source as a notebook without outputs, with ids that only depend on the order."""
    from frame.parts import complete

    notebook = jupytext.read(path, fmt="py:percent")
    # JupyterLab writes them into the source when it saves; they are made anew.
    notebook.cells = [cell for cell in notebook.cells if "generated" not in tags(cell)]
    if tagged(notebook, "objectives"):
        complete(path, notebook)
    for number, cell in enumerate(notebook.cells):
        cell.id = f"cell-{number:02}"
        cell.metadata = _metadata(cell)
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    return notebook


def _metadata(cell: NotebookNode) -> dict:
    kept: dict[str, object] = {"tags": tags(cell)} if tags(cell) else {}
    if cell.cell_type == "code" and FOLDED & set(tags(cell)):
        kept["jupyter"] = {"source_hidden": True}
    return kept


def headline(notebook: NotebookNode) -> tuple[str, str]:
    """Returns title and summary: ``# 1 · Title`` and the line in italics below it."""
    match = re.match(r"# \d+ · (.+)\n\n\*(.+?)\*(?:\n|$)", notebook.cells[0].source, re.DOTALL)
    if match is None:
        raise ValueError("the first cell has to begin with '# 1 · Title' and '*one sentence*'")
    return match[1], " ".join(match[2].split())
