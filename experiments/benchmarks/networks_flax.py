"""The networks of layers.py in Flax (linen), and its usual loop over a compiled step."""

import functools
from collections.abc import Callable

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
from rivals import Trainer


class Block(nn.Module):
    """Two convolutions with batch normalisation, and a shortcut without parameters."""

    n_out: int
    stride: int

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        conv = functools.partial(nn.Conv, self.n_out, (3, 3), padding=1, use_bias=False)
        norm = functools.partial(nn.BatchNorm, use_running_average=False, momentum=0.9)
        y = norm()(conv()(nn.relu(norm()(conv(strides=self.stride)(x)))))
        if self.stride > 1:
            more = self.n_out - x.shape[-1]
            x = jnp.pad(x[:, ::2, ::2], ((0, 0), (0, 0), (0, 0), (0, more)))
        return nn.relu(x + y)


class Encoder(nn.Module):
    """A transformer layer, normalised before attention and network."""

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        x = x + nn.MultiHeadDotProductAttention(4)(nn.LayerNorm()(x))
        return x + nn.Dense(128)(nn.relu(nn.Dense(512)(nn.LayerNorm()(x))))


class Network(nn.Module):
    """One network by its name."""

    name_: str

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        if self.name_ == "convnet":
            for width in (32, 64):
                x = nn.max_pool(nn.relu(nn.Conv(width, (5, 5))(x)), (2, 2), (2, 2))
            x = nn.relu(nn.Dense(128)(x.reshape(len(x), -1)))
        elif self.name_ in ("lstm", "gru"):
            cell = {"lstm": nn.OptimizedLSTMCell, "gru": nn.GRUCell}[self.name_](128)
            x = jnp.asarray(nn.RNN(cell)(x))[:, -1]
        elif self.name_ == "transformer":
            for _ in range(4):
                x = Encoder()(x)
            x = nn.LayerNorm()(x).mean(1)
        else:
            x = nn.Conv(16, (3, 3), padding=1, use_bias=False)(x)
            x = nn.relu(nn.BatchNorm(use_running_average=False, momentum=0.9)(x))
            for n_out, stride in ((16, 1), (32, 2), (64, 2)):
                x = Block(n_out, stride)(x)
            x = x.mean((1, 2))
        return nn.Dense(10)(x)


def step_of(net: nn.Module, tx: optax.GradientTransformation) -> Callable:
    """The compiled step."""

    def loss_fn(params: dict, rest: dict, inputs: jax.Array, labels: jax.Array) -> tuple:
        logits, rest = net.apply({"params": params} | rest, inputs, mutable=["batch_stats"])
        losses = optax.softmax_cross_entropy_with_integer_labels(logits, labels)
        return losses.mean(), rest

    @functools.partial(jax.jit, donate_argnums=(0, 1, 2))
    def step(
        params: dict, rest: dict, opt_state: tuple, inputs: jax.Array, labels: jax.Array
    ) -> tuple:
        (loss, rest), grads = jax.value_and_grad(loss_fn, has_aux=True)(
            params, rest, inputs, labels
        )
        updates, opt_state = tx.update(grads, opt_state, params)
        return optax.apply_updates(params, updates), rest, opt_state, loss

    return step


def trainer(name: str, data: dict[str, np.ndarray], batch_size: int) -> Trainer:
    """Adam on batches of a new permutation each epoch, gathered on the host as is usual."""
    x, y = data["inputs"], data["labels"].astype("int32")
    net, tx = Network(name), optax.adam(1e-3)
    variables = jax.jit(net.init)(jax.random.key(0), x[:batch_size])
    params = variables.pop("params")
    carry, step = (params, variables, tx.init(params)), step_of(net, tx)
    random = np.random.default_rng(0)
    while True:
        for rows in np.split(random.permutation(len(x)), len(x) // batch_size):
            *carry, loss = step(*carry, x[rows], y[rows])
        yield float(loss)
