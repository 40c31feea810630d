"""Networks, weights and data from elsewhere, and jaxdl's to elsewhere.

- other libraries' modules as Layers: ``linen``, ``nnx``, ``equinox``, ``haiku``, ``keras``
- Layers as other libraries' modules: ``to_linen``, ``to_nnx``, ``to_equinox``, ``to_keras``
- weights: ``from_torch``, ``to_torch``, ``from_keras``, ``from_flax``, with the checkpoints'
  ``published_names``; files of arrays by ``save_weights``, ``load_weights`` and ``read_weights``
  (safetensors, npz); Flax's bytes by ``to_msgpack`` and ``from_msgpack``
- networks as programs that run without their code: ``export``, ``save_program``, ``load_program``;
  as ONNX: ``to_onnx``; from the command line: ``python -m jaxdl.interop --help``
- trained networks that packages carry: ``pretrained``
- data: ``stream`` of loaders of PyTorch and grain, and of Hugging Face's datasets
- hooks for trackers: ``wandb``, ``mlflow`` (and ``train.tensorboard``); of a study of Optuna:
  ``pruning``, and ``sweep.study``

Each library is imported by the function that needs it; the extra ``[interop]`` brings them all.

What is equal, in float32: the same network trained for 20 steps as Linen, NNX, Equinox, Haiku and
Keras has the parameters of jaxdl's to 1e-6. Files of arrays, Flax's bytes, and PyTorch's weights in
and out again are equal to the bit, but for the two biases of an LSTM, which are one here. Outputs,
relative to the largest, on weights of random numbers:

<!-- table of differences: begin -->
| PyTorch's weights in | largest difference |
|---|---|
| torchvision's `resnet18` | 5e-07 |
| torchvision's `resnet50` | 8e-07 |
| torchvision's VGG with batch norm, narrower | 2e-07 |
| torchvision's `vgg11_bn` | 4e-07 |
| torchvision's `mobilenet_v3_large` | 2e-07 |
| torchvision's `mobilenet_v3_small` | 2e-07 |
| torchvision's `VisionTransformer`, small | 1e-07 |
| Hugging Face's `ViTForImageClassification`, small | 5e-07 |
| `nn.LSTM`, 2 layers, both ways, packed | 7e-08 |
| `nn.GRU`, 2 layers, both ways, packed | 9e-08 |
| `nn.TransformerEncoder`, padded | 1e-07 |
| `nn.TransformerEncoder`, norm first, causal | 2e-07 |
| `nn.MultiheadAttention`, padded | 9e-08 |
| Hugging Face's `BertModel`, small | 3e-07 |
| Hugging Face's `GPT2Model`, small | 2e-07 |
<!-- table of differences: end -->

MiniLM, CREPE and Silero's detector, from the packages that carry them, give the originals' outputs
to 1e-6 (see ``pretrained``); ONNX files under onnxruntime are equal to 1e-5. What isn't converted
is refused: bilinear layers, Flax's recurrent cells and transposed convolutions, an LSTM with a
projection. A GRU goes out as ONNX for a fixed batch only, as jax2onnx loses a dynamic one.
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
from jaxdl.interop._optuna import pruning
from jaxdl.interop._pretrained import Pretrained, pretrained
from jaxdl.interop._published import published_names
from jaxdl.interop._streams import stream
from jaxdl.interop._torch import from_torch, to_torch
from jaxdl.interop._trackers import mlflow, wandb

__all__ = [
    "Pretrained",
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
    "mlflow",
    "nnx",
    "pretrained",
    "pruning",
    "published_names",
    "read_weights",
    "save_program",
    "save_weights",
    "stream",
    "to_equinox",
    "to_keras",
    "to_linen",
    "to_msgpack",
    "to_nnx",
    "to_onnx",
    "to_torch",
    "wandb",
]

__doc__ = _face.index(globals())
