"""What a training step composes: averages, parts by path, clipping and penalties."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from golden import make_optimizers
from jaxdl import optim, regularizers
from jaxdl.types import PyTree
from tables import optimizers as T

PARAMS: PyTree = {
    "stem": {"kernel": jnp.array([[1.0, -2.0]]), "bias": jnp.array([3.0, 4.0])},
    "head": ({"kernel": jnp.array([5.0])}, {"scale": jnp.array([6.0])}),
}


def follow(tx, values, dtype=jnp.float32):
    """The averages where the parameter takes these values one after another."""
    params = jnp.zeros(1, dtype)
    state, means = tx.init(params), []
    for value in values:
        updates = jnp.asarray([value], dtype) - params
        updates, state = tx.update(updates, state, params)
        params = optax.apply_updates(params, updates)
        means.append(float(optim.averaged_params(state, params)[0]))
    return np.array(means)


@pytest.mark.parametrize("decay", [None, 0.9])
def test_averages_are_those_of_pytorch(decay):
    with np.load(make_optimizers.PATH) as stored, jax.enable_x64(True):
        tx = optim.swa() if decay is None else optim.ema(decay)
        means = follow(tx, T.VALUES[:10], jnp.float64)
        np.testing.assert_allclose(means, stored[f"average {decay}"], rtol=1e-12)


def test_averages_of_some_steps():
    values = np.arange(1.0, 9.0)
    means = follow(optim.swa(start=2, every=3), values)
    # θ itself until step 5, then θ₅, and from step 8 on the mean of θ₅ and θ₈.
    np.testing.assert_allclose(means, [1, 2, 3, 4, 5, 5, 5, 6.5])
    np.testing.assert_allclose(follow(optim.ema(1.0), values), 1.0)
    np.testing.assert_allclose(follow(optim.ema(0.0), values), values)


def test_average_of_bfloat16_is_kept_in_float32():
    tx, params = optim.ema(0.999), jnp.zeros(1, jnp.bfloat16)
    state = tx.init(params)._replace(averaged=jnp.int32(1))
    step = lambda state, _: (tx.update(jnp.ones_like(params), state, params)[1], None)
    state, _ = jax.lax.scan(step, state, None, length=1000)
    np.testing.assert_allclose(state.mean, 1 - 0.999**1000, rtol=1e-4)
    assert optim.averaged_params(state, params).dtype == jnp.bfloat16


def test_average_in_a_chain_passes_updates_on():
    tx = optax.chain(optim.adam(0.1), optim.ema(0.5))
    state = tx.init(PARAMS)
    step = jax.jit(lambda g, s, p: tx.update(g, s, p), donate_argnums=1)
    updates, state = step(PARAMS, state, PARAMS)
    alone = optim.adam(0.1).update(PARAMS, optim.adam(0.1).init(PARAMS), PARAMS)[0]
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-6), updates, alone)
    moved = optax.apply_updates(PARAMS, updates)
    average = optim.averaged_params(state, PARAMS)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-6), average, moved)


def test_no_average_or_two():
    tx = optax.chain(optim.ema(), optim.swa())
    with pytest.raises(ValueError, match="holds 2 averages"):
        optim.averaged_params(tx.init(PARAMS), PARAMS)
    with pytest.raises(ValueError, match="holds 0 averages"):
        optim.averaged_params(optim.adam().init(PARAMS), PARAMS)
    with pytest.raises(ValueError, match=r"ema: update.* needs params"):
        optim.ema().update(PARAMS, optim.ema().init(PARAMS))
    with pytest.raises(ValueError, match=r"decay is 1\.1"):
        optim.ema(1.1)
    with pytest.raises(ValueError, match="every is 0"):
        optim.swa(every=0)


def part(path):
    return "head" if path.startswith("head/") else "body"


def test_parts_have_their_own_rates_and_frozen_ones_no_memory():
    parts = {"head": optim.adam(0.1), "body": optax.set_to_zero()}
    tx = optim.by_path(part, parts)
    state = tx.init(PARAMS)
    updates, state = jax.jit(tx.update)(PARAMS, state, PARAMS)
    assert all((x == 0).all() for x in jax.tree.leaves(updates["stem"]))
    alone = optim.adam(0.1).update(PARAMS["head"], optim.adam(0.1).init(PARAMS["head"]))[0]
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-6), updates["head"], alone)
    assert len(jax.tree.leaves(state)) == 1 + 2 * 2  # a count, and two moments of two arrays


def test_parts_pass_the_loss_on():
    parts = {"head": optim.reduce_on_plateau(), "body": optim.sgd(1.0)}
    tx = optim.by_path(part, parts)
    updates, _ = tx.update(PARAMS, tx.init(PARAMS), PARAMS, value=1.0)
    np.testing.assert_array_equal(updates["head"][0]["kernel"], [5.0])


def test_parts_by_wrong_labels():
    with pytest.raises(ValueError, match=r"'head/0/kernel' is 'head'; .* \['body'\]"):
        optim.by_path(part, {"body": optim.sgd()}).init(PARAMS)
    parts = {"head": optim.sgd(), "body": optim.sgd(), "haed": optim.sgd()}
    with pytest.raises(ValueError, match=r"no parameter is labelled \['haed'\].*stem/bias"):
        optim.by_path(part, parts).init(PARAMS)


def test_masks_choose_kernels():
    assert optim.path_mask(optim.is_kernel)(PARAMS) == {
        "stem": {"kernel": True, "bias": False},
        "head": ({"kernel": True}, {"scale": False}),
    }
    decay = optax.add_decayed_weights(0.5, mask=optim.path_mask(optim.is_kernel))
    zeros = jax.tree.map(jnp.zeros_like, PARAMS)
    updates, _ = decay.update(zeros, decay.init(PARAMS), PARAMS)
    np.testing.assert_array_equal(updates["stem"]["kernel"], [[0.5, -1.0]])
    np.testing.assert_array_equal(updates["stem"]["bias"], [0.0, 0.0])


@pytest.mark.parametrize(("max_norm", "norm_type"), T.CLIPS)
def test_clipping_is_that_of_pytorch(max_norm, norm_type):
    with np.load(make_optimizers.PATH) as stored, jax.enable_x64(True):
        grads = {name: jnp.asarray(30 * x) for name, x in T.START.items()}
        tx = optim.clip_by_norm(max_norm, norm_type=norm_type)
        clipped, _ = tx.update(grads, tx.init(grads))
        for name, x in clipped.items():
            expected = stored[f"clip {max_norm} {norm_type} {name}"]
            np.testing.assert_allclose(x, expected, rtol=1e-12)


def test_clipping_in_low_and_mixed_precision():
    grads = {"a": jnp.full(4, 300.0, jnp.float16), "b": jnp.full(4, 400.0)}
    assert float(optim.global_norm(grads)) == 1000.0
    clipped, _ = jax.jit(lambda c: optim.clip_by_norm(c).update(grads, optax.EmptyState()))(1.0)
    np.testing.assert_allclose(clipped["a"], 0.3, rtol=1e-3)
    np.testing.assert_allclose(clipped["b"], 0.4, rtol=1e-6)
    assert clipped["a"].dtype == jnp.float16
    assert float(optim.global_norm({})) == float(optim.global_norm((), norm_type=np.inf)) == 0.0
    with pytest.raises(ValueError, match=r"max_norm is -1\.0"):
        optim.clip_by_norm(-1.0)
    with pytest.raises(ValueError, match=r"norm_type is 0\.5"):
        optim.global_norm(grads, norm_type=0.5)


@pytest.mark.parametrize("norm_type", [1, 2, 3.5, np.inf])
def test_the_norm_of_nothing_has_a_gradient(norm_type):
    norm = lambda tree: optim.global_norm(tree, norm_type=norm_type)
    value, grads = jax.value_and_grad(norm)({"a": jnp.zeros(3), "b": jnp.zeros((2, 2))})
    assert value == 0 and all(jnp.isfinite(g).all() for g in jax.tree.leaves(grads))


def test_the_gradient_of_a_norm_of_1_is_0_at_an_entry_of_0():
    grads = jax.grad(lambda x: optim.global_norm(x, norm_type=1))(jnp.array([0.0, -2.0]))
    np.testing.assert_array_equal(grads, [0, -1])


def test_penalties():
    assert float(regularizers.l1_penalty(PARAMS)) == 1 + 2 + 5
    assert float(regularizers.l2_penalty(PARAMS)) == 1 + 4 + 25
    assert float(regularizers.l2_penalty(PARAMS, where=lambda path: path == "head/1/scale")) == 36
    # ½w·Σθ² in the loss is a weight decay of w.
    grads = jax.grad(lambda params: 0.5 * 0.1 * regularizers.l2_penalty(params))(PARAMS)
    np.testing.assert_allclose(grads["stem"]["kernel"], 0.1 * PARAMS["stem"]["kernel"], rtol=1e-6)
    np.testing.assert_array_equal(grads["stem"]["bias"], 0.0)
    # A weight that is 0 stays there: the gradient of jnp.abs would push it off.
    grads = jax.grad(regularizers.l1_penalty)({"kernel": jnp.array([-2.0, 0.0, 3.0])})
    np.testing.assert_array_equal(grads["kernel"], [-1, 0, 1])
    half = jax.tree.map(lambda x: x.astype(jnp.bfloat16), PARAMS)
    assert regularizers.l1_penalty(half).dtype == jnp.float32
    with pytest.raises(ValueError, match=r"chooses none of the parameters \['head/0/kernel'"):
        regularizers.l1_penalty(PARAMS, where=lambda path: False)
