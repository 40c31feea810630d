"""Small versions of the networks of known names, with an input of each."""

import jax
import numpy as np

from jaxdl import activations, layers, models, serial

VGG = serial(
    features=serial(
        layers.conv(3, 4, (3, 3), padding=1), activations.relu, layers.max_pool((2, 2))
    ),
    pool=layers.adaptive_avg_pool((7, 7)),
    flatten=layers.flatten(axes=3),
    classifier=layers.dense(4 * 49, 5),
)
SIZES = {"n_features": 8, "n_heads": 2, "n_layers": 2, "length": 6}
TOKENS = np.array([[5, 3, 9, 1, 2, 4], [2, 7, 0, 0, 0, 0]], "int32")


def sounds(samples):
    return np.random.default_rng(0).normal(size=(2, samples)).astype("float32")


IMAGES = np.random.default_rng(0).normal(size=(2, 32, 32, 3)).astype("float32")
KNOWN = {
    "resnet18": (models.resnet18(5, width=4), IMAGES),
    "vgg": (VGG, IMAGES),
    "mobilenet_v3": (models.mobilenet_v3("small", 5), IMAGES),
    "minilm": (models.bert(11, n_hidden=16, padding_index=0, **SIZES), TOKENS),
    "gpt2": (models.transformer_lm(11, **SIZES), TOKENS),
    "crepe": (models.crepe("tiny"), sounds(1024)),
    "silero_vad": (models.silero_vad(), sounds(1024)),
}


def drawn(net):
    """Params and state; the default generator takes long to compile."""
    return jax.jit(net.init)(jax.random.key(0, impl="rbg"))
