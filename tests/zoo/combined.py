"""What combinators make of layers."""

import jax.numpy as jnp

from jaxdl import layers, serial
from jaxdl.combinators import branch, frozen, remat, repeat, residual
from zoo.row import Row

_noisy = serial(layers.dense(4, 4), jnp.tanh, layers.dropout(0.5))

ROWS = [
    Row("branch", branch(layers.dense(4, 3), layers.dense(4, 3)), (4,)),
    Row("branch, joined", branch(a=layers.dense(4, 3), b=jnp.tanh, merge="concat"), (4,)),
    Row(
        "branch, product",
        branch(layers.dense(4, 3), layers.dense(4, 3), merge=lambda r: r[0] * r[1]),
        (4,),
    ),
    Row("residual", residual(serial(layers.dense(4, 4), jnp.tanh)), (4,)),
    Row("residual, projected", residual(layers.dense(4, 3), shortcut=layers.dense(4, 3)), (4,)),
    Row("repeat", repeat(serial(layers.dense(4, 4), jnp.tanh), 3), (4,)),
    Row("repeat, random", repeat(residual(_noisy), 2), (4,), stochastic=True),
    Row("remat", remat(_noisy), (4,), stochastic=True),
    Row("frozen", serial(frozen(_noisy), layers.dense(4, 2)), (4,), gradient=False),
]
