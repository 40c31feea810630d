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
from jaxdl._plain import plain_numbers
from jaxdl.train._contract import check_sums, name_of_function, returned_by_step
from jaxdl.train._measured import as_sums, measured
from jaxdl.train._padding import pads
from jaxdl.train._rows import Rows, Where, epoch_order, exact, padded, take
from jaxdl.train._step import Step, TrainState
from jaxdl.train._weights import row_count, rows_of, with_weight
from jaxdl.types import Array, Batch, LossFn, Mean, Metrics, Params, PyTree, State

Epoch: TypeAlias = Callable[[TrainState, Batch], tuple[TrainState, Metrics]]
Chunk: TypeAlias = Callable[
    [TrainState, Metrics, Batch, ArrayLike, ArrayLike], tuple[TrainState, Metrics, Array]
]
Carry: TypeAlias = tuple[TrainState, Metrics]
Evaluation: TypeAlias = Callable[[Params, State, Batch], Metrics]


@plain_numbers
def make_epoch(
    step: Step,
    *,
    batch_size: int,
    shuffle: bool = True,
    pad: bool = False,
    axis_name: str | None = None,
    mesh: Mesh | None = None,
) -> Epoch:
    """Builds a pass over the data as one ``lax.scan`` of a step, shuffling included.

    The order of epoch e depends only on the TrainState's key and on e = step // steps per epoch. A
    last batch that isn't full is a separate step of its real rows alone, so that batch statistics,
    as in batch_norm, are exact.

    Args:
        step: see ``make_step``.
        batch_size: rows per step, over all devices together.
        shuffle: draw a new random order for each epoch.
        pad: pad the last batch with rows of weight 0 instead of compiling a step for it; only for
            steps that weight every row by ``batch["weight"]``.
        axis_name: the device axis, if the epoch runs under ``pmap`` or ``shard_map``: each device
            takes its part of every batch.
        mesh: the mesh, if it runs under ``jit`` on several devices: batches are spread over them.

    Returns:
        A pure function ``(train_state, data) -> (train_state, metrics)`` of arrays replicated on
        each device; the metrics are sums over the epoch.

    Raises:
        ValueError: if ``batch_size`` isn't a positive integer.

    Example:
        >>> from jaxdl import metrics
        >>> count = lambda ts, b: (ts._replace(step=ts.step + 1), {"x": b["inputs"].mean()})
        >>> ts = TrainState(jnp.int32(0), (), (), (), jax.random.key(0))
        >>> ts, sums = make_epoch(count, batch_size=4)(ts, {"inputs": jnp.arange(10.0)})
        >>> int(ts.step), metrics.compute(sums)
        (3, {'x': 4.5})
    """
    _checks.positive_ints("make_epoch", batch_size=batch_size)
    where, step = Where(axis_name, mesh), summed(step, axis_name)

    def epoch(train_state: TrainState, data: Batch) -> tuple[TrainState, Metrics]:
        batches, rest = _batches(train_state, data, batch_size, shuffle, pad, where)
        body = lambda carry, at: step(carry, take(data, _at(batches, at), where))
        train_state, sums = lax.scan(body, train_state, jnp.arange(len(batches.numbers)))
        sums = jax.tree.map(lambda s: s.sum(0), sums)
        if rest is None:
            return train_state, sums
        train_state, last = step(train_state, take(data, rest, where))
        return train_state, metrics_lib.merge(sums, last)

    return epoch


