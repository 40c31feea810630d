"""The networks of inference.py in PyTorch."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from inference import DECODER, NEW, PROMPT, TOKENS
from networks_torch import network
from torch import nn
from torch.nn import functional as F


class Block(nn.Module):
    """A decoder block, norm first, with a cache of keys and values of fixed size."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norms = nn.ModuleList([nn.LayerNorm(width), nn.LayerNorm(width)])
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(
        self, x: torch.Tensor, cache: torch.Tensor, places: torch.Tensor, mask: torch.Tensor
    ) -> torch.Tensor:
        batch, time, width = x.shape
        parts = self.qkv(self.norms[0](x)).view(batch, time, 3, self.heads, -1)
        q, k, v = parts.permute(2, 0, 3, 1, 4)
        cache[0].index_copy_(2, places, k)
        cache[1].index_copy_(2, places, v)
        y = F.scaled_dot_product_attention(q, cache[0], cache[1], attn_mask=mask)
        x = x + self.out(y.transpose(1, 2).reshape(batch, time, width))
        return x + self.down(F.gelu(self.up(self.norms[1](x)), approximate="tanh"))


class Decoder(nn.Module):
    """A transformer that predicts the next token."""

    def __init__(self, width: int, heads: int, n_layers: int, length: int) -> None:
        super().__init__()
        self.embedding, self.positions = nn.Embedding(TOKENS, width), nn.Embedding(length, width)
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(n_layers))
        self.norm = nn.LayerNorm(width)

    def forward(
        self, tokens: torch.Tensor, caches: torch.Tensor, places: torch.Tensor
    ) -> torch.Tensor:
        """The likeliest next token of each sequence."""
        x = self.embedding(tokens) + self.positions(places)
        mask = torch.arange(caches.shape[-2]) <= places[:, None]
        for i, block in enumerate(self.blocks):
            x = block(x, caches[i], places, mask)
        logits = self.norm(x[:, -1:]) @ self.embedding.weight.T
        return logits.argmax(-1)


def generate(step: Callable[..., torch.Tensor], prompt: torch.Tensor) -> torch.Tensor:
    """The new tokens of a prompt."""
    width, heads = DECODER["n_features"], DECODER["n_heads"]
    shape = (DECODER["n_layers"], 2, len(prompt), heads, PROMPT + NEW - 1, width // heads)
    tokens, caches, out = prompt, torch.zeros(shape), []
    places = torch.arange(PROMPT)
    for i in range(NEW):
        tokens = step(tokens, caches, places)
        places = torch.tensor([PROMPT + i])
        out.append(tokens)
    return torch.cat(out, 1)


def call(name: str, *, compiled: bool) -> Callable[[np.ndarray], Any]:
    """A network as a function of NumPy arrays, plainly or by torch.compile."""
    if name == "decoding":
        sizes = (DECODER[key] for key in ("n_features", "n_heads", "n_layers", "length"))
        net: nn.Module = Decoder(*sizes)
    elif name == "convnet":
        net = network("convnet")
    else:
        relu = nn.ReLU()
        net = nn.Sequential(
            nn.Linear(784, 512), relu, nn.Linear(512, 512), relu, nn.Linear(512, 10)
        )
    run = torch.compile(net.eval()) if compiled else net.eval()

    @torch.inference_mode()
    def called(x: np.ndarray) -> np.ndarray:
        given = torch.from_numpy(x)
        if name == "decoding":
            return generate(run, given.long()).numpy()
        # PyTorch's images have their channels first; of one channel that is the same memory.
        return run(given.view(-1, 1, 28, 28) if name == "convnet" else given).numpy()

    return called
