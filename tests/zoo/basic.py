"""Dense networks and what they are made of."""

import jax.numpy as jnp

from jaxdl import activations, initializers, layers, models, serial
from zoo.row import Row

ROWS = [
    Row("dense", layers.dense(5, 3), (5,)),
    Row("dense without bias", layers.dense(5, 3, bias=False), (5,)),
    Row("dropout", layers.dropout(0.4), (6,), stochastic=True),
    Row("flatten", layers.flatten(axes=3), (4, 3, 2)),
    Row("rescale", layers.rescale(0.5, -1.0), (4,), gives="float32", gradient=False),
    Row("serial", serial(layers.dense(5, 4), activations.relu, layers.dense(4, 2)), (5,)),
    Row("serial by name", serial(body=layers.dense(5, 4), head=layers.dense(4, 2)), (5,)),
    Row("mlp", models.mlp((5, 8, 8, 3), init=initializers.he_default), (5,), composed=True),
    Row("mlp with dropout", models.mlp((5, 8, 3), rate=0.3), (5,), stochastic=True, composed=True),
    Row(
        "serial of serials",
        serial(models.mlp((5, 8, 4)), jnp.tanh, layers.dense(4, 1)),
        (5,),
        composed=True,
    ),
]
