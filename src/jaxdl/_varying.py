"""What ``shard_map`` with ``check_vma=True`` keeps track of: what differs between devices."""

from typing import TypeVar

import jax

from jaxdl.types import Array, PyTree

Tree = TypeVar("Tree")


def varying(tree: Tree, like: PyTree) -> Tree:
    """Marks arrays as each device's own wherever those of ``like`` are; elsewhere does nothing.

    A scan's carry that starts as zeros and takes in the data needs this, and so does a value whose
    gradient is each device's own.

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


def total(tree: Tree, axis_name: str) -> Tree:
    """Returns the sum over the devices of an axis, or, for a single one, the arrays themselves.

    A sum over one device would copy every gradient, which is a few percent of a step. It is still
    taken where ``shard_map`` keeps track: only a sum tells it that all devices have the same.

    Args:
        tree: arrays.
        axis_name: the axis of the devices.

    Returns:
        A tree of the same shapes.

    Example:
        >>> import jax.numpy as jnp
        >>> jax.vmap(lambda x: total(x, "data"), axis_name="data")(jnp.arange(3.0))
        Array([3., 3., 3.], dtype=float32)
    """
    marked = any(axis_name in _axes(x) for x in jax.tree.leaves(tree))
    return jax.lax.psum(tree, axis_name) if marked or jax.lax.axis_size(axis_name) > 1 else tree


def _axes(x: Array) -> frozenset[str]:
    return jax.typeof(x).manual_axis_type.varying
