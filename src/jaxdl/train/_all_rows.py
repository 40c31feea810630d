"""The rows of all devices, for losses in which rows interact."""

import jax
import jax.numpy as jnp

from jaxdl.parallel import AXIS
from jaxdl.train._weights import rows_of
from jaxdl.types import Array, PyTree


def all_rows(tree: PyTree, *, axis_name: str = AXIS) -> tuple[PyTree, Array]:
    """Gathers the rows of a batch from all devices, with the indices of this device's rows.

    Under ``pmap`` and ``shard_map`` a loss sees only its own device's rows. If rows interact, like
    the negatives of a contrastive loss, gather them first: value and gradient are then the same as
    on a single device. Elsewhere all rows are already present.

    Args:
        tree: arrays of n rows each, such as a network's outputs.
        axis_name: the axis of devices that share a batch.

    Returns:
        ``(whole, own)``: arrays of N rows, those of device 0 first, and the indices of this
        device's rows in them, int32 of shape (n,).

    Example:
        >>> def info_nce(z, z2, temperature=0.1):  # a loss a row, of two views of each row
        ...     whole, own = all_rows(z2)
        ...     logits = z @ whole.T / temperature
        ...     return -jax.nn.log_softmax(logits)[jnp.arange(len(z)), own]
        >>> z = jnp.eye(4)
        >>> mapped = jax.vmap(info_nce, axis_name="data")(z.reshape(2, 2, 4), z.reshape(2, 2, 4))
        >>> bool(jnp.allclose(mapped.ravel(), info_nce(z, z)))
        True
    """
    rows = jnp.arange(rows_of(tree) or 0, dtype=jnp.int32)
    try:
        device = jax.lax.axis_index(axis_name)
    except NameError:  # JAX raises it if no axis has this name
        return tree, rows
    gather = lambda x: jax.lax.all_gather(x, axis_name, tiled=True)
    return jax.tree.map(gather, tree), device.astype(jnp.int32) * len(rows) + rows
