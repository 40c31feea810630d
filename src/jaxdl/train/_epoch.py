"""Whole epochs and chunks of them in one program, batches gathered on the device."""

from collections.abc import Callable
from typing import TypeAlias

import jax
import jax.numpy as jnp
from jax import lax
from jax.sharding import Mesh
from jax.typing import ArrayLike

from jaxdl import _checks
from jaxdl import metrics as metrics_lib
from jaxdl.train._gradients import row_count
from jaxdl.train._rows import Rows, Where, epoch_order, exact, padded, take
from jaxdl.train._step import Step, TrainState
from jaxdl.types import Array, Batch, LossFn, Metrics, Params, State

Epoch: TypeAlias = Callable[[TrainState, Batch], tuple[TrainState, Metrics]]
Chunk: TypeAlias = Callable[
    [TrainState, Metrics, Batch, ArrayLike, ArrayLike], tuple[TrainState, Metrics, Array]
]
Carry: TypeAlias = tuple[TrainState, Metrics]
Evaluation: TypeAlias = Callable[[Params, State, Batch], Metrics]


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
    metrics are those of the real rows, and the shapes are always the same. Where the network has
    state the last batch is a step of its own, of its real rows alone, so that the statistics of
    batch_norm are exact too.

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
    _checks.positive_ints("make_epoch", batch_size=batch_size)
    where = Where(axis_name, mesh)

    def epoch(train_state: TrainState, data: Batch) -> tuple[TrainState, Metrics]:
        batches, rest = _batches(train_state, data, batch_size, shuffle, where)
        body = lambda carry, at: step(carry, take(data, _at(batches, at), where))
        train_state, sums = lax.scan(body, train_state, jnp.arange(len(batches.numbers)))
        sums = jax.tree.map(lambda s: s.sum(0), sums)
        if rest is None:
            return train_state, sums
        train_state, last = step(train_state, take(data, rest, where))
        return train_state, metrics_lib.merge(sums, last)

    return epoch


def make_chunk(
    step: Step,
    *,
    batch_size: int,
    shuffle: bool = True,
    axis_name: str | None = None,
    mesh: Mesh | None = None,
) -> Chunk:
    """Builds any part of an epoch as one program: from a step of it to another, both dynamic.

    However an epoch is cut into chunks, the bits of the result are the same, and nothing compiles
    again. It ends early, after the first step whose loss isn't finite.

    Args:
        step: see ``make_step``; its metrics hold ``"loss"``.
        batch_size: as in ``make_epoch``, and so are the others.
        shuffle: whether each epoch has its own random order.
        axis_name: set where it runs under ``pmap`` or ``shard_map``.
        mesh: set where it runs under ``jit`` on several devices.

    Returns:
        A pure function ``(train_state, sums, data, first, last) -> (train_state, sums, finite)``
        that takes the epoch's steps first … last - 1 and adds their metrics to ``sums``; in the
        end it says whether the loss and all parameters are finite.

    Raises:
        ValueError: if ``batch_size`` isn't a positive integer.

    Example:
        >>> from jaxdl import metrics
        >>> loss = lambda b: {"loss": metrics.mean(b["inputs"])}
        >>> count = lambda ts, b: (ts._replace(step=ts.step + 1), loss(b))
        >>> ts, zero = TrainState(0, (), (), (), jax.random.key(0)), loss({"inputs": jnp.zeros(0)})
        >>> chunk = make_chunk(count, batch_size=2, shuffle=False)
        >>> ts, sums, finite = chunk(ts, zero, {"inputs": jnp.arange(8.0)}, 1, 3)
        >>> int(ts.step), metrics.compute(sums), bool(finite)
        (2, {'loss': 3.5}, True)
    """
    _checks.positive_ints("make_chunk", batch_size=batch_size)
    where = Where(axis_name, mesh)

    def chunk(
        train_state: TrainState, sums: Metrics, data: Batch, first: ArrayLike, last: ArrayLike
    ) -> tuple[TrainState, Metrics, Array]:
        batches, rest = _batches(train_state, data, batch_size, shuffle, where)
        end, full = jnp.asarray(last, jnp.int32), len(batches.numbers)

        def one(rows: Rows, train_state: TrainState, sums: Metrics) -> Carry:
            train_state, new = step(train_state, take(data, rows, where))
            return train_state, metrics_lib.merge(sums, new)

        body = lambda i, *carry: (i + 1, *one(_at(batches, i), *carry))
        goes_on = lambda i, _, sums: (i < jnp.minimum(end, full)) & _is_finite(sums)
        carry = (train_state, sums)
        if full:
            start = (jnp.asarray(first, jnp.int32), *carry)
            carry = lax.while_loop(lambda c: goes_on(*c), lambda c: body(*c), start)[1:]
        if rest is not None:
            due = (end > full) & _is_finite(carry[1])
            carry = lax.cond(due, lambda c: one(rest, *c), lambda c: c, carry)
        return *carry, _is_finite(carry[1]) & tree_is_finite(carry[0].params)

    return chunk


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
    _checks.positive_ints("make_evaluation", batch_size=batch_size)
    where = Where(axis_name, mesh)

    def evaluation(params: Params, state: State, data: Batch) -> Metrics:
        batches = padded(jnp.arange(len(jax.tree.leaves(data)[0])), batch_size, where)

        def body(carry: None, at: Array) -> tuple[None, Metrics]:
            batch = take(data, _at(batches, at), where)
            loss, (_, sums) = loss_fn(params, state, batch, key=None, train=False)
            count = row_count(batch)
            return carry, {"loss": metrics_lib.Mean(loss * count, count), **sums}

        _, sums = lax.scan(body, None, jnp.arange(len(batches.numbers)))
        sums = jax.tree.map(lambda s: s.sum(0), sums)
        return sums if axis_name is None else lax.psum(sums, axis_name)

    return evaluation


def _batches(
    train_state: TrainState, data: Batch, batch_size: int, shuffle: bool, where: Where
) -> tuple[Rows, Rows | None]:
    """The batches of the epoch that a TrainState is in, and a last one of another shape, or None.

    Padding is cheaper to compile than a second step. But rows that repeat would count in the
    statistics of a batch, so it is for networks without state only.
    """
    size = len(jax.tree.leaves(data)[0])
    epoch = train_state.step // -(-size // batch_size)
    order = epoch_order(train_state.key, epoch, size, shuffle=shuffle)
    if jax.tree.leaves(train_state.state):
        return exact(order, batch_size, where)
    return padded(order, batch_size, where), None


def _at(batches: Rows, step: Array) -> Rows:
    weight = None if batches.weight is None else batches.weight[step]
    return batches._replace(numbers=batches.numbers[step], weight=weight)


def _is_finite(sums: Metrics) -> Array:
    return jnp.isfinite(sums["loss"].total)


def tree_is_finite(tree: Params) -> Array:
    """Whether every floating-point number of a tree is finite.

    Example:
        >>> bool(tree_is_finite({"kernel": jnp.array([1.0, jnp.nan]), "count": jnp.int32(1)}))
        False
    """
    leaves = [x for x in jax.tree.leaves(tree) if jnp.issubdtype(x.dtype, jnp.inexact)]
    return jnp.all(jnp.array([jnp.isfinite(x).all() for x in leaves], bool))
