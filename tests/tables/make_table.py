"""Writes the table "PyTorch → jaxdl → equal to" into the docstring of a part, from its rows.

Command:  PYTHONPATH=src:tests python tests/tables/make_table.py activations losses
Result:   the lines between two markers in src/jaxdl/<part>/__init__.py
"""

import importlib
import sys
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

from case import Case
from golden.compare import BOUNDS, DTYPES

BEGIN, END = "<!-- table of equals: begin -->", "<!-- table of equals: end -->"
HEAD = """
Relative bounds that the tests hold values and gradients to, in float32 and in float64. A star
marks where PyTorch itself is less exact, or wrong at some points; tests/tables says where and why.

| PyTorch | jaxdl | equal to |
|---|---|---|
"""


def twin(case: Case) -> str:
    """How the table names a row's twin: a function, its formula written in PyTorch, or nothing."""
    if case.torch is None or "lambda" not in case.torch:
        return case.torch or "—"
    # A lambda around the function itself only moves axes, or names options.
    function = f"F.{case.fn.__name__}"
    return function if f"{function}(" in case.torch else "its formula"


def bounds(cases: list[Case]) -> str:
    """The loosest bounds of some rows, or the law that takes their place."""
    if cases[0].torch is None:
        return "finite differences"
    loosest = [max(case.tolerance.get(d, BOUNDS[d]) for case in cases) for d in DTYPES]
    star = " *" if any(case.skip or case.tolerance for case in cases) else ""
    return ", ".join(f"{bound:.0e}".replace("e-0", "e-") for bound in loosest) + star


def lines(cases: list[Case]) -> Iterator[str]:
    """One line for each pair of twins; a function with a twin needs no line without."""
    key = lambda case: (case.fn.__name__, twin(case))
    with_twin = {case.fn.__name__ for case in cases if case.torch}
    wanted = [case for case in cases if case.torch or case.fn.__name__ not in with_twin]
    for (name, other), group in groupby(sorted(wanted, key=key), key):
        other = f"`{other}`" if "." in other else other
        yield f"| {other} | `{name}` | {bounds(list(group))} |"


def path(part: str) -> Path:
    """The file whose docstring holds the table."""
    return Path(str(importlib.import_module(f"jaxdl.{part}").__file__))


def written(part: str) -> str:
    """The file of a part with the table as it should be."""
    before, rest = path(part).read_text().split(BEGIN)
    table = "\n".join(lines(importlib.import_module(f"tables.{part}").CASES))
    return f"{before}{BEGIN}{HEAD}{table}\n{END}{rest.split(END)[1]}"


if __name__ == "__main__":
    for part in sys.argv[1:]:
        path(part).write_text(written(part))
