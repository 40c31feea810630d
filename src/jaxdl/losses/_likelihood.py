"""Negative log-likelihoods of counts and measurements, and the Kullback-Leibler divergence."""

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
    """Negative log-likelihood of Poisson counts: l = λ − t·log λ (+ log t!).

    Args:
        predictions: log λ, or λ if ``log_input`` is False; any shape.
        targets: t, the counts, same shape as the predictions.
        log_input: whether the predictions are log λ; if not, the logarithm is log(λ + ε).
        full: whether to add log t! where t > 1, by Stirling's t·log t − t + log(2πt)/2.
        eps: ε.
        reduction: ``"mean"``, ``"sum"``, or ``"none"``, which keeps the shape of the predictions.
        where: mask of entries to include; shape of the predictions or of their leading axes.

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

    As in PyTorch, ε bounds the variance but not its gradient, so a variance that has fallen
    below ε can grow again.

    Args:
        predictions: x, the means, shape (..., D).
        targets: t, same shape as the predictions.
        variance: v ≥ 0, a scalar, one per row (shape (...) or (..., 1)), or the shape of the
            predictions; nan where v < 0.
        full: whether to add log(2π)/2.
        eps: ε, the smallest variance.
        reduction: ``"mean"``, ``"sum"``, or ``"none"``, which keeps the shape of the predictions.
        where: mask of entries to include; shape of the predictions or of their leading axes.

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

    ``"batchmean"`` is the divergence in the mathematical sense, averaged over the batch; ``"mean"``
    also divides by the number of classes, as in PyTorch.

    Args:
        log_predictions: x, log-probabilities, any shape.
        targets: t, probabilities, same shape; a class with t = 0 adds 0 even if x = −∞, where
            PyTorch returns nan.
        log_target: whether the targets are log-probabilities.
        reduction: ``"mean"``, ``"sum"``, ``"none"``, or ``"batchmean"``, the sum divided by the
            length of the first axis, not counting rows that ``where`` masks entirely.
        where: mask of entries to include; shape of the predictions or of their leading axes.

    Example:
        >>> x = jnp.log(jnp.array([[0.5, 0.5]]))
        >>> kl_div(x, jnp.array([[1.0, 0.0]]), reduction="batchmean")
        Array(0.6931472, dtype=float32)
    """
    x, t, out = operands("kl_div", where, log_predictions=log_predictions, targets=targets)
    # A target of probability 0 adds 0 even if its predicted probability is 0.
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
            f" {_checks.describe(x)}; it needs their shape, one entry per row, or a single number"
        )
    return kept(jnp.broadcast_to(v, x.shape), out)


def _raised(v: Array, eps: Array) -> Array:
    """Returns max(v, eps), or nan where v < 0, with the gradient of v."""
    raised = jnp.where(v < eps, v + jax.lax.stop_gradient(eps - v), v)
    return raised * jnp.where(v < 0, jnp.nan, 1)


def _rows(x: Array, out: Frame) -> ArrayLike:
    """Returns the number of rows of the first axis that aren't entirely masked."""
    if out.where is None:
        return len(x)
    return (kept(jnp.ones_like(x), out) > 0).reshape(len(x), -1).any(axis=1).sum(dtype=x.dtype)
