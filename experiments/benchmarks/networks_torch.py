"""The networks of layers.py in PyTorch, and its usual loop."""

from collections.abc import Iterator

import numpy as np
import torch
from rivals import Trainer
from torch import nn
from torch.nn import functional as F


class Last(nn.Module):
    """A recurrent layer that gives its last step."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layer(x)[0][:, -1]


class Mean(nn.Module):
    """The mean over time."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.mean(1)


class Block(nn.Module):
    """Two convolutions with batch normalisation, and a shortcut without parameters."""

    def __init__(self, n_in: int, n_out: int, stride: int) -> None:
        super().__init__()
        self.stride, self.extra = stride, n_out - n_in
        self.first = nn.Conv2d(n_in, n_out, 3, stride, 1, bias=False)
        self.second = nn.Conv2d(n_out, n_out, 3, 1, 1, bias=False)
        self.norms = nn.ModuleList([nn.BatchNorm2d(n_out), nn.BatchNorm2d(n_out)])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = F.relu(self.norms[0](self.first(x)))
        y = self.norms[1](self.second(y))
        if self.stride > 1:
            x = F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, 0, self.extra))
        return F.relu(x + y)


def network(name: str) -> nn.Module:
    """One network by its name."""
    if name == "convnet":
        return nn.Sequential(
            nn.Conv2d(1, 32, 5, padding="same"), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(32, 64, 5, padding="same"), nn.ReLU(), nn.MaxPool2d(2),
            nn.Flatten(), nn.Linear(3136, 128), nn.ReLU(), nn.Linear(128, 10),
        )  # fmt: skip
    if name in ("lstm", "gru"):
        kind = {"lstm": nn.LSTM, "gru": nn.GRU}[name]
        return nn.Sequential(Last(kind(28, 128, batch_first=True)), nn.Linear(128, 10))
    if name == "transformer":
        layer = nn.TransformerEncoderLayer(128, 4, 512, 0.0, batch_first=True, norm_first=True)
        norm = nn.LayerNorm(128)
        encoder = nn.TransformerEncoder(layer, 4, norm, enable_nested_tensor=False)
        return nn.Sequential(encoder, Mean(), nn.Linear(128, 10))
    stem = (nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU())
    blocks = (Block(16, 16, 1), Block(16, 32, 2), Block(32, 64, 2))
    pool = (nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))
    return nn.Sequential(*stem, *blocks, *pool)


def trainer(
    name: str, data: dict[str, np.ndarray], batch_size: int, channels_last: bool
) -> Trainer:
    """Adam on batches of a new permutation each epoch."""
    x, y = torch.from_numpy(data["inputs"]), torch.from_numpy(data["labels"]).long()
    net = network(name)
    if x.ndim == 4:
        layout = torch.channels_last if channels_last else torch.contiguous_format
        x = x.permute(0, 3, 1, 2).contiguous(memory_format=layout)
        net = net.to(memory_format=layout)
    optimizer = torch.optim.Adam(net.parameters())

    def batches() -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        return ((x[i], y[i]) for i in torch.randperm(len(x)).split(batch_size))

    while True:
        for inputs, labels in batches():
            loss = F.cross_entropy(net(inputs), labels)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
        yield loss.item()
