"""Elementwise regression losses: absolute error, squared error, and blends of the two."""

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from jaxdl._ranges import numbers
from jaxdl.losses._arguments import operands, value_weight
from jaxdl.losses._reduction import Reduction, reduce
from jaxdl.types import Array


def l1_loss(
    predictions: ArrayLike,
    targets: ArrayLike,
    *,
    weight: ArrayLike | None = None,
    reduction: Reduction = "mean",
    where: ArrayLike | None = None,
) -> Array:
    """Absolute error: l = w·|x − t|, with gradient 0 where x = t.

    Args:
        predictions: x, any shape.
        targets: t, same shape as the predictions.
        weight: w, same shape; the mean then divides by Σw. Defaults to 1.
        reduction: ``"mean"``, ``"sum"``, or ``"none"``, which keeps the shape of the predictions.
        where: mask of entries to include; shape of the predictions or of their leading axes.

    Example:
        >>> l1_loss(jnp.array([1.0, 5.0]), jnp.array([2.0, 2.0]))
        Array(2., dtype=float32)
    """
    x, t, out = operands("l1_loss", where, predictions=predictions, targets=targets)
    values = absolute(x - t)
    if weight is None:
        return reduce(values, reduction, out)
    w = value_weight("l1_loss", weight, x, out)
    return reduce(w * values, reduction, out, total=w.sum())


def mse_loss(
    predictions: ArrayLike,
    targets: ArrayLike,
    *,
    weight: ArrayLike | None = None,
    reduction: Reduction = "mean",
    where: ArrayLike | None = None,
) -> Array:
    """Squared error: l = w·(x − t)².

    Args:
        predictions: x, any shape.
        targets: t, same shape as the predictions.
        weight: w, same shape; the mean then divides by Σw. Defaults to 1.
        reduction: ``"mean"``, ``"sum"``, or ``"none"``, which keeps the shape of the predictions.
        where: mask of entries to include; shape of the predictions or of their leading axes.

    Example:
        >>> mse_loss(jnp.array([1.0, 5.0]), jnp.array([2.0, 2.0]))
        Array(5., dtype=float32)
    """
    x, t, out = operands("mse_loss", where, predictions=predictions, targets=targets)
    values = jnp.square(x - t)
    if weight is None:
        return reduce(values, reduction, out)
    w = value_weight("mse_loss", weight, x, out)
    return reduce(w * values, reduction, out, total=w.sum())


def huber_loss(
    predictions: ArrayLike,
    targets: ArrayLike,
    *,
    delta: ArrayLike = 1.0,
    weight: ArrayLike | None = None,
    reduction: Reduction = "mean",
    where: ArrayLike | None = None,
) -> Array:
    """Huber loss: squared error for small differences, absolute error for large ones.

    l = w·d²/2 if d = |x − t| ≤ δ, else w·δ·(d − δ/2).

    Args:
        predictions: x, any shape.
        targets: t, same shape as the predictions.
        delta: δ > 0, where the parabola turns into a line.
        weight: w, same shape; unlike in ``l1_loss`` and ``mse_loss``, the mean still divides by
            the number of values, as in PyTorch. Defaults to 1.
        reduction: ``"mean"``, ``"sum"``, or ``"none"``, which keeps the shape of the predictions.
        where: mask of entries to include; shape of the predictions or of their leading axes.

    Example:
        >>> huber_loss(jnp.array([2.5, 5.0]), jnp.array([2.0, 2.0]), reduction="none")
        Array([0.125, 2.5  ], dtype=float32)

    Reference:
        Huber, Robust Estimation of a Location Parameter, 1964.
    """
    x, t, out = operands("huber_loss", where, predictions=predictions, targets=targets)
    (delta,) = numbers("huber_loss", x, delta=delta)
    values = _huber(x - t, delta)
    if weight is not None:
        values = value_weight("huber_loss", weight, x, out) * values
    return reduce(values, reduction, out)


