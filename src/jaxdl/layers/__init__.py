"""Layers: factories that pair an initialisation with a function of ``jaxdl.functional``."""

from jaxdl import _face
from jaxdl.layers._activations import maxout, prelu, rrelu, swish
from jaxdl.layers._attention import multi_head_attention
from jaxdl.layers._batch_norm import batch_norm
from jaxdl.layers._bilinear import bilinear
from jaxdl.layers._convolution import conv, conv_relu_pool, conv_transpose, depthwise_conv
from jaxdl.layers._dense import dense
from jaxdl.layers._embedding import embedding, embedding_bag
from jaxdl.layers._images import (
    adaptive_avg_pool,
    adaptive_max_pool,
    avg_pool,
    flatten,
    global_avg_pool,
    global_max_pool,
    local_response_norm,
    lp_pool,
    max_pool,
    pixel_shuffle,
    pixel_unshuffle,
    rescale,
    upsample,
)
from jaxdl.layers._lora import lora, merge_lora
from jaxdl.layers._normalization import (
    group_norm,
    instance_norm,
    layer_norm,
    rms_norm,
)
from jaxdl.layers._positions import learned_positions, sinusoidal_positions
from jaxdl.layers._recurrent import gru, lstm, rnn
from jaxdl.layers._regularization import activity_regularizer
from jaxdl.layers._reparametrization import spectral_norm, weight_norm
from jaxdl.layers._stochastic import (
    alpha_dropout,
    drop_path,
    dropout,
    feature_alpha_dropout,
    feature_dropout,
    gaussian_dropout,
    gaussian_noise,
)

__all__ = [
    "activity_regularizer",
    "adaptive_avg_pool",
    "adaptive_max_pool",
    "alpha_dropout",
    "avg_pool",
    "batch_norm",
    "bilinear",
    "conv",
    "conv_relu_pool",
    "conv_transpose",
    "dense",
    "depthwise_conv",
    "drop_path",
    "dropout",
    "embedding",
    "embedding_bag",
    "feature_alpha_dropout",
    "feature_dropout",
    "flatten",
    "gaussian_dropout",
    "gaussian_noise",
    "global_avg_pool",
    "global_max_pool",
    "group_norm",
    "gru",
    "instance_norm",
    "layer_norm",
    "learned_positions",
    "local_response_norm",
    "lora",
    "lp_pool",
    "lstm",
    "max_pool",
    "maxout",
    "merge_lora",
    "multi_head_attention",
    "pixel_shuffle",
    "pixel_unshuffle",
    "prelu",
    "rescale",
    "rms_norm",
    "rnn",
    "rrelu",
    "sinusoidal_positions",
    "spectral_norm",
    "swish",
    "upsample",
    "weight_norm",
]

__doc__ = _face.index(globals())
