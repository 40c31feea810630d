"""Losses: the values of PyTorch and the laws of every function; the rest is in its siblings."""

import pytest

import laws
from golden import compare
from tables.losses import CASES

TWINS = [pytest.param(case, id=case.id) for case in CASES if case.torch]


@pytest.mark.parametrize("dtype", compare.DTYPES)
@pytest.mark.parametrize("case", TWINS)
def test_equals_pytorch(case, dtype):
    compare.check("losses", case, dtype)


@pytest.mark.parametrize(("law", "case"), laws.rows(CASES))
def test_law(law, case):
    law(case)
