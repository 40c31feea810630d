"""Published networks by name: the network here, what from_torch needs, and what isn't here."""

import json
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from interop.published_names import IN_FILES
from jaxdl import interop, models
from jaxdl.types import Layer

TABLE = json.loads((Path(__file__).parent / "published_shapes.json").read_text())


class Published(NamedTuple):
    """A network here, how its checkpoint comes in, and the parameters that stay outside."""

    net: Layer
    options: Mapping = MappingProxyType({})
    left_out: int = 0


def bert(*sizes):
    n_features, n_heads, n_layers = sizes
    net = models.bert(n_features=n_features, n_heads=n_heads, n_layers=n_layers)
    options = {"names": interop.published_names("bert"), "ignore": ("pooler.",)}
    return Published(net, options, left_out=(n_features + 1) * n_features)


def gpt2(size):
    options = {
        "names": interop.published_names("gpt2"),
        "transposed": True,
        "ignore": ("h.{}.attn.bias", "h.{}.attn.masked_bias"),
    }
    return Published(models.gpt2(size), options)


def vit(names):
    return Published(models.vit_b_16(), {"names": interop.published_names(names)})


def vgg(depth, **options):
    return Published(models.vgg(depth, **options), {"flattened": {"classifier/0": (512, 7, 7)}})


CASES = {
    "resnet18": Published(models.resnet18()),
    "resnet34": Published(models.resnet34()),
    "resnet50": Published(models.resnet50()),
    "resnet101": Published(models.resnet(101)),
    "resnet152": Published(models.resnet(152)),
    "all-MiniLM-L6-v2": bert(384, 12, 6),
    "bert-base-uncased": bert(768, 12, 12),
    "bert-large-uncased": bert(1024, 16, 24),
    "gpt2": gpt2("small"),
    "gpt2-medium": gpt2("medium"),
    "gpt2-large": gpt2("large"),
    "gpt2-xl": gpt2("xl"),
    "vit_b_16": vit("vit"),
    "vgg11": vgg(11),
    "vgg16": vgg(16),
    "vgg16_bn": vgg(16, batch_norm=True),
    "vgg19_bn": vgg(19, batch_norm=True),
    "mobilenet_v3_small": Published(models.mobilenet_v3("small")),
    "mobilenet_v3_large": Published(models.mobilenet_v3("large")),
    "google/vit-base-patch16-224": vit("vit_huggingface"),
}


def shapes_of(name):
    """The shapes in a checkpoint's file, by their names there."""
    row, found = TABLE[name], {}
    for block in range(max(1, row["blocks"])):
        for leaf, shape in row["shapes"].items():
            found[leaf.replace("{}", str(block))] = tuple(shape)
    if name.startswith("gpt2"):  # masks, which stand in the files
        found |= {f"h.{i}.attn.bias": (1, 1, 1024, 1024) for i in range(row["blocks"])}
    if name.startswith("google"):
        for there, here in IN_FILES.items():
            found = {leaf.replace(f".{here}", f".{there}"): s for leaf, s in found.items()}
    return found


def zeros(shapes):
    """Arrays of these shapes that take no memory."""
    return {name: np.broadcast_to(np.float32(0), shape) for name, shape in shapes.items()}
