"""Networks, weights and data from elsewhere, and jaxdl's to elsewhere.

- other libraries' modules as Layers: ``linen``, ``nnx``, ``equinox``, ``haiku``, ``keras``
- Layers as other libraries' modules: ``to_linen``, ``to_nnx``, ``to_equinox``, ``to_keras``

Each library is imported by the function that needs it; the extra ``[interop]`` brings them all.
"""

from jaxdl.interop._equinox import equinox, to_equinox
from jaxdl.interop._haiku import haiku
from jaxdl.interop._keras import keras, to_keras
from jaxdl.interop._linen import linen, to_linen
from jaxdl.interop._nnx import nnx, to_nnx
from jaxdl.interop._torch import from_torch, to_torch

__all__ = [
    "equinox",
    "from_torch",
    "haiku",
    "keras",
    "linen",
    "nnx",
    "to_equinox",
    "to_keras",
    "to_linen",
    "to_nnx",
    "to_torch",
]