@plain_numbers
def make_chunk(
    step: Step,
    *,
    batch_size: int,
    shuffle: bool = True,
    pad: bool = False,
    axis_name: str | None = None,
    mesh: Mesh | None = None,
) -> Chunk:
    """Builds a program for any part of an epoch, between two steps given at run time.

    However an epoch is split into chunks, the result is the same to the bit and nothing recompiles.
    It ends early after the first step whose loss isn't finite.

    Args:
        step: see ``make_step``. A metric that is one number is averaged over rows; a metric named
            ``"loss"`` must stay finite.
        batch_size: see ``make_epoch``.
        shuffle: see ``make_epoch``.
        pad: see ``make_epoch``.
        axis_name: see ``make_epoch``.
        mesh: see ``make_epoch``.

    Returns:
        A pure function ``(train_state, sums, data, first, last) -> (train_state, sums, finite)``
        that takes the epoch's steps first … last - 1 and adds their metrics to ``sums``;
        ``finite`` says whether the loss and all parameters are finite. Data without arrays is
        endless, and is passed unchanged to each step.

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
    where, step = Where(axis_name, mesh), summed(step, axis_name)

    def chunk(
        train_state: TrainState, sums: Metrics, data: Batch, first: ArrayLike, last: ArrayLike
    ) -> tuple[TrainState, Metrics, Array]:
        carry, end = (train_state, sums), jnp.asarray(last, jnp.int32)

        def one(batch: Batch, train_state: TrainState, sums: Metrics) -> Carry:
            train_state, new = step(train_state, batch)
            return train_state, metrics_lib.merge(sums, new)

        def many(batch_of: Callable[[Array], Batch], end: Array, carry: Carry) -> Carry:
            body = lambda c: (c[0] + 1, *one(batch_of(c[0]), *c[1:]))
            more = lambda c: (c[0] < end) & _is_finite(c[2])
            return lax.while_loop(more, body, (jnp.asarray(first, jnp.int32), *carry))[1:]

        if not jax.tree.leaves(data):
            carry = many(lambda i: data, end, carry)
        else:
            batches, rest = _batches(train_state, data, batch_size, shuffle, pad, where)
            full = len(batches.numbers)
            if full:
                batch_of = lambda i: take(data, _at(batches, i), where)
                carry = many(batch_of, jnp.minimum(end, full), carry)
            if rest is not None:
                last_one = lambda c: one(take(data, rest, where), *c)
                due = (end > full) & _is_finite(carry[1])
                carry = lax.cond(due, last_one, lambda c: c, carry)
        params = getattr(carry[0], "params", ())
        return *carry, _is_finite(carry[1]) & tree_is_finite(params)

    return chunk


def summed(step: Step, axis_name: str | None) -> Step:
    """A step whose metrics are all sums; a metric that is one number is a mean over rows.

    Example:
        >>> step = summed(lambda ts, batch: (ts, {"x": batch["x"].mean()}), None)
        >>> step((), {"x": jnp.array([1.0, 3.0])})[1]["x"].total
        Array(4., dtype=float32)
    """

    def run(train_state: TrainState, batch: Batch) -> tuple[TrainState, Metrics]:
        after, found = returned_by_step(step, step(train_state, batch))
        check_sums(name_of_function(step), found, batch, lambda batch: step(train_state, batch)[1])
        rows = row_count(batch)
        rows = rows if axis_name is None else lax.psum(rows, axis_name)
        return after, as_sums(found, rows)

    return run


@plain_numbers
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
        batch_size: rows at a time; it bounds the memory and doesn't change the result.
        axis_name: see ``make_epoch``.
        mesh: see ``make_epoch``.

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
        order = jnp.arange(rows_of(data) or 0)
        batch = example(data, batch_size)
        sizes = batch_sizes(len(order), batch_size)
        pad = pads(loss_fn, params, state, batch, key=None, where=where, sizes=sizes)
        cut = lambda: (padded(order, batch_size, where), None)
        batches, rest = cut() if pad else exact(order, batch_size, where)
        sums_of = lambda rows: (
            measured(loss_fn, params, state, take(data, rows, where), key=None, train=False).sums
        )
        body = lambda carry, at: (carry, sums_of(_at(batches, at)))
        _, sums = lax.scan(body, None, jnp.arange(len(batches.numbers)))
        sums = jax.tree.map(lambda s: s.sum(0), sums)
        if rest is not None:
            sums = metrics_lib.merge(sums, sums_of(rest))
        return sums if axis_name is None else lax.psum(sums, axis_name)

    return evaluation


def _batches(
    train_state: TrainState, data: Batch, batch_size: int, shuffle: bool, pad: bool, where: Where
) -> tuple[Rows, Rows | None]:
    """The batches of the current epoch, and a last one of another shape or None.

    Padding is cheaper to compile than a second step.
    """
    size = rows_of(data) or 0
    epoch = train_state.step // -(-size // batch_size)
    key = train_state.key if shuffle else None
    order = epoch_order(key, epoch, size, shuffle=shuffle)
    return (padded(order, batch_size, where), None) if pad else exact(order, batch_size, where)


def example(data: Batch, size: int) -> PyTree:
    """The shapes of a batch of data, including its weight.

    Example:
        >>> example({"x": jnp.zeros((9, 2))}, 4)["x"].shape
        (4, 2)
    """
    cut = lambda x: jax.ShapeDtypeStruct((size, *x.shape[1:]), x.dtype)
    return jax.eval_shape(with_weight, jax.tree.map(cut, data))


def batch_sizes(rows: int, batch_size: int) -> tuple[int, ...]:
    """The number of rows of the full batches, and of the last one if it isn't full.

    Example:
        >>> batch_sizes(10, 4), batch_sizes(8, 4), batch_sizes(3, 4)
        ((4, 2), (4,), (3,))
    """
    full, rest = min(batch_size, rows), rows % batch_size
    return (full, rest) if rest and rest != full else (full,)


def _at(batches: Rows, step: Array) -> Rows:
    weight = None if batches.weight is None else batches.weight[step]
    return batches._replace(numbers=batches.numbers[step], weight=weight)


def _is_finite(sums: Metrics) -> Array:
    loss = sums.get("loss")
    return jnp.isfinite(loss.total) if isinstance(loss, Mean) else jnp.asarray(True)


def tree_is_finite(tree: Params) -> Array:
    """Whether every floating-point number of a tree is finite.

    Example:
        >>> bool(tree_is_finite({"kernel": jnp.array([1.0, jnp.nan]), "count": jnp.int32(1)}))
        False
    """
    leaves = [x for x in jax.tree.leaves(tree) if jnp.issubdtype(x.dtype, jnp.inexact)]
    return jnp.all(jnp.array([jnp.isfinite(x).all() for x in leaves], bool))
