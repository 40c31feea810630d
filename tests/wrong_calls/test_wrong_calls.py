"""A wrong call raises at once, in the caller's words. Each package has its table in this folder.

A table is a list ``ROWS`` of ``Wrong``. Options that are numbers need no rows: they are generated
from ``jaxdl._ranges`` for the functions in ``options.GOOD``.
"""

import importlib
import inspect
from functools import partial
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl import _ranges
from wrong_calls import options
from wrong_calls.row import at_once, refused_at_once

TABLES = sorted(
    path.stem
    for path in Path(__file__).parent.glob("*.py")
    if not path.stem.startswith(("row", "options", "calls", "test_"))
)
ROWS = [
    pytest.param(row, id=f"{name}-{i}")
    for name in TABLES
    for i, row in enumerate(importlib.import_module(f"wrong_calls.{name}").ROWS)
]

PAIRS = [
    (name, option)
    for name, call in options.GOOD.items()
    for option in inspect.signature(options.function(name)).parameters
    if options.is_number(name, option)
]


def kinds(value):
    """A number as Python's, NumPy's and JAX's."""
    whole = isinstance(value, int)
    return (
        value,
        (np.int32 if whole else np.float32)(value),
        np.array(value),
        (jnp.int32 if whole else jnp.float32)(value),
    )


@pytest.mark.parametrize("row", ROWS)
def test_says_what_it_needs(row):
    with pytest.raises(row.error, match=row.message):
        row.call()


@pytest.mark.parametrize(("name", "option"), PAIRS, ids=map(".".join, PAIRS))
def test_numbers_out_of_range_are_named(name, option):
    call, must = options.GOOD[name], _ranges.allowed(name, option)
    of = lambda values: [partial(call, **{option: value}) for value in values]
    numbers = of(value for bad in options.BAD[must] for value in kinds(bad))
    refused_at_once(numbers, (ValueError,), rf"^{name}: {option} is .*; it must {must[:4]}")
    others = of(("0.5", True, np.ones(2, np.float32), 1j))
    refused_at_once(others, (TypeError, ValueError), rf"^{name}: {option} is .*it must")


@pytest.mark.parametrize(("name", "option"), PAIRS, ids=map(".".join, PAIRS))
def test_good_numbers_of_any_kind_are_taken(name, option):
    call = options.GOOD[name]
    for value in kinds(options.good(name, option)):
        at_once(partial(call, **{option: value}))


def test_the_tables_have_enough_rows():
    generated = sum(4 * len(options.BAD[_ranges.allowed(*pair)]) + 4 for pair in PAIRS)
    assert len(ROWS) + generated >= 400, (len(ROWS), generated)
