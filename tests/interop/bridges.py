"""One network, dense-batch norm-relu-dense, as each library writes it."""

import os

os.environ.setdefault("KERAS_BACKEND", "jax")

import equinox as eqx
import flax.linen as nn
import haiku as hk
import jax
import jax.numpy as jnp
import keras
from flax import nnx

from jaxdl import activations, interop, layers, serial

N_IN, N_HIDDEN, N_OUT = 6, 8, 3
EXAMPLE = jnp.zeros((1, N_IN))


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
