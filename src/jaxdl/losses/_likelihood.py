"""Negative log-likelihoods of counts and of measurements, and the Kullback-Leibler divergence."""

import math
from typing import Literal

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from jaxdl import _checks
from jaxdl._ranges import numbers
from jaxdl.losses._arguments import operands, real
from jaxdl.losses._reduction import Frame, Reduction, kept, reduce
from jaxdl.types import Array


def poisson_nll_loss(
    predictions: ArrayLike,
    targets: ArrayLike,
    *,
    log_input: bool = True,
    full: bool = False,
    eps: ArrayLike = 1e-8,
    reduction: Reduction = "mean",
    where: ArrayLike | None = None,
) -> Array:
    """Negative log-likelihood of counts: l = λ − t·log λ (+ log t!).

    Args:
        predictions: log λ, or λ itself where ``log_input`` is False; any shape.
        targets: t, the counts, the shape of the predictions.
        log_input: whether the predictions are logarithms. If not, ε is added inside log λ.
        full: whether to add Stirling's t·log t − t + log(2πt)/2 for log t!, where t > 1.
        eps: ε.
        reduction: ``"mean"``, ``"sum"``, or ``"none"`` for the shape of the predictions.
        where: True for what counts, shape of the predictions or of their leading axes.

    Example:
        >>> poisson_nll_loss(jnp.array([0.0, 1.0]), jnp.array([3.0, 0.0]), reduction="none")
        Array([1.       , 2.7182817], dtype=float32)
    """
    x, t, out = operands("poisson_nll_loss", where, predictions=predictions, targets=targets)
    (eps,) = numbers("poisson_nll_loss", x, eps=eps)
    values = jnp.exp(x) - t * x if log_input else x - t * jnp.log(x + eps)
    return reduce(values + _stirling(t) if full else values, reduction, out)


def gaussian_nll_loss(
    predictions: ArrayLike,
    targets: ArrayLike,
    variance: ArrayLike,
    *,
    full: bool = False,
    eps: ArrayLike = 1e-6,
    reduction: Reduction = "mean",
    where: ArrayLike | None = None,
) -> Array:
    """Negative log-likelihood under a normal distribution: l = (log v + (x − t)²/v)/2.

    The variance is raised to ε in the value but not in the gradient, as in PyTorch, so that
    a variance that fell below ε can grow again.

    Args:
        predictions: x, the means, shape (..., D).
        targets: t, the shape of the predictions.
        variance: v ≥ 0: the shape of the predictions, or (..., 1) or (...) for one a row, or one
            number. A negative variance gives nan.
        full: whether to add log(2π)/2.
        eps: ε, the smallest variance.
        reduction: ``"mean"``, ``"sum"``, or ``"none"`` for the shape of the predictions.
        where: True for what counts, shape of the predictions or of their leading axes.

    Example:
        >>> gaussian_nll_loss(jnp.array([1.0]), jnp.array([3.0]), jnp.array([1.0]))
        Array(2., dtype=float32)

    Reference:
        Nix and Weigend, Estimating the mean and variance of the target probability
        distribution, 1994.
    """
    x, t, out = operands("gaussian_nll_loss", where, predictions=predictions, targets=targets)
    v = _variance(variance, x, out)
    raised = _raised(v, *numbers("gaussian_nll_loss", x, eps=eps))
    values = 0.5 * (jnp.log(raised) + jnp.square(x - t) / raised)
    return reduce(values + 0.5 * math.log(2 * math.pi) if full else values, reduction, out)


def kl_div(
    log_predictions: ArrayLike,
    targets: ArrayLike,
    *,
    log_target: bool = False,
    reduction: Reduction | Literal["batchmean"] = "mean",
    where: ArrayLike | None = None,
) -> Array:
    """Kullback-Leibler divergence of the targets from the predictions: l = t·(log t − x).

    The divergence of a batch in the sense of mathematics is ``reduction="batchmean"``; ``"mean"``
    divides by the number of values, classes included, as PyTorch does.

    Args:
        log_predictions: x, logarithms of probabilities, any shape.
        targets: t, probabilities of the same shape; a class of probability 0 adds 0, also where x
            is −∞, for which PyTorch gives nan.
        log_target: whether the targets are logarithms of probabilities.
        reduction: ``"mean"``, ``"sum"``, ``"none"``, or ``"batchmean"`` for the sum divided by
            the length of the first axis (by its rows that have anything left under ``where``).
        where: True for what counts, shape of the predictions or of their leading axes.

    Example:
        >>> x = jnp.log(jnp.array([[0.5, 0.5]]))
        >>> kl_div(x, jnp.array([[1.0, 0.0]]), reduction="batchmean")
        Array(0.6931472, dtype=float32)
    """
    x, t, out = operands("kl_div", where, log_predictions=log_predictions, targets=targets)
    # What has probability 0 for the targets adds 0 also where it has none for the predictions.
    nothing = t == (-jnp.inf if log_target else 0)
    x = jnp.where(nothing & (x == -jnp.inf), 0, x)
    if log_target:
        values = jnp.exp(t) * (jnp.where(nothing, 0, t) - x)
    else:
        values = t * (jnp.log(jnp.where(nothing, 1, t)) - x)
    if reduction != "batchmean":
        return reduce(values, reduction, out)
    if x.ndim == 0:
        raise _checks.ShapeError(
            'kl_div: reduction="batchmean" needs at least 1 axis, got a scalar'
        )
    return reduce(values, "mean", out, total=_rows(values, out))


def _stirling(t: Array) -> Array:
    above = jnp.where(t > 1, t, 1)
    return jnp.where(t > 1, t * jnp.log(above) - t + 0.5 * jnp.log(2 * jnp.pi * above), 0)


def _variance(variance: ArrayLike, x: Array, out: Frame) -> Array:
    """Returns the variance in the shape of ``x``, masked."""
    v = real("gaussian_nll_loss", "variance", variance, x.dtype)
    if v.ndim and v.shape == x.shape[:-1]:
        v = v[..., None]
    if v.shape not in ((), x.shape, (*x.shape[:-1], 1)):
        raise _checks.ShapeError(
            f"gaussian_nll_loss: variance is {_checks.describe(v)} for predictions"
            f" {_checks.describe(x)}; it needs their shape, or one entry a row, or be one number"
        )
    return kept(jnp.broadcast_to(v, x.shape), out)


def _raised(v: Array, eps: Array) -> Array:
    """Returns max(v, eps), or nan where v < 0, with the gradient of v itself."""
    raised = jnp.where(v < eps, v + jax.lax.stop_gradient(eps - v), v)
    return raised * jnp.where(v < 0, jnp.nan, 1)


def _rows(x: Array, out: Frame) -> ArrayLike:
    """Returns how many rows of the first axis have anything that counts."""
    if out.where is None:
        return len(x)
    return (kept(jnp.ones_like(x), out) > 0).reshape(len(x), -1).any(axis=1).sum(dtype=x.dtype)
