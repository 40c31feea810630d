"""Attention, positions and transformers, of the same few sizes: what is compiled serves others."""

import numpy as np

from jaxdl import activations, layers, models
from zoo.row import Row

_SEEN = np.tri(4, dtype=bool)[:, ::-1]  # with ``causal``, the first query sees no key

ROWS = [
    Row("multi_head_attention", layers.multi_head_attention(4, 2, rate=0.4), (3, 4), True),
    Row(
        "multi_head_attention with all options",
        layers.multi_head_attention(
            4, 2, n_kv_heads=1, causal=True, rotary=True, mask=_SEEN, bias=False, block_size=3
        ),
        (4, 4),
    ),
    Row("sinusoidal_positions", layers.sinusoidal_positions(4), (3, 4)),
    Row("learned_positions", layers.learned_positions(5, 4), (3, 4)),
    Row(
        "transformer_block",
        models.transformer_block(4, 2, n_hidden=8, activation=activations.gelu, rate=0.4),
        (3, 4),
        stochastic=True,
    ),
    Row(
        "transformer_encoder",
        models.transformer_encoder(
            4, 3, n_tokens=5, length=5, n_layers=2, n_heads=2, n_hidden=8, padding_index=0
        ),
        (4,),
        classes=5,
        composed=True,
    ),
    Row(
        "transformer_lm",
        models.transformer_lm(5, length=5, n_features=4, n_heads=2, n_layers=2, n_hidden=8),
        (3,),
        classes=5,
        composed=True,
    ),
    Row(
        "transformer_lm with all options",
        models.transformer_lm(
            5,
            rotary=True,
            tied=False,
            bias=False,
            n_features=4,
            n_heads=2,
            n_kv_heads=1,
            n_layers=2,
            n_hidden=8,
            norm=layers.rms_norm,
            activation=activations.swiglu,
            rate=0.3,
        ),
        (3,),
        stochastic=True,
        classes=5,
        composed=True,
    ),
    Row(
        "vit",
        models.vit((4, 4, 1), 3, patch_size=2, n_features=4, n_heads=2, n_layers=2, n_hidden=8),
        (4, 4, 1),
        composed=True,
    ),
    Row(
        "bert",
        models.bert(8, n_features=4, n_heads=2, n_layers=2, length=5, rate=0.3, padding_index=7),
        (4,),
        classes=7,
        stochastic=True,
        composed=True,
    ),
]
