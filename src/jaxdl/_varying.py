"""What ``shard_map`` with ``check_vma=True`` keeps account of: what differs between devices."""

from typing import Any, TypeVar

import jax

from jaxdl.types import Array

Tree = TypeVar("Tree")


def varying(tree: Tree, like: Any) -> Tree:
    """Marks arrays as each device's own wherever those of ``like`` are; elsewhere does nothing.

    A carry of a scan needs it that starts as zeros and becomes the data's, and so does a value
    whose gradient is each device's own.

    Args:
        tree: arrays.
        like: arrays that they will be computed with.

    Returns:
        The same numbers.

    Example:
        >>> import jax.numpy as jnp
        >>> varying(jnp.zeros(2), like=jnp.ones(3))  # outside of shard_map
        Array([0., 0.], dtype=float32)
    """
    axes = frozenset().union(*(_axes(x) for x in jax.tree.leaves(like)))

    def mark(x: Array) -> Array:
        shared = tuple(sorted(axes - _axes(x)))
        return jax.lax.pcast(x, shared, to="varying") if shared else x

    return jax.tree.map(mark, tree)


def _axes(x: Array) -> frozenset[str]:
    return jax.typeof(x).manual_axis_type.varying
