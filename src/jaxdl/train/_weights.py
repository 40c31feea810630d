"""The rows of a batch, and how much each of them counts."""

from collections.abc import Mapping

import jax
import jax.numpy as jnp

from jaxdl.types import Array, Batch, PyTree


def with_weight(batch: Batch) -> Batch:
    """Returns a batch with a weight, by default 1 per row; what isn't a dict stays as it is.

    Example:
        >>> with_weight({"inputs": jnp.zeros((2, 3))})["weight"]
        Array([1., 1.], dtype=float32)
    """
    size = rows_of(batch)
    if not isinstance(batch, Mapping) or "weight" in batch or size is None:
        return batch
    return {**batch, "weight": jnp.ones(size, jnp.float32)}


def rows_of(batch: PyTree) -> int | None:
    """The number of rows of a batch, from its first array; None if it has no arrays."""
    leaves = jax.tree.leaves(batch)
    return jnp.shape(leaves[0])[0] if leaves and jnp.ndim(leaves[0]) else None


def weight_of(batch: Batch) -> Array:
    """The weight of each row of a batch, which is 1 in a batch that isn't a dict.

    Example:
        >>> weight_of((jnp.zeros((2, 3)), jnp.zeros(2)))
        Array([1., 1.], dtype=float32)
    """
    batch = with_weight(batch)
    own = isinstance(batch, Mapping)
    return batch["weight"] if own else jnp.ones(rows_of(batch) or 0, jnp.float32)


def row_count(batch: Batch) -> Array:
    """Returns the number of rows of a batch, or the sum of their weights, in the widest dtype."""
    if isinstance(batch, Mapping) and "weight" in batch:
        return jnp.sum(jnp.asarray(batch["weight"]), dtype=float)
    return jnp.asarray(rows_of(batch) or 1, float)
