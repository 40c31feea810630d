"""Whole epochs in one program: batches gathered on the device, the last one padded and masked."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import lax
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from jaxdl import checks
from jaxdl import metrics as metrics_lib
from jaxdl.train.order import shuffled
from jaxdl.train.step import Step, TrainState, row_count
from jaxdl.types import Array, Batch, Key, LossFn, Metrics, Params, State

Epoch = Callable[[TrainState, Batch], tuple[TrainState, Metrics]]
Evaluation = Callable[[Params, State, Batch], Metrics]


def make_epoch(
    step: Step,
    *,
    batch_size: int,
    shuffle: bool = True,
    axis_name: str | None = None,
    mesh: Mesh | None = None,
) -> Epoch:
    """Builds a pass over the data as one ``lax.scan`` of a step, shuffling included.

    The order of epoch e depends on the TrainState's key and on e = step // steps an epoch, on
    nothing else. A last batch that isn't full is padded with rows of weight 0: loss, gradient and
    metrics are those of the real rows, and the shapes are always the same.

    Args:
        step: see ``make_step``.
        batch_size: rows a step, over all devices together.
        shuffle: whether each epoch has its own random order.
        axis_name: set where the epoch runs under ``pmap`` or ``shard_map``: each device takes its
            part of every batch.
        mesh: set where it runs under ``jit`` on several devices: batches are spread over them.

    Returns:
        A pure function ``(train_state, data) -> (train_state, metrics)`` of arrays that lie whole
        on each device; the metrics are sums over the epoch.

    Raises:
        ValueError: if ``batch_size`` isn't a positive integer.

    Example:
        >>> count = lambda ts, b: (ts._replace(step=ts.step + 1), {"n": b["weight"].sum()})
        >>> ts = TrainState(jnp.int32(0), (), (), (), jax.random.key(0))
        >>> ts, sums = make_epoch(count, batch_size=4)(ts, {"inputs": jnp.ones((10, 2))})
        >>> int(ts.step), float(sums["n"])
        (3, 10.0)
    """
    checks.sizes("make_epoch", batch_size=batch_size)

    def epoch(train_state: TrainState, data: Batch) -> tuple[TrainState, Metrics]:
        size = len(jax.tree.leaves(data)[0])
        order = jnp.arange(size)
        if shuffle:
            number = train_state.step // -(-size // batch_size)
            order = shuffled(_epoch_key(train_state.key, number), size)
        rows = _split(order, batch_size, axis_name, mesh)
        body = lambda carry, row: step(carry, _take(data, row, mesh))
        train_state, sums = lax.scan(body, train_state, rows)
        return train_state, jax.tree.map(lambda s: s.sum(0), sums)

    return epoch


def make_evaluation(
    loss_fn: LossFn,
    *,
    batch_size: int,
    axis_name: str | None = None,
    mesh: Mesh | None = None,
) -> Evaluation:
    """Builds the evaluation of a network on data as one ``lax.scan``, without keys or updates.

    Args:
        loss_fn: see ``supervised``.
        batch_size: rows a step; it bounds the memory and changes nothing in the result.
        axis_name: as in ``make_epoch``.
        mesh: as in ``make_epoch``.

    Returns:
        A pure function ``(params, state, data) -> metrics``, sums over all rows.

    Raises:
        ValueError: if ``batch_size`` isn't a positive integer.

    Example:
        >>> from jaxdl import layers, losses, metrics, train
        >>> loss_fn = train.supervised(layers.rescale(2.0), losses.mse_loss)
        >>> data = {"inputs": jnp.ones((10, 1)), "labels": jnp.zeros((10, 1))}
        >>> metrics.compute(make_evaluation(loss_fn, batch_size=4)((), (), data))
        {'loss': 4.0}
    """
    checks.sizes("make_evaluation", batch_size=batch_size)

    def evaluation(params: Params, state: State, data: Batch) -> Metrics:
        def body(carry: None, row: tuple[Array, Array | None]) -> tuple[None, Metrics]:
            batch = _take(data, row, mesh)
            loss, (_, sums) = loss_fn(params, state, batch, key=None, train=False)
            count = row_count(batch)
            return carry, {"loss": metrics_lib.Mean(loss * count, count), **sums}

        order = jnp.arange(len(jax.tree.leaves(data)[0]))
        _, sums = lax.scan(body, None, _split(order, batch_size, axis_name, mesh))
        sums = jax.tree.map(lambda s: s.sum(0), sums)
        return sums if axis_name is None else lax.psum(sums, axis_name)

    return evaluation


def _epoch_key(key: Key, epoch: Array) -> Key:
    """The key of an epoch's order: apart from those of the steps, which are fold_in(key, step)."""
    return jax.random.fold_in(jax.random.split(key)[0], epoch)


def _split(
    order: Array, batch_size: int, axis_name: str | None, mesh: Mesh | None
) -> tuple[Array, Array | None]:
    """Cuts row numbers into batches, (steps, rows), with weight 1 for real rows and 0 for padding.

    A batch is padded to a multiple of the devices, and the last one to the size of the others.
    Where nothing is padded there is no weight either: a step without it is some percent faster.
    """
    devices = lax.axis_size(axis_name) if axis_name else mesh.size if mesh else 1
    steps = -(-len(order) // batch_size)
    short, narrow = steps * batch_size - len(order), -batch_size % devices
    pad = lambda x: jnp.pad(
        jnp.pad(x, (0, short)).reshape(steps, batch_size), ((0, 0), (0, narrow))
    )
    index = pad(order)
    weight = pad(jnp.ones(len(order), jnp.float32)) if short or narrow else None
    if axis_name:
        mine = lambda x: x.reshape(steps, devices, -1)[:, lax.axis_index(axis_name)]
        index, weight = jax.tree.map(mine, (index, weight))
    return index, weight


def _take(data: Batch, row: tuple[Array, Array | None], mesh: Mesh | None) -> Batch:
    """Gathers the rows of one batch; its weight is that of the data times that of the padding."""
    index, weight = row
    take = lambda x: x.at[index].get(mode="promise_in_bounds")
    batch = {name: take(x) for name, x in data.items()}
    if weight is not None:
        batch["weight"] = weight * batch["weight"] if "weight" in batch else weight
    if mesh is None:
        return batch
    by_rows = NamedSharding(mesh, PartitionSpec(mesh.axis_names[0]))
    return lax.with_sharding_constraint(batch, by_rows)
