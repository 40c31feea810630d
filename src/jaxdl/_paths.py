"""The one spelling of an array's place in a tree: ``params/0/kernel``."""

from collections.abc import Sequence

import jax


def parts(path: Sequence[object]) -> tuple[str, ...]:
    """Returns the text of each key of a JAX path.

    Example:
        >>> [(path, _)] = jax.tree.leaves_with_path({"params": [1.0]})
        >>> parts(path)
        ('params', '0')
    """
    return tuple(jax.tree_util.keystr((key,), simple=True) for key in path)


def join(parts: Sequence[str]) -> str:
    """Joins keys with slashes; a slash within a key is written ``~1``, and ``~`` is ``~0``.

    So no two paths look alike (RFC 6901 writes JSON pointers in the same way).

    Example:
        >>> join(["params", "0", "kernel"]), join(["a/b"])
        ('params/0/kernel', 'a~1b')
    """
    return "/".join(part.replace("~", "~0").replace("/", "~1") for part in parts)


def spell(path: Sequence[object]) -> str:
    """Returns a JAX path as text.

    Example:
        >>> [spell(path) for path, _ in jax.tree.leaves_with_path({"params": ({"kernel": 1.0},)})]
        ['params/0/kernel']
    """
    return join(parts(path))


def is_kernel(path: str) -> bool:
    """Returns whether a parameter is a kernel, by the last part of its path.

    Args:
        path: such as ``"0/kernel"``.

    Returns:
        Whether it is one: biases, scales and embeddings are not.

    Example:
        >>> is_kernel("0/kernel"), is_kernel("0/bias")
        (True, False)
    """
    return path.rpartition("/")[2] == "kernel"
