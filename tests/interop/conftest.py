"""Other libraries' code runs as in their users' sessions; Keras on JAX."""

import os

os.environ.setdefault("KERAS_BACKEND", "jax")

import jax
import pytest

collect_ignore = ["make_torch_golden.py", "make_published_shapes.py"]  # scripts that need torch


@pytest.fixture(autouse=True)
def standard_promotion(strict_promotion):
    with jax.numpy_rank_promotion("allow"), jax.numpy_dtype_promotion("standard"):
        yield