def smooth_l1_loss(
    predictions: ArrayLike,
    targets: ArrayLike,
    *,
    beta: ArrayLike = 1.0,
    reduction: Reduction = "mean",
    where: ArrayLike | None = None,
) -> Array:
    """Absolute error, smoothed near 0: l = d²/(2β) if d = |x − t| < β, else d − β/2.

    Args:
        predictions: x, any shape.
        targets: t, same shape as the predictions.
        beta: β ≥ 0, where the parabola turns into a line; 0 is ``l1_loss``.
        reduction: ``"mean"``, ``"sum"``, or ``"none"``, which keeps the shape of the predictions.
        where: mask of entries to include; shape of the predictions or of their leading axes.

    Example:
        >>> smooth_l1_loss(jnp.array([2.5, 5.0]), jnp.array([2.0, 2.0]), beta=2, reduction="none")
        Array([0.0625, 2.    ], dtype=float32)

    Reference:
        Girshick, Fast R-CNN, 2015.
    """
    x, t, out = operands("smooth_l1_loss", where, predictions=predictions, targets=targets)
    (beta,) = numbers("smooth_l1_loss", x, beta=beta)
    return reduce(_smooth_l1(x - t, beta), reduction, out)


def log_cosh(
    predictions: ArrayLike,
    targets: ArrayLike,
    *,
    reduction: Reduction = "mean",
    where: ArrayLike | None = None,
) -> Array:
    """Logarithm of the hyperbolic cosine of the error: l = log cosh(x − t).

    It is about (x − t)²/2 for small errors and |x − t| − log 2 for large ones, and accurate for
    both; Keras's form loses precision for small errors.

    Args:
        predictions: x, any shape.
        targets: t, same shape as the predictions.
        reduction: ``"mean"``, ``"sum"``, or ``"none"``, which keeps the shape of the predictions.
        where: mask of entries to include; shape of the predictions or of their leading axes.

    Example:
        >>> log_cosh(jnp.array([0.0, 1e4]), jnp.array([0.0, 0.0]), reduction="none")
        Array([   0.   , 9999.307], dtype=float32)
    """
    x, t, out = operands("log_cosh", where, predictions=predictions, targets=targets)
    return reduce(_log_cosh(x - t), reduction, out)


@jax.custom_jvp
def absolute(d: Array) -> Array:
    """Returns |d|, with gradient 0 at 0; the gradient of jnp.abs there is 1."""
    return jnp.abs(d)


@absolute.defjvp
def _absolute_jvp(primals: tuple[Array], tangents: tuple[Array]) -> tuple[Array, Array]:
    (d,), (tangent,) = primals, tangents
    return absolute(d), jnp.sign(d) * tangent


# The derivatives of these two are written out: JAX's would pass through both sides of each choice,
# where an infinite or tiny threshold gives inf or nan, and would take four times as long.
@jax.custom_jvp
def _huber(d: Array, delta: Array) -> Array:
    size = jnp.abs(d)
    return jnp.where(size < delta, 0.5 * d * d, delta * (size - 0.5 * delta))


@_huber.defjvp
def _huber_jvp(primals: tuple[Array, Array], tangents: tuple[Array, Array]) -> tuple[Array, Array]:
    (d, delta), (d_dot, delta_dot) = primals, tangents
    by_delta = jnp.maximum(jnp.abs(d) - delta, 0)
    return _huber(d, delta), jnp.clip(d, -delta, delta) * d_dot + by_delta * delta_dot


@jax.custom_jvp
def _smooth_l1(d: Array, beta: Array) -> Array:
    size = jnp.abs(d)
    # In this order, as β² may underflow. Where β is 0, no size is below it.
    curved = 0.5 * size * (size / jnp.where(beta == 0, 1, beta))
    return jnp.where(size < beta, curved, size - 0.5 * beta)


@_smooth_l1.defjvp
def _smooth_l1_jvp(
    primals: tuple[Array, Array], tangents: tuple[Array, Array]
) -> tuple[Array, Array]:
    (d, beta), (d_dot, beta_dot) = primals, tangents
    slope = jnp.where(jnp.abs(d) < beta, d / jnp.where(beta == 0, 1, beta), jnp.sign(d))
    return _smooth_l1(d, beta), slope * d_dot - 0.5 * slope * slope * beta_dot


@jax.custom_jvp
def _log_cosh(d: Array) -> Array:
    # |d| − log(1 + tanh|d|) cancels near 0; −log(1 − tanh² d)/2 replaces it there.
    size, slope = jnp.abs(d), jnp.tanh(d)
    near = size < 1
    part = jnp.log1p(jnp.where(near, -slope * slope, jnp.abs(slope)))
    return jnp.where(near, -0.5 * part, size - part)


@_log_cosh.defjvp
def _log_cosh_jvp(primals: tuple[Array], tangents: tuple[Array]) -> tuple[Array, Array]:
    (d,), (tangent,) = primals, tangents
    return _log_cosh(d), jnp.tanh(d) * tangent
