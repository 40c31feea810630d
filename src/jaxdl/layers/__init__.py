"""Layers: factories that pair an initialisation with a function of ``jaxdl.functional``."""

from jaxdl.layers.dense import dense as dense
from jaxdl.layers.reshaping import flatten as flatten
from jaxdl.layers.reshaping import rescale as rescale
from jaxdl.layers.stochastic import dropout as dropout
