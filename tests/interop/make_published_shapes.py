"""Writes published_shapes.json: names and shapes of the weights of published networks.

Needs torch, torchvision and transformers, which the tests themselves don't:
    python tests/interop/make_published_shapes.py
"""

import json
import re
from pathlib import Path

import torch

# As in make_torch_golden.py: an operator that no network here uses may be missing.
operators = torch.library.Library("torchvision", "FRAGMENT")
operators.define("nms(Tensor boxes, Tensor scores, float iou_threshold) -> Tensor")
operators.define("qnms(Tensor x) -> Tensor")
import torchvision  # noqa: E402
import transformers  # noqa: E402

FILE = Path(__file__).parent / "published_shapes.json"
GPT2 = {"": (768, 12, 12), "-medium": (1024, 16, 24), "-large": (1280, 20, 36),
        "-xl": (1600, 25, 48)}  # fmt: skip
BERT = {"bert-base-uncased": (768, 12, 12), "bert-large-uncased": (1024, 16, 24),
        "all-MiniLM-L6-v2": (384, 12, 6)}  # fmt: skip
TORCHVISION = ("resnet18", "resnet34", "resnet50", "resnet101", "resnet152", "vit_b_16",
               "vgg11", "vgg16", "vgg16_bn", "vgg19_bn", "mobilenet_v3_small",
               "mobilenet_v3_large")  # fmt: skip


def gpt2(n_features, n_heads, n_layers):
    return transformers.GPT2Model(
        transformers.GPT2Config(n_embd=n_features, n_head=n_heads, n_layer=n_layers)
    )


def bert(n_features, n_heads, n_layers):
    return transformers.BertModel(
        transformers.BertConfig(
            hidden_size=n_features,
            num_attention_heads=n_heads,
            num_hidden_layers=n_layers,
            intermediate_size=4 * n_features,
        )
    )


def main():
    """Builds each network without memory for its weights."""
    with torch.device("meta"):
        found = {f"gpt2{end}": gpt2(*sizes) for end, sizes in GPT2.items()}
        found |= {name: bert(*sizes) for name, sizes in BERT.items()}
        found |= {name: getattr(torchvision.models, name)() for name in TORCHVISION}
        vit = transformers.ViTConfig(num_labels=1000)
        found["google/vit-base-patch16-224"] = transformers.ViTForImageClassification(vit)
    table = {name: counted(module) for name, module in found.items()}
    FILE.write_text(json.dumps(table, separators=(",", ":")) + "\n")
    print({name: row["parameters"] for name, row in table.items()})


BLOCK = re.compile(r"(?<=^h\.)\d+|(?<=layer\.)\d+|(?<=layers\.)\d+|(?<=encoder_layer_)\d+")


def counted(module):
    """Its number of parameters and the shapes of what it saves, with {} for a block's number."""
    shapes: dict[str, list[int]] = {}
    blocks: set[int] = set()
    for name, t in module.state_dict().items():
        blocks |= {int(n) for n in BLOCK.findall(name)}
        general = BLOCK.sub("{}", name)
        assert shapes.setdefault(general, list(t.shape)) == list(t.shape), name
    parameters = sum(p.numel() for p in module.parameters())
    return {"parameters": parameters, "blocks": len(blocks), "shapes": shapes}


if __name__ == "__main__":
    main()
