"""What each combinator computes, against the same written out, and what it says of wrong parts."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl import layers, serial
from jaxdl._checks import ShapeError
from jaxdl._forward_mode import in_forward_mode
from jaxdl.combinators import (
    branch,
    compose,
    forward_mode,
    frozen,
    lift,
    remat,
    repeat,
    residual,
    stateless,
)
from jaxdl.types import Layer, name_of


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
        memory = compiled.memory_analysis()
        assert memory is not None
        return memory.temp_size_in_bytes

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


def views(x, *, encoder, head, key, train):
    """Two views through one encoder, and dropout from the function's own key."""
    first, second = encoder(x["a"]), encoder(x["b"])
    assert (key is None) != train
    return {"score": head(first * second), "tied": first @ head.params["kernel"]}


def two_views(encoder):
    return compose(views, encoder=encoder, head=layers.dense(3, 2))


def test_compose_calls_its_parts_as_often_as_one_likes(key, x):
    net = two_views(layers.dense(4, 3))
    params, state = net.init(key)
    pair = {"a": x, "b": 2 * x}
    loss = lambda net, p: sum(y.sum() for y in net.apply(p, state, pair)[0].values())
    encode = lambda x: layers.dense(4, 3).apply(params["encoder"], (), x)[0]
    first, second = encode(x), encode(2 * x)
    y, same = net.apply(params, state, pair)
    close(y["score"], layers.dense(3, 2).apply(params["head"], (), first * second)[0])
    close(y["tied"], first @ params["head"]["kernel"])
    assert same == state == {"encoder": (), "head": ()}
    # The same again in a serial, without memory, for an ensemble, and without a gradient.
    within = serial(lambda x: x, remat(net))
    close(within.apply(((), params), ((), state), pair)[0], y)
    members = jax.vmap(net.init)(jax.random.split(key, 3))
    assert jax.vmap(net.apply, (0, 0, None))(*members, pair)[0]["tied"].shape == (3, 5, 2)
    still = jax.grad(lambda p: loss(frozen(net), p))(params)
    assert not any(leaf.any() for leaf in jax.tree.leaves(still))
    deep = repeat(compose(lambda x, f: x + f(jnp.tanh(f(x))), f=layers.dense(4, 4)), 3)
    assert deep.apply(*deep.init(key), x)[0].shape == x.shape


def test_compose_threads_state_and_keys(key, x):
    net = two_views(serial(layers.dense(4, 3), layers.batch_norm(3), layers.dropout(0.5)))
    params, state = net.init(key)
    pair = {"a": x, "b": x}
    after = net.apply(params, state, pair, key=key, train=True)[1]["encoder"][1]
    one = layers.batch_norm(3)
    h = layers.dense(4, 3).apply(params["encoder"][0], (), x)[0]
    once = one.apply(params["encoder"][1], state["encoder"][1], h, train=True)[1]
    close(after, one.apply(params["encoder"][1], once, h, train=True)[1])
    noisy = compose(lambda x, drop: drop(x) - drop(x), drop=layers.dropout(0.5))
    y, _ = noisy.apply({"drop": ()}, {"drop": ()}, jnp.ones(100), key=key, train=True)
    assert 20 < (y != 0).sum() < 80  # each call draws its own


def test_compose_says_what_is_wrong(key):
    with pytest.raises(TypeError, match="by keyword, encoder, tail"):
        compose(views, encoder=layers.dense(4, 3), tail=layers.dense(3, 2))
    with pytest.raises(ValueError, match="can't be called 'key'"):
        compose(views, key=layers.dense(4, 3))
    net = two_views(layers.dense(5, 3))
    with pytest.raises(ShapeError, match=r"dense\(5, 3\) got .* in 'encoder' of compose\(views\)"):
        net.apply(*net.init(key), {"a": jnp.ones((2, 4)), "b": jnp.ones((2, 4))})


def broken(init=lambda key: ((), ()), apply=lambda p, s, x, *, key=None, train=False: (x, s)):
    return Layer(init, apply)


