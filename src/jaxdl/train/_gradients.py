"""The gradient of a batch: on one or many devices, at once or in parts."""

import functools
from collections.abc import Callable
from typing import TypeAlias

import jax
import jax.numpy as jnp

from jaxdl import metrics as metrics_lib
from jaxdl._precision import wide_dtype
from jaxdl._varying import total, varying
from jaxdl.train._contract import check_params, name_of_function
from jaxdl.train._measured import TINY, Measured, measured
from jaxdl.train._weights import rows_of, with_weight
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
    scale: Array | None = None,
) -> Gradient:
    """Differentiates the mean loss of a whole batch with respect to the parameters.

    With several devices or parts, each mean is weighted by what it is a mean over (rows, tokens or
    their weights): a plain mean of means would be wrong.

    Args:
        loss_fn: see ``LossFn``.
        params: the parameters.
        state: the network's state.
        batch: this device's rows.
        key: the step's key, the same on all devices.
        axis_name: the device axis over which the batch is split.
        accumulate: number of parts into which a device splits its rows.
        scale: factor on the loss in the backward pass, by which the gradient is then divided.

    Returns:
        ``(gradient, state, sums)`` of the whole batch, the same on all devices.

    Raises:
        TypeError: if the loss function or the parameters break their contract.

    Example:
        >>> square = lambda p, s, b, *, key, train: (((p * b["x"]) ** 2).mean(), (s, {}))
        >>> batch = {"x": jnp.ones(4)}
        >>> float(gradient(square, jnp.float32(3), (), batch, key=jax.random.key(0))[0])
        6.0
    """
    check_params(name_of_function(loss_fn), params)
    batch, given = with_weight(batch), params
    if axis_name is not None:
        key = jax.random.fold_in(key, jax.lax.axis_index(axis_name))
        # With check_vma=True the gradient of shared values is already summed over the devices;
        # the sum below would count each row once per device.
        params, state = varying((params, state), batch)
    if accumulate > 1:
        grads, state, sums = _in_parts(loss_fn, params, state, batch, key, accumulate, scale)
    else:
        share = lambda count: _share(count, axis_name)
        grads, state, sums = _of_part(loss_fn, params, state, batch, key, share, scale)
    if axis_name is not None:
        grads, sums = total((jax.tree.map(_wide, grads), sums), axis_name)
        state = jax.tree.map(lambda x: _shared(x, axis_name), state)
    if accumulate > 1:
        whole = jnp.maximum(sums["loss"].count, TINY)
        grads = jax.tree.map(lambda g: g / whole.astype(g.dtype), grads)
    return jax.tree.map(lambda g, p: g.astype(jnp.result_type(p)), grads, given), state, sums


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
        return measured(loss_fn, params, state, batch, key=key, train=True).loss
    key = jax.random.fold_in(key, jax.lax.axis_index(axis_name))
    params, state = _own(axis_name, params, batch), varying(state, batch)
    found = measured(loss_fn, params, state, batch, key=key, train=True)
    return _summed(axis_name, found.loss * _share(found.count, axis_name).astype(found.loss.dtype))


def _of_part(
    loss_fn: LossFn,
    params: Params,
    state: State,
    part: Batch,
    key: Key,
    share: Callable[[Array], Array],
    scale: Array | None,
) -> Gradient:
    """The gradient of a part's mean loss, times its share of the count."""

    def objective(params: Params) -> tuple[Array, Measured]:
        found = measured(loss_fn, params, state, part, key=key, train=True)
        return found.loss, found

    loss, backward, found = jax.vjp(objective, params, has_aux=True)
    seed = share(found.count).astype(loss.dtype)
    if scale is not None:
        seed = seed * scale.astype(loss.dtype)
    (grads,) = backward(varying(seed, loss))
    if scale is not None:
        grads = jax.tree.map(lambda g: g / scale.astype(g.dtype), grads)
    return grads, found.state, found.sums


def _share(count: Array, axis_name: str | None) -> Array:
    """A count as a fraction of the whole batch over all devices."""
    if axis_name is None:
        return jnp.ones_like(count)
    return count / jnp.maximum(jax.lax.psum(count, axis_name), TINY)


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
    """The sum over devices; the gradient of each device's own part is 1, not their number."""
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
    parts: int,
    scale: Array | None,
) -> Gradient:
    """Adds up the gradients of parts of equal size, and of a smaller last one if rows are left.

    Each is weighted by what its loss is a mean over; the result has yet to be divided by the total
    count. Rows are dealt to the parts in turn, so each part is spread over the devices like the
    batch.
    """
    size = rows_of(batch) or 1
    rows = -(-size // parts)
    full = size // rows
    cut = lambda x: x[: full * rows].reshape(rows, full, *x.shape[1:]).swapaxes(0, 1)
    keys = jax.vmap(lambda i: jax.random.fold_in(key, i))(jnp.arange(full + 1))

    def add(carry: tuple[Params, State], part: tuple[Batch, Key]) -> tuple[tuple, Metrics]:
        grads, after, sums = _of_part(loss_fn, params, carry[1], *part, jnp.ones_like, scale)
        count = sums["loss"].count
        plus = lambda a, g: a + g.astype(a.dtype) * count.astype(a.dtype)
        return (jax.tree.map(plus, carry[0], grads), after), sums

    start = (varying(jax.tree.map(lambda p: _wide(jnp.zeros_like(p)), params), batch), state)
    (grads, state), sums = jax.lax.scan(add, start, (jax.tree.map(cut, batch), keys[:full]))
    sums = jax.tree.map(lambda s: s.sum(0), sums)
    if full * rows < size:
        rest = jax.tree.map(lambda x: x[full * rows :], batch)
        (grads, state), last = add((grads, state), (rest, keys[full]))
        sums = metrics_lib.merge(sums, last)
    return grads, state, sums


def _shared(x: Array, axis_name: str) -> Array:
    """A state's array as devices share it: the mean; of integers, such as counters, the largest."""
    if jnp.issubdtype(x.dtype, jnp.inexact):
        return jax.lax.pmean(x, axis_name)
    if jnp.issubdtype(x.dtype, jnp.integer):
        return jax.lax.pmax(x, axis_name)
    if x.dtype == jnp.bool_:
        return jax.lax.pmax(x.astype(jnp.int32), axis_name).astype(jnp.bool_)
    return x  # a key, the same on every device


def _wide(x: Array) -> Array:
    """Casts an array to the dtype for sums: half precision would lose all but the largest terms."""
    return x.astype(wide_dtype(x.dtype))
