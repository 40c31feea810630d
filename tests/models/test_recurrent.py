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
    assert (
        count(models.encoder_decoder(71, 93, 256, source_length=16)) == 718_173
    )  # Keras's seq2seq


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


@pytest.mark.parametrize("options", [{}, {"n_features": 3, "depth": 2, "padding_index": 0}])
def test_greedy_decoding_is_what_teacher_forcing_of_it_finds_likeliest(key, options):
    net = models.encoder_decoder(7, 5, 16, source_length=4, **options)
    params = made(net, key)
    params = jax.tree.map(lambda p: 3 * p, params)  # so that answers differ
    source = jax.random.randint(key, (6, 4), 0, 7)
    decode = functools.partial(
        models.greedy_decode, start=0, n_new=5, padding_index=options.get("padding_index")
    )
    answer = quick_jit(decode)(params, source)
    assert answer.shape == (6, 5) and len({tuple(row) for row in answer.tolist()}) > 1
    forced = jnp.concatenate([source, jnp.zeros((6, 1), int), answer[:, :-1]], axis=1)
    logits = run(net, params, forced)
    np.testing.assert_array_equal(logits.argmax(-1), answer)
    np.testing.assert_array_equal(quick_jit(decode)(params, source[0]), answer[0])


def test_what_is_written_depends_on_nothing_later_and_not_on_padding(key):
    net = functools.partial(models.encoder_decoder, 7, 5, 8, n_features=3, padding_index=0)
    params = made(net(source_length=4), key)
    source, target = jnp.array([[3, 1, 0, 0]]), jnp.array([[0, 2, 4]])
    join = lambda *parts: jnp.concatenate(parts, axis=1)
    logits = run(net(source_length=4), params, join(source, target))
    other = run(net(source_length=4), params, join(source, target.at[0, 2].set(1)))
    np.testing.assert_array_equal(logits[:, :2], other[:, :2])
    assert (logits[:, 2] != other[:, 2]).any()
    short = run(net(source_length=2), params, join(source[:, :2], target))
    np.testing.assert_allclose(short, logits, 1e-6, 1e-6)


def test_encoder_decoder_drops_between_layers(key):
    net = models.encoder_decoder(7, 5, 8, source_length=3, depth=2, rate=0.5)
    params = made(net, key)
    x = jnp.ones((2, 5), int)
    assert (run(net, params, x, key=key, train=True) != run(net, params, x)).any()
    with pytest.raises(ValueError, match=r"encoder_decoder\(7, 5, 8\) needs a key"):
        run(net, params, x, train=True)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: models.sequence_classifier(3, 0, 2),
            r"sequence_classifier\(3, 0, 2\): n_hidden is 0",
        ),
        (lambda: models.sequence_classifier(3, 4, 0), "n_classes is 0"),
        (lambda: models.sequence_classifier(3, 4, 2, padding_index=0), "there is no n_tokens"),
        (
            lambda: models.sequence_classifier(3, 4, 2, n_tokens=5, padding_index=5),
            "must be a token's number",
        ),
        (lambda: models.sequence_to_sequence(3, 4, 2, steps=0), "steps is 0"),
        (lambda: models.encoder_decoder(3, 4, 2, source_length=0), "source_length is 0"),
        (lambda: models.greedy_decode({}, jnp.ones(3, int), start=0, n_new=0), "n_new is 0"),
        (
            lambda: models.encoder_decoder(3, 3, 2, source_length=4).apply(
                {}, (), jnp.ones(4, int)
            ),
            r"got int32\[4\], of which 4 are the source",
        ),
    ],
)
def test_wrong_arguments_are_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()
