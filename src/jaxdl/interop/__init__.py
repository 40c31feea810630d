"""Networks, weights and data from elsewhere, and jaxdl's to elsewhere.

- other libraries' modules as Layers: ``linen``, ``nnx``, ``equinox``, ``haiku``, ``keras``
- Layers as other libraries' modules: ``to_linen``, ``to_nnx``, ``to_equinox``, ``to_keras``
- weights: ``from_torch``, ``to_torch``, ``from_keras``, ``from_flax``, with the checkpoints'
  ``published_names``; files of arrays by ``save_weights``, ``load_weights`` and ``read_weights``
  (safetensors, npz); Flax's bytes by ``to_msgpack`` and ``from_msgpack``
- networks as programs that run without their code: ``export``, ``save_program``, ``load_program``;
  as ONNX: ``to_onnx``; from the command line: ``python -m jaxdl.interop --help``
- weights of one byte each for inference, by qwix: ``int8``
- trained networks that packages carry: ``pretrained``
- data: ``stream`` of loaders of PyTorch and grain, and of Hugging Face's datasets
- hooks for trackers: ``wandb``, ``mlflow`` (and ``train.tensorboard``); of a study of Optuna:
  ``pruning``, and ``sweep.study``

Each library is imported by the function that needs it; the extra ``[interop]`` brings them all.

Each difference is relative to the largest number, in float32, with random weights; small networks
stand in for large ones with the same layers. PyTorch's weights are exported again bit for bit,
except the two biases of an LSTM, which are one here.

<!-- table of differences: begin -->
| Other libraries' modules as Layers, parameters after 20 steps | largest difference |
|---|---|
| Flax Linen | 2e-07 |
| Flax NNX | 2e-07 |
| Equinox | 2e-07 |
| Haiku | 2e-07 |
| Keras 3 | 2e-07 |

| Layers as other libraries' modules | largest difference |
|---|---|
| Flax Linen | 0 |
| Flax NNX | 0 |
| Equinox | 0 |
| Keras 3 | 0 |

| PyTorch's weights in | largest difference |
|---|---|
| torchvision's `resnet18` | 5e-07 |
| torchvision's `resnet50` | 8e-07 |
| torchvision's VGG with batch norm, narrower | 3e-07 |
| torchvision's `vgg11_bn` | 6e-07 |
| torchvision's `mobilenet_v3_large` | 6e-07 |
| torchvision's `mobilenet_v3_small` | 4e-07 |
| torchvision's `VisionTransformer`, small | 1e-07 |
| Hugging Face's `ViTForImageClassification`, small | 5e-07 |
| `nn.LSTM`, 2 layers, both ways, packed | 3e-07 |
| `nn.GRU`, 2 layers, both ways, packed | 2e-07 |
| `nn.TransformerEncoder`, padded | 1e-07 |
| `nn.TransformerEncoder`, norm first, causal | 2e-07 |
| `nn.MultiheadAttention`, padded | 9e-08 |
| Hugging Face's `BertModel`, small | 3e-07 |
| Hugging Face's `GPT2Model`, small | 2e-07 |

| Keras's and Flax's weights in | largest difference |
|---|---|
| Keras's convolutions, plain and by channel, batch norm; `.keras` and `.h5` | 2e-07 |
| Keras's `Bidirectional(LSTM)`, `LayerNormalization`; `.keras` and `.h5` | 2e-07 |
| Keras's `GRU`; `.keras` and `.h5` | 6e-08 |
| Keras's `MultiHeadAttention` | 7e-08 |
| Linen's convolutions, batch and layer norm | 3e-07 |
| NNX's `MultiHeadAttention` | 3e-07 |

| Out and in again | largest difference |
|---|---|
| safetensors | 0 |
| NumPy's `.npz` | 0 |
| Flax's msgpack | 0 |

| Programs of StableHLO, any batch | largest difference |
|---|---|
| `resnet18`, small | 0 |
| `vgg`, small | 0 |
| `mobilenet_v3`, small | 0 |
| `minilm`, small | 0 |
| `gpt2`, small | 0 |
| `crepe`, small | 0 |
| `silero_vad`, small | 6e-08 |

| ONNX of opset 21 under onnxruntime, any batch | largest difference |
|---|---|
| MLP | 6e-08 |
| MLP of bytes | 0 |
| LeNet-5 | 2e-07 |
| convolutions with batch norm | 2e-07 |
| ResNet-8 | 3e-07 |
| LSTM, 2 layers, both ways | 1e-07 |
| GRU, its last state | 9e-08 |
| GRU, 2 layers, both ways | 1e-07 |
| transformer encoder | 1e-07 |
| transformer that is causal | 1e-07 |
| ViT | 2e-07 |
| dropout alone, which passes on what comes in | 0 |
| `resnet18`, small | 4e-07 |
| `vgg`, small | 4e-07 |
| `mobilenet_v3`, small | 3e-06 |
| `minilm`, small | 2e-07 |
| `gpt2`, small | 9e-08 |
| `crepe`, small | 1e-07 |
| `silero_vad`, small | 6e-08 |

| Trained networks from packages | largest difference |
|---|---|
| MiniLM, all-MiniLM-L6-v2 | 4e-07 |
| CREPE, tiny | 2e-06 |
| CREPE, full | 7e-07 |
| Silero's detector of speech | 2e-06 |
<!-- table of differences: end -->

What isn't converted is refused: the weights of bilinear layers, Flax's recurrent cells and
transposed convolutions, an LSTM with a projection; as ONNX, convolutions of volumes, which
jax2onnx 0.17 doesn't have. All other layers and models of this package can be exported as ONNX for
any batch size.
"""

from jaxdl import _face
from jaxdl.interop._equinox import equinox, to_equinox
from jaxdl.interop._export import Program, export, load_program, save_program
from jaxdl.interop._files import load_weights, read_weights, save_weights
from jaxdl.interop._flax import from_flax
from jaxdl.interop._haiku import haiku
from jaxdl.interop._int8 import int8
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
    "int8",
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
