"""The table of what the five lectures say: it is whole, and it notices what is not so."""

import ast
import copy
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "notebooks"))

from frame import coverage


def test_every_item_of_the_lectures_is_in_the_table_or_named_as_missing():
    table = coverage.table()
    numbers = [item["number"] for item in table["item"]]
    assert len(set(numbers)) == len(numbers)
    assert sorted(numbers + table["missing"]) == list(range(1, coverage.COUNT + 1))


def test_the_table_keeps_what_it_promises():
    found = {item["number"]: coverage.problems(item) for item in coverage.table()["item"]}
    assert not {number: said for number, said in found.items() if said}


def test_the_table_notices_what_is_not_there():
    item = copy.deepcopy(coverage.table()["item"][0])
    assert coverage.problems({**item, "number": 999})
    assert coverage.problems({**item, "functions": ["plots.no_such_picture"]})
    assert coverage.problems({**item, "kind": "rumour"})


class Nothing(ast.NodeTransformer):
    """Code that claims nothing, or that mentions no function of a list."""

    def __init__(self, names=()):
        self.names = names

    def visit_Assert(self, node):
        return self.generic_visit(node) if self.names else ast.parse("assert True").body[0]

    def visit_Name(self, node):
        return ast.Name("other", node.ctx) if node.id in self.names else node

    def visit_Attribute(self, node):
        self.generic_visit(node)
        return ast.Attribute(node.value, "other", node.ctx) if node.attr in self.names else node

    def visit_Constant(self, node):
        return ast.Constant("other") if node.value in self.names else node


def without(cell, names=()):
    cell.source = ast.unparse(Nothing(names).visit(ast.parse(cell.source)))
    cell.source += f"\n# {', '.join(names)}"


def changed(kind, change):
    """Changes a copy of each cell of a kind, as a slip of the keyboard might."""

    def cells(item, found):
        found = copy.deepcopy(found)
        for cell in (cell for cell in found if cell.cell_type == kind):
            change(cell, item)
        return found

    return cells


last = lambda item: [name.rpartition(".")[2] for name in item.get("functions", ())]
promises = lambda *kinds: lambda item, cells: item["kind"] in kinds
any_of = lambda kind: lambda item, cells: any(cell.cell_type == kind for cell in cells)
MUTATIONS = {
    "a tag is gone": (lambda item, cells: True, lambda item, cells: []),
    "a text is gone": (any_of("markdown"), changed("markdown", lambda c, _: c.update(source="\n"))),
    "code is gone": (any_of("code"), changed("code", lambda c, _: c.update(source=""))),
    "a text says something else": (
        promises("concept"),
        changed("markdown", lambda c, _: c.update(source="Neurons are nice.")),
    ),
    "a text has a wrong number": (
        any_of("markdown"),
        changed("markdown", lambda c, _: c.update(source=f"{c.source} It was 98.76543 then.")),
    ),
    "nothing is claimed": (promises("formula", "number"), changed("code", lambda c, _: without(c))),
    "nothing is drawn": (promises("figure"), changed("code", lambda c, _: c.update(outputs=[]))),
    "only a comment names a function": (
        lambda item, cells: last(item),
        changed("code", lambda c, item: without(c, last(item))),
    ),
    "code was never run": (
        any_of("code"),
        changed("code", lambda c, _: c.update(execution_count=None)),
    ),
}


@pytest.mark.parametrize("name", MUTATIONS)
def test_the_table_notices_that(name, monkeypatch):
    concerned, change = MUTATIONS[name]
    whole = coverage._cells
    cells_of = lambda item: [
        cell for number in item["notebooks"] for cell in whole(number, f"item-{item['number']}")
    ]
    items = [item for item in coverage.table()["item"] if concerned(item, cells_of(item))]
    assert len(items) > 10
    for item in items:
        monkeypatch.setattr(coverage, "_cells", lambda n, tag, i=item: change(i, whole(n, tag)))
        assert coverage.problems(item), item
