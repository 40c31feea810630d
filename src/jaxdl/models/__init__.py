"""Networks: functions that return one Layer."""

from jaxdl import _face
from jaxdl.models._bert import bert
from jaxdl.models._convnet import convnet, lenet5
from jaxdl.models._mlp import mlp
from jaxdl.models._mobilenet import mobilenet_v3
from jaxdl.models._perceptron import neuron, perceptron, perceptron_learn, perceptron_rule
from jaxdl.models._recurrent import (
    sequence_classifier,
    sequence_to_sequence,
)
from jaxdl.models._regression import logistic_regression, softmax_regression
from jaxdl.models._resnet import resnet, resnet_cifar
from jaxdl.models._sound import crepe, silero_vad
from jaxdl.models._transformer_block import transformer_block
from jaxdl.models._transformer_encoder import transformer_encoder
from jaxdl.models._transformer_generation import generate
from jaxdl.models._transformer_lm import transformer_cache, transformer_lm
from jaxdl.models._transformer_vit import vit
from jaxdl.models._vgg import vgg
from jaxdl.models._well_known import gpt2, minilm, resnet18, resnet34, resnet50, vit_b_16

__all__ = [
    "bert",
    "convnet",
    "crepe",
    "generate",
    "gpt2",
    "lenet5",
    "logistic_regression",
    "minilm",
    "mlp",
    "mobilenet_v3",
    "neuron",
    "perceptron",
    "perceptron_learn",
    "perceptron_rule",
    "resnet",
    "resnet18",
    "resnet34",
    "resnet50",
    "resnet_cifar",
    "sequence_classifier",
    "sequence_to_sequence",
    "silero_vad",
    "softmax_regression",
    "transformer_block",
    "transformer_cache",
    "transformer_encoder",
    "transformer_lm",
    "vgg",
    "vit",
    "vit_b_16",
]

__doc__ = _face.index(globals())
