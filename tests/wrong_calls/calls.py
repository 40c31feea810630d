"""Right calls of layers, functions of arrays, models and data, whose options a test replaces."""

from types import MappingProxyType
from typing import Any

import jax
import numpy as np

from jaxdl import data, layers

KEY = jax.random.key(0)
ROWS, IMAGES, WORDS = np.ones((2, 4), "f"), np.ones((2, 8, 8, 4), "f"), np.ones((2, 3), "i")
HEADS = {name: np.ones((2, 5, 4, 6), "f") for name in "qkv"}  # (batch, time, heads, features)
KERNEL = {"kernel": np.ones((3, 3, 4, 4), "f")}
STATE = {"u": np.ones(4, "f"), "v": np.ones(2, "f")}
ATTENTION = layers.multi_head_attention(4, 2).init(KEY)[0]
LETTERS = "to be or not to be, that is here the question"
CONV = {"n_in": 4, "n_out": 4, "size": (3, 3)}

LAYERS: MappingProxyType[str, dict[str, Any]] = MappingProxyType(
    {
        "activity_regularizer": {},
        "adaptive_avg_pool": {"size": (2, 2)},
        "adaptive_max_pool": {"size": (2, 2)},
        "alpha_dropout": {"rate": 0.5},
        "avg_pool": {"window": (2, 2)},
        "batch_norm": {"n": 4},
        "bilinear": {"n_in1": 2, "n_in2": 3, "n_out": 4},
        "conv": CONV,
        "conv_relu_pool": {**CONV, "pool": (2, 2)},
        "conv_transpose": CONV,
        "dense": {"n_in": 2, "n_out": 3},
        "depthwise_conv": {"n_in": 4, "size": (3, 3)},
        "drop_path": {"rate": 0.5, "axes": 3},
        "dropout": {"rate": 0.5},
        "embedding": {"n_tokens": 5, "n_out": 3},
        "embedding_bag": {"n_tokens": 5, "n_out": 3},
        "feature_alpha_dropout": {"rate": 0.5, "axes": 3},
        "feature_dropout": {"rate": 0.5, "axes": 3},
        "flatten": {"axes": 3},
        "gaussian_dropout": {"rate": 0.5},
        "gaussian_noise": {"stddev": 0.5},
        "global_avg_pool": {},
        "global_max_pool": {},
        "group_norm": {"groups": 2, "n": 4},
        "gru": {"n_in": 2, "n_hidden": 3},
        "instance_norm": {"n": 4},
        "layer_norm": {"n": 4},
        "learned_positions": {"length": 5, "n_features": 4},
        "local_response_norm": {"size": 3},
        "lora": {"layer": layers.dense(4, 4), "rank": 2},
        "lp_pool": {"window": (2, 2)},
        "lstm": {"n_in": 2, "n_hidden": 3},
        "max_pool": {"window": (2, 2)},
        "maxout": {"n_in": 2, "n_out": 3},
        "multi_head_attention": {"n_features": 4, "n_heads": 2},
        "pixel_shuffle": {"factor": 2},
        "pixel_unshuffle": {"factor": 2},
        "prelu": {},
        "rescale": {},
        "rms_norm": {"n": 4},
        "rnn": {"n_in": 2, "n_hidden": 3},
        "rrelu": {},
        "sinusoidal_positions": {"n_features": 4},
        "spectral_norm": {"layer": layers.dense(4, 4)},
        "swish": {},
        "upsample": {"scale": 2},
    }
)

