"""Real networks that packages carry, as jaxdl writes them."""

import itertools

import jax.numpy as jnp

from jaxdl import activations, layers, models, serial
from jaxdl.types import Array, Layer


def minilm() -> Layer:
    """all-MiniLM-L6-v2: six blocks that read a sentence."""
    return models.bert(n_features=384, n_layers=6)


def sentence(net: Layer, params, state, tokens) -> Array:
    """Sentences (…, time) as vectors of length 1: the mean over their tokens."""
    y, _ = net.apply(params, state, tokens)
    kept = (tokens != 0)[..., None]
    mean = (y * kept).sum(-2) / kept.sum(-2)
    return mean / jnp.linalg.norm(mean, axis=-1, keepdims=True)


def crepe_tiny() -> Layer:
    """CREPE's smallest: 1,024 samples of sound at 16 kHz to logits of 360 pitches."""
    widths = (1, 128, 16, 16, 16, 32, 64)
    stages = []
    for i, (n_in, n_out) in enumerate(itertools.pairwise(widths)):
        size, stride, padding = (512, 4, (254, 254)) if i == 0 else (64, 1, (31, 32))
        stages += [
            layers.conv(n_in, n_out, (size,), stride=stride, padding=(padding,)),
            activations.relu,
            layers.batch_norm(n_out, epsilon=0.0010000000474974513, momentum=0.0),
            layers.max_pool((2,)),
        ]
    return serial(
        samples=lambda x: x[..., None],
        stages=serial(*stages),
        flatten=layers.flatten(axes=2),
        classifier=layers.dense(256, 360),
    )
