"""Random layers: what they keep of a distribution, which axes share a draw, edges, messages."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl import functional, layers

N = 200_000
ALPHA = -1.7580993408473766


def test_feature_dropout_drops_whole_channels_of_single_examples(key):
    y = np.asarray(functional.feature_dropout(key, jnp.ones((50, 4, 3, 20)), rate=0.3, axes=3))
    draws = y[:, 0, 0]
    np.testing.assert_array_equal(y, np.broadcast_to(draws[:, None, None], y.shape))
    np.testing.assert_allclose(np.unique(draws), [0, 1 / 0.7], rtol=1e-6)
    assert (draws == 0).mean() == pytest.approx(0.3, abs=0.05)
    assert (draws[0] != draws[1]).any()


def test_feature_dropout_of_sequences_and_of_features(key):
    y = np.asarray(functional.feature_dropout(key, jnp.ones((50, 4, 20)), rate=0.5, axes=2))
    np.testing.assert_array_equal(y, np.broadcast_to(y[:, :1], y.shape))
    assert (y[0] != y[1]).any()
    x = jnp.ones((5, 20))
    plain = functional.dropout(key, x, rate=0.5)
    np.testing.assert_array_equal(functional.feature_dropout(key, x, rate=0.5, axes=1), plain)


@pytest.mark.parametrize("lead", [(), (40,), (8, 5)])
def test_drop_path_draws_once_for_each_example_whatever_the_batch_axes(key, lead):
    y = np.asarray(functional.drop_path(key, jnp.ones((*lead, 4, 3)), rate=0.25, axes=2))
    examples = y.reshape(-1, 12)
    assert (examples == examples[:, :1]).all()
    np.testing.assert_array_less(np.abs(examples * (examples - 1 / 0.75)), 1e-6)
    assert len(examples) == 1 or len(np.unique(examples)) == 2


def test_drop_path_under_vmap_draws_for_each_example(key):
    keys = jax.random.split(key, 40)
    run = jax.vmap(lambda key, x: functional.drop_path(key, x, rate=0.5, axes=1))
    assert len(np.unique(run(keys, jnp.ones((40, 3))))) == 2


def test_alpha_dropout_keeps_mean_and_variance_and_has_pytorchs_values(key):
    x = jax.random.normal(jax.random.key(1), (N,))
    y = functional.alpha_dropout(key, x, rate=0.3)
    assert float(y.mean()) == pytest.approx(0, abs=0.01)
    assert float(y.var()) == pytest.approx(1, abs=0.01)
    ones = np.unique(functional.alpha_dropout(key, jnp.ones(100), rate=0.3))
    np.testing.assert_allclose(ones, [-1.05955, 1.31504], atol=1e-5)


def test_feature_alpha_dropout_is_alpha_dropout_of_channels(key):
    y = np.asarray(functional.feature_alpha_dropout(key, jnp.ones((6, 5, 9)), rate=0.3, axes=2))
    np.testing.assert_array_equal(y, np.broadcast_to(y[:, :1], y.shape))
    np.testing.assert_allclose(np.unique(y), [-1.05955, 1.31504], atol=1e-5)


def test_gaussian_noise_and_dropout_have_their_moments(key):
    noise = functional.gaussian_noise(key, jnp.full(N, 5.0), stddev=0.3)
    assert float(noise.mean()) == pytest.approx(5, abs=0.005)
    assert float(noise.std()) == pytest.approx(0.3, abs=0.005)
    drop = functional.gaussian_dropout(key, jnp.full(N, 2.0), rate=0.2)
    assert float(drop.mean()) == pytest.approx(2, abs=0.01)
    assert float(drop.std()) == pytest.approx(2 * (0.2 / 0.8) ** 0.5, abs=0.01)


DRAWS = {
    "dropout": lambda key, x, rate: functional.dropout(key, x, rate=rate),
    "feature_dropout": lambda key, x, rate: functional.feature_dropout(key, x, rate=rate, axes=2),
    "drop_path": lambda key, x, rate: functional.drop_path(key, x, rate=rate, axes=1),
    "alpha_dropout": lambda key, x, rate: functional.alpha_dropout(key, x, rate=rate),
    "feature_alpha_dropout": lambda key, x, rate: functional.feature_alpha_dropout(
        key, x, rate=rate, axes=2
    ),
}


@pytest.mark.parametrize("rate", [0.0, 1.0])
@pytest.mark.parametrize("name", DRAWS)
def test_the_ends_of_the_rate_and_gradients_there(name, rate, key):
    x = jnp.array([[1.0, -2.0], [3.0, 0.5]])
    run = lambda x, rate: DRAWS[name](key, x, rate)
    np.testing.assert_allclose(run(x, rate), x * (1 - rate), rtol=1e-6)
    np.testing.assert_allclose(jax.jit(run)(x, rate), x * (1 - rate), rtol=1e-6)
    gradient = jax.grad(lambda x: run(x, rate).sum())(x)
    np.testing.assert_allclose(gradient, np.full((2, 2), 1 - rate), rtol=1e-6)


@pytest.mark.parametrize("name", DRAWS)
def test_a_rate_may_be_swept(name, key):
    x, rates = jnp.ones((30, 20)), jnp.array([0.1, 0.9])
    gentle, harsh = jax.vmap(lambda rate: DRAWS[name](key, x, rate))(rates)
    at = lambda y, x: int((np.asarray(y) > 0).sum())
    assert at(gentle, x) > at(harsh, x)
    np.testing.assert_allclose(gentle, DRAWS[name](key, x, 0.1), rtol=1e-6)


def test_noise_of_zero_changes_nothing(key):
    x = jnp.array([1.0, -2.0])
    np.testing.assert_array_equal(functional.gaussian_noise(key, x, stddev=0.0), x)
    np.testing.assert_array_equal(functional.gaussian_dropout(key, x, rate=0.0), x)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda key, x: layers.feature_dropout(-0.1, axes=3), "rate is -0.1"),
        (lambda key, x: layers.feature_dropout(0.5, axes=0), "axes is 0"),
        (lambda key, x: functional.feature_dropout(key, x, rate=2, axes=1), "rate is 2"),
        (
            lambda key, x: functional.feature_dropout(key, x, rate=0.5, axes=3),
            r"feature_dropout with examples of 3 axes got float32\[4,2\]",
        ),
        (lambda key, x: layers.drop_path(1.1, axes=1), "rate is 1.1"),
        (lambda key, x: functional.drop_path(key, x, rate=0.5, axes=3), "examples of 3 axes"),
        (lambda key, x: layers.alpha_dropout(-1), "rate is -1"),
        (lambda key, x: layers.feature_alpha_dropout(7, axes=1), "rate is 7"),
        (lambda key, x: layers.gaussian_dropout(1.0), r"rate is 1.0; it must lie in \[0, 1\)"),
        (lambda key, x: layers.gaussian_noise(-0.5), "stddev is -0.5; it must be at least 0"),
        (lambda key, x: functional.gaussian_noise(key, x, stddev=float("nan")), "stddev is nan"),
        (lambda key, x: functional.alpha_dropout(key, x.astype(int), rate=0.5), "floating point"),
        # 1 / 0.9 of a whole number isn't one.
        (lambda key, x: functional.dropout(key, x.astype(int), rate=0.1), r"dropout: x is int32"),
        (
            lambda key, x: functional.feature_dropout(key, x.astype(int), rate=0.1, axes=2),
            r"feature_dropout: x is int32\[4,2\]; it must be floating point",
        ),
        (
            lambda key, x: functional.drop_path(key, x.astype(int), rate=0.1, axes=1),
            r"drop_path: x is int32",
        ),
        (
            lambda key, x: layers.drop_path(0.5, axes=1).apply((), (), x, train=True),
            r"drop_path\(0.5, axes=1\) needs a key",
        ),
    ],
)
def test_wrong_calls_are_named(make, message, key):
    with pytest.raises((ValueError, TypeError), match=message):
        make(key, jnp.ones((4, 2)))
