"""What each combinator computes, against the same written out, and what it says of wrong parts."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl import layers, serial
from jaxdl._checks import ShapeError
from jaxdl.combinators import branch, frozen, remat, repeat, residual
from jaxdl.types import name_of


def close(a, b):
    jax.tree.map(lambda x, y: np.testing.assert_allclose(x, y, rtol=1e-6, atol=1e-6), a, b)


@pytest.fixture
def x(key):
    return jax.random.normal(key, (5, 4))


def test_branch_computes_each_part_on_the_same_input(key, x):
    net = branch(layers.dense(4, 3), layers.dense(4, 2), merge="concat")
    params, state = net.init(key)
    y, _ = net.apply(params, state, x)
    close(y, jnp.concatenate([x @ p["kernel"] + jnp.tile(p["bias"], (5, 1)) for p in params], -1))


def test_residual_adds_what_comes_in(key, x):
    body = layers.dense(4, 4)
    params, state = residual(body).init(key)
    y, _ = residual(body).apply(params, state, x)
    close(y, x + body.apply(params["body"], (), x)[0])


def random_block():
    return serial(layers.dense(4, 4), jnp.tanh, layers.dropout(0.3))


@pytest.mark.parametrize("train", [False, True])
def test_repeat_is_serial_of_copies_with_the_same_keys(key, x, train):
    stacked, written = repeat(random_block(), 3), serial(*[random_block()] * 3)
    params, state = stacked.init(key)
    theirs, their_state = written.init(key)
    close(params, jax.tree.map(lambda *leaves: jnp.stack(leaves), *theirs))
    got = stacked.apply(params, state, x, key=key, train=train)[0]
    close(got, written.apply(theirs, their_state, x, key=key, train=train)[0])


def test_a_repeated_block_is_compiled_once(key, x):
    def size(n):
        net = repeat(random_block(), n)
        loss = lambda params: net.apply(params, ((), (), ()), x)[0].sum()
        params = jax.eval_shape(net.init, key)[0]
        return len(jax.jit(jax.grad(loss)).lower(params).as_text())

    assert size(48) < 1.1 * size(2)


def test_remat_gives_the_same_gradients_and_computes_twice(key, x):
    def gradient(layer):
        params, state = layer.init(key)
        loss = lambda p: layer.apply(p, state, x, key=key, train=True)[0].sum()
        return jax.grad(loss)(params), str(jax.make_jaxpr(jax.grad(loss))(params)).count(" tanh ")

    (plain, once), (again, twice) = gradient(random_block()), gradient(remat(random_block()))
    close(plain, again)
    assert twice == once + 1


def test_remat_holds_less_memory(key):
    # Repeated: of blocks in a row, XLA on CPUs finds what is computed twice and keeps it.
    def temporary(wrap):
        net = repeat(wrap(serial(layers.dense(64, 64), jnp.tanh, jnp.sin, jnp.tanh)), 16)
        params, state = net.init(key)
        loss = lambda params, x: net.apply(params, state, x)[0].sum()
        compiled = jax.jit(jax.grad(loss)).lower(params, jnp.ones((2048, 64))).compile()
        return compiled.memory_analysis().temp_size_in_bytes

    assert temporary(remat) < 0.6 * temporary(lambda layer: layer)


def test_frozen_learns_nothing_and_drops_nothing(key, x):
    net = frozen(random_block())
    params, state = net.init(key)
    loss = lambda params: net.apply(params, state, x, key=key, train=True)[0].sum()
    assert all(not g.any() for g in jax.tree.leaves(jax.grad(loss)(params)))
    close(loss(params), net.apply(params, state, x)[0].sum())


def test_wrapping_leaves_the_name_of_the_layer_inside(key):
    inner = layers.dense(4, 4)
    assert name_of(remat(inner)) == "remat(dense(4, 4))" and name_of(inner) == "dense(4, 4)"
    assert name_of(repeat(inner, 3)) == "repeat(dense(4, 4), 3)"
    assert name_of(frozen(residual(inner))) == "frozen(residual(dense(4, 4)))"


@pytest.mark.parametrize(
    ("net", "message"),
    [
        (lambda: residual(layers.dense(4, 3)), r"can't sum float32\[5,3\], float32\[5,4\]"),
        (lambda: branch(jnp.tanh, jnp.sum, merge="concat"), r"can't concat .*float32\[\]"),
        (lambda: branch(jnp.tanh, jnp.sin, merge="max"), "merge is 'max'"),
        (lambda: repeat(layers.dense(4, 3), 2), r"made float32\[5,3\] of float32\[5,4\]"),
        (lambda: repeat(layers.dense(4, 4), 0), "n is 0"),
        (lambda: branch(), "branch needs layers"),
        (lambda: branch(3), "not of 3"),
    ],
)
def test_wrong_parts_are_named(key, x, net, message):
    use = lambda layer: layer.apply(*layer.init(key), x)
    with pytest.raises((ShapeError, ValueError, TypeError), match=message):
        use(net())
