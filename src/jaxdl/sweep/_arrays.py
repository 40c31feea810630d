"""Arrays, and trees of them, of which each member has its own: a teacher, a schedule."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np

from jaxdl import _checks
from jaxdl.data._validity import check_widths
from jaxdl.sweep._space import Columns
from jaxdl.types import PyTree


def numbered(columns: Columns, static: Sequence[str]) -> tuple[Columns, dict[str, PyTree]]:
    """Replaces arrays, and trees of arrays, by numbers, and stacks them.

    Args:
        columns: by name, a value for each point.
        static: names whose values are left as they are.

    Returns:
        ``(columns, arrays)``: by name the number of each point's value, and the stacked values.

    Raises:
        ValueError: if values of the same name differ in structure, shape or dtype.

    Example:
        >>> columns, arrays = numbered({"teacher": [np.zeros(2), np.ones(2)]}, ())
        >>> columns, arrays["teacher"].shape
        ({'teacher': [0, 1]}, (2, 2))
    """
    arrays = {}
    for name, values in columns.items():
        if name not in static and all(map(_is_tree_of_arrays, values)):
            each = {id(value): value for value in values}
            places = {key: i for i, key in enumerate(each)}
            columns = columns | {name: [places[id(value)] for value in values]}
            arrays[name] = _stacked(name, list(each.values()))
    return columns, arrays


def _is_tree_of_arrays(value: object) -> bool:
    leaves = jax.tree.leaves(value)
    return bool(leaves) and all(isinstance(x, jax.Array | np.ndarray) for x in leaves)


def _stacked(name: str, trees: Sequence[PyTree]) -> PyTree:
    """Trees of arrays along a new first axis, in the dtypes that JAX gives them."""
    for tree in trees:
        check_widths(f"sweep.run: {name}", tree)
    trees = [jax.tree.map(lambda x: np.asarray(jnp.asarray(x)), tree) for tree in trees]
    kinds = {str(jax.tree.map(_checks.describe, tree)) for tree in trees}
    if len(kinds) > 1:
        shown = " and ".join(sorted(kinds)[:2])
        raise ValueError(
            f"sweep.run: {name} has values of different kinds, {shown}; arrays that are swept are"
            " alike in structure, shape and dtype"
        )
    return jax.tree.map(lambda *x: np.stack(x), *trees)
