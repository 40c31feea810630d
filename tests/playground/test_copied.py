"""Runs the code that the playground's "Copy" gives, and compares its losses with the page's."""

import contextlib
import io
import json
import re
from pathlib import Path

import numpy as np
import pytest

FOLDER = Path(__file__).parents[2] / "docs/playground/test/copied"
LOSSES = json.loads((FOLDER / "losses.json").read_text())
QUICK = {"default"}


def rows() -> list:
    """The programs by name; all but one are slow: ``pytest -m slow tests/playground``."""
    slow = lambda name: () if name in QUICK else pytest.mark.slow
    paths = sorted(FOLDER.glob("*.txt"))
    return [pytest.param(path, marks=slow(path.stem), id=path.stem) for path in paths]


@pytest.mark.parametrize("path", rows())
def test_copied_code_prints_the_losses_of_the_page(path):
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(path.read_text(), path.name, "exec"), {"__name__": path.stem})
    lists = re.findall(r"(training|test) loss(?:es)? ([^a-z]+(?:e-[^a-z]+)*)", printed.getvalue())
    found = {part: np.array(re.findall(r"\d[\d.e+-]*", text), float) for part, text in lists}
    for part, expected in LOSSES[path.stem].items():
        np.testing.assert_allclose(found[part], expected, rtol=1e-4, atol=1e-4)
