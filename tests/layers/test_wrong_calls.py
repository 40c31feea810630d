"""Wrong calls of layers and models: an error at once, in the caller's words."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl import functional, layers, models, serial  # noqa: F401  # read by eval

KEY = jax.random.key(0)
X = jnp.ones((8, 4))
DENSE = layers.dense(4, 3)
PARAMS = {"kernel": jnp.ones((4, 3)), "bias": jnp.ones(3)}
OTHERS = {"kernel": jnp.ones((4, 2)), "bias": jnp.ones(2)}
LSTM = layers.lstm(4, 3).init(KEY)[0]


def with_lengths(n):
    return layers.lstm(4, 3, lengths=jnp.array([n, 2])).apply(LSTM, (), jnp.ones((2, 5, 4)))


CALLS = {
    # sizes, dtypes, initialisation
    "dense(4, 3, dtype='float33')": "dtype is 'float33'; it must be floating point",
    "dense(4, 3, dtype=int)": "it must be floating point",
    "dense(4, 3, init='he')": "init is 'he'; it must be like initializers.he_default",
    "conv(4, 3, (3, 3), dtype=int)": "it must be floating point",
    "embedding(4, 3, dtype=int)": "it must be floating point",
    "lstm(4, 3, dtype=int)": "it must be floating point",
    "layer_norm(4, dtype=int)": "it must be floating point",
    "batch_norm(4, dtype='int8')": "it must be floating point",
    "prelu(dtype=int)": "it must be floating point",
    "learned_positions(4, 3, dtype=int)": "it must be floating point",
    "DENSE.init(0)": "init got 0; it takes one key, as jax.random.key(0)",
    "DENSE.init(None)": "init got None; it takes one key",
    "DENSE.init(jax.random.split(KEY))": "[2]; it takes one key.*jax.vmap(net.init)(keys)",
    # what is applied
    "DENSE.apply(PARAMS, (), None)": "x is None; it must be an array of numbers",
    "DENSE.apply(PARAMS, (), 'text')": "must be an array of numbers",
    "DENSE.apply(PARAMS, (), np.array([None]))": "must be an array of numbers",
    "DENSE.apply(None, (), X)": "params are None; they must be kernel (4, 3), bias (3,)",
    "DENSE.apply(X, (), PARAMS)": "params are .*; they must be kernel (4, 3), bias (3,)",
    "DENSE.apply(OTHERS, (), X)": "got params kernel (4, 2), bias (2,); they must be kernel (4, 3)",
    "DENSE.apply({'kernel': PARAMS['kernel']}, (), X)": "they must be kernel (4, 3), bias (3,)",
    # rates
    "dropout(1.5)": "rate is 1.5; it must lie in [0, 1]",
    "dropout('0.5')": "rate is '0.5'; it must be a number",
    "dropout(None)": "rate is None; it must be a number",
    "dropout(jnp.float32(1.5))": "rate is 1.5; it must lie in [0, 1]",
    "dropout(np.float32(-1))": "rate is -1.0; it must lie in [0, 1]",
    "dropout(0.5).apply((), (), X, train=True)": "dropout(0.5) needs a key in training",
    "gaussian_dropout(1)": "it must lie in [0, 1)",
    "gaussian_noise(-0.1)": "stddev is -0.1; it must be at least 0",
    "feature_dropout(0.5, axes=0)": "axes is 0; it must be a positive integer",
    "drop_path(2, axes=1)": "rate is 2",
    "lstm(4, 3, depth=2, rate=2)": "rate is 2",
    "multi_head_attention(4, 2, rate=-1)": "rate is -1",
    # options
    "layer_norm(4, epsilon=-1)": "epsilon is -1; it must be at least 0",
    "rms_norm(4, epsilon=-1)": "epsilon is -1",
    "group_norm(2, 4, epsilon=-1)": "epsilon is -1",
    "instance_norm(4, epsilon=-1)": "epsilon is -1",
    "batch_norm(4, epsilon=-1)": "epsilon is -1",
    "batch_norm(4, momentum=2)": "momentum is 2; it must lie in [0, 1]",
    "spectral_norm(DENSE, epsilon=-1)": "epsilon is -1",
    "local_response_norm(3, alpha=-1)": "alpha is -1",
    "conv(4, 3, (3, 3), stride=0)": "stride is 0; it must be a whole number of at least 1",
    "conv(4, 3, (3, 3), dilation=0)": "dilation is 0",
    "conv(4, 3, (3, 3), padding=-1)": "padding is -1",
    "conv(4, 3, (3, 3), padding='same')": "padding is 'same'; by name it is",
    "conv(4, 3, 3)": "size is 3; it must be one number per axis",
    "conv_transpose(4, 3, (3, 3), stride=0)": "stride is 0",
    "depthwise_conv(4, (3, 3), stride=0)": "stride is 0",
    "conv_relu_pool(4, 3, (3, 3), pool=(2, 2), stride=0)": "stride is 0",
    "max_pool((2, 2), stride=0)": "stride is 0",
    "max_pool((2, 2), padding=2)": "more than half of the window",
    "avg_pool((0, 2))": "window is (0, 2)",
    "lp_pool((2, 2), norm_type=0)": "norm_type is 0; it must be positive",
    "adaptive_avg_pool((0, 1))": "size is (0, 1)",
    "global_avg_pool(axes=0)": "axes is 0",
    "upsample()": "needs either scale or size",
    "upsample(scale=-1)": "scale is -1",
    "upsample(scale=2, method='lanczos')": "method is 'lanczos'",
    "pixel_shuffle(0)": "factor is 0",
    "flatten()": "axes",
    "flatten(axes=0)": "axes is 0",
    "rescale(dtype=int)": "it must be floating point",
    "rescale('2')": "scale is '2'; it must be a number",
    "rnn(4, 3, nonlinearity='sin')": "nonlinearity is 'sin'; it must be one of 'tanh', 'relu'",
    "lstm(4, 3, derivatives='slow')": "derivatives is 'slow'",
    "with_lengths(99)": "lengths are between 2 and 99; they must lie in [0, 5]",
    "with_lengths(-1)": "lengths are between -1 and 2; they must lie in [0, 5]",
    "embedding(4, 3, padding_index=4)": "padding_index is 4; it must be a token's number",
    "embedding(4, 3, padding_index='a')": "padding_index is 'a'; it must be a token's number",
    "embedding_bag(4, 3, reduction='min')": "reduction is 'min'; it must be one of",
    "sinusoidal_positions(4, base=0)": "base is 0; it must be positive",
    "multi_head_attention(4, 2, rotary_base=0)": "rotary_base is 0",
    "rrelu(lower=2, upper=1)": "lower is 2 and upper is 1; lower must not exceed upper",
    "activity_regularizer(l1=-1)": "l1 is -1; it must be at least 0",
    "functional.layer_norm({}, X, epsilon=-1)": "epsilon is -1",
    "functional.dropout(KEY, X, np.float32(2))": "rate is 2.0",
    # networks
    "serial(layers.flatten)": "flatten makes one when it is called: flatten(…)",
    "serial(dict)": "not of <class 'dict'>",
    "models.mlp(4)": "sizes is 4; it must be a sequence of integers",
    "models.mlp((4, 8, 2), rate=1.5)": "rate is 1.5",
    "models.convnet((8, 8, 1), 3, rate=-1)": "rate is -1",
    "models.transformer_lm(4, length=4, n_features=4, n_heads=2, n_layers=1, rate=3)": "rate is 3",
}


@pytest.mark.parametrize("call", CALLS)
def test_wrong_calls_are_named_at_once(call):
    words = ".*".join(map(re.escape, CALLS[call].split(".*")))
    scope = vars(layers) | globals()
    with pytest.raises((ValueError, TypeError), match=words):
        eval(call, scope)


def test_what_is_known_only_while_it_runs_has_the_meaning_of_its_docstring():
    run = jax.jit(lambda n: layers.lstm(4, 3, lengths=n).apply(LSTM, (), jnp.ones((2, 5, 4)))[0])
    np.testing.assert_array_equal(run(jnp.array([99, -1])), run(jnp.array([5, 0])))
    assert functional.dropout(KEY, X, jnp.float32(1)).sum() == 0
