"""Compiled programs that the next process finds on the disk."""

from pathlib import Path

import jax


def keep_compilations(directory: str | Path) -> None:
    """Keeps compiled programs in a folder, for every process that compiles the same ones later.

    ``experiments/fashion_mnist_adam.py --epochs 1 --cache DIR`` takes 6.7 s from start to end on 2
    CPU cores the first time, 1.2 s of them for compiling its epoch, and 4.4 s and 0.3 s the second.

    Args:
        directory: made where it doesn't exist. What lies there is trusted as code is.

    Example:
        >>> import tempfile
        >>> keep_compilations(tempfile.mkdtemp())  # before the first compilation
        >>> jax.config.update("jax_compilation_cache_dir", None)
    """
    jax.config.update("jax_compilation_cache_dir", str(directory))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.1)
