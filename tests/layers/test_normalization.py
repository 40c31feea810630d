"""Normalisations: PyTorch's values, the laws of functions, flax's twins, and float64's truth."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import laws
from golden import compare
from golden.compare import quick_jit
from jaxdl import functional, layers
from tables.normalization import CASES

random = np.random.default_rng(0)
STATE = {"mean": jnp.zeros(6), "variance": jnp.ones(6)}
X = jnp.asarray(random.normal(size=(4, 3, 3, 6)), "float32")


def close(a, b, bound=1e-5):
    jax.tree.map(lambda x, y: np.testing.assert_allclose(x, y, bound, bound / 10), a, b)


@pytest.mark.parametrize(("cases", "dtype"), laws.in_dtypes(CASES))
def test_values_and_gradients_are_those_of_pytorch(cases, dtype):
    compare.check_all("normalization", cases, dtype)


@pytest.mark.parametrize(("law", "case"), laws.rows(CASES))
def test_laws(law, case):
    law(case)


TWINS = {
    "layer_norm": (layers.layer_norm(6), nn.LayerNorm(epsilon=1e-5, use_fast_variance=False)),
    "rms_norm": (layers.rms_norm(6, epsilon=1e-6), nn.RMSNorm()),
    "group_norm": (layers.group_norm(2, 6), nn.GroupNorm(2, epsilon=1e-5, use_fast_variance=False)),
    "instance_norm": (
        layers.instance_norm(6, affine=True),
        nn.InstanceNorm(epsilon=1e-5, use_fast_variance=False),
    ),
}


@pytest.mark.parametrize("name", TWINS)
def test_twins_of_flax(name, key):
    (ours, theirs), (params, _) = TWINS[name], TWINS[name][0].init(key)
    params = jax.tree.map(lambda p: p + jax.random.normal(key, p.shape), params)
    mine = lambda params, x: jnp.sin(ours.apply(params, (), x)[0])
    other = lambda params, x: jnp.sin(theirs.apply({"params": params}, x))
    grad = lambda f, *at: jax.grad(lambda *args: f(*args).sum(), argnums=(0, 1))(*at)
    both = quick_jit(lambda *at: [(f(*at), grad(f, *at)) for f in (mine, other)])
    (y, grads), (expected, expected_grads) = both(params, X)
    close(y, expected)
    close(grads, expected_grads, 1e-4)  # they are small differences of large numbers


def test_batch_norm_is_that_of_flax_but_for_the_unbiased_running_variance(key):
    ours = layers.batch_norm(6)
    theirs = nn.BatchNorm(momentum=0.9, use_fast_variance=False, use_running_average=False)
    params, state = ours.init(key)
    stats = {"mean": state["mean"], "var": state["variance"]}
    y, state = ours.apply(params, state, X, train=True)
    other, new = theirs.apply({"params": params, "batch_stats": stats}, X, mutable="batch_stats")
    close(y, other)
    close(state["mean"], new["batch_stats"]["mean"])
    biased = 1 - 0.9 * 1 + (state["variance"] - 0.9) * (35 / 36) - 0.1
    close(biased + 0.9, new["batch_stats"]["var"])


def truth(x, axes):
    """Normalised in float64."""
    x = np.asarray(x, "float64")
    centered = x - x.mean(axes, keepdims=True)
    return centered / np.sqrt((centered**2).mean(axes, keepdims=True) + 1e-5)


@pytest.mark.parametrize("mean", [0.0, 1e2, 1e4, -1e6])
@pytest.mark.parametrize("name", ["layer", "group", "instance", "batch"])
def test_a_mean_far_from_zero_costs_no_digits(name, mean):
    x = jnp.asarray(random.normal(size=(64, 32, 32, 4)) + mean, "float32")
    state = {"mean": jnp.zeros(4), "variance": jnp.ones(4)}
    run, expected = {
        "layer": (lambda x: functional.layer_norm({}, x, axes=3), truth(x, (1, 2, 3))),
        "group": (lambda x: functional.group_norm({}, x, groups=1), truth(x, (1, 2, 3))),
        "instance": (lambda x: functional.instance_norm({}, x), truth(x, (1, 2))),
        "batch": (
            lambda x: functional.batch_norm({}, state, x, train=True)[0],
            truth(x, (0, 1, 2)),
        ),
    }[name]
    # What is left is the rounding of x itself, the same for both, and 1e-6 of arithmetic.
    np.testing.assert_allclose(jax.jit(run)(x), expected, atol=5e-6, rtol=1e-5)


def test_gradients_far_from_zero_are_those_of_float64():
    x = np.float32(random.normal(size=(64, 8, 8, 6)) + 1e4)
    weight = random.normal(size=x.shape)

    def gradient(dtype):
        values, weights = jnp.asarray(x, dtype), jnp.asarray(weight, dtype)
        state = jax.tree.map(lambda a: a.astype(dtype), STATE)
        f = lambda x: (functional.batch_norm({}, state, x, train=True)[0] * weights).sum()
        return np.asarray(quick_jit(jax.grad(f))(values))

    ours = gradient("float32")
    with jax.enable_x64(True):
        expected = gradient("float64")
    np.testing.assert_allclose(ours, expected, atol=1e-5)


@pytest.mark.parametrize("value", [0.0, 1e4, 1e8, -3e30])
def test_what_is_constant_becomes_zero(value):
    x = jnp.full((7, 5), value)
    close(functional.layer_norm({}, x), jnp.zeros_like(x), 1e-2)
    state = {"mean": jnp.zeros(5), "variance": jnp.ones(5)}
    y, state = functional.batch_norm({}, state, x, train=True)
    close(y, jnp.zeros_like(x), 1e-2)
    assert (state["variance"] >= 0).all()


@pytest.mark.parametrize("bad", [jnp.nan, jnp.inf])
def test_what_is_not_finite_shows(bad):
    x = X.at[0, 0, 0, 0].set(bad)
    y, state = functional.batch_norm({}, STATE, x, train=True)
    assert jnp.isnan(y[..., 0]).all() and jnp.isfinite(y[..., 1:]).all()
    assert jnp.isnan(state["variance"][0])
    assert jnp.isnan(functional.layer_norm({}, x)[0, 0, 0]).all()


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_half_precision_has_statistics_of_float32(dtype):
    x = jnp.asarray(random.normal(size=(512, 6)) * 300, dtype)  # squares overflow float16
    y, state = functional.batch_norm({}, STATE, x, train=True)
    step = float(jnp.finfo(dtype).eps)
    np.testing.assert_allclose(y.astype("float32"), truth(x.astype("float32"), 0), step, step)
    exact = np.asarray(x, "float64").var(0, ddof=1)
    np.testing.assert_allclose(state["variance"], 0.9 + 0.1 * exact, rtol=1e-6)


STRANGE = {"scale": jnp.ones(5)}


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (
            lambda: functional.batch_norm({}, STATE, jnp.ones((1, 6)), train=True),
            ValueError,
            r"batch_norm\(6\) in training got float32\[1,6\], 1 value\(s\) per channel",
        ),
        (
            lambda: functional.batch_norm({}, STATE, jnp.ones((0, 6)), train=True),
            ValueError,
            "0 value",
        ),
        (lambda: functional.batch_norm({}, STATE, jnp.ones((4, 5))), ValueError, "needs 6 entries"),
        (lambda: functional.batch_norm({}, STATE, jnp.ones((4, 6), int)), TypeError, "floating"),
        (lambda: functional.batch_norm(STRANGE, STATE, X), ValueError, r"scale is float32\[5\]"),
        (
            lambda: functional.batch_norm({}, STATE, X, train=True, where=jnp.ones(4)),
            TypeError,
            r"where is float32\[4\]; it must be boolean",
        ),
        (
            lambda: functional.batch_norm({}, STATE, X, train=True, where=jnp.ones(3, bool)),
            ValueError,
            r"where is bool\[3\] and x float32\[4,3,3,6\]",
        ),
        (lambda: layers.batch_norm(0), ValueError, r"batch_norm\(0\): n is 0"),
        (lambda: layers.batch_norm(6, momentum=1.5), ValueError, "momentum is 1.5"),
        (lambda: layers.layer_norm((3, 0)), ValueError, r"layer_norm\(3, 0\): size 1 is 0"),
        (lambda: layers.layer_norm(()), ValueError, "at least one size"),
        (
            lambda: layers.layer_norm(5).apply({}, (), X),
            ValueError,
            r"layer_norm\(5\) got float32\[4,3,3,6\], and needs \(5,\)",
        ),
        (lambda: layers.layer_norm((9, 9)).apply({}, (), jnp.ones(9)), ValueError, r"\(9, 9\)"),
        (lambda: functional.layer_norm(STRANGE, X), ValueError, r"it must be \(6,\)"),
        (lambda: functional.layer_norm({}, X, axes=5), ValueError, "last 5 axes"),
        (lambda: functional.layer_norm({}, X.astype(int)), TypeError, "floating point"),
        (lambda: functional.rms_norm(STRANGE, X), ValueError, r"it must be \(6,\)"),
        (lambda: layers.rms_norm(5).apply({}, (), X), ValueError, r"rms_norm\(5\) got"),
        (lambda: layers.group_norm(4, 6), ValueError, "4 groups don't divide 6 channels"),
        (lambda: layers.group_norm(0, 6), ValueError, "groups is 0"),
        (lambda: layers.group_norm(2, 6).apply({}, (), X[..., :4]), ValueError, "needs 6 entries"),
        (lambda: functional.group_norm({}, X, groups=4), ValueError, "4 groups don't divide"),
        (
            lambda: functional.group_norm({}, X[0, 0, 0], groups=6, axes=1),
            ValueError,
            "each mean would be of 1 value",
        ),
        (lambda: functional.group_norm({}, X[0, 0], groups=2), ValueError, "last 3 axes"),
        (lambda: layers.instance_norm(5).apply({}, (), X), ValueError, "needs 5 entries"),
        (
            lambda: functional.instance_norm({}, jnp.ones((8, 1, 1, 6))),
            ValueError,
            "each mean would be of 1 value",
        ),
        (lambda: layers.local_response_norm(0), ValueError, "size is 0"),
    ],
)
def test_wrong_calls_are_named(make, error, message):
    with pytest.raises(error, match=message):
        make()
