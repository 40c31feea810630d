"""PyTorch's networks as jaxdl writes them, with what their weights need to be turned."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np

from interop.torch_weights import inputs
from jaxdl import activations, interop, layers, models, serial
from jaxdl.combinators import branch, repeat, residual
from jaxdl.types import Layer


class Case(NamedTuple):
    """A network, its input, and the arguments of ``from_torch``."""

    net: Layer
    x: np.ndarray
    options: Mapping = MappingProxyType({})
    slow: bool = False


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


SMALL = [  # n_in, size, expanded, n_out, squeeze, hardswish, stride
    (16, 3, 16, 16, True, False, 2), (16, 3, 72, 24, False, False, 2),
    (24, 3, 88, 24, False, False, 1), (24, 5, 96, 40, True, True, 2),
    (40, 5, 240, 40, True, True, 1), (40, 5, 240, 40, True, True, 1),
    (40, 5, 120, 48, True, True, 1), (48, 5, 144, 48, True, True, 1),
    (48, 5, 288, 96, True, True, 2), (96, 5, 576, 96, True, True, 1),
    (96, 5, 576, 96, True, True, 1),
]  # fmt: skip


def conv_norm(n_in, n_out, size, stride=1, groups=1):
    options = {"stride": stride, "padding": size // 2, "groups": groups, "bias": False}
    conv = layers.conv(n_in, n_out, (size, size), **options)
    return conv, layers.batch_norm(n_out, epsilon=1e-3, momentum=0.01)


def squeeze_excite(n):
    narrow = max(8, (n // 4 + 4) // 8 * 8)
    narrow = narrow + 8 if narrow < 0.9 * (n // 4) else narrow
    gate = serial(
        layers.global_avg_pool(),
        layers.dense(n, narrow), activations.relu,
        layers.dense(narrow, n), activations.hardsigmoid,
    )  # fmt: skip
    return branch(jnp.asarray, gate, merge=lambda pair: pair[0] * pair[1][:, None, None, :])


def inverted(n_in, size, n, n_out, squeeze, hard, stride):
    act = activations.hardswish if hard else activations.relu
    body = serial(
        *([*conv_norm(n_in, n, 1), act] if n != n_in else []),
        *conv_norm(n, n, size, stride, groups=n), act,
        *([squeeze_excite(n)] if squeeze else []),
        *conv_norm(n, n_out, 1),
    )  # fmt: skip
    return residual(body) if stride == 1 and n_in == n_out else body


def mobilenet_v3_small():
    return serial(
        *conv_norm(3, 16, 3, 2), activations.hardswish,
        *(inverted(*row) for row in SMALL),
        *conv_norm(96, 576, 1), activations.hardswish,
        layers.global_avg_pool(),
        layers.dense(576, 1024), activations.hardswish,
        layers.dense(1024, 1000),
    )  # fmt: skip


TOKENS = np.array([[5, 3, 9, 1], [2, 7, 0, 0]], "int32")  # 0 is padding
SEEN = np.array([[True] * 5, [True, True, False, False, False]])[:, None, None, :]
SEQUENCE = {"depth": 2, "bidirectional": True, "lengths": np.array([6, 2, 4])}


def encoder(**options):
    return repeat(models.transformer_block(8, 2, n_hidden=16, **options), 2)


CASES = {
    "resnet18": Case(models.resnet(18), images(2, 3, 32, 32)),
    "resnet50": Case(models.resnet(50), images(2, 3, 32, 32), slow=True),
    "vgg": Case(vgg(), images(2, 3, 16, 16), {"flattened": {"classifier/0": (8, 4, 4)}}),
    "mobilenet_v3_small": Case(mobilenet_v3_small(), images(2, 3, 32, 32)),
    "vit": Case(
        models.vit((16, 16, 3), 5, patch_size=4, n_layers=2, n_heads=2, n_features=8, n_hidden=16),
        images(2, 3, 16, 16),
        {"names": interop.published_names("vit")},
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
