"""The tasks of accelerator.py in PyTorch: as it stands, compiled, and in CUDA graphs."""

import itertools
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.nn import functional as F

if TYPE_CHECKING:
    from accelerator import Size

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"


class Ensemble(nn.Module):
    """Multilayer perceptrons side by side: products of stacked matrices."""

    def __init__(self, models: int, sizes: tuple[int, ...]) -> None:
        super().__init__()
        self.models = models
        pairs = list(itertools.pairwise(sizes))
        draw = lambda *shape: nn.Parameter(torch.empty(shape).uniform_(-0.1, 0.1))
        self.kernels = nn.ParameterList([draw(models, a, b) for a, b in pairs])
        self.biases = nn.ParameterList([draw(models, 1, b) for _, b in pairs])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x.expand(self.models, *x.shape)
        for i, (kernel, bias) in enumerate(zip(self.kernels, self.biases, strict=True)):
            x = torch.baddbmm(bias, x if i == 0 else F.relu(x), kernel)
        return x.flatten(0, 1)


class Block(nn.Module):
    """A block of GPT-2, normalised first."""

    def __init__(self, features: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norms = nn.ModuleList([nn.LayerNorm(features), nn.LayerNorm(features)])
        self.qkv, self.out = nn.Linear(features, 3 * features), nn.Linear(features, features)
        self.up, self.down = nn.Linear(features, 4 * features), nn.Linear(4 * features, features)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        heads = lambda y: y.unflatten(-1, (self.heads, -1)).transpose(1, 2)
        q, k, v = map(heads, self.qkv(self.norms[0](x)).chunk(3, -1))
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.out(y.transpose(1, 2).flatten(2))
        return x + self.down(F.gelu(self.up(self.norms[1](x)), approximate="tanh"))


class Transformer(nn.Module):
    """GPT-2, whose head shares the kernel of the embedding."""

    def __init__(self, tokens: int, features: int, layers: int, length: int) -> None:
        super().__init__()
        self.embedding, self.places = nn.Embedding(tokens, features), nn.Embedding(length, features)
        heads = max(1, features // 64)
        self.blocks = nn.Sequential(*(Block(features, heads) for _ in range(layers)))
        self.norm = nn.LayerNorm(features)
        nn.init.normal_(self.embedding.weight, std=0.02)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        places = torch.arange(x.shape[1], device=x.device)
        y = self.norm(self.blocks(self.embedding(x) + self.places(places)))
        return F.linear(y, self.embedding.weight).flatten(0, 1)


class Bottleneck(nn.Module):
    """A block of ResNet-50."""

    def __init__(self, n_in: int, width: int, stride: int) -> None:
        super().__init__()
        conv = lambda a, b, k, s: nn.Sequential(
            nn.Conv2d(a, b, k, s, k // 2, bias=False), nn.BatchNorm2d(b)
        )
        self.parts = nn.ModuleList(
            [conv(n_in, width, 1, 1), conv(width, width, 3, stride), conv(width, 4 * width, 1, 1)]
        )
        same = stride == 1 and n_in == 4 * width
        self.shortcut = nn.Identity() if same else conv(n_in, 4 * width, 1, stride)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = F.relu(self.parts[1](F.relu(self.parts[0](x))))
        return F.relu(self.parts[2](y) + self.shortcut(x))


def resnet50(channels: int) -> nn.Module:
    """ResNet-50 for 1,000 classes."""
    parts: list[nn.Module] = [
        nn.Conv2d(3, channels, 7, 2, 3, bias=False), nn.BatchNorm2d(channels), nn.ReLU(),
        nn.MaxPool2d(3, 2, 1),
    ]  # fmt: skip
    n_in = channels
    for stage, blocks in enumerate((3, 4, 6, 3) if channels == 64 else (1, 1, 1, 1)):
        for block in range(blocks):
            width = channels * 2**stage
            parts.append(Bottleneck(n_in, width, 2 if stage and not block else 1))
            n_in = 4 * width
    return nn.Sequential(*parts, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(n_in, 1000))


def network(name: str, size: "Size") -> nn.Module:
    """The network of a task."""
    if name == "transformer":
        return Transformer(*size.shape)
    return resnet50(size.shape[-1]) if name == "resnet50" else Ensemble(size.models, size.shape)


def data_of(name: str, size: "Size") -> tuple[torch.Tensor, torch.Tensor]:
    """The data of a task, on the device; images with channels last."""
    import accelerator

    arrays = accelerator.batch_of(name, size)
    x, y = (torch.from_numpy(arrays[key]).to(DEVICE) for key in ("inputs", "labels"))
    if name == "resnet50":
        x = x.permute(0, 3, 1, 2)
    return x, y.long().flatten()


def steps_of(name: str, size: "Size", rival: str) -> Iterator[None]:
    """Each time it is asked, takes the steps of a measurement and waits for the last."""
    small = size.shape[-1] == 10
    net = network(name, size).to(DEVICE)
    if name == "resnet50":
        net = net.to(memory_format=torch.channels_last)
    forward = torch.compile(net) if rival == "torch-compile" else net
    graphs = rival == "torch-graphs"
    fused = DEVICE == "cuda"
    optimizer = torch.optim.Adam(net.parameters(), fused=fused, capturable=fused)
    x, y = data_of(name, size)
    rows = torch.zeros(size.rows, dtype=torch.int64, device=DEVICE)

    def step() -> torch.Tensor:
        inputs, labels = (x[rows], y[rows].repeat(size.models)) if small else (x, y)
        half = torch.autocast(DEVICE, torch.bfloat16, not small and fused, cache_enabled=not graphs)
        with half:
            loss = F.cross_entropy(forward(inputs), labels) * size.models
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        return loss

    run = captured(step) if graphs else step
    while True:
        order = torch.randperm(len(x), device=DEVICE) if small else None
        for i in range(size.steps):
            if order is not None:
                rows.copy_(order[i * size.rows : (i + 1) * size.rows])
            loss = run()
        loss.item()
        yield


def captured(step: Callable[[], torch.Tensor]) -> Callable[[], torch.Tensor]:
    """The step as a CUDA graph, which launches all its kernels at once."""
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(3):
            step()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        loss = step()

    def replay() -> torch.Tensor:
        graph.replay()
        return loss

    return replay


def measure(
    name: str, size: "Size", rival: str, repeats: int, timed: Callable[[Iterator[None], int], float]
) -> dict[str, Any]:
    """What one process finds; it ends with a reason where a rival can't run here."""
    torch.set_float32_matmul_precision("high")  # TF32, which is what JAX takes
    if rival != "torch" and DEVICE == "cpu":
        sys.exit(f"skipped: {rival} needs a GPU here")
    seconds = timed(steps_of(name, size, rival), repeats)
    memory = torch.cuda.max_memory_allocated() if DEVICE == "cuda" else None
    chip = torch.cuda.get_device_name() if DEVICE == "cuda" else "cpu"
    found = {"chip": chip, "torch": torch.__version__}
    return found | {"seconds_per_step": seconds / size.steps, "memory_bytes": memory}
