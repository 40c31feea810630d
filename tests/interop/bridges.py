"""One network, dense-batch norm-relu-dense, as each library writes it."""

import os

os.environ.setdefault("KERAS_BACKEND", "jax")

import equinox as eqx
import flax.linen as nn
import haiku as hk
import jax
import jax.numpy as jnp
import keras
import numpy as np
import optax
from flax import nnx

from jaxdl import activations, interop, layers, losses, serial, train

LIBRARIES = ("linen", "nnx", "equinox", "haiku", "keras")
N_IN, N_HIDDEN, N_OUT = 6, 8, 3
EXAMPLE = jnp.zeros((1, N_IN))
X = np.random.default_rng(0).normal(size=(48, N_IN)).astype("float32")
ROWS = {"inputs": X, "labels": X[:, :3].argmax(1).astype("int32")}


class Linen(nn.Module):
    rate: float = 0.0

    @nn.compact
    def __call__(self, x, train=False):
        x = nn.Dense(N_HIDDEN)(x)
        x = nn.BatchNorm(use_running_average=not train, momentum=0.9, epsilon=1e-5)(x)
        x = nn.Dropout(self.rate, deterministic=not train)(nn.relu(x))
        return nn.Dense(N_OUT)(x)


class Nnx(nnx.Module):
    def __init__(self, rngs, rate=0.0):
        self.first = nnx.Linear(N_IN, N_HIDDEN, rngs=rngs)
        self.norm = nnx.BatchNorm(N_HIDDEN, momentum=0.9, epsilon=1e-5, rngs=rngs)
        self.drop = nnx.Dropout(rate, rngs=rngs)
        self.last = nnx.Linear(N_HIDDEN, N_OUT, rngs=rngs)

    def __call__(self, x):
        return self.last(self.drop(nnx.relu(self.norm(self.first(x)))))


class Equinox(eqx.Module):
    first: eqx.nn.Linear
    norm: eqx.nn.BatchNorm
    drop: eqx.nn.Dropout
    last: eqx.nn.Linear

    def __init__(self, key, rate=0.0):
        one, two = jax.random.split(key)
        self.first = eqx.nn.Linear(N_IN, N_HIDDEN, key=one)
        self.norm = eqx.nn.BatchNorm(N_HIDDEN, "batch", momentum=0.9, mode="batch")
        self.drop = eqx.nn.Dropout(rate)
        self.last = eqx.nn.Linear(N_HIDDEN, N_OUT, key=two)

    def __call__(self, x, state, *, key=None):
        x, state = self.norm(self.first(x), state)
        return self.last(self.drop(jax.nn.relu(x), key=key)), state


def haiku_function(rate):
    def forward(x, is_training):
        norm = hk.BatchNorm(True, True, decay_rate=0.9, eps=1e-5, name="norm")
        x = jax.nn.relu(norm(hk.Linear(N_HIDDEN, name="first")(x), is_training))
        x = hk.dropout(hk.next_rng_key(), rate, x) if is_training and rate else x
        return hk.Linear(N_OUT, name="last")(x)

    return hk.transform_with_state(forward)


def keras_model(rate):
    return keras.Sequential(
        [
            keras.Input((N_IN,)),
            keras.layers.Dense(N_HIDDEN, name="first"),
            keras.layers.BatchNormalization(momentum=0.9, epsilon=1e-5, name="norm"),
            keras.layers.ReLU(),
            *([keras.layers.Dropout(rate)] if rate else []),
            keras.layers.Dense(N_OUT, name="last"),
        ]
    )


def own(rate):
    return serial(
        first=layers.dense(N_IN, N_HIDDEN),
        norm=layers.batch_norm(N_HIDDEN),
        relu=activations.relu,
        drop=layers.dropout(rate),
        last=layers.dense(N_HIDDEN, N_OUT),
    )


def bridged(rate):
    """The network of each library as a Layer, by name."""
    return {
        "linen": interop.linen(Linen(rate), EXAMPLE),
        "nnx": interop.nnx(lambda rngs: Nnx(rngs, rate)),
        "equinox": interop.equinox(lambda key: eqx.nn.make_with_state(Equinox)(key, rate)),
        "haiku": interop.haiku(haiku_function(rate), EXAMPLE),
        "keras": interop.keras(keras_model(rate)),
    }


_LEAVES = {
    "linen": {"first": "Dense_0", "norm": "BatchNorm_0", "last": "Dense_1"},
    "haiku": {"first": "first", "norm": "norm", "last": "last"},
}


def params_of(library, params):
    """The params of ``own`` in the layout of another library."""
    first, norm, last = (params[part] for part in ("first", "norm", "last"))
    if library == "linen":
        return {"Dense_0": first, "BatchNorm_0": norm, "Dense_1": last}
    if library == "nnx":
        return {"first": first, "norm": norm, "last": last}
    if library == "equinox":
        turned = lambda p: {"weight": p["kernel"].T, "bias": p["bias"]}
        scale = {"weight": norm["scale"], "bias": norm["bias"]}
        return {"first": turned(first), "norm": scale, "last": turned(last)}
    if library == "haiku":
        dense = lambda p: {"w": p["kernel"], "b": p["bias"]}
        scale = {"scale": norm["scale"][None], "offset": norm["bias"][None]}
        return {"first": dense(first), "norm": scale, "last": dense(last)}
    pairs = {"first": first, "norm": {"gamma": norm["scale"], "beta": norm["bias"]}, "last": last}
    return {f"{part}/{leaf}": x for part, leaves in pairs.items() for leaf, x in leaves.items()}


