"""TrainStates with typed keys as Flax's bytes."""

import chex
import flax.serialization
import jax
import numpy as np
import optax
import pytest

from jaxdl import interop, layers, serial, train


def test_a_train_state_round_trips_to_the_bit():
    net, tx = serial(layers.dense(2, 3), layers.batch_norm(3)), optax.adam(0.1)
    start = train.init_state(net, tx, jax.random.key(3))
    again = interop.from_msgpack(start, interop.to_msgpack(start))
    chex.assert_trees_all_equal_structs(again, start)
    for a, b in zip(*map(jax.tree.leaves, (again, start)), strict=True):
        assert a.dtype == b.dtype and (np.asarray(a == b)).all()
    read = flax.serialization.msgpack_restore(interop.to_msgpack(start.params))
    np.testing.assert_array_equal(read["0"]["kernel"], start.params[0]["kernel"])


def test_bytes_that_do_not_fit_are_named():
    tree = {"a": np.ones(2, "float32")}
    data = interop.to_msgpack(tree)
    for like, given in (({"b": np.ones(2)}, data), (tree, data[:-3]), (tree, b"")):
        with pytest.raises(ValueError, match=r"interop.from_msgpack: the bytes don't fit"):
            interop.from_msgpack(like, given)
    with pytest.raises(ValueError, match=r"a is float32\[2\], not float64\[2\]"):
        interop.from_msgpack({"a": np.ones(2)}, data)
