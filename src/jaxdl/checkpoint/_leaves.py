"""A tree as named arrays in memory, and back; what differs between two of them."""

import functools
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeVar

import jax
import jax.numpy as jnp
import numpy as np

from jaxdl import _checks, parallel

Tree = TypeVar("Tree")


class Leaf(NamedTuple):
    """What a checkpoint says of an array beside its numbers."""

    path: tuple[str, ...]  # as ("opt_state", "0", "mu", "kernel")
    shape: tuple[int, ...]
    dtype: str
    key: str | None = None  # how a typed key draws; shape and dtype are then those of its words


def name(path: tuple[Any, ...]) -> str:
    """Returns a path as Python writes it: ``params['dense']['kernel']``."""
    return jax.tree_util.keystr(path).removeprefix(".")


def described(tree: Any) -> dict[str, str]:
    """Returns dtype and shape of every leaf by name; they may be abstract."""
    return {name(path): _checks.describe(x) for path, x in jax.tree.leaves_with_path(tree)}


def describe(leaf: Leaf) -> str:
    """Returns dtype and shape of what a leaf stands for, as ``checks.describe`` does."""
    words = jax.ShapeDtypeStruct(leaf.shape, np.dtype(leaf.dtype))
    return _checks.describe(words if leaf.key is None else jax.eval_shape(_wrap(leaf), words))


def take(tree: Any) -> tuple[dict[str, Leaf], dict[str, np.ndarray]]:
    """Returns what stands in each leaf, and a copy of its numbers: the next step may reuse it.

    With several processes all must ask, where arrays are split over them.
    """
    leaves, arrays = {}, {}
    for path, x in jax.tree.leaves_with_path(tree):
        x = parallel.local(x)  # one after the other: whole, a model may be larger than a device
        key = str(jax.random.key_impl(x)) if _is_key(x) else None
        array = np.array(jax.random.key_data(x) if key else x)
        if not (jnp.issubdtype(array.dtype, np.number) or array.dtype == bool):
            raise TypeError(f"save: {name(path)} is {x!r}; a checkpoint holds numbers and keys")
        parts = tuple(jax.tree_util.keystr((part,), simple=True) for part in path)
        leaves[name(path)] = Leaf(parts, array.shape, str(array.dtype), key)
        arrays[name(path)] = array
    return leaves, arrays


def differences(leaves: Mapping[str, Leaf], like: Any) -> list[str]:
    """Returns a line for every leaf that a checkpoint and a tree don't share."""
    found = {path: describe(leaf) for path, leaf in leaves.items()}
    wanted = described(like)
    return [
        f"{path}: checkpoint {found.get(path, 'has none')}, network {wanted.get(path, 'has none')}"
        for path in wanted | found
        if found.get(path) != wanted.get(path)
    ]


def put(leaves: Mapping[str, Leaf], arrays: Mapping[str, np.ndarray], like: Tree) -> Tree:
    """Returns a tree like ``like``, on its devices, of arrays that fit it."""

    def leaf(path: tuple[Any, ...], wanted: Any) -> Any:
        x, saved = arrays[name(path)], leaves[name(path)]
        if isinstance(wanted, bool | int | float | complex):
            return type(wanted)(x.item())
        if isinstance(wanted, np.ndarray | np.generic):
            return x
        # An array that no one placed stays free to move to where it is needed.
        placed = getattr(wanted, "committed", True)
        sharding = getattr(wanted, "sharding", None) if placed else None
        x = _wrap(saved)(x)
        return jax.device_put(x) if sharding is None else parallel.put(x, sharding)

    return jax.tree.map_with_path(leaf, like)


def nested(leaves: Mapping[str, Leaf], arrays: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """Returns the tree that the paths tell of, as dicts by text; typed keys are keys again."""
    tree: dict[str, Any] = {}
    for path, leaf in leaves.items():
        *parts, last = leaf.path
        at = tree
        for part in parts:
            at = at.setdefault(part, {})
        at[last] = _wrap(leaf)(arrays[path])
    return tree


def _wrap(leaf: Leaf) -> Callable[[Any], Any]:
    """What makes a typed key of its words, and leaves other arrays alone."""
    if leaf.key is None:
        return lambda x: x
    return functools.partial(jax.random.wrap_key_data, impl=leaf.key)


def _is_key(x: Any) -> bool:
    return hasattr(x, "dtype") and jax.dtypes.issubdtype(x.dtype, jax.dtypes.prng_key)
