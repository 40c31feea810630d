"""Every numeric option of all packages that aren't in ``options.py``: what it can't be is named.

Which options there are is read off the signatures, so that a new one is tested at once; what a real
number may be stands in ``jaxdl._ranges``, and integers are counts unless they are listed here.
"""

import inspect
import re
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import pytest

from jaxdl import (
    _ranges,
    checkpoint,
    combinators,
    data,
    explain,
    functional,
    layers,
    models,
    parallel,
    sweep,
    train,
)
from wrong_calls import calls, calls_of_training
from wrong_calls.options import BAD
from wrong_calls.row import at_once, refused_at_once

PACKAGES = {
    "layers": (layers, calls.LAYERS),
    "functional": (functional, calls.FUNCTIONAL),
    "data": (data, calls.DATA),
    "models": (models, calls_of_training.MODELS),
    "combinators": (combinators, calls_of_training.COMBINATORS),
    "train": (train, calls_of_training.TRAIN),
    "sweep": (sweep, calls_of_training.SWEEP),
    "parallel": (parallel, calls_of_training.PARALLEL),
    "checkpoint": (checkpoint, calls_of_training.CHECKPOINT),
    "explain": (explain, calls_of_training.EXPLAIN),
}
FROM_0 = ("padding", "output_padding", "padding_index", "seed", "axis", "background", "batch_shape")
"""Integers that may be 0; no integer may be below."""

SPELLED = {"layer_norm.n": "size 0", "rms_norm.n": "size 0"}
"""What messages call an option that is one number or several."""

ALSO_NAMED = {
    "functional.conv_relu_pool": "conv",
    "functional.embedding_bag": "embedding",
    "data.standardize": "fit_scaling",
}
"""Functions whose documentation says that another's options are theirs."""

NOT_CALLED = {
    "functional": {
        "batch_norm": "its layer is called, with all its options",
        "bilinear": "it has arrays alone",
        "dense": "it has arrays alone",
        "embedding_attend": "it has arrays alone",
        "gru": "sizes are those of arrays",
        "gru_step": "sizes are those of arrays",
        "learned_positions": "it has arrays alone",
        "lstm": "sizes are those of arrays",
        "lstm_step": "sizes are those of arrays",
        "multi_head_attention_step": "its options are those of multi_head_attention",
        "recurrent": "its rate is that of the layers rnn, lstm and gru",
        "rnn": "sizes are those of arrays",
        "rnn_step": "sizes are those of arrays",
        "weight_norm": "it has arrays alone",
    },
    "layers": {},
    "data": {"decode": "it has arrays alone", "scaled": "it has arrays alone"},
    "models": {},
    "combinators": {},
    "train": {},
    "sweep": {
        "select": "its numbers are places; see tests/sweep",
        "states": "its numbers are places; see tests/sweep",
        "survivors": "it has an array, and the number of those that stay; see tests/sweep",
    },
    "parallel": {
        "broadcast_from_primary": "it takes bools and all integers; see tests/parallel",
        "mesh_of": "its options are the names of axes; see tests/parallel",
    },
    "checkpoint": {},
    "explain": {},
}
"""Functions without a call here, each with the reason."""


class Option(NamedTuple):
    """A numeric option of a function."""

    package: str
    function: str
    name: str
    real: bool  # else whole
    several: bool  # several numbers may be right, too


def option_of(package: str, function: str, parameter: inspect.Parameter) -> Option | None:
    """What an annotation says of an option, None where that is no number."""
    words = str(parameter.annotation)
    if re.search(r"numpy.number|Callable|Mapping", words) or not re.search(
        r"\b(int|float)\b", words
    ):
        return None
    several = "Sequence" in words or "tuple" in words
    return Option(package, function, parameter.name, "float" in words, several)


OPTIONS = [
    option
    for package, (module, table) in PACKAGES.items()
    for function in table
    for parameter in inspect.signature(getattr(module, function)).parameters.values()
    if (option := option_of(package, function, parameter)) is not None
]
SHARES = ("fraction", "fractions")  # of what is split


def wrong(option: Option) -> Iterator[Any]:
    """Values that an option can't have."""
    yield from ("a", 1j, float("nan"))
    if option.name in SHARES:
        numbers: Sequence[float] = (0.0, -0.5, 1.5)
    elif option.name in ("scale", "ratio") and option.several:
        numbers = (0.0, -0.5, np.nan)
    elif option.real:
        numbers = BAD[_ranges.allowed(option.function, option.name)]
    else:
        must = _ranges.whole(option.function, option.name)
        from_0 = option.name in FROM_0 or must == _ranges.INDEX
        numbers = (-1, 2.5, True) if from_0 else (0, -1, 2.5, True)
        numbers = (2.5, True) if must == _ranges.INTEGER else numbers
    for number in numbers:
        yield from (number, (number, number))
        if number is not True:
            yield (np.float32 if isinstance(number, float) else np.int32)(number)
    if not option.several:
        yield np.ones(2, np.float32)


def test_every_function_with_options_is_called():
    for package, (module, table) in PACKAGES.items():
        numeric = {
            name
            for name in module.__all__
            if inspect.isfunction(f := getattr(module, name))
            and any(option_of(package, name, p) for p in inspect.signature(f).parameters.values())
        }
        missing = numeric - set(table) - set(NOT_CALLED[package])
        assert not missing, f"{package}: {missing}"


@pytest.mark.parametrize("option", OPTIONS, ids=lambda o: f"{o.package}.{o.function}.{o.name}")
def test_what_an_option_cannot_be_is_named(option):
    module, table = PACKAGES[option.package]
    call, base = getattr(module, option.function), table[option.function]
    also = ALSO_NAMED.get(f"{option.package}.{option.function}", option.function)
    name = SPELLED.get(f"{option.function}.{option.name}", option.name)
    words = rf"^({option.package}\.)?({option.function}|{also})\b(?s:.*)\b{name}\b"
    calls = [partial(call, **{**base, option.name: value}) for value in wrong(option)]
    refused_at_once(calls, (ValueError, TypeError), words)


@pytest.mark.parametrize(
    ("package", "function"), [(p, f) for p, (_, table) in PACKAGES.items() for f in table]
)
def test_the_calls_are_right(package, function):
    module, table = PACKAGES[package]
    unread = "path" in table[function]  # there is no file
    if not unread and function not in calls_of_training.NOT_RUN:
        at_once(lambda: str(getattr(module, function)(**table[function])))
