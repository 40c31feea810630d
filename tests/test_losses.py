"""Losses: the values of PyTorch and the laws of every function; the rest is in its siblings."""

import inspect

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import laws
from golden import compare
from golden.compare import cast
from jaxdl import losses as L
from tables import make_table
from tables.losses import CASES

TWINS = [case for case in CASES if case.torch]


NUMBERS = {
    (case.fn.__name__, name): case
    for case in CASES
    for name, value in case.options.items()
    if isinstance(value, float) and value and name != "p"  # a norm's order chooses its formula
}
"""A row for each option that is a number."""


PUBLIC = {name for name, loss in vars(L).items() if inspect.isfunction(loss)}


def test_every_function_has_a_row_and_the_table_in_the_docstring_is_up_to_date():
    assert {case.fn.__name__ for case in CASES} == PUBLIC
    assert make_table.path("losses").read_text() == make_table.written("losses")


@pytest.mark.parametrize(("cases", "dtype"), laws.in_dtypes(TWINS))
def test_equals_pytorch(cases, dtype):
    compare.check_all("losses", cases, dtype)


@pytest.mark.parametrize(("law", "case"), laws.rows(CASES))
def test_law(law, case):
    law(case)


@pytest.mark.parametrize("name", NUMBERS, ids=".".join)
def test_numbers_may_be_traced(name):
    case, option = NUMBERS[name], name[1]
    arrays = cast(case.arrays, np.float32)
    compute = lambda value: case.fn(*arrays, **cast(case.options, np.float32) | {option: value})
    value = case.options[option]
    np.testing.assert_allclose(jax.jit(compute)(jnp.float32(value)), compute(value), 1e-6, 1e-6)
