"""All layers, combinators and models in one table; test_laws_of_layers.py runs over its rows."""

from zoo import (
    attention,
    basic,
    combined,
    convolution,
    embedding,
    normalization,
    recurrent,
    simple_models,
    stochastic,
)
from zoo.row import Row as Row
from zoo.row import equations as equations
from zoo.row import example as example

ZOO = [
    *basic.ROWS,
    *convolution.ROWS,
    *combined.ROWS,
    *simple_models.ROWS,
    *recurrent.ROWS,
    *embedding.ROWS,
    *normalization.ROWS,
    *stochastic.ROWS,
    *attention.ROWS,
]
