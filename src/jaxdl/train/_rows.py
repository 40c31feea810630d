"""Which rows each step takes, and how a batch is laid out on the devices."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from jaxdl.parallel import AXIS
from jaxdl.parallel._devices import check_weighted
from jaxdl.train._order import shuffled
from jaxdl.types import Array, Batch, Key


class Where(NamedTuple):
    """Where a program runs: on an axis of mapped devices, on a mesh, or on one device."""

    axis_name: str | None  # under pmap and shard_map
    mesh: Mesh | None  # under jit on several devices


class Rows(NamedTuple):
    """The rows of batches, one batch or (steps, …) of them."""

    numbers: Array  # int32, (…, rows)
    weight: Array | None  # float32, of the shape of numbers; None where each row counts 1
    split: bool = True  # whether each device has a part; else each has the whole batch


def epoch_order(key: Key | None, epoch: Array, size: int, *, shuffle: bool) -> Array:
    """The order of an epoch's rows; its key is none of the steps' keys, fold_in(key, step)."""
    if not shuffle or key is None:
        return jnp.arange(size)
    return shuffled(jax.random.fold_in(jax.random.split(key)[0], epoch), size)


def padded(order: Array, batch_size: int, where: Where) -> Rows:
    """Cuts an order into batches of one shape, with weight 1 for real rows and 0 for padding.

    A batch is padded to a multiple of the devices, and the last one to the size of the others.
    Where nothing is padded there is no weight either: every row counts 1.
    """
    steps = -(-len(order) // batch_size)
    short, narrow = steps * batch_size - len(order), -batch_size % device_count(where)
    pad = lambda x: jnp.pad(
        jnp.pad(x, (0, short)).reshape(steps, batch_size), ((0, 0), (0, narrow))
    )
    weight = pad(jnp.ones(len(order), jnp.float32)) if short or narrow else None
    return Rows(*jax.tree.map(lambda x: _own(x, where), (pad(order), weight)))


def exact(order: Array, batch_size: int, where: Where) -> tuple[Rows, Rows | None]:
    """Cuts an order into full batches and what is left, with no padding anywhere.

    Statistics of a batch, as in batch_norm, are then those of its real rows. A batch that doesn't
    divide by the devices lies whole on each of them.
    """
    full = len(order) // batch_size * batch_size
    batches = _unpadded(order[:full].reshape(-1, batch_size), where)
    rest = _unpadded(order[full:], where) if full < len(order) else None
    return batches, rest


def at_once(batch_size: int | None) -> int:
    """How many rows a validation takes at a time: those of four steps, as it keeps no gradients."""
    return 1000 if batch_size is None else min(1000, 4 * batch_size)


def take(data: Batch, rows: Rows, where: Where) -> Batch:
    """Gathers the rows of one batch; its weight is that of the data times that of the rows.

    Raises:
        ValueError: if rows have a weight, and the batch isn't a dict, which has a place for it.
    """
    gather = lambda x: x.at[rows.numbers].get(mode="promise_in_bounds")
    batch = jax.tree.map(gather, data)
    if rows.weight is not None:
        check_weighted(batch)
        own = batch.get("weight", jnp.ones_like(rows.weight))
        weight = rows.weight.reshape(-1, *[1] * (own.ndim - 1))
        batch = {**batch, "weight": weight * own}
    if where.mesh is None:
        return batch
    axes = AXIS if rows.split else None
    return lax.with_sharding_constraint(batch, NamedSharding(where.mesh, PartitionSpec(axes)))


def device_count(where: Where) -> int:
    """How many devices share a batch."""
    if where.axis_name is not None:
        return lax.axis_size(where.axis_name)
    return 1 if where.mesh is None else where.mesh.shape[AXIS]


def _unpadded(index: Array, where: Where) -> Rows:
    if index.shape[-1] % device_count(where) == 0:
        return Rows(_own(index, where), None)
    # Each mapped device counts for its share of the whole batch, which all of them compute.
    share = jnp.full(index.shape, 1 / device_count(where), jnp.float32) if where.axis_name else None
    return Rows(index, share, split=False)


def _own(x: Array, where: Where) -> Array:
    """The part of each batch that this device has, where devices are mapped."""
    if where.axis_name is None:
        return x
    parts = x.reshape(*x.shape[:-1], device_count(where), -1)
    return parts[..., lax.axis_index(where.axis_name), :]
