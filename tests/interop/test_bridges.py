"""Other libraries' modules train as Layers, to the same numbers; and Layers as their modules."""

import chex
import equinox as eqx
import flax.linen as nn
import haiku as hk
import jax
import jax.numpy as jnp
import keras
import numpy as np
import optax
import pytest
from flax import nnx

from interop import bridges
from interop.bridges import LIBRARIES, ROWS, X, after_steps
from jaxdl import checkpoint, data, interop, layers, losses, metrics, sweep, train


@pytest.fixture(scope="module")
def plain():
    return bridges.bridged(0.0)


@pytest.fixture(scope="module")
def dropping():
    return bridges.bridged(0.5)


@pytest.fixture(scope="module")
def expected():
    net = bridges.own(0.0)
    params, state = net.init(jax.random.key(0))
    end, measured = after_steps(net, params, state)
    return params, end, measured


@pytest.mark.parametrize("library", LIBRARIES)
def test_the_same_network_gives_the_same_numbers_after_twenty_steps(library, plain, expected):
    start, ours, measured = expected
    net = plain[library]
    params, state = net.init(jax.random.key(1))
    given = bridges.params_of(library, start)
    chex.assert_trees_all_equal_structs(given, params)
    end, theirs = after_steps(net, given, state)
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, 1e-5, 1e-6),
        end.params,
        bridges.params_of(library, ours.params),
    )
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, 1e-5), theirs, measured)
    same = lambda a, b: (a.shape, a.dtype) == (b.shape, b.dtype)
    assert jax.tree.all(jax.tree.map(same, end.state, state))
    moved = [
        jnp.array_equal(a, b)
        for a, b in zip(*map(jax.tree.leaves, (end.state, state)), strict=True)
    ]
    assert not all(moved)


@pytest.mark.parametrize("library", [name for name in LIBRARIES if name != "haiku"])
def test_a_layer_as_a_module_gives_the_same_numbers_after_twenty_steps(library):
    """In the library's own loop, with its own gradients."""
    start, end = bridges.module_after_steps(library)
    net = bridges.own(0.0)
    _, state = net.init(jax.random.key(0))
    expected, _ = after_steps(net, jax.tree.map(jnp.asarray, start), state)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, 1e-5, 1e-6), end, expected.params)


@pytest.mark.parametrize("library", LIBRARIES)
def test_evaluation_leaves_the_state_and_training_draws_from_the_key(library, dropping):
    net = dropping[library]
    params, state = net.init(jax.random.key(0))
    _, after = net.apply(params, state, X)
    assert jax.tree.all(jax.tree.map(lambda a, b: jnp.array_equal(a, b), after, state))
    with pytest.raises(ValueError, match=f"{library}.* needs a key in training"):
        net.apply(params, state, X, train=True)
    training = jax.jit(lambda key: net.apply(params, state, X, key=key, train=True)[0])
    one, other, again = (training(jax.random.key(i)) for i in (1, 2, 1))
    assert jnp.array_equal(one, again) and not jnp.array_equal(one, other)
    assert f"{library}" in str(
        jax.make_jaxpr(net.apply)(params, state, X).pretty_print(name_stack=True)
    )


@pytest.mark.parametrize(
    "library",
    ["nnx", *(pytest.param(x, marks=pytest.mark.slow) for x in LIBRARIES if x != "nnx")],
)
def test_fit_evaluate_checkpoint_and_sweep(library, dropping, tmp_path):
    net = dropping[library]
    loss_fn = train.supervised(net, losses.cross_entropy, metrics={"accuracy": metrics.accuracy})
    tx, dataset = optax.adam(0.02), data.Dataset(train=ROWS, validation=None, test=ROWS)
    start = train.init_state(net, tx, jax.random.key(0))
    end, history = train.fit(loss_fn, tx, start, dataset, epochs=3, batch_size=16, hooks=())
    assert history[-1]["loss"] < history[0]["loss"]
    assert train.evaluate(loss_fn, end, ROWS)["accuracy"] > 0.3
    checkpoint.save(tmp_path, end)
    again, _ = checkpoint.restore(tmp_path, start)
    jax.tree.map(np.testing.assert_array_equal, again.params, end.params)
    jax.tree.map(np.testing.assert_array_equal, again.state, end.state)
    make = lambda learning_rate=0.01: sweep.Run(net, loss_fn, optax.adam(learning_rate))
    found = sweep.run(
        make, dataset, epochs=2, batch_size=16, points={"learning_rate": [0.0, 0.02]}, hooks=()
    )
    first, second = found.history["loss"][:, -1]
    assert second < first


