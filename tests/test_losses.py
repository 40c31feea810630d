"""Losses: the values of PyTorch and the laws of every function; the rest is in its siblings."""

import inspect

import pytest

import laws
from golden import compare
from jaxdl import losses as L
from tables import make_table
from tables.losses import CASES

TWINS = [
    pytest.param(cases, id=cases[0].id)
    for cases in laws.by_reduction([case for case in CASES if case.torch])
]


PUBLIC = {name for name, loss in vars(L).items() if inspect.isfunction(loss)}


def test_every_function_has_a_row_and_the_table_in_the_docstring_is_up_to_date():
    assert {case.fn.__name__ for case in CASES} == PUBLIC
    assert make_table.path("losses").read_text() == make_table.written("losses")


@pytest.mark.parametrize("dtype", compare.DTYPES)
@pytest.mark.parametrize("cases", TWINS)
def test_equals_pytorch(cases, dtype):
    compare.check_all("losses", cases, dtype)


@pytest.mark.parametrize(("law", "case"), laws.rows(CASES))
def test_law(law, case):
    law(case)
