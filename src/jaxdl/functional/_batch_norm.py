"""Batch normalisation: batch statistics in training, running ones in evaluation."""

import math

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from jaxdl import _checks, _ranges
from jaxdl._checks import ShapeError, describe
from jaxdl._plain import plain_numbers
from jaxdl._precision import widen
from jaxdl.functional._normalization import same_params
from jaxdl.functional._standardize import standardize
from jaxdl.functional._weights import check_parts
from jaxdl.types import Array, Weights


@plain_numbers
def batch_norm(
    params: Weights,
    state: Weights,
    x: ArrayLike,
    *,
    train: bool = False,
    momentum: float | Array | None = 0.1,
    epsilon: float | Array = 1e-5,
    axis_name: str | None = None,
    where: ArrayLike | None = None,
) -> tuple[Array, Weights]:
    """Normalises each channel over the batch: y = (x - mean) / √(variance + ε) · scale + bias.

    In training, mean and variance are those of the batch, over all axes but the last, and the
    running ones move towards them: running ← (1 - momentum)·running + momentum·batch. As in
    PyTorch, x is normalised with the biased variance (over n values), and the running one moves
    towards the unbiased one (over n - 1). Evaluation uses the running ones, and all leading axes
    are batch axes.

    Args:
        params: ``{"scale": (channels,), "bias": (channels,)}``; either or both may be omitted.
        state: ``{"mean": (channels,), "variance": (channels,)}``, the running statistics, whose
            dtype is kept; with ``momentum=None`` also ``"count": ()``, the number of batches.
        x: shape (…, channels), floating point.
        train: use the statistics of the batch, and update the running ones.
        momentum: weight of the new batch in the running statistics (as in PyTorch; one minus the
            momentum of Flax and Keras), or None to average all batches equally.
        epsilon: ε.
        axis_name: mapped axis, of devices or ``vmap``, whose batches count as one.
        where: True for entries included in the statistics. Its axes are the first ones of ``x``:
            shape (batch,) excludes rows, such as those that pad a last batch, and (batch, time)
            excludes positions. Excluded entries are still normalised, as 0 if nan or infinite.

    Returns:
        An array of the shape and dtype of ``x``, and the state; in evaluation unchanged.

    Raises:
        ShapeError: if the channels of ``x`` don't match, or in training there is one value per
            channel; if the axes of ``where`` aren't the first ones of ``x``.
        TypeError: if ``x`` isn't floating point, or ``where`` isn't boolean.

    Example:
        >>> state = {"mean": jnp.zeros(1), "variance": jnp.ones(1)}
        >>> y, state = batch_norm({}, state, jnp.array([[1.0], [3.0]]), train=True)
        >>> y.round(3).ravel(), state["mean"], state["variance"]
        (Array([-1.,  1.], dtype=float32), Array([0.2], dtype=float32), Array([1.1], dtype=float32))

    Reference:
        Ioffe and Szegedy, "Batch normalization", 2015, https://arxiv.org/abs/1502.03167.
    """
    check_parts("batch_norm", state, ("mean", "variance"), "state", ("count",))
    name = f"batch_norm({state['mean'].shape[0]})"
    _ranges.check(name, epsilon=epsilon)
    if momentum is not None:
        _ranges.check(name, momentum=momentum)
    x = _checks.floating(name, "x", x)
    _checks.last_axis(name, x, state["mean"].shape[0])
    same_params(name, params, x.shape[-1:])
    values = widen(x)
    row = lambda a: jnp.asarray(a, values.dtype).reshape((1,) * (x.ndim - 1) + (-1,))
    scale, bias = row(params.get("scale", 1.0)), row(params.get("bias", 0.0))
    smallest = jnp.asarray(epsilon, values.dtype)
    if not train:
        factor = jax.lax.rsqrt(row(state["variance"]) + smallest) * scale
        return ((values - row(state["mean"])) * factor + bias).astype(x.dtype), state
    _more_than_one_value(name, x, axis_name)
    mask = None if where is None else _mask(name, where, x)
    if mask is not None:  # a nan that doesn't count would reach the gradient, as 0·nan
        values = jnp.where(mask | jnp.isfinite(values), values, 0)
    axes = tuple(range(x.ndim - 1))
    y, mean, variance, count = standardize(values, scale, bias, smallest, mask, axes, axis_name)
    moved = _move(state, momentum, mean.ravel(), variance.ravel(), count.reshape(()))
    return y.astype(x.dtype), moved


def _more_than_one_value(name: str, x: Array, axis_name: str | None) -> None:
    """Raises a ShapeError if a channel has one value in the whole batch, its own mean."""
    devices = 1 if axis_name is None else jax.lax.axis_size(axis_name)
    count = math.prod(x.shape[:-1]) * devices
    if count < 2:
        raise ShapeError(
            f"{name} in training got {describe(x)}, {count} value(s) per channel; it needs two"
        )


def _mask(name: str, where: ArrayLike, x: Array) -> Array:
    """Returns ``where`` with all axes of ``x``, the last of size 1."""
    where = jnp.asarray(where)
    if where.dtype != jnp.bool_:
        raise TypeError(f"{name}: where is {describe(where)}; it must be boolean")
    if where.ndim >= x.ndim or where.shape != x.shape[: where.ndim]:
        raise ShapeError(
            f"{name}: where is {describe(where)} and x {describe(x)}; the axes of where must be "
            "the first ones of x, without the channels"
        )
    where = jnp.expand_dims(where, range(where.ndim, x.ndim))
    return jnp.broadcast_to(where, (*x.shape[:-1], 1))


def _move(
    state: Weights, momentum: float | Array | None, mean: Array, variance: Array, count: Array
) -> dict[str, Array]:
    """Moves the running statistics towards those of a batch, unless nothing in it counts."""
    there = count > 0
    counted: dict[str, Array] = {}
    share: ArrayLike = 0.0 if momentum is None else momentum
    if momentum is None:
        before = jnp.asarray(state["count"])
        counted = {"count": before + there.astype(before.dtype)}
        share = 1 / jnp.maximum(counted["count"], 1)
    unbiased = variance * (count / jnp.maximum(count - 1, 1))

    def move(name: str, batch: Array) -> Array:
        running = jnp.asarray(state[name])
        part = jnp.asarray(share, running.dtype)
        moved = (1 - part) * running + part * batch.astype(running.dtype)
        return jnp.where(there, jax.lax.stop_gradient(moved), running)

    return {
        "mean": move("mean", mean),
        "variance": move("variance", unbiased),
        **counted,
    }