def test_each_key_draws_its_own_weights():
    nets = bridges.bridged(0.0) | {
        "keras": interop.keras(bridges.keras_model(0.0), redraw=True),
        "kept": interop.keras(bridges.keras_model(0.0)),
        "module": interop.nnx(bridges.Nnx(nnx.Rngs(0))),
    }
    for library, net in nets.items():
        drawn = jax.jit(jax.vmap(net.init))(jax.random.split(jax.random.key(0), 2))[0]
        differ = [not np.array_equal(x[0], x[1]) for x in jax.tree.leaves(drawn)]
        assert any(differ) == (library not in ("kept", "module")), library


def test_a_layer_inside_each_library():
    net = bridges.own(0.5)
    params, state = net.init(jax.random.key(0))
    expected, _ = net.apply(params, state, X)
    # Linen
    module = interop.to_linen(net)
    variables = {"params": {"layer": params}, "state": {"layer": state}}
    like = module.init(jax.random.key(0), X)
    chex.assert_trees_all_equal_structs(like, variables)
    np.testing.assert_array_equal(module.apply(variables, X), expected)
    _, new = module.apply(
        variables, X, train=True, rngs={"dropout": jax.random.key(1)}, mutable=["state"]
    )
    mean = new["state"]["layer"]["norm"]["mean"]
    assert abs(mean).max() > 0
    # NNX
    inside = interop.to_nnx(net, nnx.Rngs(0))
    inside.train()
    graph = nnx.grad(lambda model: (model(X) ** 2).mean())(inside)
    assert abs(graph["params"]["first"]["kernel"][...]).max() > 0
    assert abs(inside.state["norm"]["mean"][...]).max() > 0
    inside.eval()
    nnx.update(inside, nnx.state(inside))
    assert inside(X).shape == expected.shape
    # Equinox
    member, carried = eqx.nn.make_with_state(interop.to_equinox)(net, jax.random.key(0))
    first, carried = member(X, carried, key=jax.random.key(2))
    y, _ = eqx.nn.inference_mode(member)(X, carried)
    assert y.shape == expected.shape and not jnp.array_equal(first, y)
    # Keras
    model = keras.Sequential([keras.Input((bridges.N_IN,)), interop.to_keras(net)])
    model.compile("sgd", "mse")
    before = [np.asarray(v) for v in model.variables]
    model.fit(X, expected, epochs=1, verbose=0)
    pairs = zip(before, model.variables, strict=True)
    moved = {v.path.split("/")[-1] for old, v in pairs if not np.array_equal(old, v)}
    assert {"first.kernel", "last.bias", "norm.scale", "norm.mean", "norm.variance"} <= moved


class Unflagged(nn.Module):
    @nn.compact
    def __call__(self, x):
        return nn.BatchNorm(use_running_average=False)(x)


def test_wrong_modules_are_named(monkeypatch):
    with pytest.raises(ValueError, match=r"linen\(Unflagged\) keeps running statistics"):
        interop.linen(Unflagged(), X)
    unflagged = hk.transform_with_state(lambda x: hk.BatchNorm(True, True, 0.9)(x, True))
    with pytest.raises(ValueError, match="takes none of train"):
        interop.haiku(unflagged, X)
    assert interop.haiku(unflagged, X, arguments=lambda train: {}).init(jax.random.key(0))
    for bridge, words in ((interop.linen, "flax.linen.Module"), (interop.haiku, "hk.transform")):
        with pytest.raises(TypeError, match=words):
            bridge(layers.dense(2, 2), X)
    for bridge in (interop.nnx, interop.equinox, interop.keras):
        with pytest.raises(TypeError, match=f"interop.{bridge.__name__} got"):
            bridge(3)
    with pytest.raises(ValueError, match="isn't built"):
        interop.keras(keras.Sequential([keras.layers.Dense(3)]))
    regular = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, kernel_regularizer="l2")])
    with pytest.warns(UserWarning, match="1 losses of its own"):
        interop.keras(regular)
    monkeypatch.setitem(__import__("sys").modules, "equinox", None)
    with pytest.raises(ImportError, match=r"interop.equinox needs equinox: .*\[interop\]"):
        interop.equinox(3)
