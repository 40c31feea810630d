"""Losses of real predictions, value by value: absolute, squared, and what lies between."""

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
        targets: t, the shape of the predictions.
        weight: w, the same shape; the mean then divides by Σw. Default: 1.
        reduction: ``"mean"``, ``"sum"``, or ``"none"`` for the shape of the predictions.
        where: True for what counts, shape of the predictions or of their leading axes.

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
        targets: t, the shape of the predictions.
        weight: w, the same shape; the mean then divides by Σw. Default: 1.
        reduction: ``"mean"``, ``"sum"``, or ``"none"`` for the shape of the predictions.
        where: True for what counts, shape of the predictions or of their leading axes.

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
    """Squared error near 0 and absolute error further out.

    l = w·d²/2 for d = |x − t| up to δ, and w·δ·(d − δ/2) beyond.

    Args:
        predictions: x, any shape.
        targets: t, the shape of the predictions.
        delta: δ > 0, where the parabola becomes a line.
        weight: w, the same shape; unlike that of l1_loss and mse_loss, the mean still divides by
            the number of values, as in PyTorch. Default: 1.
        reduction: ``"mean"``, ``"sum"``, or ``"none"`` for the shape of the predictions.
        where: True for what counts, shape of the predictions or of their leading axes.

    Example:
        >>> huber_loss(jnp.array([2.5, 5.0]), jnp.array([2.0, 2.0]), reduction="none")
        Array([0.125, 2.5  ], dtype=float32)

    Reference:
        Huber, Robust Estimation of a Location Parameter, 1964.
    """
    x, t, out = operands("huber_loss", where, predictions=predictions, targets=targets)
    (delta,) = numbers("huber_loss", x, delta=delta)
    inner, outer = _parts(x - t, delta)
    # Where the inner part counts, δ is 0 in the other: it may be infinite.
    beyond = jnp.where(outer > 0, delta, 0)
    values = 0.5 * inner * inner + beyond * (outer - 0.5 * beyond)
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
    """Absolute error with a round tip: l = d²/(2β) for d = |x − t| up to β, and d − β/2 beyond.

    Args:
        predictions: x, any shape.
        targets: t, the shape of the predictions.
        beta: β ≥ 0, where the parabola becomes a line; 0 gives ``l1_loss``.
        reduction: ``"mean"``, ``"sum"``, or ``"none"`` for the shape of the predictions.
        where: True for what counts, shape of the predictions or of their leading axes.

    Example:
        >>> smooth_l1_loss(jnp.array([2.5, 5.0]), jnp.array([2.0, 2.0]), beta=2, reduction="none")
        Array([0.0625, 2.    ], dtype=float32)

    Reference:
        Girshick, Fast R-CNN, 2015.
    """
    x, t, out = operands("smooth_l1_loss", where, predictions=predictions, targets=targets)
    (beta,) = numbers("smooth_l1_loss", x, beta=beta)
    inner, outer = _parts(x - t, beta)
    curved = _curved(inner, jnp.where(beta == 0, 1, beta))
    return reduce(curved + outer - jnp.where(outer > 0, 0.5 * beta, 0), reduction, out)


def log_cosh(
    predictions: ArrayLike,
    targets: ArrayLike,
    *,
    reduction: Reduction = "mean",
    where: ArrayLike | None = None,
) -> Array:
    """Logarithm of the hyperbolic cosine of the error: l = log cosh(x − t).

    About (x − t)²/2 near 0 and |x − t| − log 2 far out; accurate at both ends, while Keras's
    form loses the digits of small errors.

    Args:
        predictions: x, any shape.
        targets: t, the shape of the predictions.
        reduction: ``"mean"``, ``"sum"``, or ``"none"`` for the shape of the predictions.
        where: True for what counts, shape of the predictions or of their leading axes.

    Example:
        >>> log_cosh(jnp.array([0.0, 1e4]), jnp.array([0.0, 0.0]), reduction="none")
        Array([   0.   , 9999.307], dtype=float32)
    """
    x, t, out = operands("log_cosh", where, predictions=predictions, targets=targets)
    return reduce(_log_cosh(x - t), reduction, out)


@jax.custom_jvp
def absolute(d: Array) -> Array:
    """Returns |d|, with gradient 0 at 0, where that of jnp.abs is 1."""
    return jnp.abs(d)


@absolute.defjvp
def _absolute_jvp(primals: tuple[Array], tangents: tuple[Array]) -> tuple[Array, Array]:
    (d,), (tangent,) = primals, tangents
    return absolute(d), jnp.sign(d) * tangent


@jax.custom_jvp
def _curved(d: Array, beta: Array) -> Array:
    """Returns d²/(2β) in an order that a very small β allows, whose square is 0."""
    return 0.5 * d * (d / beta)


@_curved.defjvp
def _curved_jvp(primals: tuple[Array, Array], tangents: tuple[Array, Array]) -> tuple[Array, Array]:
    (d, beta), (d_dot, beta_dot) = primals, tangents
    slope = d / beta
    return _curved(d, beta), slope * d_dot - 0.5 * slope * slope * beta_dot


def _parts(d: Array, threshold: Array) -> tuple[Array, Array]:
    """Returns |d| below the threshold and |d| from it on, each 0 where the other counts."""
    size = absolute(d)
    inside = size < threshold
    return jnp.where(inside, size, 0), jnp.where(inside, 0, size)


@jax.custom_jvp
def _log_cosh(d: Array) -> Array:
    # |d| − log(1 + tanh|d|), which cancels near 0: there it is −log(1 − tanh² d)/2.
    size, slope = jnp.abs(d), jnp.tanh(d)
    near = size < 1
    part = jnp.log1p(jnp.where(near, -slope * slope, jnp.abs(slope)))
    return jnp.where(near, -0.5 * part, size - part)


@_log_cosh.defjvp
def _log_cosh_jvp(primals: tuple[Array], tangents: tuple[Array]) -> tuple[Array, Array]:
    (d,), (tangent,) = primals, tangents
    return _log_cosh(d), jnp.tanh(d) * tangent
