"""What combinators make of layers."""

import math

import jax.numpy as jnp

from jaxdl import layers, serial
from jaxdl.combinators import (
    branch,
    compose,
    compute_in,
    forward_mode,
    frozen,
    remat,
    repeat,
    residual,
)
from zoo.row import Row


def _gated(x, gate, value):
    """Two parts, one of which is called twice."""
    return gate(x) * value(value(x))


_noisy = serial(layers.dense(4, 4), jnp.tanh, layers.dropout(0.5))

ROWS = [
    Row(
        "compute_in",
        compute_in(layers.dense(4, 3), "float32"),
        (4,),
        gives="float32",
        gradient=False,
    ),
    Row(
        "rescale, conv",
        serial(layers.rescale(), layers.conv(2, 32, (2, 2))),
        (3, 3, 2),
        gradient=False,
    ),
    Row("compose", compose(_gated, gate=_noisy, value=layers.dense(4, 4)), (4,), stochastic=True),
    Row("branch", branch(layers.dense(4, 3), layers.dense(4, 3)), (4,)),
    Row("branch, joined", branch(a=layers.dense(4, 3), b=jnp.tanh, merge="concat"), (4,)),
    Row(
        "branch, product",
        branch(layers.dense(4, 3), layers.dense(4, 3), merge=math.prod),
        (4,),
    ),
    Row("residual", residual(serial(layers.dense(4, 4), jnp.tanh)), (4,)),
    Row("residual, projected", residual(layers.dense(4, 3), shortcut=layers.dense(4, 3)), (4,)),
    Row("repeat", repeat(serial(layers.dense(4, 4), jnp.tanh), 3), (4,)),
    Row("repeat, random", repeat(residual(_noisy), 2), (4,), stochastic=True),
    Row("remat", remat(_noisy), (4,), stochastic=True),
    Row("forward_mode", forward_mode(layers.rnn(3, 4)), (5, 3)),
    Row("frozen", serial(frozen(_noisy), layers.dense(4, 2)), (4,), gradient=False),
]
