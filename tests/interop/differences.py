"""How far each conversion is from the original, by the sections and titles of the table."""

import functools
import json
import tempfile
from pathlib import Path

import jax
import numpy as np

from interop import bridges, test_pretrained, test_weights
from interop.known import KNOWN, drawn
from interop.test_onnx import prepared
from interop.torch_networks import CASES, difference
from interop.torch_weights import draw_all
from jaxdl import interop
from jaxdl.interop._onnx import OPSET

GOLDEN = np.load(Path(__file__).parent / "golden_torch.npz")


def torch_weights(name):
    """A network with PyTorch's weights, from PyTorch's outputs."""
    case, shapes = CASES[name], json.loads(str(GOLDEN["shapes"]))
    params, state = interop.from_torch(draw_all(shapes[name]), case.net, **case.options)
    return difference(jax.jit(case.net.apply)(params, state, case.x)[0], GOLDEN[name])


@functools.cache
def trained_here():
    net = bridges.own(0.0)
    params, state = net.init(jax.random.key(0))
    return params, bridges.after_steps(net, params, state)[0].params


def trained(library):
    """Parameters after 20 steps as a library's module, from those of jaxdl's network."""
    start, expected = (bridges.params_of(library, params) for params in trained_here())
    net = bridges.bridged(0.0)[library]
    _, state = net.init(jax.random.key(1))
    found = bridges.after_steps(net, start, state)[0].params
    return max(jax.tree.leaves(jax.tree.map(difference, found, expected)))


def as_module(library):
    """What a Layer gives as a library's module, from what it gives itself."""
    y, net, params = bridges.as_module(library)
    return difference(y, net.apply(params, net.init(jax.random.key(0))[1], bridges.X)[0])


def keras_weights(name):
    """The worst of a model and its two kinds of file."""
    with tempfile.TemporaryDirectory() as folder:
        found = [
            difference(*test_weights.keras_outputs(name, source, Path(folder)))
            for source in ("model", "keras", "h5")
        ]
    return max(found)


def file_again(suffix):
    """Params and state from a file or bytes, from what was written."""
    trees = dict(zip(("params", "state"), drawn(KNOWN["resnet18"][0]), strict=True))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"net.{suffix}"
        if suffix == "msgpack":
            again = interop.from_msgpack(trees, interop.to_msgpack(trees))
        else:
            interop.save_weights(path, trees)
            again = interop.load_weights(path, trees)
    return max(jax.tree.leaves(jax.tree.map(difference, again, trees)))


def program(name):
    """A network as a program of any batch, from a file."""
    net, x = KNOWN[name]
    params, state = drawn(net)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "net.jaxdl"
        interop.save_program(path, interop.export(net, params, state, x[:1]))
        y = interop.load_program(path).call(x)
    return difference(y, jax.jit(net.apply)(params, state, x)[0])


def onnx(name):
    """A network as ONNX of any batch, under onnxruntime."""
    net, params, state, x = prepared(name, 2)
    with tempfile.TemporaryDirectory() as folder:
        return interop.to_onnx(Path(folder) / "net.onnx", net, params, state, x)


def original(name):
    """A trained network of a package, from the original's own program."""
    return difference(*test_pretrained.OUTPUTS[name]())


def of(measure, **titles):
    """Rows of a section: titles of what a measure takes."""
    return {title: functools.partial(measure, name) for name, title in titles.items()}


LIBRARIES = {"linen": "Flax Linen", "nnx": "Flax NNX", "equinox": "Equinox", "haiku": "Haiku",
             "keras": "Keras 3"}  # fmt: skip
TORCH = {
    "resnet18": "torchvision's `resnet18`", "resnet50": "torchvision's `resnet50`",
    "vgg": "torchvision's VGG with batch norm, narrower",
    "vgg11_bn": "torchvision's `vgg11_bn`",
    "mobilenet_v3_large": "torchvision's `mobilenet_v3_large`",
    "mobilenet_v3_small": "torchvision's `mobilenet_v3_small`",
    "vit": "torchvision's `VisionTransformer`, small",
    "vit, Hugging Face": "Hugging Face's `ViTForImageClassification`, small",
    "lstm": "`nn.LSTM`, 2 layers, both ways, packed",
    "gru": "`nn.GRU`, 2 layers, both ways, packed", "encoder": "`nn.TransformerEncoder`, padded",
    "encoder, norm first": "`nn.TransformerEncoder`, norm first, causal",
    "attention": "`nn.MultiheadAttention`, padded", "bert": "Hugging Face's `BertModel`, small",
    "gpt2": "Hugging Face's `GPT2Model`, small",
}  # fmt: skip
ONNX = {
    "mlp": "MLP", "pixels": "MLP of bytes", "lenet5": "LeNet-5",
    "convnet": "convolutions with batch norm", "resnet": "ResNet-8",
    "lstm": "LSTM, 2 layers, both ways", "gru": "GRU, its last state",
    "gru, both ways": "GRU, 2 layers, both ways", "encoder": "transformer encoder",
    "lm": "transformer that is causal", "vit": "ViT",
    "dropout": "dropout alone, which passes on what comes in",
    **{name: f"`{name}`, small" for name in KNOWN},
}  # fmt: skip

SECTIONS = {
    "Other libraries' modules as Layers, parameters after 20 steps": of(trained, **LIBRARIES),
    "Layers as other libraries' modules": of(
        as_module, **{name: title for name, title in LIBRARIES.items() if name != "haiku"}
    ),
    "PyTorch's weights in": of(torch_weights, **TORCH),
    "Keras's and Flax's weights in": {
        **of(
            keras_weights,
            convnet="Keras's convolutions, plain and by channel, batch norm; `.keras` and `.h5`",
            lstm="Keras's `Bidirectional(LSTM)`, `LayerNormalization`; `.keras` and `.h5`",
            gru="Keras's `GRU`; `.keras` and `.h5`",
        ),
        "Keras's `MultiHeadAttention`": lambda: difference(*test_weights.keras_attention()),
        "Linen's convolutions, batch and layer norm": lambda: difference(
            *test_weights.linen_outputs()
        ),
        "NNX's `MultiHeadAttention`": lambda: difference(*test_weights.nnx_attention()),
    },
    "Out and in again": of(
        file_again, safetensors="safetensors", npz="NumPy's `.npz`", msgpack="Flax's msgpack"
    ),
    "Programs of StableHLO, any batch": of(program, **{name: f"`{name}`, small" for name in KNOWN}),
    f"ONNX of opset {OPSET} under onnxruntime, any batch": of(onnx, **ONNX),
    "Trained networks from packages": of(
        original,
        minilm="MiniLM, all-MiniLM-L6-v2",
        crepe_tiny="CREPE, tiny",
        crepe_full="CREPE, full",
        silero_vad="Silero's detector of speech",
    ),
}
