"""Thirteen kinds of training take no more lines than in Equinox and Optax, which train as well."""

import runpy
from pathlib import Path

import jax
import pytest

FOLDER = Path(__file__).parents[1] / "experiments" / "benchmarks" / "lines"
COUNT = runpy.run_path(str(FOLDER / "count.py"))


def test_no_task_takes_more_than_40_lines_or_a_tenth_more_than_the_others():
    found = list(COUNT["counts"]())
    assert [name.split(".")[0] for name, *_ in found if name[0].isdigit()] == [
        str(n) for n in range(1, 14)
    ]
    assert {name: (a, b) for name, a, b in found if a > 1.1 * b} == {}
    assert {name: a for name, a, _ in found if a > 40} == {}


def test_the_readme_has_the_table():
    assert COUNT["table"]() in (FOLDER.parents[1] / "README.md").read_text()


def test_lines_of_code_are_counted_and_nothing_else():
    text = '# a comment\n\nx = [\n    1,  # one\n]\n\n\n"""Two\nlines."""\n'
    assert COUNT["code_lines"](text) == 5
    cells = (
        '"""Header."""\n\n# %%\na = 1\n\n# %% [markdown]\n# # Title\n'
        "\n# %% [markdown]\n# ## 1. One\n"
        '\n# %%\nb = 1\nc = 2\n\n# %% tags=["picture"]\nd = 3\n'
    )
    counted = {task: COUNT["code_lines"](code) for task, code in COUNT["sections"](cells).items()}
    assert counted == {COUNT["SHARED"]: 1, "1. One": 2}


@pytest.mark.slow
@pytest.mark.parametrize("name", COUNT["FILES"])
def test_the_others_train_to_the_same_numbers(name):
    pytest.importorskip("equinox")
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        runpy.run_path(str(FOLDER / f"equinox_{name}.py"))  # it asserts them itself