FUNCTIONAL: MappingProxyType[str, dict[str, Any]] = MappingProxyType(
    {
        "adaptive_avg_pool": {"x": IMAGES, "size": (2, 2)},
        "adaptive_max_pool": {"x": IMAGES, "size": (2, 2)},
        "alpha_dropout": {"key": KEY, "x": ROWS, "rate": 0.5},
        "attention_cache": {"params": ATTENTION, "batch_shape": (2,), "length": 5, "n_heads": 2},
        "attention_weights": {"q": HEADS["q"], "k": HEADS["k"]},
        "avg_pool": {"x": IMAGES, "window": (2, 2)},
        "conv": {"params": KERNEL, "x": IMAGES},
        "conv_relu_pool": {"params": KERNEL, "x": IMAGES, "pool": (2, 2)},
        "conv_transpose": {"params": KERNEL, "x": IMAGES},
        "dot_product_attention": HEADS,
        "drop_path": {"key": KEY, "x": IMAGES, "rate": 0.5, "axes": 3},
        "dropout": {"key": KEY, "x": ROWS, "rate": 0.5},
        "embedding": {"params": {"embedding": ROWS}, "indices": WORDS},
        "embedding_bag": {"params": {"embedding": ROWS}, "indices": WORDS},
        "feature_alpha_dropout": {"key": KEY, "x": IMAGES, "rate": 0.5, "axes": 3},
        "feature_dropout": {"key": KEY, "x": IMAGES, "rate": 0.5, "axes": 3},
        "flatten": {"x": IMAGES, "axes": 3},
        "gaussian_dropout": {"key": KEY, "x": ROWS, "rate": 0.5},
        "gaussian_noise": {"key": KEY, "x": ROWS, "stddev": 0.5},
        "global_avg_pool": {"x": IMAGES},
        "global_max_pool": {"x": IMAGES},
        "group_norm": {"params": {}, "x": IMAGES, "groups": 2},
        "instance_norm": {"params": {}, "x": IMAGES},
        "layer_norm": {"params": {}, "x": IMAGES},
        "local_response_norm": {"x": IMAGES, "size": 3},
        "lp_pool": {"x": IMAGES, "window": (2, 2)},
        "max_pool": {"x": IMAGES, "window": (2, 2)},
        "multi_head_attention": {"params": ATTENTION, "x": ROWS[None], "n_heads": 2},
        "pixel_shuffle": {"x": IMAGES, "factor": 2},
        "pixel_unshuffle": {"x": IMAGES, "factor": 2},
        "rescale": {"x": IMAGES},
        "rms_norm": {"params": {}, "x": IMAGES},
        "rotary": {"x": HEADS["q"]},
        "sinusoidal_positions": {"positions": np.arange(3), "n_features": 4},
        "spectral_norm": {"kernel": np.ones((2, 4), "f"), "state": STATE},
        "upsample": {"x": IMAGES, "scale": 2},
    }
)

PART = {"inputs": np.arange(20.0).reshape(10, 2), "labels": np.arange(10) % 2}
IMAGE = np.ones((1, 8, 8, 3), "f")

DATA: MappingProxyType[str, dict[str, Any]] = MappingProxyType(
    {
        "addition": {"n": 20},
        "balanced_class_weights": {"labels": np.arange(3), "classes": 3},
        "blobs": {"n": 20},
        "checkerboard": {"n": 20},
        "circles": {"n": 20},
        "copy_task": {"n": 20},
        "cutout": {"key": KEY, "x": IMAGE},
        "fit_scaling": {"x": ROWS},
        "hold_out": {"dataset": data.Dataset(PART), "fraction": 0.5},
        "image_folder": {"path": "/nowhere"},
        "image_readers": {"path": "/nowhere", "image_size": (4, 4), "batch_size": 2},
        "load": {"name": "animals"},
        "mnist1d": {"n": 20},
        "moons": {"n": 20},
        "prefetch": {"batches": [], "depth": 1},
        "random_crop": {"key": KEY, "x": IMAGE},
        "random_flip": {"key": KEY, "x": IMAGE},
        "random_resized_crop": {"key": KEY, "x": IMAGE},
        "random_rotation": {"key": KEY, "x": IMAGE},
        "reversal": {"n": 20},
        "sine_regression": {"n": 20},
        "spirals": {"n": 20},
        "standardize": {"dataset": data.Dataset(PART)},
        "stratified_split": {"labels": PART["labels"], "fractions": (0.5, 0.5)},
        "table": {"path": "rows.csv", "labels": "y"},
        "text_windows": {"text": 9 * LETTERS, "length": 2},
        "xor": {"n": 20},
    }
)
