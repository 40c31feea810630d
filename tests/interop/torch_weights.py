"""Weights that any process makes from a name and a shape, so that no file has to hold them."""

import zlib

import numpy as np


def draw(name, shape):
    """Random weights of a sensible size."""
    random = np.random.default_rng(zlib.crc32(name.encode()))
    values = random.standard_normal(shape).astype("float32")
    leaf = name.rpartition(".")[2]
    if leaf == "num_batches_tracked":
        return np.zeros((), "int64")
    if leaf == "running_var":
        return np.abs(values) + np.float32(0.5)
    if (leaf.startswith("weight") and len(shape) > 1) or leaf == "in_proj_weight":
        return values / np.float32(np.sqrt(np.prod(shape[1:])))
    if leaf == "weight":
        return 1 + values / 10
    return values / 10


def draw_all(shapes):
    """A state dict of these shapes."""
    return {name: draw(name, tuple(shape)) for name, shape in shapes.items()}


def inputs(seed, *shape):
    return np.random.default_rng(seed).standard_normal(shape).astype("float32")
