"""All layers, combinators and models in one table; the laws in test_layers.py run over its rows."""

from typing import NamedTuple

import jax.numpy as jnp

from jaxdl import activations, initializers, layers, models, serial
from jaxdl.types import Layer, Shape


class Row(NamedTuple):
    """A Layer and the shape of one example that goes in."""

    name: str
    layer: Layer
    shape: Shape
    stochastic: bool = False


ZOO = [
    Row("dense", layers.dense(5, 3), (5,)),
    Row("dense without bias", layers.dense(5, 3, bias=False), (5,)),
    Row("dropout", layers.dropout(0.4), (6,), stochastic=True),
    Row("flatten", layers.flatten(), (4, 3, 2)),
    Row("rescale", layers.rescale(0.5, -1.0), (4,)),
    Row("serial", serial(layers.dense(5, 4), activations.relu, layers.dense(4, 2)), (5,)),
    Row("serial by name", serial(body=layers.dense(5, 4), head=layers.dense(4, 2)), (5,)),
    Row("mlp", models.mlp((5, 8, 8, 3), init=initializers.he_default), (5,)),
    Row("mlp with dropout", models.mlp((5, 8, 3), rate=0.3), (5,), stochastic=True),
    Row("serial of serials", serial(models.mlp((5, 8, 4)), jnp.tanh, layers.dense(4, 1)), (5,)),
]
