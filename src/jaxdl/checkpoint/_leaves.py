"""Converts a tree to named arrays and back, and compares two trees."""

import functools
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from jaxdl import _checks, _paths, parallel
from jaxdl.types import PyTree

Tree = TypeVar("Tree")
Outline = Any
"""The containers of a tree, as JSON holds them, with the number of a leaf in its place."""


class Leaf(NamedTuple):
    """What a checkpoint records about an array besides its numbers."""

    path: tuple[str, ...]  # e.g. ("opt_state", "0", "mu", "kernel")
    shape: tuple[int, ...]
    dtype: str
    array: str  # what Orbax calls it: a number, as it doesn't accept every name
    key: str | None = None  # how a typed key draws; shape and dtype are then those of its words


def described(tree: PyTree) -> dict[str, str]:
    """Returns the dtype and shape of every leaf by path; leaves may be abstract."""
    return {_paths.spell(path): _checks.describe(x) for path, x in jax.tree.leaves_with_path(tree)}


def places(tree: PyTree) -> list[str]:
    """Returns the paths of all leaves and empty nodes, such as the state of a dense layer."""
    found = jax.tree.leaves_with_path(tree, is_leaf=lambda x: not jax.tree.leaves(x))
    return [_paths.spell(path) for path, _ in found]


def describe(leaf: Leaf) -> str:
    """Returns the dtype and shape that a leaf stands for, like ``checks.describe``."""
    words = jax.ShapeDtypeStruct(leaf.shape, np.dtype(leaf.dtype))
    return _checks.describe(words if leaf.key is None else jax.eval_shape(_wrap(leaf), words))


def take(tree: PyTree) -> tuple[dict[str, Leaf], dict[str, np.ndarray]]:
    """Returns each leaf's description and a copy of its numbers: the next step may reuse it.

    With arrays split over several processes, all must call.
    """
    leaves: dict[str, Leaf] = {}
    arrays: dict[str, np.ndarray] = {}
    for path, x in jax.tree.leaves_with_path(tree):
        name = _paths.spell(path)
        x = parallel.local(x)  # one at a time: a whole model may be larger than a device
        key = str(jax.random.key_impl(x)) if _checks.is_key(x) else None
        array = np.array(jax.random.key_data(x) if key else x)
        if not (jnp.issubdtype(array.dtype, np.number) or array.dtype == bool):
            raise TypeError(f"save: {name} is {x!r}; a checkpoint holds numbers and keys")
        if name in leaves:
            raise TypeError(f"save: two leaves have the path {name}")
        number = str(len(leaves))
        leaves[name] = Leaf(_paths.parts(path), array.shape, str(array.dtype), number, key)
        arrays[name] = array
    return leaves, arrays


def outline(tree: PyTree) -> Outline:
    """Returns the containers of a tree; named tuples and classes become fields by name."""
    return _outlined(tree, itertools.count())


def _outlined(tree: PyTree, numbers: Iterator[int]) -> Outline:
    if tree is None:
        return None
    inside = jax.tree.leaves_with_path(tree, is_leaf=lambda x: x is not tree)
    if [path for path, _ in inside] == [()]:
        return next(numbers)
    below = [_outlined(x, numbers) for _, x in inside]
    if type(tree) in (tuple, list):
        return {type(tree).__name__: below}
    return {"fields": [[_name(key), x] for ((key,), _), x in zip(inside, below, strict=True)]}


def _name(key: object) -> int | str:
    plain = getattr(key, "key", None)
    return plain if type(plain) is int else _paths.parts((key,))[0]


def built(outline: Outline, leaves: Mapping[str, Leaf], arrays: Mapping[str, np.ndarray]) -> PyTree:
    """Returns the tree of an outline: tuples, lists, and dicts; typed keys are keys again."""
    listed = [_wrap(leaf)(arrays[name]) for name, leaf in leaves.items()]

    def node(at: Outline) -> PyTree:
        if at is None or isinstance(at, int):
            return at if at is None else listed[at]
        [(kind, below)] = at.items()
        if kind == "fields":
            return {name: node(x) for name, x in below}
        return {"tuple": tuple, "list": list}[kind](map(node, below))

    return node(outline)


def outline_of_paths(leaves: Mapping[str, Leaf]) -> Outline:
    """The outline of a checkpoint of format 1, which stores none: everything is fields."""
    tree: dict[str, Outline] = {}
    for number, leaf in enumerate(leaves.values()):
        *first, last = leaf.path
        at = tree
        for part in first:
            at = at.setdefault(part, {})
        at[last] = number
    return _as_fields(tree)


def _as_fields(at: dict[str, Outline] | int) -> Outline:
    if isinstance(at, int):
        return at
    return {"fields": [[name, _as_fields(x)] for name, x in at.items()]}


def below(path: str, only: Sequence[str] | None) -> bool:
    """Whether a leaf belongs to one of the parts ``only``; if that is None, all do."""
    return only is None or any(f"{path}/".startswith(f"{part}/") for part in only)


def differences(
    leaves: Mapping[str, Leaf], like: PyTree, only: Sequence[str] | None = None
) -> dict[str, str]:
    """Returns, by path, a line for every leaf that differs between a checkpoint and a tree."""
    found = {path: describe(leaf) for path, leaf in leaves.items()}
    wanted = described(like)
    return {
        path: f"{path}: the checkpoint has {found.get(path, 'none')}, expected"
        f" {wanted.get(path, 'none')}"
        for path in wanted | found
        if found.get(path) != wanted.get(path) and below(path, only)
    }


def put(
    leaves: Mapping[str, Leaf],
    arrays: Mapping[str, np.ndarray],
    like: Tree,
    only: Sequence[str] | None = None,
) -> Tree:
    """Returns a tree like ``like``, on its devices, built from arrays that fit it."""

    def leaf(path: tuple[object, ...], wanted: object) -> object:
        name = _paths.spell(path)
        if not below(name, only):
            return wanted
        x = arrays[name]
        if isinstance(wanted, bool | int | float | complex):
            return type(wanted)(x.item())
        if isinstance(wanted, np.ndarray | np.generic):
            return x
        # An uncommitted array stays free to move to where it is needed.
        placed = getattr(wanted, "committed", True)
        sharding = getattr(wanted, "sharding", None) if placed else None
        value = _wrap(leaves[name])(x)
        return jax.device_put(value) if sharding is None else parallel.put(value, sharding)

    return jax.tree.map_with_path(leaf, like)


def _wrap(leaf: Leaf) -> Callable[[ArrayLike], ArrayLike]:
    """Makes a function that turns words into a typed key, and leaves other arrays alone."""
    if leaf.key is None:
        return lambda x: x
    return functools.partial(jax.random.wrap_key_data, impl=leaf.key)
