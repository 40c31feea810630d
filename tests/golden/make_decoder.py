"""Stores what PyTorch's decoder layer computes from a sequence and a memory, and its gradients.

Command:  python tests/golden/make_decoder.py
Needs:    PyTorch 2.13
Result:   tests/golden/decoder.npz, which tests/models/test_decoder_layer.py compares with
"""

from pathlib import Path

import numpy as np


def main() -> None:
    """Writes weights, inputs, outputs and gradients, norm last and norm first."""
    import torch  # not while pytest looks for doctests

    golden: dict[str, np.ndarray] = {}
    for norm_first in (False, True):
        torch.manual_seed(0)
        layer = torch.nn.TransformerDecoderLayer(
            8, 2, 16, dropout=0.0, batch_first=True, norm_first=norm_first, dtype=torch.float64
        )
        for p in layer.parameters():  # biases and scales that aren't 0 and 1
            p.data.add_(0.1 * torch.randn_like(p))
        x, memory = (torch.randn(2, n, 8, dtype=torch.float64).requires_grad_() for n in (4, 5))
        absent = torch.arange(5)[None] >= torch.tensor([[5], [3]])
        y = layer(
            x,
            memory,
            tgt_mask=torch.ones(4, 4, dtype=torch.bool).triu(1),
            memory_key_padding_mask=absent,
        )
        direction = torch.linspace(-1, 1, y.numel(), dtype=y.dtype).reshape(y.shape)
        gradients = torch.autograd.grad(y, (x, memory), direction)
        found = dict(layer.state_dict()) | {"x": x, "memory": memory, "seen": ~absent, "y": y}
        found |= {"dx": gradients[0], "dmemory": gradients[1], "direction": direction}
        golden |= {f"{norm_first}|{name}": t.detach().numpy() for name, t in found.items()}
    np.savez_compressed(Path(__file__).with_name("decoder.npz"), **golden)


if __name__ == "__main__":
    main()
