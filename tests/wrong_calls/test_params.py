"""The params of every function of ``jaxdl.functional``: what isn't read, or can't be, is named."""

import inspect
from functools import partial

import jax
import numpy as np
import pytest

from jaxdl import functional, layers
from jaxdl._checks import ShapeError
from wrong_calls import calls
from wrong_calls.row import at_once

ATTENTION, ROWS, TIME = calls.ATTENTION, calls.ROWS, calls.ROWS[None]
CELL = {"kernel": np.ones((4, 12), "f"), "recurrent_kernel": np.ones((3, 12), "f")}
RNN = {"kernel": np.ones((4, 3), "f"), "recurrent_kernel": np.ones((3, 3), "f")}
GRU = {"kernel": np.ones((4, 9), "f"), "recurrent_kernel": np.ones((3, 9), "f")}
CACHE = functional.attention_cache(ATTENTION, (1,), 5, n_heads=2)
CARRY = np.ones((2, 3), "f")
STATISTICS = {"mean": np.zeros(4, "f"), "variance": np.ones(4, "f")}

CALLS = {name: kwargs for name, kwargs in calls.FUNCTIONAL.items() if "params" in kwargs} | {
    "batch_norm": {"params": {}, "state": STATISTICS, "x": ROWS},
    "bilinear": {"params": {"kernel": np.ones((4, 4, 2), "f")}, "first": ROWS, "second": ROWS},
    "dense": {"params": {"kernel": np.ones((4, 2), "f")}, "x": ROWS},
    "embedding_attend": {"params": {"embedding": ROWS}, "x": ROWS},
    "gru": {"params": GRU, "x": TIME},
    "gru_step": {"params": GRU, "carry": CARRY, "x": ROWS},
    "learned_positions": {"params": {"embedding": ROWS}, "x": TIME},
    "lstm": {"params": CELL, "x": TIME},
    "lstm_step": {"params": CELL, "carry": (CARRY, CARRY), "x": ROWS},
    "multi_head_attention_step": {"params": ATTENTION, "cache": CACHE, "x": TIME, "n_heads": 2},
    "rnn": {"params": RNN, "x": TIME},
    "rnn_step": {"params": RNN, "carry": CARRY, "x": ROWS},
}
BIASED = ("dense", "bilinear", "conv", "conv_relu_pool", "conv_transpose")
INNER = {"embedding_bag": "embedding"}
"""Functions whose params another reads."""


def test_all_functions_with_params_are_here():
    found = {
        name
        for name in functional.__all__
        if "params" in inspect.signature(getattr(functional, name)).parameters
    }
    assert found - set(CALLS) == {"recurrent"}  # a list with the params of each layer


@pytest.mark.parametrize("name", CALLS)
def test_params_that_cannot_be_are_named(name):
    call, right = getattr(functional, name), CALLS[name]
    at_once(partial(call, **right))
    says = rf"^{INNER.get(name, name)}\b.* got params .*it needs a dict"
    for params in (None, 3, "a", np.ones((4, 2)), (right["params"],)):
        with pytest.raises(TypeError, match=says):
            at_once(partial(call, **{**right, "params": params}))
    with pytest.raises(ValueError, match=says):
        at_once(partial(call, **{**right, "params": right["params"] | {"biass": ROWS}}))
    for leaf in right["params"]:
        without = {key: x for key, x in right["params"].items() if key != leaf}
        with pytest.raises(ValueError, match=says):
            at_once(partial(call, **{**right, "params": without}))


@pytest.mark.parametrize("name", CALLS)
def test_entries_that_cannot_be_are_named(name):
    call, right = getattr(functional, name), CALLS[name]
    params = right["params"] or {"scale": np.ones(4, "f")}
    for leaf in params:
        for wrong in (None, "a", np.ones((4, 4), int), np.array([["a"]])):
            with pytest.raises(TypeError, match=rf"\bparams.*\b{leaf}\b"):
                at_once(partial(call, **{**right, "params": params | {leaf: wrong}}))


@pytest.mark.parametrize("name", BIASED)
@pytest.mark.parametrize("shape", [(), (1,), (2, 4)])
def test_a_bias_does_not_broadcast(name, shape):
    call, right = getattr(functional, name), CALLS[name]
    params = right["params"] | {"bias": np.ones(shape, "f")}
    with pytest.raises(ShapeError, match=rf"^{name}\b.*: bias is .*; it must have shape \(\d,\)"):
        at_once(partial(call, **{**right, "params": params}))


def test_states_that_cannot_be_are_named():
    with pytest.raises(TypeError, match="batch_norm got state None; it needs a dict with mean, va"):
        functional.batch_norm({}, None, ROWS)
    with pytest.raises(ValueError, match="batch_norm got state with mean; it needs"):
        functional.batch_norm({}, {"mean": np.zeros(4, "f")}, ROWS)
    with pytest.raises(TypeError, match="spectral_norm got state 3; it needs a dict with u, v"):
        functional.spectral_norm(ROWS, 3)
    with pytest.raises(TypeError, match="attention_step got a cache None; it needs a dict with k"):
        functional.multi_head_attention_step(ATTENTION, None, TIME, n_heads=2)


def test_the_params_of_a_stack_are_not_those_of_a_cell():
    params = layers.lstm(4, 3).init(jax.random.key(0))[0]
    with pytest.raises(TypeError, match=r"lstm got params .*; it needs a dict with kernel"):
        functional.lstm(params, TIME)
