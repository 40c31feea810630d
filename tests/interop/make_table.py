"""Measures what comes in and goes out, and writes the table into jaxdl.interop's docstring.

Command:  PYTHONPATH=tests:src python tests/interop/make_table.py
"""

import json
from pathlib import Path

import jax
import numpy as np

from interop.torch_networks import CASES
from interop.torch_weights import draw_all
from jaxdl import interop

HERE = Path(__file__).parent
FACE = Path(interop.__file__)
BEGIN, END = "<!-- table of differences: begin -->", "<!-- table of differences: end -->"
TITLES = {
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


def difference(name: str) -> float:
    """How far a network with PyTorch's weights is from PyTorch, relative to the largest output."""
    golden = np.load(HERE / "golden_torch.npz")
    case, shapes = CASES[name], json.loads(str(golden["shapes"]))
    params, state = interop.from_torch(draw_all(shapes[name]), case.net, **case.options)
    y, _ = jax.jit(case.net.apply)(params, state, case.x)
    return float(np.max(np.abs(y - golden[name])) / max(1.0, float(np.max(np.abs(golden[name])))))


def rows() -> list[str]:
    """The table's lines."""
    return [f"| {title} | {difference(name):.0e} |" for name, title in TITLES.items()]


def main() -> None:
    """Rewrites the table."""
    text = FACE.read_text()
    before, rest = text.split(BEGIN)
    table = "\n".join(["| PyTorch's weights in | largest difference |", "|---|---|", *rows()])
    FACE.write_text(f"{before}{BEGIN}\n{table}\n{END}{rest.split(END)[1]}")


if __name__ == "__main__":
    main()