def after_steps(net, params, state, n=20):
    """The TrainState after some steps of all rows, and the last step's metrics."""
    tx = optax.sgd(0.1, momentum=0.9)
    loss_fn = train.supervised(net, losses.cross_entropy)
    start = train.init_state(net, tx, jax.random.key(0))
    start = start._replace(params=params, state=state, opt_state=tx.init(params))
    step = jax.jit(train.make_step(loss_fn, tx))
    for _ in range(n):
        start, measured = step(start, ROWS)
    return start, measured


def as_module(library):
    """A Layer as a library's module: what it gives for X, and the Layer with the same params."""
    net, key = own(0.5), jax.random.key(0)
    if library == "linen":
        module = interop.to_linen(net)
        variables = module.init(key, X)
        return module.apply(variables, X), net, variables["params"]["layer"]
    if library == "nnx":
        module = interop.to_nnx(net, nnx.Rngs(0))
        module.eval()
        is_variable = lambda leaf: isinstance(leaf, nnx.Variable)
        read = lambda tree: jax.tree.map(lambda leaf: leaf[...], tree, is_leaf=is_variable)
        return module(X), net, read(module.params)
    if library == "equinox":
        module, carried = eqx.nn.make_with_state(interop.to_equinox)(net, key)
        return eqx.nn.inference_mode(module)(X, carried)[0], net, module.params
    layer = interop.to_keras(net)
    y = keras.Sequential([keras.Input((N_IN,)), layer])(X)
    values = [variable.value for variable in layer.own]
    return y, net, jax.tree.unflatten(layer.structures()[0], values)


def _loss(y):
    return optax.softmax_cross_entropy_with_integer_labels(y, ROWS["labels"]).mean()


def _updated(tx, grads, opt_state, params):
    updates, opt_state = tx.update(grads, opt_state, params)
    return optax.apply_updates(params, updates), opt_state


def module_after_steps(library, n=20):
    """Params of a Layer as a library's module, before and after steps in the library's own way."""
    net, key, tx = own(0.0), jax.random.key(0), optax.sgd(0.1, momentum=0.9)
    return {"linen": _linen_steps, "nnx": _nnx_steps, "equinox": _equinox_steps,
            "keras": _keras_steps}[library](net, key, tx, n)  # fmt: skip


def _linen_steps(net, key, tx, n):
    module = interop.to_linen(net)
    start = variables = module.init(key, X)
    opt_state = tx.init(start["params"])

    @jax.jit
    def step(variables, opt_state):
        def loss_fn(params):
            given = {"params": params, "state": variables["state"]}
            y, new = module.apply(given, X, train=True, rngs={"dropout": key}, mutable=["state"])
            return _loss(y), new["state"]

        grads, state = jax.grad(loss_fn, has_aux=True)(variables["params"])
        params, opt_state = _updated(tx, grads, opt_state, variables["params"])
        return {"params": params, "state": state}, opt_state

    for _ in range(n):
        variables, opt_state = step(variables, opt_state)
    return start["params"]["layer"], variables["params"]["layer"]


def _nnx_steps(net, key, tx, n):
    module = interop.to_nnx(net, nnx.Rngs(0))
    module.train()
    is_variable = lambda leaf: isinstance(leaf, nnx.Variable)
    read = lambda: jax.tree.map(lambda leaf: leaf[...], module.params, is_leaf=is_variable)
    start, optimizer = read(), nnx.Optimizer(module, tx, wrt=nnx.Param)
    step = nnx.jit(
        lambda module, optimizer: optimizer.update(
            module, nnx.grad(lambda module: _loss(module(X)))(module)
        )
    )
    for _ in range(n):
        step(module, optimizer)
    return start, read()


def _equinox_steps(net, key, tx, n):
    module, carried = eqx.nn.make_with_state(interop.to_equinox)(net, key)
    start, opt_state = module.params, tx.init(eqx.filter(module, eqx.is_inexact_array))

    @eqx.filter_jit
    def step(module, carried, opt_state):
        def loss_fn(module):
            y, new = module(X, carried, key=key)
            return _loss(y), new

        grads, carried_on = eqx.filter_grad(loss_fn, has_aux=True)(module)
        updates, opt_state = tx.update(grads, opt_state)
        return eqx.apply_updates(module, updates), carried_on, opt_state

    for _ in range(n):
        module, carried, opt_state = step(module, carried, opt_state)
    return start, module.params


def _keras_steps(net, key, tx, n):
    layer = interop.to_keras(net)
    model = keras.Sequential([keras.Input((N_IN,)), layer])
    read = lambda: jax.tree.unflatten(layer.structures()[0], [np.asarray(v) for v in layer.own])
    start = read()
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(0.1, momentum=0.9), loss)
    model.fit(X, ROWS["labels"], batch_size=len(X), epochs=n, shuffle=False, verbose=0)
    return start, read()
