"""Options that are numbers may be Python's, NumPy's or JAX's, also inside jit, and some be traced.

A bad number is refused whichever kind it has, and a good one taken. One whose value isn't known yet
is taken where the annotation has an array beside the number, and gives what the known one gives;
elsewhere it is refused by name.
"""

import inspect
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl import initializers, losses
from wrong_calls import calls_of_training, options
from wrong_calls.row import at_once, refused_at_once
from wrong_calls.test_numeric_options import ALSO_NAMED, OPTIONS, PACKAGES, SPELLED, wrong
from wrong_calls.test_wrong_calls import PAIRS

KEYED = ("functional.dot_product_attention.rate", "functional.multi_head_attention.rate")
"""Options that need a key where they are traced."""

NOT_ALONE = {
    ("upsample", "size"): "in place of scale",
    ("load", "image_size"): "a pair",
    ("load", "text_length"): "for texts only",
    ("sequence_classifier", "padding_index"): "for tokens only",
}
"""Options that no number is right for in the call of the table."""


def kinds(number):
    """A number as NumPy's and JAX's: scalars, and arrays without axes."""
    whole = isinstance(number, int)
    numpys, jaxs = (np.int64, jnp.int32) if whole else (np.float64, jnp.float32)
    return numpys(number), np.array(number), jaxs(number)


def spelled(option):
    return f"{option.package}.{option.function}.{option.name}"


def parts(option):
    module, table = PACKAGES[option.package]
    more = {"key": jax.random.key(0)} if spelled(option) in KEYED else {}
    return getattr(module, option.function), table[option.function] | more


def named(option):
    also = ALSO_NAMED.get(f"{option.package}.{option.function}", option.function)
    name = SPELLED.get(f"{option.function}.{option.name}", option.name).partition(" ")[0]
    name = rf"({name}|{option.name})"
    return rf"^({option.package}\.)?({option.function}|{also})\b(?s:.*)\b{name}\b"


def good(option):
    """A number that an option may be, or None where only several are right."""
    call, base = parts(option)
    for number in (base.get(option.name), inspect.signature(call).parameters[option.name].default):
        if isinstance(number, int | float) and not isinstance(number, bool):
            return number
        if isinstance(number, tuple):
            return None
    return 0.5 if option.real else 1


def annotated(fn, option):
    return str(inspect.signature(fn).parameters[option].annotation)


RUN = [
    option
    for option in OPTIONS
    if option.function not in calls_of_training.NOT_RUN
    and "path" not in PACKAGES[option.package][1][option.function]
    and (option.function, option.name) not in NOT_ALONE
    and good(option) is not None
]


@pytest.mark.parametrize("option", OPTIONS, ids=spelled)
def test_a_bad_number_is_refused_whichever_kind_it_has(option):
    call, base = parts(option)
    numbers = [x for x in wrong(option) if type(x) in (int, float)]
    assert numbers
    values = (np.array(numbers[0]), *(kinds(number)[-1] for number in numbers))
    calls = [partial(call, **{**base, option.name: value}) for value in values]
    refused_at_once(calls, (ValueError, TypeError), named(option))


@pytest.mark.parametrize("option", RUN, ids=spelled)
def test_a_good_number_is_taken_whichever_kind_it_has(option):
    call, base = parts(option)
    words = lambda value: str(call(**{**base, option.name: value}))
    values = (good(option), *kinds(good(option)))
    at_once(lambda: [words(value) for value in values])


@pytest.mark.parametrize("option", RUN, ids=spelled)
def test_a_traced_number_is_taken_where_the_annotation_says_so(option):
    call, base = parts(option)
    traced = lambda value: jnp.zeros(len(str(call(**{**base, option.name: value}))))
    run = lambda: jax.eval_shape(traced, kinds(good(option))[-1])
    if "Array" in annotated(call, option.name):
        run()
    else:
        with pytest.raises(TypeError, match=f"{named(option)}(?s:.*)is traced; its value must be"):
            run()


FUNCTIONS = [
    option
    for option in RUN
    if option.package == "functional" and "Array" in annotated(parts(option)[0], option.name)
]


def same(call, number):
    """Whether a call gives for a traced number what it gives for the known one."""
    traced = jax.jit(call)(kinds(number)[-1])
    for got, right in zip(jax.tree.leaves(traced), jax.tree.leaves(call(number)), strict=True):
        np.testing.assert_allclose(got, right, rtol=2e-5, atol=1e-6)


@pytest.mark.parametrize("option", FUNCTIONS, ids=spelled)
def test_a_traced_option_of_a_function_counts(option):
    call, base = parts(option)
    same(lambda value: call(**{**base, option.name: value}), good(option))


NEEDED = {
    "cosine_annealing": {"learning_rate": 0.1, "T_max": 5},
    "cosine_warm_restarts": {"learning_rate": 0.1, "T_0": 5},
    "cyclic": {"base_lr": 0.1, "max_lr": 0.5, "mode": "exp_range"},
    "one_cycle": {"max_lr": 0.1, "total_steps": 9},
    "sparse": {"sparsity": 0.5},
    "symmetric_uniform": {"bound": 0.1},
}
"""Options without a default of schedules and initializers."""


def arrays_of(name, option):
    """A call of an option that gives arrays; None for what other tests compare."""
    maker, needed = options.function(name), NEEDED.get(name, {})
    if name in initializers.__all__ and name != "calculate_gain":
        return lambda value: maker(**{**needed, option: value})(jax.random.key(0), (6, 6))
    if name in NEEDED:
        return lambda value: [maker(**{**needed, option: value})(step) for step in range(9)]
    if name in losses.__all__ or name in METRICS:
        return lambda value: options.GOOD[name](**{option: value})
    return None  # of activations and optimizers: see their own tests


METRICS = ("global_norm", "binary_accuracy", "f_beta", "variation")
COUNTING = [
    (name, option)
    for name, option in PAIRS
    if arrays_of(name, option) is not None and "Array" in annotated(options.function(name), option)
]


@pytest.mark.parametrize(("name", "option"), COUNTING, ids=map(".".join, COUNTING))
def test_a_traced_option_of_a_loss_or_an_initializer_counts(name, option):
    same(arrays_of(name, option), options.good(name, option))


KNOWN = [
    (name, option)
    for name, option in PAIRS
    if "Array" not in annotated(options.function(name), option)
]


@pytest.mark.parametrize(("name", "option"), KNOWN, ids=map(".".join, KNOWN))
def test_other_traced_options_are_refused_by_name(name, option):
    call, number = options.GOOD[name], kinds(options.good(name, option))[-1]
    with pytest.raises(
        (TypeError, ValueError), match=rf"^{name}: {option} (?s:.*)([tT]raced|Tracer)"
    ):
        jax.eval_shape(lambda value: jnp.zeros(len(str(call(**{option: value})))), number)
