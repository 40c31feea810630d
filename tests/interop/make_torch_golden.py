"""Writes golden_torch.npz: names, shapes and outputs of PyTorch's networks on weights by name.

Needs torch, torchvision and transformers, which the tests themselves don't:
    python tests/interop/make_torch_golden.py
"""

import json
from pathlib import Path

import numpy as np
import torch
from published_names import IN_FILES
from torch import nn
from torch_weights import draw_all, inputs

# torchvision's compiled operators are those of another build of torch at times; no network here
# uses them, but importing it without one of them fails.
operators = torch.library.Library("torchvision", "FRAGMENT")
operators.define("nms(Tensor boxes, Tensor scores, float iou_threshold) -> Tensor")
operators.define("qnms(Tensor x) -> Tensor")
import torchvision  # noqa: E402
import transformers  # noqa: E402

FILE = Path(__file__).parent / "golden_torch.npz"


def prepared(module):
    """The module with drawn weights, and the shapes of these by their names in files."""
    state = module.state_dict()
    there = {name: in_file(name) for name in state}
    shapes = {there[name]: list(t.shape) for name, t in state.items()}
    drawn = draw_all(shapes)
    module.load_state_dict({name: torch.tensor(drawn[there[name]]) for name in state})
    return module.eval(), shapes


def in_file(name):
    """The name in a checkpoint; the library calls those of its ViT otherwise."""
    if name.startswith("vit."):
        for theirs, ours in IN_FILES.items():
            name = name.replace(f".{ours}", f".{theirs}")
    return name


def plain_images(module, *shape):
    return module(torch.tensor(inputs(0, *shape)))


def like_vgg():
    """The layers of torchvision's VGG with batch norm, with fewer channels."""
    features, n_in = [], 3
    for width in (4, 8):
        conv = nn.Conv2d(n_in, width, 3, padding=1)
        features += [conv, nn.BatchNorm2d(width), nn.ReLU(), nn.MaxPool2d(2, 2)]
        n_in = width
    classifier = nn.Sequential(nn.Linear(8 * 4 * 4, 12), nn.ReLU(), nn.Dropout(), nn.Linear(12, 5))
    module = nn.Module()
    module.features, module.classifier = nn.Sequential(*features), classifier
    module.forward = lambda x: module.classifier(torch.flatten(module.features(x), 1))
    return module


class Sequence(nn.Module):
    """A recurrent network on packed sequences."""

    def __init__(self, kind):
        super().__init__()
        self.rnn = kind(3, 4, num_layers=2, bidirectional=True, batch_first=True)

    def forward(self, x):
        lengths = torch.tensor([6, 2, 4])
        packed = nn.utils.rnn.pack_padded_sequence(
            x, lengths, batch_first=True, enforce_sorted=False
        )
        y, _ = nn.utils.rnn.pad_packed_sequence(self.rnn(packed)[0], batch_first=True)
        return y


def encoder(norm_first):
    layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True, norm_first=norm_first)
    return nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)


PADDING = torch.tensor([[False] * 5, [False, False, True, True, True]])


def masked(module):
    x = torch.tensor(inputs(0, 2, 5, 8))
    return module(x, src_key_padding_mask=PADDING)


def causal(module):
    x, mask = torch.tensor(inputs(0, 2, 5, 8)), torch.triu(torch.ones(5, 5, dtype=bool), 1)
    return module(x, mask=mask, is_causal=True)


def attended(module):
    x = torch.tensor(inputs(0, 2, 5, 8))
    return module(x, x, x, key_padding_mask=PADDING, need_weights=False)[0]


def images(*shape):
    return lambda module: plain_images(module, *shape)


TOKENS = torch.tensor([[5, 3, 9, 1], [2, 7, 0, 0]])
SIZES = {"vocab_size": 11, "num_hidden_layers": 2, "num_attention_heads": 2}


def bert():
    """Hugging Face's, with the padding hidden."""
    config = transformers.BertConfig(
        **SIZES, hidden_size=8, intermediate_size=16, max_position_embeddings=6
    )
    return transformers.BertModel(config)


def gpt2():
    """Hugging Face's, without the head, which is the embedding."""
    config = transformers.GPT2Config(vocab_size=11, n_layer=2, n_head=2, n_embd=8, n_positions=6)
    return transformers.GPT2Model(config)


def vit():
    """Hugging Face's."""
    config = transformers.ViTConfig(
        image_size=16, patch_size=4, hidden_size=8, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=16, num_labels=5, layer_norm_eps=1e-6,
    )  # fmt: skip
    return transformers.ViTForImageClassification(config)


CASES = {
    "bert": (bert, lambda module: module(TOKENS, attention_mask=(TOKENS != 0).long())[0]),
    "gpt2": (gpt2, lambda module: module(TOKENS)[0] @ module.wte.weight.T),
    "resnet18": (torchvision.models.resnet18, images(2, 3, 32, 32)),
    "resnet50": (torchvision.models.resnet50, images(2, 3, 32, 32)),
    "vgg": (like_vgg, images(2, 3, 16, 16)),
    "vgg11_bn": (torchvision.models.vgg11_bn, images(2, 3, 32, 32)),
    "mobilenet_v3_large": (torchvision.models.mobilenet_v3_large, images(2, 3, 32, 32)),
    "mobilenet_v3_small": (torchvision.models.mobilenet_v3_small, images(2, 3, 32, 32)),
    "vit": (
        lambda: torchvision.models.VisionTransformer(16, 4, 2, 2, 8, 16, num_classes=5),
        images(2, 3, 16, 16),
    ),
    "vit, Hugging Face": (vit, lambda module: module(torch.tensor(inputs(0, 2, 3, 16, 16)))[0]),
    "lstm": (lambda: Sequence(nn.LSTM), images(3, 6, 3)),
    "gru": (lambda: Sequence(nn.GRU), images(3, 6, 3)),
    "encoder": (lambda: encoder(False), masked),
    "encoder, norm first": (lambda: encoder(True), causal),
    "attention": (lambda: nn.MultiheadAttention(8, 2, batch_first=True), attended),
}


def main():
    arrays, shapes = {}, {}
    for name, (make, run) in CASES.items():
        module, shapes[name] = prepared(make())
        with torch.no_grad():
            arrays[name] = run(module).numpy()
    arrays["shapes"] = np.array(json.dumps(shapes))
    arrays["versions"] = np.array(
        f"torch {torch.__version__}, torchvision {torchvision.__version__}"
    )
    np.savez_compressed(FILE, **arrays)
    print(
        {name: (a.shape, float(abs(a).max())) for name, a in arrays.items() if a.dtype.kind == "f"}
    )


if __name__ == "__main__":
    main()
