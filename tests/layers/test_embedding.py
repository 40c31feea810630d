"""Embeddings, bilinear layers and activations with parameters: twins, edges and messages.

Their values beside PyTorch's are in test_normalization.py.
"""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl import functional, initializers, layers

TABLE = {"embedding": jnp.arange(12.0).reshape(4, 3)}


def close(a, b):
    jax.tree.map(lambda x, y: np.testing.assert_allclose(x, y, 1e-5, 1e-6), a, b)


def test_embedding_is_that_of_flax_both_ways(key):
    params, state = layers.embedding(7, 3).init(key)
    tokens = jnp.array([[0, 6], [2, 2]])
    twin = nn.Embed(7, 3)
    ours = layers.embedding(7, 3).apply(params, state, tokens)[0]
    close(ours, twin.apply({"params": params}, tokens))
    x = jax.random.normal(key, (5, 3))
    tied = functional.embedding_attend(params, x)
    close(tied, twin.apply({"params": params}, x, method="attend"))


def test_default_vectors_are_standard_normal_and_padding_is_zero(key):
    table = layers.embedding(500, 400, padding_index=3).init(key)[0]["embedding"]
    assert not table[3].any()
    assert float(table.mean()) == pytest.approx(0, abs=0.01)
    assert float(table[4:].std()) == pytest.approx(1, abs=0.01)
    assert float(abs(table).max()) > 3.5  # not truncated


def test_padding_gets_no_gradient_and_the_rest_one_a_use():
    loss = lambda params: functional.embedding(params, jnp.array([1, 1, 2]), padding_index=2).sum()
    gradient = jax.grad(loss)(TABLE)["embedding"]
    np.testing.assert_array_equal(gradient[:, 0], [0, 2, 0, 0])


@pytest.mark.parametrize("wrong", [-1, 4, 2**30])
def test_a_token_out_of_range_raises_where_it_is_known_and_is_nan_elsewhere(wrong):
    tokens = jnp.array([[0, wrong], [3, 1]])
    with pytest.raises(ValueError, match=rf"embedding\(4, 3\): indices has {wrong}; .* \[0, 4\)"):
        functional.embedding(TABLE, tokens)
    y = jax.jit(functional.embedding)(TABLE, tokens)
    assert jnp.isnan(y[0, 1]).all() and jnp.isfinite(y[1]).all() and jnp.isfinite(y[0, 0]).all()
    for reduction in ("sum", "mean", "max"):
        bag = jax.jit(lambda t, r=reduction: functional.embedding_bag(TABLE, t, reduction=r))
        assert jnp.isnan(bag(tokens)[0]).all()


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int32", "uint32"])
def test_every_integer_dtype_is_a_token_number(dtype):
    y = jax.jit(functional.embedding)(TABLE, jnp.array([3, 0], dtype))
    np.testing.assert_array_equal(y[:, 0], [9, 0])


def test_one_token_none_and_many_axes():
    assert functional.embedding(TABLE, 2).shape == (3,)
    assert functional.embedding(TABLE, jnp.zeros((2, 0), int)).shape == (2, 0, 3)
    assert functional.embedding(TABLE, jnp.zeros((2, 1, 5), int)).shape == (2, 1, 5, 3)


@pytest.mark.parametrize("reduction", ["sum", "mean", "max"])
def test_a_bag_of_padding_is_zero_with_a_gradient_of_zero(reduction):
    options = {"reduction": reduction, "padding_index": 1}
    bag = lambda params: functional.embedding_bag(params, jnp.array([[1, 1], [0, 1]]), **options)
    np.testing.assert_array_equal(bag(TABLE), [[0, 0, 0], [0, 1, 2]])
    gradient = jax.grad(lambda params: bag(params).sum())(TABLE)["embedding"]
    np.testing.assert_array_equal(gradient[:, 0], [1, 0, 0, 0])
    empty = functional.embedding_bag(TABLE, jnp.zeros((2, 0), int), reduction=reduction)
    np.testing.assert_array_equal(empty, jnp.zeros((2, 3)))


