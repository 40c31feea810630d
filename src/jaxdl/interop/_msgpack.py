"""Trees with typed keys as ``flax.serialization``'s bytes."""

from typing import TypeVar

import jax
import jax.numpy as jnp

from jaxdl._checks import describe, is_key
from jaxdl.interop._extras import needs
from jaxdl.interop._names import map_with_name
from jaxdl.types import PyTree

Tree = TypeVar("Tree")


def to_msgpack(tree: PyTree) -> bytes:
    """Returns a tree, such as params or a TrainState, as ``flax.serialization.to_bytes`` writes it.

    Flax can't write typed keys; here they are written as their data.

    Args:
        tree: arrays in dicts, tuples, lists and named tuples.

    Returns:
        The bytes, which ``from_msgpack`` reads, and ``flax.serialization`` too.

    Raises:
        ImportError: without flax.

    Example:
        >>> tree = {"key": jax.random.key(3), "x": jnp.ones(2)}
        >>> again = from_msgpack(tree, to_msgpack(tree))
        >>> bool(again["key"] == tree["key"]), again["x"]
        (True, Array([1., 1.], dtype=float32))
    """
    serialization = needs("to_msgpack", "flax.serialization", "interop")
    return serialization.to_bytes(jax.tree.map(_data, tree))


def from_msgpack(like: Tree, data: bytes) -> Tree:
    """Reads what ``to_msgpack`` or ``flax.serialization.to_bytes`` wrote.

    Args:
        like: a tree of the same structure, shapes and dtypes, with typed keys where they were.
        data: the bytes.

    Returns:
        The tree with the values that were written.

    Raises:
        ImportError: without flax.
        ValueError: if the bytes are damaged, or structure, shapes or dtypes differ.

    Example:
        >>> from_msgpack({"a": jnp.zeros(3)}, to_msgpack({"a": jnp.zeros(2)}))
        Traceback (most recent call last):
        ...
        ValueError: interop.from_msgpack: a is float32[2], not float32[3]
    """
    serialization = needs("from_msgpack", "flax.serialization", "interop")
    plain = jax.tree.map(_data, like)
    try:
        found = serialization.from_bytes(plain, data)
    except Exception as error:  # msgpack and Flax raise several kinds
        raise ValueError(f"interop.from_msgpack: the bytes don't fit: {error}") from error

    def check(name: str, pair: tuple[PyTree, PyTree]) -> None:
        if describe(pair[0]) != describe(pair[1]):
            raise ValueError(
                f"interop.from_msgpack: {name} is {describe(pair[1])}, not {describe(pair[0])}"
            )

    names = map_with_name(lambda name, _: name, plain)
    jax.tree.map(lambda name, *pair: check(name, pair), names, plain, found)
    return jax.tree.map(_restored, like, found)


def _data(leaf: PyTree) -> PyTree:
    return jax.random.key_data(leaf) if is_key(leaf) else leaf


def _restored(like: PyTree, leaf: object) -> PyTree:
    if is_key(like):
        return jax.random.wrap_key_data(jnp.asarray(leaf), impl=jax.random.key_impl(like))
    return jnp.asarray(leaf) if hasattr(like, "dtype") else leaf