@pytest.mark.parametrize(
    ("part", "message"),
    [
        (broken(init=lambda key: {"w": jnp.ones(2)}), r"init returned {w: float32\[2\]}; .*params"),
        (
            broken(apply=lambda p, s, x, *, key=None, train=False: x),
            r"float32\[2,4\]; .*\(y, state",
        ),
        (
            broken(apply=lambda p, s, x, *, key=None, train=False: (x, {"n": x.sum()})),
            r"got the state \(\) and returned {n: float32\[\]}; a state keeps",
        ),
    ],
)
@pytest.mark.parametrize(
    "within",
    [
        serial,
        branch,
        residual,
        lambda part: repeat(part, 2),
        lambda p: compose(lambda x, p: p(x), p=p),
    ],
)
def test_a_layer_that_breaks_the_contract_is_named(key, part, message, within):
    use = lambda net: net.apply(*net.init(key), jnp.ones((2, 4)))
    with pytest.raises(TypeError, match="<lambda>: .*" + message):
        use(within(part))


class Foreign:
    __module__ = "flax.linen"

    def __call__(self, x):
        return x


@pytest.mark.parametrize(
    ("part", "message"),
    [
        (lambda a, b: a, r"<lambda>\(a, b\) takes others"),
        (jnp.add, "add takes 2"),
        (layers.dense, r"dense makes one when it is called: dense\(…\)"),
        (layers.dropout, "when it is called"),
        (Foreign(), "not of Foreign of flax; jaxdl.interop"),
        (dict, "not of <class 'dict'>"),
        (3, "not of 3"),
    ],
)
def test_what_is_no_layer_is_refused_where_the_network_is_made(part, message):
    with pytest.raises(TypeError, match=message):
        serial(layers.dense(4, 4), part)
    assert lift(jnp.tanh).apply((), (), 0.0)[0] == 0


@pytest.mark.parametrize(
    "wrap", [remat, lambda net: repeat(net, 2), lambda net: remat(repeat(net, 2))]
)
def test_forward_mode_sees_through_what_is_traced_apart(wrap, key, x):
    net = wrap(serial(layers.conv(4, 4, (3,), padding=1), layers.rnn(4, 4)))
    params, state = net.init(key)
    fn = lambda x: net.apply(params, state, x)[0][-1]
    forward, reverse = jax.jit(lambda x: (jax.jacfwd(fn)(x), jax.jacrev(fn)(x)))(x)
    np.testing.assert_allclose(forward, reverse, rtol=1e-4, atol=1e-6)


HIDES: dict[str, Callable[..., Any]] = {
    "jit": jax.jit,
    "checkpoint": lambda fn: jax.jit(jax.checkpoint(fn)),
    "scan": lambda fn: lambda x: jax.lax.scan(lambda c, x: (c, fn(x)), 0, x[None])[1][0],
    "cond": lambda fn: lambda x: jax.lax.cond(x.sum() > -1e9, fn, lambda x: 0 * fn(x), x),
}


@pytest.mark.parametrize("hide", HIDES)
def test_forward_mode_goes_through_what_hides_it(hide, key, x):
    net = serial(layers.conv(4, 4, (3,), padding=1), layers.rnn(4, 4))
    params, state = net.init(key)
    hidden = HIDES[hide]
    fn = hidden(lambda x: net.apply(params, state, x)[0][-1])
    np.testing.assert_allclose(jax.jacfwd(fn)(x), jax.jacrev(fn)(x), rtol=1e-4, atol=1e-6)


def test_forward_mode_is_seen_by_all_that_is_inside(key, x):
    seen = []

    def look(x):
        seen.append(in_forward_mode(x))
        return x

    net = forward_mode(serial(look))
    params, state = net.init(key)
    jax.jit(lambda x: net.apply(params, state, x)[0])(x)
    assert seen == [True] and not in_forward_mode(x)


def test_stateless_is_apply_without_the_state(key, x):
    net = serial(layers.dense(4, 3), layers.dropout(0.5))
    params, state = net.init(key)
    f = stateless(net)
    close(f(params, x), net.apply(params, state, x)[0])
    close(f(params, x, key=key, train=True), net.apply(params, state, x, key=key, train=True)[0])
    with pytest.raises(ValueError, match=r"stateless: .*batch_norm.* has the state .*mean"):
        stateless(serial(layers.batch_norm(4)))
