"""Editions of a lecture from its one source: for students with stubs, for teachers with answers."""

import copy
from collections.abc import Iterator

from nbformat import NotebookNode

from frame.source import tagged, tags
from frame.stubs import guarded, stub

SAID = "Write your answer into the cell below; the folded cell after it checks it."


def student(notebook: NotebookNode) -> NotebookNode:
    """Returns the students' edition: stubs for solutions, folded tests, nothing executed."""
    made = _unexecuted(notebook)
    for number, (solution, check) in enumerate(exercises(made), start=1):
        answer, test = solution.source, check.source
        solution.source, check.source = stub(answer, test), guarded(number, answer, test)
        solution.metadata = {"tags": ["stub"]}
        check.metadata = {"tags": tags(check), "jupyter": {"source_hidden": True}}
    for cell in tagged(made, "exercises"):
        cell.source += f"\n\n{SAID}"
    return made


def teacher(notebook: NotebookNode) -> NotebookNode:
    """Returns the teachers' edition of an executed lecture: every solution and answer is open."""
    made = copy.deepcopy(notebook)
    for cell in tagged(made, "solution"):
        cell.metadata.pop("jupyter", None)
    for cell in tagged(made, "quiz"):
        cell.source = cell.source.replace("<details>", "<details open>")
    return made


def exercises(notebook: NotebookNode) -> Iterator[tuple[NotebookNode, NotebookNode]]:
    """Yields the cells with a solution and with its check; each solution needs one, after it."""
    waiting = None
    for cell in notebook.cells:
        if "solution" in tags(cell):
            if waiting is not None:
                raise ValueError(f"a solution without a check:\n{waiting.source}")
            waiting = cell
        elif "check" in tags(cell):
            if waiting is None:
                raise ValueError(f"a check without a solution:\n{cell.source}")
            yield waiting, cell
            waiting = None
    if waiting is not None:
        raise ValueError(f"a solution without a check:\n{waiting.source}")


def _unexecuted(notebook: NotebookNode) -> NotebookNode:
    made = copy.deepcopy(notebook)
    for cell in made.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    return made
