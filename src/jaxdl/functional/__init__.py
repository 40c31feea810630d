"""Arrays in, arrays out: what layers compute, as pure functions of parameters and inputs."""

from jaxdl import _face
from jaxdl.functional._adaptive_pooling import (
    adaptive_avg_pool,
    adaptive_max_pool,
    global_avg_pool,
    global_max_pool,
)
from jaxdl.functional._attention import attention_weights, dot_product_attention
from jaxdl.functional._batch_norm import batch_norm
from jaxdl.functional._bilinear import bilinear
from jaxdl.functional._convolution import conv, conv_transpose
from jaxdl.functional._convolution_pooled import conv_relu_pool
from jaxdl.functional._dense import dense
from jaxdl.functional._embedding import embedding, embedding_attend, embedding_bag
from jaxdl.functional._multi_head_attention import (
    attention_cache,
    multi_head_attention,
    multi_head_attention_step,
)
from jaxdl.functional._normalization import (
    group_norm,
    instance_norm,
    layer_norm,
    local_response_norm,
    rms_norm,
)
from jaxdl.functional._pooling import avg_pool, lp_pool, max_pool
from jaxdl.functional._positions import learned_positions, rotary, sinusoidal_positions
from jaxdl.functional._recurrent_gru import gru, gru_step
from jaxdl.functional._recurrent_lstm import lstm, lstm_step
from jaxdl.functional._recurrent_rnn import rnn, rnn_step
from jaxdl.functional._recurrent_stack import recurrent
from jaxdl.functional._reparametrization import spectral_norm, weight_norm
from jaxdl.functional._resampling import pixel_shuffle, pixel_unshuffle, upsample
from jaxdl.functional._reshaping import flatten, rescale
from jaxdl.functional._stochastic import (
    alpha_dropout,
    drop_path,
    dropout,
    feature_alpha_dropout,
    feature_dropout,
    gaussian_dropout,
    gaussian_noise,
)

__all__ = [
    "adaptive_avg_pool",
    "adaptive_max_pool",
    "alpha_dropout",
    "attention_cache",
    "attention_weights",
    "avg_pool",
    "batch_norm",
    "bilinear",
    "conv",
    "conv_relu_pool",
    "conv_transpose",
    "dense",
    "dot_product_attention",
    "drop_path",
    "dropout",
    "embedding",
    "embedding_attend",
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
    "gru_step",
    "instance_norm",
    "layer_norm",
    "learned_positions",
    "local_response_norm",
    "lp_pool",
    "lstm",
    "lstm_step",
    "max_pool",
    "multi_head_attention",
    "multi_head_attention_step",
    "pixel_shuffle",
    "pixel_unshuffle",
    "recurrent",
    "rescale",
    "rms_norm",
    "rnn",
    "rnn_step",
    "rotary",
    "sinusoidal_positions",
    "spectral_norm",
    "upsample",
    "weight_norm",
]

__doc__ = _face.index(globals())
