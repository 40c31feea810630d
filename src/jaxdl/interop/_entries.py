"""One leaf here and what it is made of elsewhere: how values move in, and out again."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np

from jaxdl.interop._units import Unit
from jaxdl.types import Params, PyTree, Shape, State


class Entry(NamedTuple):
    """One leaf here, and what it is made of; ``back`` is the inverse of ``there``."""

    unit: Unit
    leaf: str
    sources: tuple[str, ...]
    there: Callable[..., np.ndarray]
    back: Callable[[np.ndarray, Sequence[Shape]], Sequence[np.ndarray]]


def filled(
    trees: tuple[Params, State], entries: Sequence[Entry], values: Mapping[str, np.ndarray]
) -> tuple[Params, State]:
    """Returns params and state with the values that the entries take from elsewhere."""
    found: dict[tuple[str, str], dict[int | None, np.ndarray]] = {}
    for entry in entries:
        array = entry.there(*(values[name] for name in entry.sources))
        place = entry.unit.homes[entry.leaf], _path(entry.unit.path, entry.leaf)
        found.setdefault(place, {})[entry.unit.row] = array

    def put(home: str, path: str, tree: PyTree) -> PyTree:
        if isinstance(tree, dict):
            return {key: put(home, _path(path, key), value) for key, value in tree.items()}
        if isinstance(tree, tuple | list):
            return tuple(put(home, _path(path, str(i)), value) for i, value in enumerate(tree))
        parts = found.get((home, path))
        if parts is None:
            raise ValueError(f"{home} {path} has no known counterpart")
        whole = parts[None] if None in parts else np.stack([parts[i] for i in sorted(parts)])  # type: ignore[type-var]
        return jnp.asarray(whole, tree.dtype)

    return put("params", "", trees[0]), put("state", "", trees[1])


def emptied(
    params: Params, state: State, entries: Sequence[Entry], shapes: Mapping[str, Shape]
) -> dict[str, np.ndarray]:
    """Returns the values elsewhere that ``filled`` would turn into these params and state."""
    result: dict[str, np.ndarray] = {}
    for entry in entries:
        tree = params if entry.unit.homes[entry.leaf] == "params" else state
        for key in filter(None, _path(entry.unit.path, entry.leaf).split("/")):
            tree = tree[int(key)] if isinstance(tree, tuple | list) else tree[key]
        array = np.asarray(tree)
        array = array if entry.unit.row is None else array[entry.unit.row]
        arrays = entry.back(array, [shapes[name] for name in entry.sources])
        result |= dict(zip(entry.sources, arrays, strict=True))
    return result


def same(unit: Unit, leaf: str, source: str, shape: Shape) -> Iterator[Entry]:
    """A leaf that is the same elsewhere as here, except for axes of one entry."""
    check(
        leaf, unit, tuple(n for n in shape if n != 1), tuple(n for n in unit.shapes[leaf] if n != 1)
    )
    yield Entry(
        unit, leaf, (source,),
        lambda a: np.reshape(a, unit.shapes[leaf]), lambda a, s: [np.reshape(a, s[0])],
    )  # fmt: skip


def check(leaf: str, unit: Unit, got: Shape, needed: Shape | None = None) -> None:
    """Raises the ValueError that a leaf has another shape."""
    needed = unit.shapes[leaf] if needed is None else needed
    if tuple(got) != tuple(needed):
        raise ValueError(f"{leaf} would have shape {tuple(got)} and must have {tuple(needed)}")


def _path(path: str, key: str) -> str:
    return f"{path}/{key}" if path and key else path or key
