"""What depends on what in a traced program, through calls, branches and loops."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from jaxdl import _jaxprs, layers, models

one, two = jnp.float32(1), jnp.float32(2)


def scanned(a, b):
    """A reaches the carry in the second turn only, b nothing but the rows."""
    body = lambda c, x: ((c[1], c[1] * a), x * b)
    return lax.scan(body, (one, one), jnp.arange(3.0))


def looped(a, b):
    return lax.while_loop(lambda c: c[0] < 3, lambda c: (c[0] + 1, 2 * c[1]), (a, b))


@pytest.mark.parametrize(
    ("fn", "expected"),
    [
        (lambda a, b: (a + b, b, one), [{0, 1}, {1}, set()]),
        (jax.jit(lambda a, b: (2 * a, b)), [{0}, {1}]),
        (lambda a, b: jax.jit(lambda d: d["a"])({"a": a, "b": b}), [{0}]),
        (lambda a, b: jax.checkpoint(lambda a, b: jnp.sin(a))(a, b), [{0}]),
        (lambda a, b: jax.grad(lambda a: jax.nn.relu(a) ** 2)(a), [{0}]),
        (lambda a, b: lax.cond(a > 0, lambda d: d[1], lambda d: 2 * d[1], (a, b)), [{0, 1}]),
        (lambda a, b: lax.cond(True, lambda d: d[1], lambda d: 2 * d[1], (a, b)), [{1}]),
        (scanned, [{0}, {0}, {1}]),
        (looped, [{0, 1}, {0, 1}]),  # on the safe side
    ],
)
def test_dependencies(fn, expected):
    found = _jaxprs.dependencies(jax.make_jaxpr(fn)(one, two).jaxpr)
    assert [set(each) for each in found] == expected


def test_constants_at_any_depth():
    tables = [np.arange(n, dtype="float32") for n in (2, 3, 4)]
    inner = jax.jit(lambda x: x + tables[1].sum() + jnp.asarray(tables[1])[0])
    body = lambda c, x: (c + jnp.asarray(tables[2]).sum(), x)
    fn = lambda x: inner(x) + jnp.asarray(tables[0])[1] + lax.scan(body, x, jnp.arange(2.0))[0]
    sizes = {np.size(x) for x in _jaxprs.constants(jax.make_jaxpr(fn)(one))}
    assert {2, 3, 4} <= sizes
    names = [eqn.primitive.name for eqn in _jaxprs.equations(jax.make_jaxpr(fn)(one).jaxpr)]
    assert names.count("reduce_sum") >= 1 and "scan" in names


@pytest.mark.parametrize(
    ("net", "shape"),
    [
        (lambda: models.convnet((8, 8, 1), 3), (8, 8, 1)),
        (lambda: layers.lstm(3, 4), (5, 3)),
        (lambda: models.transformer_encoder(8, 3, n_heads=2, n_layers=2), (5, 8)),
    ],
)
def test_gradients_of_layers_hold_no_code_of_a_user(net, shape):
    """Where a program holds any, training traces it a second time."""
    net = net()
    params, state = jax.eval_shape(net.init, jax.random.key(0))
    x = jax.ShapeDtypeStruct((2, *shape), jnp.float32)
    grad = jax.grad(lambda p, s, x: net.apply(p, s, x, train=True, key=jax.random.key(0))[0].sum())
    assert not _jaxprs.holds_user_code(jax.make_jaxpr(grad)(params, state, x).jaxpr)
