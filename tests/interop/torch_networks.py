"""PyTorch's networks as jaxdl writes them, with what their weights need to be turned."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from interop.torch_weights import inputs
from jaxdl import activations, interop, layers, models, serial
from jaxdl.combinators import repeat
from jaxdl.types import Layer


class Case(NamedTuple):
    """A network, its input, and the arguments of ``from_torch``."""

    net: Layer
    x: np.ndarray
    options: Mapping = MappingProxyType({})
    slow: bool = False


def difference(y, expected):
    """The largest, relative to the largest entry, however small that is."""
    largest = float(np.max(np.abs(expected))) or 1.0
    return float(np.max(np.abs(np.asarray(y) - np.asarray(expected)))) / largest


def images(*shape):
    """The images of the golden file, with channels last."""
    return np.moveaxis(inputs(0, *shape), 1, -1)


def vgg():
    stages = [
        part
        for n_in, n_out in ((3, 4), (4, 8))
        for part in (
            layers.conv(n_in, n_out, (3, 3), padding=1),
            layers.batch_norm(n_out),
            activations.relu,
            layers.max_pool((2, 2)),
        )
    ]
    return serial(
        features=serial(*stages),
        flatten=layers.flatten(axes=3),
        classifier=serial(layers.dense(8 * 4 * 4, 12), activations.relu, layers.dense(12, 5)),
    )


TOKENS = np.array([[5, 3, 9, 1], [2, 7, 0, 0]], "int32")  # 0 is padding
SEEN = np.array([[True] * 5, [True, True, False, False, False]])[:, None, None, :]
SEQUENCE = {"depth": 2, "bidirectional": True, "lengths": np.array([6, 2, 4])}


def encoder(**options):
    return repeat(models.transformer_block(8, 2, n_hidden=16, **options), 2)


CASES = {
    "resnet18": Case(models.resnet(18), images(2, 3, 32, 32)),
    "resnet50": Case(models.resnet(50), images(2, 3, 32, 32), slow=True),
    "vgg": Case(vgg(), images(2, 3, 16, 16), {"flattened": {"classifier/0": (8, 4, 4)}}),
    "vgg11_bn": Case(
        models.vgg(11, batch_norm=True),
        images(2, 3, 32, 32),
        {"flattened": {"classifier/0": (512, 7, 7)}},
        slow=True,
    ),
    "mobilenet_v3_small": Case(models.mobilenet_v3("small"), images(2, 3, 32, 32)),
    "mobilenet_v3_large": Case(models.mobilenet_v3("large"), images(2, 3, 32, 32), slow=True),
    "vit": Case(
        models.vit((16, 16, 3), 5, patch_size=4, n_layers=2, n_heads=2, n_features=8, n_hidden=16),
        images(2, 3, 16, 16),
        {"names": interop.published_names("vit")},
    ),
    "vit, Hugging Face": Case(
        models.vit((16, 16, 3), 5, patch_size=4, n_layers=2, n_heads=2, n_features=8, n_hidden=16),
        images(2, 3, 16, 16),
        {"names": interop.published_names("vit_huggingface")},
    ),
    "lstm": Case(layers.lstm(3, 4, **SEQUENCE), inputs(0, 3, 6, 3)),
    "gru": Case(layers.gru(3, 4, **SEQUENCE), inputs(0, 3, 6, 3)),
    "encoder": Case(encoder(mask=SEEN), inputs(0, 2, 5, 8)),
    "encoder, norm first": Case(encoder(causal=True, norm_first=True), inputs(0, 2, 5, 8)),
    "attention": Case(layers.multi_head_attention(8, 2, mask=SEEN), inputs(0, 2, 5, 8)),
    "bert": Case(
        models.bert(11, n_features=8, n_heads=2, n_layers=2, n_hidden=16, length=6),
        TOKENS,
        {"names": interop.published_names("bert"), "ignore": ("pooler.",)},
    ),
    "gpt2": Case(
        models.transformer_lm(11, n_features=8, n_heads=2, n_layers=2, length=6),
        TOKENS,
        {"names": interop.published_names("gpt2"), "transposed": True},
    ),
}
