"""Optax's adam multiplies integers with floats, which strict promotion forbids."""

import jax
import pytest

# What is said of bits has to hold for programs as users compile them.
OPTIMIZED = ("test_chunks", "test_stream")


@pytest.fixture(autouse=True)
def standard_promotion():
    with jax.numpy_dtype_promotion("standard"):
        yield


@pytest.fixture(autouse=True, scope="module")
def quick_compilation(request):
    """Compiles without the costly optimisations, which no number here depends on."""
    before = jax.config.read("jax_disable_most_optimizations")
    optimized = request.module.__name__.rpartition(".")[2] in OPTIMIZED
    jax.config.update("jax_disable_most_optimizations", not optimized)
    yield
    jax.config.update("jax_disable_most_optimizations", before)
