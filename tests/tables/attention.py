"""Attention and transformer blocks with their options, beside their PyTorch twins."""

from collections.abc import Callable, Iterator
from typing import Any

import jax
import numpy as np

from case import Case
from jaxdl import functional as F
from jaxdl import models

random = np.random.RandomState(11)

Q, K, V = (random.randn(2, time, 4, 6) for time in (3, 5, 5))
FEW_K, FEW_V = (random.randn(2, 5, 2, size) for size in (6, 3))
LONG_Q = random.randn(2, 7, 4, 6)
MASK = random.rand(2, 1, 3, 5) < 0.6
MASK[:, :, :, 0] = True
HIDDEN = MASK.copy()
HIDDEN[1, :, 2] = False  # a query that sees no key
PADDING = np.array([[True, True, False, True, False], [True, True, True, False, True]])
PADDING = PADDING[:, None, None]
BIAS = random.randn(4, 3, 5)

X, MEMORY = random.randn(2, 5, 6), random.randn(2, 4, 6)
QKV, QKV_BIAS = 0.5 * random.randn(6, 18), random.randn(18)
OUT, OUT_BIAS = 0.5 * random.randn(6, 6), random.randn(6)
UP, UP_BIAS, DOWN, DOWN_BIAS = (
    0.5 * random.randn(*shape) for shape in ((6, 10), (10,), (10, 6), (6,))
)
NORMS = (random.uniform(0.5, 2, 6), random.randn(6), random.uniform(0.5, 2, 6), random.randn(6))


def products() -> Iterator[Case]:
    torch = (
        "lambda q, k, v, **o: F.scaled_dot_product_attention("
        "*(a.transpose(-3, -2) for a in (q, k, v)), **o).transpose(-3, -2)"
    )

    def row(name: str, arrays: tuple[np.ndarray, ...], options: dict, twin: dict) -> Iterator[Case]:
        for size in (None, 2):  # of 5 keys: the last block is half empty
            full = options | ({} if size is None else {"block_size": size})
            label = f"{name}{'' if size is None else f'-block_size={size}'}"
            yield Case(label, F.dot_product_attention, arrays, full, torch, twin, (0, 1, 2))

    plain = (Q, K, V)
    few = (Q, FEW_K, FEW_V)
    yield from row("attention", plain, {}, {})
    yield from row("attention-scale", plain, {"scale": 0.3}, {"scale": 0.3})
    yield from row("attention-causal", plain, {"causal": True}, {"is_causal": True})
    long = (LONG_Q, K, V)  # more queries than keys
    yield from row("attention-causal-long", long, {"causal": True}, {"is_causal": True})
    yield from row("attention-mask", plain, {"mask": MASK}, {"attn_mask": MASK})
    yield from row("attention-padding", plain, {"mask": PADDING}, {"attn_mask": PADDING})
    yield from row("attention-hidden", plain, {"mask": HIDDEN}, {"attn_mask": HIDDEN})
    yield from row("attention-bias", plain, {"bias": BIAS}, {"attn_mask": BIAS})
    yield from row("attention-grouped", few, {}, {"enable_gqa": True})
    twin = {"attn_mask": MASK, "enable_gqa": True}
    yield from row("attention-grouped-mask", few, {"mask": MASK}, twin)
    both = {"attn_mask": np.where(MASK & np.tri(3, 5, dtype=bool), BIAS, -np.inf)}
    yield from row("attention-all", plain, {"mask": MASK, "bias": BIAS, "causal": True}, both)


def several_heads() -> Iterator[Case]:
    def attention(x: Any, *rest: Any, **options: Any) -> jax.Array:
        *memory, kernel, bias, out, out_bias = rest
        params = {
            "qkv": {"kernel": kernel, "bias": bias},
            "out": {"kernel": out, "bias": out_bias},
        }
        return F.multi_head_attention(params, x, *memory, n_heads=2, **options)

    # PyTorch's boolean masks are True where a key isn't seen.
    torch = (
        "lambda x, *r, mask=None: (lambda t: F.multi_head_attention_forward(t(x), t(r[-5]) if"
        " len(r) > 4 else t(x), t(r[-5]) if len(r) > 4 else t(x), 6, 2, r[-4].T, r[-3], None,"
        " None, False, 0.0, r[-2].T, r[-1], need_weights=False, attn_mask=mask)[0].transpose(0,"
        " 1))(lambda a: a.transpose(0, 1))"
    )
    weights = (QKV, QKV_BIAS, OUT, OUT_BIAS)
    every = tuple(range(5))
    seen = np.tri(5, dtype=bool)
    yield Case("multi_head", attention, (X, *weights), {}, torch, {}, every)
    yield Case("multi_head-mask", attention, (X, *weights), {"mask": seen}, torch, {"mask": ~seen},
               every)  # fmt: skip
    yield Case("multi_head-causal", attention, (X, *weights), {"causal": True}, torch,
               {"mask": ~seen}, every)  # fmt: skip
    yield Case("multi_head-memory", attention, (X, MEMORY, *weights), {}, torch, {},
               tuple(range(6)))  # fmt: skip


def blocks() -> Iterator[Case]:
    def block(norm_first: bool, causal: bool) -> Callable[..., jax.Array]:
        layer = models.transformer_block(
            6, 2, n_hidden=10, norm_first=norm_first, causal=causal, rate=0.0
        )

        def fn(x: Any, *weights: Any) -> jax.Array:
            names = ("kernel", "bias")
            pairs = list(zip(weights[::2], weights[1::2], strict=True))
            qkv, out, up, down = (dict(zip(names, pair, strict=True)) for pair in pairs[:4])
            first, second = (dict(zip(("scale", "bias"), p, strict=True)) for p in pairs[4:])
            params = {
                "attention": {"qkv": qkv, "out": out},
                "mlp": {"up": up, "activation": (), "dropout": (), "down": down}
                | {"last_dropout": ()},
                "attention_norm": first,
                "mlp_norm": second,
            }
            return layer.apply(params, (), x)[0]

        return fn

    names = (
        "self_attn.in_proj_weight self_attn.in_proj_bias self_attn.out_proj.weight"
        " self_attn.out_proj.bias linear1.weight linear1.bias linear2.weight linear2.bias"
        " norm1.weight norm1.bias norm2.weight norm2.bias"
    )
    torch = (
        "lambda x, *w, norm_first, mask=None: torch.func.functional_call("
        "torch.nn.TransformerEncoderLayer(6, 2, 10, dropout=0.0, batch_first=True,"
        " norm_first=norm_first).to(x.dtype),"
        f" {{n: a.T if a.ndim == 2 else a for n, a in zip('{names}'.split(), w)}},"
        " (x, mask))"
    )
    arrays = (X, QKV, QKV_BIAS, OUT, OUT_BIAS, UP, UP_BIAS, DOWN, DOWN_BIAS, *NORMS)
    for norm_first in (False, True):
        for causal in (False, True):
            mask = {"mask": ~np.tri(5, dtype=bool)} if causal else {}
            label = f"block-norm_first={norm_first}-causal={causal}"
            twin = {"norm_first": norm_first} | mask
            fn = block(norm_first, causal)
            yield Case(label, fn, arrays, {}, torch, twin, tuple(range(len(arrays))))


# The gradient of the keys' biases is 0, and what both frameworks compute is their rounding errors.
ROUNDING = {"float32": 5e-5}

CASES = [
    *products(),
    *(case._replace(tolerance=ROUNDING) for case in (*several_heads(), *blocks())),
]
