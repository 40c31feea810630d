"""The gradient of a batch: on one device or split over many, at once or in parts."""

import functools
from typing import TypeAlias

import jax
import jax.numpy as jnp

from jaxdl import metrics as metrics_lib
from jaxdl._varying import total, varying
from jaxdl.types import Array, Batch, Key, LossFn, Metrics, Params, State

Gradient: TypeAlias = tuple[Params, State, Metrics]
"""Gradient, new state, and the sums of the metrics with ``"loss"``."""


def gradient(
    loss_fn: LossFn,
    params: Params,
    state: State,
    batch: Batch,
    *,
    key: Key,
    axis_name: str | None = None,
    accumulate: int = 1,
) -> Gradient:
    """Differentiates the mean loss of a whole batch by the parameters.

    On several devices, and in several parts, each mean counts by its share of the rows or of
    their weights: a mean of means would not do.

    Args:
        loss_fn: see ``LossFn``.
        params: where.
        state: of the network.
        batch: this device's rows.
        key: of the step, the same on all devices.
        axis_name: the axis of devices over which the batch is split.
        accumulate: into how many parts a device cuts its rows.

    Returns:
        ``(gradient, state, sums)`` of the whole batch, the same on all devices.

    Example:
        >>> square = lambda p, s, b, *, key, train: (((p * b["x"]) ** 2).mean(), (s, {}))
        >>> batch = {"x": jnp.ones(4)}
        >>> float(gradient(square, jnp.float32(3), (), batch, key=jax.random.key(0))[0])
        6.0
    """
    count = row_count(batch)
    whole = None  # one part is the whole: it needs no share
    if axis_name is not None:
        key = jax.random.fold_in(key, jax.lax.axis_index(axis_name))
        whole = jax.lax.psum(count, axis_name)
        # With check_vma=True the gradient by what devices share is summed over them; summed again
        # below, it would count each row as often as there are devices.
        params, state = varying((params, state), batch)
    if accumulate == 1:
        grads, state, sums = _of_part(loss_fn, params, state, batch, key, whole)
    else:
        whole = count if whole is None else whole
        grads, state, sums = _in_parts(loss_fn, params, state, batch, key, whole, accumulate)
    if axis_name is not None:
        grads, sums = total((grads, sums), axis_name)
        state = jax.lax.pmean(state, axis_name)
    return grads, state, sums


def batch_loss(
    loss_fn: LossFn,
    params: Params,
    state: State,
    batch: Batch,
    *,
    key: Key,
    axis_name: str | None = None,
) -> Array:
    """The mean loss of a whole batch in training, as ``gradient`` differentiates it.

    Example:
        >>> square = lambda p, s, b, *, key, train: (((p * b["x"]) ** 2).mean(), (s, {}))
        >>> float(batch_loss(square, 3.0, (), {"x": jnp.ones(4)}, key=jax.random.key(0)))
        9.0
    """
    if axis_name is None:
        return loss_fn(params, state, batch, key=key, train=True)[0]
    key, count = jax.random.fold_in(key, jax.lax.axis_index(axis_name)), row_count(batch)
    params, state = _own(axis_name, params, batch), varying(state, batch)
    loss = loss_fn(params, state, batch, key=key, train=True)[0]
    return _summed(axis_name, _shared(loss, count, jax.lax.psum(count, axis_name)))


def row_count(batch: Batch) -> Array:
    """Returns how many rows a batch has, or the sum of their weights, in the widest precision."""
    if "weight" in batch:
        return jnp.sum(batch["weight"], dtype=float)
    return jnp.asarray(len(jax.tree.leaves(batch)[0]), float)


def _of_part(
    loss_fn: LossFn, params: Params, state: State, part: Batch, key: Key, whole: Array | None
) -> Gradient:
    """A part's contribution: its mean loss counts by its share of the whole count."""
    count = row_count(part)

    def objective(params: Params) -> tuple[Array, tuple[Array, State, Metrics]]:
        loss, (after, sums) = loss_fn(params, state, part, key=key, train=True)
        return loss if whole is None else _shared(loss, count, whole), (loss, after, sums)

    grads, (loss, after, sums) = jax.grad(objective, has_aux=True)(params)
    mean = metrics_lib.Mean(loss.astype(count.dtype) * count, count)
    return grads, after, {"loss": mean, **sums}


@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
def _own(axis_name: str, params: Params, batch: Batch) -> Params:
    """Each device's own parameters, whose gradient is the sum of those of all devices."""
    return varying(params, batch)


_own.defvjp(
    lambda axis_name, params, batch: (varying(params, batch), None),
    lambda axis_name, _, grads: (jax.lax.psum(grads, axis_name), None),
)


@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
def _summed(axis_name: str, x: Array) -> Array:
    """The sum over devices, whose gradient by each device's own part is 1, and not their number."""
    return jax.lax.psum(x, axis_name)


_summed.defvjp(
    lambda axis_name, x: (jax.lax.psum(x, axis_name), x),
    lambda axis_name, x, gradient: (varying(gradient, x),),
)


def _in_parts(
    loss_fn: LossFn,
    params: Params,
    state: State,
    batch: Batch,
    key: Key,
    whole: Array,
    parts: int,
) -> Gradient:
    """Adds up the gradients of parts of equal size, and of a smaller last one where rows are left.

    A part takes every so many-th row, so that it is spread over the devices as the batch is.
    """
    size = len(jax.tree.leaves(batch)[0])
    rows = -(-size // parts)
    full = size // rows
    cut = lambda x: x[: full * rows].reshape(rows, full, *x.shape[1:]).swapaxes(0, 1)
    keys = jax.vmap(lambda i: jax.random.fold_in(key, i))(jnp.arange(full + 1))

    def add(carry: tuple[Params, State], part: tuple[Batch, Key]) -> tuple[tuple, Metrics]:
        grads, after, sums = _of_part(loss_fn, params, carry[1], part[0], part[1], whole)
        return (jax.tree.map(jnp.add, carry[0], grads), after), sums

    start = (jax.tree.map(jnp.zeros_like, params), state)
    (grads, state), sums = jax.lax.scan(add, start, (jax.tree.map(cut, batch), keys[:full]))
    sums = jax.tree.map(lambda s: s.sum(0), sums)
    if full * rows < size:
        rest = jax.tree.map(lambda x: x[full * rows :], batch)
        (grads, state), last = add((grads, state), (rest, keys[full]))
        sums = metrics_lib.merge(sums, last)
    return grads, state, sums


def _shared(loss: Array, count: Array, whole: Array) -> Array:
    """What the mean loss of ``count`` rows adds to that of all of them."""
    return loss * (count / jnp.maximum(whole, 1e-30)).astype(loss.dtype)
