"""Arrays in, arrays out: what layers compute, as pure functions of parameters and inputs."""

from jaxdl.functional.dense import dense as dense
from jaxdl.functional.reshaping import flatten as flatten
from jaxdl.functional.reshaping import rescale as rescale
from jaxdl.functional.stochastic import dropout as dropout
