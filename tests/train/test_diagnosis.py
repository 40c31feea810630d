"""A number that isn't finite: the step, the leaf, the layer, and what there was before."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxdl import data, layers, losses, serial, train
from jaxdl.combinators import repeat
from jaxdl.train._diagnosis import _first_bad
from jaxdl.train._interpreter import first_not_finite
from train.recipes import close, compilations, dataset, recipe

OPTIONS = {"epochs": 3, "batch_size": 10, "shuffle": False, "hooks": ()}


def rows_with(row, value, n=80):
    set_ = dataset(n, validation=3)
    inputs = set_.train["inputs"].copy()
    inputs[row] = value
    return set_._replace(train={**set_.train, "inputs": inputs})


def steps_by_hand(loss_fn, tx, train_state, batch, steps):
    step = jax.jit(train.make_step(loss_fn, tx))
    for i in range(steps):
        part = {k: v[10 * i : 10 * i + 10] for k, v in batch.items()}
        train_state, _ = step(train_state, part)
    return train_state


@pytest.mark.parametrize("chunk", [None, 3])
def test_a_loss_that_is_nan_stops_at_its_step_with_the_state_before(chunk):
    loss_fn, tx, start, _ = recipe()
    set_ = dataset(80, classes=())  # without classes nobody sees that a label is too large
    set_.train["labels"][53] = 3
    with pytest.raises(train.NonFiniteError, match=r"epoch 1, at step 5 .counted from 0.") as error:
        train.fit(loss_fn, tx, start, set_, chunk=chunk, **OPTIONS)
    assert "rows with the labels 3 have a loss that isn't finite" in str(error.value)
    expected = steps_by_hand(loss_fn, tx, start, set_.train, 5)
    assert int(error.value.train_state.step) == 5
    close(error.value.train_state.params, expected.params)
    np.testing.assert_array_equal(error.value.batch["inputs"], set_.train["inputs"][50:60])


def root(net):
    """A loss whose gradient, but not its value, is infinite where the first input is 0."""
    plain = train.supervised(net, losses.cross_entropy)

    def loss_fn(params, state, batch, *, key, train):
        loss, aux = plain(params, state, batch, key=key, train=train)
        return loss + jnp.sqrt(jnp.abs(params["bias"][0] * batch["inputs"][:, 0])).sum(), aux

    return loss_fn


def test_a_gradient_that_is_not_finite_stops_at_its_step_though_the_loss_is():
    net, tx = layers.dense(5, 3), optax.sgd(0.01)
    start = train.init_state(net, tx, jax.random.key(0))
    set_ = rows_with(37, 0.0)
    with pytest.raises(train.NonFiniteError) as error:
        train.fit(root(net), tx, start, set_, **OPTIONS)
    assert "at step 3 " in str(error.value)
    assert "the gradient of params/bias is the first" in str(error.value)
    assert all(bool(jnp.isfinite(x).all()) for x in jax.tree.leaves(error.value.train_state.params))


def test_an_update_that_is_not_finite_is_told_apart_from_the_gradient():
    tx = optax.sgd(lambda count: jnp.where(count == 6, jnp.inf, 0.1))
    loss_fn, _, start, _ = recipe(tx=tx)
    message = r"at step 6 .*the gradient is finite, but the update makes params/0/bias non-finite"
    with pytest.raises(train.NonFiniteError, match=message):
        train.fit(loss_fn, tx, start, dataset(80), **OPTIONS)


def test_labels_beyond_the_outputs_of_the_network_stop_the_run():
    loss_fn, tx, start, _ = recipe()
    set_ = dataset(classes=("a", "b", "c", "d"))
    set_.train["labels"][7] = 3
    with pytest.raises(FloatingPointError, match=r"the loss is nan in epoch 1, at step 0"):
        train.fit(loss_fn, tx, start, set_, **OPTIONS)


def test_parameters_that_are_nan_from_the_start_are_named():
    loss_fn, tx, start, _ = recipe()
    bad = jax.tree.map(lambda x: x.at[0].set(jnp.nan), start.params)
    with pytest.raises(train.NonFiniteError, match="params/0/bias was not finite before"):
        train.fit(loss_fn, tx, start._replace(params=bad), dataset(80), **OPTIONS)


@pytest.mark.parametrize("good_until", range(3, 12))
def test_the_first_bad_step_is_found_by_halving(good_until):
    asked = []

    def good_before(k):
        asked.append(k)
        return k <= good_until

    assert _first_bad(good_before, 3, 12) == min(good_until, 11)
    assert len(asked) <= 5


def test_debug_nans_names_the_layer():
    log = lambda x: jnp.log(x - 1)
    log.__name__ = "log"
    net = serial(layers.dense(5, 4), jax.nn.relu, log, layers.dense(4, 3))
    tx = optax.sgd(0.1)
    start = train.init_state(net, tx, jax.random.key(0))
    loss_fn = train.supervised(net, losses.cross_entropy)
    with pytest.raises(train.NonFiniteError, match=r"op by op through the loss, in log log gives"):
        train.fit(loss_fn, tx, start, dataset(80), **OPTIONS)


def test_debug_nans_goes_backward_where_the_loss_is_finite():
    cusp = lambda x: jnp.sqrt(jnp.abs(x * 0))
    cusp.__name__ = "cusp"
    net, tx = serial(layers.dense(5, 4), cusp, layers.dense(4, 3)), optax.sgd(0.1)
    start = train.init_state(net, tx, jax.random.key(0))
    loss_fn = train.supervised(net, losses.cross_entropy)
    with pytest.raises(train.NonFiniteError, match=r"through the gradient, in cusp .* gives"):
        train.fit(loss_fn, tx, start, dataset(80), **OPTIONS)


def test_the_interpreter_goes_into_scans_and_calls(key):
    deep = repeat(serial(layers.dense(4, 4), jnp.exp), 9)
    params, state = deep.init(key)
    grow = lambda p, x: deep.apply(p, state, x)[0].sum()
    found = first_not_finite(jax.jit(grow), params, 20 * jnp.ones((2, 4)))
    assert found is not None and found.startswith("in exp exp gives float32[2,4] with ")
    assert first_not_finite(jax.grad(grow), params, -20 * jnp.ones((2, 4))) is None


def test_a_mask_of_minus_infinity_is_no_offence():
    masked = lambda x: jax.nn.softmax(jnp.where(x > 0, x, -jnp.inf)).sum()
    assert first_not_finite(jax.grad(masked), jnp.array([1.0, -1.0, 2.0])) is None


def test_a_bad_validation_stops_nothing():
    loss_fn, tx, start, _ = recipe()
    set_ = dataset(80, classes=())
    set_.validation["labels"][2] = 3
    _, history = train.fit(loss_fn, tx, start, set_, **OPTIONS)
    assert not np.isfinite(history[-1]["validation_loss"])


def test_labels_that_are_all_wrong_are_named():
    net, x = layers.dense(2, 2), np.ones((8, 2), np.float32)
    loss_fn, tx = train.supervised(net, losses.cross_entropy), optax.sgd(0.1)
    wrong = data.Dataset(train={"inputs": x, "labels": np.full(8, 7, np.int32)})
    start = train.init_state(net, tx, jax.random.key(0))
    with pytest.raises(train.NonFiniteError, match="no row has a finite loss; their labels are 7"):
        train.fit(loss_fn, tx, start, wrong, epochs=1, batch_size=4, hooks=())


def test_the_state_of_another_optimizer_is_named():
    net = layers.dense(2, 2)
    loss_fn = train.supervised(net, losses.cross_entropy)
    batch = {"inputs": jnp.ones((4, 2)), "labels": jnp.zeros(4, jnp.int32)}
    start = train.init_state(net, optax.sgd(0.1), jax.random.key(0))
    with pytest.raises(ValueError, match="opt_state isn't one of this optimizer's"):
        train.make_step(loss_fn, optax.scale_by_rms())(start, batch)


def test_turns_of_a_loop_are_explained_by_the_same_programs():
    def of_steps(n):
        turn = lambda total, row: (total + row.sum(), 2 * row)
        total = lambda x: jax.lax.scan(turn, jnp.float32(0), x)[0]
        return compilations(lambda: first_not_finite(total, np.ones((n, 3), "float32")))

    of_steps(5)
    assert of_steps(19) <= 3  # what cuts out a row of 19, and what puts 19 rows together
