"""Networks, weights and data from elsewhere, and jaxdl's to elsewhere.

- other libraries' modules as Layers: ``linen``, ``nnx``, ``equinox``, ``haiku``, ``keras``
- Layers as other libraries' modules: ``to_linen``, ``to_nnx``, ``to_equinox``, ``to_keras``
- weights: ``from_torch``, ``to_torch``, ``from_keras``, ``from_flax``, with the checkpoints'
  ``published_names``; files of arrays by ``save_weights``, ``load_weights`` and ``read_weights``
  (safetensors, npz); Flax's bytes by ``to_msgpack`` and ``from_msgpack``
- networks as programs that run without their code: ``export``, ``save_program``, ``load_program``;
  as ONNX: ``to_onnx``; from the command line: ``python -m jaxdl.interop --help``

Each library is imported by the function that needs it; the extra ``[interop]`` brings them all.
"""

from jaxdl import _face
from jaxdl.interop._equinox import equinox, to_equinox
from jaxdl.interop._export import Program, export, load_program, save_program
from jaxdl.interop._files import load_weights, read_weights, save_weights
from jaxdl.interop._flax import from_flax
from jaxdl.interop._haiku import haiku
from jaxdl.interop._keras import keras, to_keras
from jaxdl.interop._keras_weights import from_keras
from jaxdl.interop._linen import linen, to_linen
from jaxdl.interop._msgpack import from_msgpack, to_msgpack
from jaxdl.interop._nnx import nnx, to_nnx
from jaxdl.interop._onnx import to_onnx
from jaxdl.interop._published import published_names
from jaxdl.interop._torch import from_torch, to_torch

__all__ = [
    "Program",
    "equinox",
    "export",
    "from_flax",
    "from_keras",
    "from_msgpack",
    "from_torch",
    "haiku",
    "keras",
    "linen",
    "load_program",
    "load_weights",
    "nnx",
    "published_names",
    "read_weights",
    "save_program",
    "save_weights",
    "to_equinox",
    "to_keras",
    "to_linen",
    "to_msgpack",
    "to_nnx",
    "to_onnx",
    "to_torch",
]

__doc__ = _face.index(globals())
