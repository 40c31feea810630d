"""Recurrent layers: sizes, initialisation, and what a wrong call says."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from golden import compare
from jaxdl import functional, initializers, layers


@pytest.mark.parametrize(("cell", "count"), [("lstm", 5920), ("gru", 4440), ("rnn", 1480)])
def test_parameter_counts_and_bounds_of_pytorch(key, cell, count):
    options = {} if cell == "gru" else {"recurrent_bias": True}
    size = lambda net: sum(p.size for p in jax.tree.leaves(jax.eval_shape(net.init, key)))
    net = getattr(layers, cell)(10, 20, depth=2, **options)
    params = compare.quick_jit(net.init)(key)[0]
    assert size(net) == count  # of torch.nn.LSTM(10, 20, 2), GRU and RNN
    both = getattr(layers, cell)(10, 20, depth=2, bidirectional=True, **options)
    gates = {"lstm": 4, "gru": 3, "rnn": 1}[cell]
    assert size(both) == 2 * gates * 20 * ((10 + 20 + 2) + (40 + 20 + 2))
    for leaf in jax.tree.leaves(params):
        assert float(abs(leaf).max()) <= 20**-0.5
    assert float(abs(params[0]["recurrent_kernel"]).max()) > 0.98 * 20**-0.5
    assert "bias" not in getattr(layers, cell)(2, 3, bias=False).init(key)[0][0]


def test_keras_initialisation_can_be_had(key):
    orthogonal = initializers.orthogonal()
    net = layers.lstm(8, 8, init=initializers.keras_default, recurrent_init=orthogonal)
    (params,), _ = net.init(key)
    u = np.asarray(params["recurrent_kernel"])
    np.testing.assert_allclose(u @ u.T, np.eye(8), atol=1e-5)
    assert not params["bias"].any()


P = {"kernel": jnp.ones((3, 16)), "recurrent_kernel": jnp.ones((4, 16))}
X, H = jnp.ones((5, 6, 3)), jnp.ones((5, 4))


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: layers.lstm(3, 0), ValueError, r"lstm\(3, 0\): n_hidden is 0"),
        (lambda: layers.gru(3, 4, depth=0), ValueError, r"gru\(3, 4\): depth is 0"),
        (lambda: layers.rnn(3, 4, rate=1.5), ValueError, "rate is 1.5"),
        (
            lambda: functional.lstm(P, jnp.ones((5, 6, 2))),
            ValueError,
            r"lstm\(3, 4\) got float32\[5,6,2\], and needs 3 entries on its last axis",
        ),
        (lambda: functional.lstm(P, jnp.ones(3)), ValueError, r"float32\[3\], and needs axes"),
        (lambda: functional.lstm(P, jnp.ones((5, 6, 3), int)), TypeError, "x is int32"),
        (
            lambda: functional.gru(P, X),
            ValueError,
            r"gru: params\['kernel'\] is float32\[3,16\]; .* must have shape \(3, 12\)",
        ),
        (
            lambda: functional.lstm(P, X, carry=(H[:4], H)),
            ValueError,
            r"carry\[0\] is float32\[4,4\]; it must have shape \(5, 4\)",
        ),
        (
            lambda: functional.lstm(P, X, carry=(H, jnp.ones((1, 4)))),
            ValueError,
            r"carry\[1\] is float32\[1,4\]; it must have shape \(5, 4\)",
        ),
        (lambda: functional.lstm(P, X, carry=H), ValueError, r"carry .* pair \(h, c\)"),
        (
            lambda: functional.lstm(P, X, lengths=jnp.ones(4, int)),
            ValueError,
            r"lengths is int32\[4\]; it must have shape \(5,\)",
        ),
        (
            lambda: functional.lstm(P, X, lengths=jnp.ones(5)),
            TypeError,
            r"lengths is float32\[5\]; it must be of integers",
        ),
        (
            lambda: functional.lstm(P, X, derivatives="slow"),
            ValueError,
            r"lstm\(3, 4\): derivatives is 'slow'",
        ),
        (
            lambda: functional.lstm_step(P, (H, H), X[:4, 0]),
            ValueError,
            r"lstm_step\(3, 4\): carry\[0\] is float32\[5,4\]; it must have shape \(4, 4\)",
        ),
        (
            lambda: functional.rnn(
                {"kernel": jnp.ones((3, 4)), "recurrent_kernel": jnp.ones((4, 4))},
                X,
                nonlinearity="gelu",
            ),
            ValueError,
            "nonlinearity is 'gelu'",
        ),
        (
            lambda: functional.recurrent(functional.lstm, (P,), X, carry=()),
            ValueError,
            "0 carries for 1 layers",
        ),
    ],
)
def test_wrong_arguments_are_named(make, error, message):
    with pytest.raises(error, match=message):
        make()


FORWARD = [
    layers.rnn(2, 3),
    pytest.param(layers.lstm(2, 3), marks=pytest.mark.slow),
    pytest.param(layers.gru(2, 3), marks=pytest.mark.slow),
]


@pytest.mark.parametrize("layer", FORWARD, ids=repr)
def test_forward_mode_is_reverse_mode_without_a_keyword(key, layer):
    params, state = layer.init(key)
    fn = lambda params, x: layer.apply(params, state, x)[0][-1]
    x = jax.random.normal(key, (4, 2))
    forward, reverse = (jac(fn, (0, 1))(params, x) for jac in (jax.jacfwd, jax.jacrev))
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, 1e-5, 1e-5), forward, reverse)
