"""Trees as nested dicts, and leaves by one spelling of paths such as ``"blocks/0/kernel"``."""

from collections.abc import Callable, Mapping

import jax

from jaxdl import _paths
from jaxdl.types import PyTree


def nested(tree: PyTree) -> dict[str, PyTree]:
    """Returns any tree as nested dicts of its leaves, keyed by attributes, keys and positions.

    Example:
        >>> nested(({"kernel": 1}, (), [2, 3]))
        {'0': {'kernel': 1}, '2': {'0': 2, '1': 3}}
    """
    result: dict[str, PyTree] = {}
    for path, leaf in jax.tree_util.tree_flatten_with_path(tree)[0]:
        *parents, last = _paths.parts(path) if path else ("value",)
        inner = result
        for parent in parents:
            inner = inner.setdefault(parent, {})
        inner[last] = leaf
    return result


def refill(template: PyTree, values: Mapping[str, PyTree]) -> PyTree:
    """Returns the template with the leaves that ``nested`` took out of such a tree.

    Example:
        >>> refill(({"kernel": 0}, (), [0, 0]), {"0": {"kernel": 1}, "2": {"0": 2, "1": 3}})
        ({'kernel': 1}, (), [2, 3])
    """

    def leaf(path: tuple[object, ...], _: object) -> PyTree:
        value: PyTree = values
        for key in _paths.parts(path) if path else ("value",):
            value = value[key]
        return value

    return jax.tree_util.tree_map_with_path(leaf, template)


def flat(tree: PyTree) -> dict[str, PyTree]:
    """Returns the leaves of a tree by their paths.

    Example:
        >>> flat(({"kernel": 1}, [2, 3]))
        {'0/kernel': 1, '1/0': 2, '1/1': 3}
    """
    leaves = jax.tree_util.tree_flatten_with_path(tree)[0]
    return {_paths.spell(path): leaf for path, leaf in leaves}


def map_with_name(fn: Callable[[str, PyTree], PyTree], tree: PyTree) -> PyTree:
    """Returns the tree with ``fn(name, leaf)`` in place of each leaf.

    Example:
        >>> map_with_name(lambda name, leaf: name, {"a": (1, 2)})
        {'a': ('a/0', 'a/1')}
    """
    named = lambda path, leaf: fn(_paths.spell(path), leaf)
    return jax.tree_util.tree_map_with_path(named, tree)
