"""Arrays in, arrays out: what layers compute, as pure functions of parameters and inputs."""

from jaxdl.functional.attention import attention_weights as attention_weights
from jaxdl.functional.attention import dot_product_attention as dot_product_attention
from jaxdl.functional.batch_norm import batch_norm as batch_norm
from jaxdl.functional.bilinear import bilinear as bilinear
from jaxdl.functional.convolution import conv as conv
from jaxdl.functional.convolution import conv_transpose as conv_transpose
from jaxdl.functional.convolution_pooled import conv_relu_pool as conv_relu_pool
from jaxdl.functional.dense import dense as dense
from jaxdl.functional.embedding import embedding as embedding
from jaxdl.functional.embedding import embedding_attend as embedding_attend
from jaxdl.functional.embedding import embedding_bag as embedding_bag
from jaxdl.functional.multi_head_attention import attention_cache as attention_cache
from jaxdl.functional.multi_head_attention import multi_head_attention as multi_head_attention
from jaxdl.functional.multi_head_attention import (
    multi_head_attention_step as multi_head_attention_step,
)
from jaxdl.functional.normalization import group_norm as group_norm
from jaxdl.functional.normalization import instance_norm as instance_norm
from jaxdl.functional.normalization import layer_norm as layer_norm
from jaxdl.functional.normalization import local_response_norm as local_response_norm
from jaxdl.functional.normalization import rms_norm as rms_norm
from jaxdl.functional.pooling import avg_pool as avg_pool
from jaxdl.functional.pooling import lp_pool as lp_pool
from jaxdl.functional.pooling import max_pool as max_pool
from jaxdl.functional.pooling_more import adaptive_avg_pool as adaptive_avg_pool
from jaxdl.functional.pooling_more import adaptive_max_pool as adaptive_max_pool
from jaxdl.functional.pooling_more import global_avg_pool as global_avg_pool
from jaxdl.functional.pooling_more import global_max_pool as global_max_pool
from jaxdl.functional.positions import learned_positions as learned_positions
from jaxdl.functional.positions import rotary as rotary
from jaxdl.functional.positions import sinusoidal_positions as sinusoidal_positions
from jaxdl.functional.recurrent_gru import gru as gru
from jaxdl.functional.recurrent_gru import gru_step as gru_step
from jaxdl.functional.recurrent_lstm import lstm as lstm
from jaxdl.functional.recurrent_lstm import lstm_step as lstm_step
from jaxdl.functional.recurrent_rnn import rnn as rnn
from jaxdl.functional.recurrent_rnn import rnn_step as rnn_step
from jaxdl.functional.recurrent_stack import recurrent as recurrent
from jaxdl.functional.reparametrization import spectral_norm as spectral_norm
from jaxdl.functional.reparametrization import weight_norm as weight_norm
from jaxdl.functional.resampling import pixel_shuffle as pixel_shuffle
from jaxdl.functional.resampling import pixel_unshuffle as pixel_unshuffle
from jaxdl.functional.resampling import upsample as upsample
from jaxdl.functional.reshaping import flatten as flatten
from jaxdl.functional.reshaping import rescale as rescale
from jaxdl.functional.stochastic import alpha_dropout as alpha_dropout
from jaxdl.functional.stochastic import drop_path as drop_path
from jaxdl.functional.stochastic import dropout as dropout
from jaxdl.functional.stochastic import feature_alpha_dropout as feature_alpha_dropout
from jaxdl.functional.stochastic import feature_dropout as feature_dropout
from jaxdl.functional.stochastic import gaussian_dropout as gaussian_dropout
from jaxdl.functional.stochastic import gaussian_noise as gaussian_noise