def test_bilinear_joins_its_inputs_on_the_last_axis(key):
    net = layers.bilinear(200, 30, 20)
    params, state = net.init(key)
    limit = 200**-0.5
    for leaf in params.values():
        assert 0.9 * limit < float(abs(leaf).max()) <= limit
    first, second = jax.random.normal(key, (2, 200)), jax.random.normal(key, (2, 30))
    y, _ = net.apply(params, state, jnp.concatenate([first, second], axis=-1))
    close(y, functional.bilinear(params, first, second))


def test_prelu_is_that_of_flax(key):
    params, _ = layers.prelu().init(key)
    x = jnp.array([-2.0, 0.0, 3.0])
    twin = nn.PReLU(negative_slope_init=0.25)
    close(layers.prelu().apply(params, (), x)[0], twin.apply(twin.init(key, x), x))


def test_maxout_is_the_largest_of_dense_pieces(key):
    net = layers.maxout(5, 3, pieces=4, init=initializers.he_default)
    params, _ = net.init(key)
    x = jax.random.normal(key, (7, 5))
    expected = functional.dense(params, x).reshape(7, 3, 4).max(-1)
    close(net.apply(params, (), x)[0], expected)


def test_rrelu_is_its_mean_in_evaluation_and_between_its_bounds_in_training(key):
    net, x = layers.rrelu(lower=0.2, upper=0.4), -jnp.ones(1000)
    close(net.apply((), (), x)[0], -0.3 * jnp.ones(1000))
    trained, _ = net.apply((), (), x, key=key, train=True)
    assert -0.4 <= float(trained.min()) < -0.39 and -0.21 < float(trained.max()) <= -0.2


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: layers.embedding(0, 3), ValueError, r"embedding\(0, 3\): n_tokens is 0"),
        (lambda: layers.embedding(4, 3, padding_index=4), ValueError, "padding_index is 4"),
        (lambda: layers.embedding(4, 3, padding_index=-1), ValueError, "padding_index is -1"),
        (
            lambda: functional.embedding(TABLE, jnp.array([1]), padding_index=9),
            ValueError,
            "padding_index has 9",
        ),
        (
            lambda: functional.embedding(TABLE, jnp.ones(3)),
            TypeError,
            r"embedding\(4, 3\): indices are float32\[3\]; they must be integers",
        ),
        (lambda: functional.embedding(TABLE, jnp.array([True])), TypeError, r"bool\[1\]"),
        (
            lambda: functional.embedding_attend(TABLE, jnp.ones(4)),
            ValueError,
            r"embedding_attend\(4, 3\) got float32\[4\], and needs 3",
        ),
        (
            lambda: layers.embedding_bag(4, 3, reduction="prod").apply(TABLE, (), jnp.array([1])),
            ValueError,
            "reduction is 'prod'",
        ),
        (lambda: functional.embedding_bag(TABLE, 3), ValueError, "an axis of bags"),
        (lambda: layers.bilinear(2, 3, 0), ValueError, "n_out is 0"),
        (
            lambda: layers.bilinear(2, 3, 4).apply(
                *layers.bilinear(2, 3, 4).init(jax.random.key(0)), jnp.ones(6)
            ),
            ValueError,
            r"bilinear\(2, 3, 4\) got float32\[6\], and needs 5",
        ),
        (
            lambda: functional.bilinear(
                {"kernel": jnp.ones((2, 3, 4))}, jnp.ones((5, 2)), jnp.ones((6, 3))
            ),
            ValueError,
            "all axes but the last must agree",
        ),
        (
            lambda: functional.bilinear(
                {"kernel": jnp.ones((2, 3, 4))}, jnp.ones((5, 3)), jnp.ones((5, 3))
            ),
            ValueError,
            "needs 2 entries",
        ),
        (lambda: layers.prelu(0), ValueError, r"prelu\(0\): n is 0"),
        (
            lambda: layers.prelu(3).apply({"slope": jnp.ones(3)}, (), jnp.ones(4)),
            ValueError,
            "one for each entry",
        ),
        (lambda: layers.swish(-1), ValueError, r"swish\(-1\): n is -1"),
        (lambda: layers.maxout(3, 2, pieces=0), ValueError, "pieces is 0"),
        (lambda: layers.rrelu(lower=0.5, upper=0.1), ValueError, "lower must not exceed upper"),
    ],
)
def test_wrong_calls_are_named(make, error, message):
    with pytest.raises(error, match=message):
        make()
