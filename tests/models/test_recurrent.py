"""Recurrent models: padding, teacher forcing against decoding, published sizes, and messages."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from golden.compare import quick_jit
from jaxdl import layers, models


def made(net, key):
    return quick_jit(net.init)(key)[0]


def run(net, params, x, **options):
    """Every state of these models is empty, and compiling them whole is quick."""
    state = jax.eval_shape(net.init, jax.random.key(0))[1]
    return quick_jit(functools.partial(net.apply, **options))(params, state, x)[0]


def count(net):
    shapes = jax.eval_shape(net.init, jax.random.key(0))[0]
    return sum(p.size for p in jax.tree.leaves(shapes))


def test_parameter_counts_of_published_networks():
    imdb = models.sequence_classifier(128, 64, 1, n_tokens=20_000, depth=2, bidirectional=True)
    assert count(imdb) == 2_757_761  # Keras's bidirectional LSTM on IMDB
    assert count(models.sequence_to_sequence(12, 128, 12, steps=4)) == 205_324  # Keras's addition


@pytest.mark.parametrize("cell", [layers.lstm, layers.gru, layers.rnn])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_padding_does_not_change_the_class(key, cell, bidirectional):
    net = models.sequence_classifier(
        3, 4, 2, n_tokens=6, padding_index=0, cell=cell, bidirectional=bidirectional
    )
    params = made(net, key)
    tokens = jnp.array([[3, 0, 5, 1], [2, 2, 0, 0], [0, 0, 0, 0]])  # a 0 inside is a token
    short = run(net, params, tokens)
    long = run(net, params, jnp.pad(tokens, ((0, 0), (0, 3))))
    np.testing.assert_allclose(short, long, 1e-6, 1e-6)
    alone = run(net, params, tokens[1, :2])
    np.testing.assert_allclose(short[1], alone, 1e-6, 1e-6)
    np.testing.assert_allclose(short[2], params["head"]["bias"], 1e-6, 1e-6)


def test_classifier_drops_before_its_head(key):
    net = models.sequence_classifier(3, 4, 2, rate=0.5)
    params = made(net, key)
    x = jnp.ones((2, 5, 3))
    assert (run(net, params, x, key=key, train=True) != run(net, params, x)).any()
    with pytest.raises(ValueError, match=r"dropout\(0.5\) needs a key"):
        run(net, params, x, train=True)


def test_a_classifier_that_drops_nothing_trains_without_a_key(key):
    net = models.sequence_classifier(3, 4, 2)
    params, x = made(net, key), jnp.ones((5, 6, 3))
    np.testing.assert_array_equal(run(net, params, x, train=True), run(net, params, x))


def test_the_answer_sees_its_input_through_one_state(key):
    net = models.sequence_to_sequence(3, 8, 2, steps=4)
    params = made(net, key)
    x = jax.random.normal(key, (5, 6, 3))
    hidden, _ = layers.lstm(3, 8, last=True).apply(params["encoder"], (), x)
    y, _ = layers.lstm(8, 8).apply(params["decoder"], (), jnp.stack([hidden] * 4, axis=1))
    expected = y @ params["head"]["kernel"] + jnp.broadcast_to(params["head"]["bias"], (5, 4, 2))
    np.testing.assert_allclose(run(net, params, x), expected, 1e-5, 1e-6)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: models.sequence_classifier(3, 0, 2),
            r"sequence_classifier: n_hidden is 0",
        ),
        (lambda: models.sequence_classifier(3, 4, 0), "n_classes is 0"),
        (lambda: models.sequence_classifier(3, 4, 2, padding_index=0), "there is no n_tokens"),
        (
            lambda: models.sequence_classifier(3, 4, 2, n_tokens=5, padding_index=5),
            "must be a token's number",
        ),
        (lambda: models.sequence_to_sequence(3, 4, 2, steps=0), "steps is 0"),
    ],
)
def test_wrong_arguments_are_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()
