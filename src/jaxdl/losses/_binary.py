"""Binary losses: cross entropy of probabilities and of logits, and its focal form."""

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from jaxdl import _checks
from jaxdl._ranges import numbers
from jaxdl.losses._arguments import last_axis_weight, operands, smoothing
from jaxdl.losses._reduction import Reduction, reduce
from jaxdl.types import Array


def binary_cross_entropy(
    predictions: ArrayLike,
    targets: ArrayLike,
    *,
    weight: ArrayLike | None = None,
    reduction: Reduction = "mean",
    where: ArrayLike | None = None,
) -> Array:
    """Binary cross entropy of probabilities: l = −w·(t·log p + (1 − t)·log(1 − p)).

    Prefer ``binary_cross_entropy_with_logits``. To stay finite at p = 0 and p = 1, as in PyTorch,
    the logarithms are at least −100, and the divisor in the gradient (p − t)/((1 − p)·p) at least
    1e-12. The same bound on logarithms keeps the gradient with respect to t, log(1 − p) − log p,
    finite; PyTorch's is infinite.

    Args:
        predictions: p in [0, 1], any shape; outside this range the loss is nan.
        targets: t in [0, 1], same shape as the predictions.
        weight: w, a scalar, one per entry of the last axis, or one per value; the mean still
            divides by the number of values. Defaults to 1.
        reduction: ``"mean"``, ``"sum"``, or ``"none"``, which keeps the shape of the predictions.
        where: mask of entries to include; shape of the predictions or of their leading axes.

    Example:
        >>> binary_cross_entropy(jnp.array([0.5, 0.0]), jnp.array([1, 1]), reduction="none")
        Array([  0.6931472, 100.       ], dtype=float32)
    """
    name = "binary_cross_entropy"
    p, t, out = operands(name, where, predictions=predictions, targets=targets)
    values = _of_probability(p, t)
    if weight is not None:
        values = last_axis_weight(name, "weight", weight, p, out) * values
    return reduce(values, reduction, out)


def binary_cross_entropy_with_logits(
    logits: ArrayLike,
    targets: ArrayLike,
    *,
    weight: ArrayLike | None = None,
    pos_weight: ArrayLike | None = None,
    reduction: Reduction = "mean",
    where: ArrayLike | None = None,
) -> Array:
    """Binary cross entropy of logits: l = −w·(q·t·log σ(z) + (1 − t)·log(1 − σ(z))).

    Args:
        logits: z, any shape.
        targets: t in [0, 1], same shape as the logits. The formula holds for other numbers too, so
            they are not refused.
        weight: w, a scalar, one per entry of the last axis, or one per value; the mean still
            divides by the number of values. Defaults to 1.
        pos_weight: q, the weight of the positive class; shapes as for ``weight``. Defaults to 1.
        reduction: ``"mean"``, ``"sum"``, or ``"none"``, which keeps the shape of the logits.
        where: mask of entries to include; shape of the logits or of their leading axes.

    Example:
        >>> logits, targets = jnp.array([0.0, 1e30]), jnp.array([1.0, 1.0])
        >>> binary_cross_entropy_with_logits(logits, targets, reduction="none")
        Array([0.6931472, 0.       ], dtype=float32)
    """
    name = "binary_cross_entropy_with_logits"
    x, t, out = operands(name, where, logits=logits, targets=targets)
    if pos_weight is not None:
        pos_weight = last_axis_weight(name, "pos_weight", pos_weight, x, out)
    values = logit_losses(x, t, pos_weight)
    if weight is not None:
        values = last_axis_weight(name, "weight", weight, x, out) * values
    return reduce(values, reduction, out)


def binary_focal_cross_entropy(
    logits: ArrayLike,
    targets: ArrayLike,
    *,
    alpha: ArrayLike | None = None,
    gamma: ArrayLike = 2.0,
    label_smoothing: ArrayLike = 0.0,
    reduction: Reduction = "mean",
    where: ArrayLike | None = None,
) -> Array:
    """Binary cross entropy that down-weights easy cases: l = a·(1 − p_t)^γ·cross entropy.

    Here p = σ(z), p_t = t·p + (1 − t)·(1 − p) and a = t·α + (1 − t)·(1 − α).

    Args:
        logits: z, any shape.
        targets: t in [0, 1], same shape as the logits.
        alpha: α in [0, 1], the weight of the positive class. Defaults to a = 1.
        gamma: γ ≥ 0; 0 is ``binary_cross_entropy_with_logits``.
        label_smoothing: s in [0, 1]: t becomes (1 − s)·t + s/2.
        reduction: ``"mean"``, ``"sum"``, or ``"none"``, which keeps the shape of the logits.
        where: mask of entries to include; shape of the logits or of their leading axes.

    Example:
        >>> binary_focal_cross_entropy(jnp.array([0.0]), jnp.array([1.0]))
        Array(0.1732868, dtype=float32)

    Reference:
        Lin et al., Focal Loss for Dense Object Detection, 2017.
    """
    name = "binary_focal_cross_entropy"
    x, t, out = operands(name, where, logits=logits, targets=targets)
    share = smoothing(name, label_smoothing, x)
    if share is not None:
        t = (1 - share) * t + share / 2
    small = jax.nn.sigmoid(jnp.where(x > 0, -x, x))  # of σ(x) and σ(−x), so that 1 − small is exact
    missed = jnp.where(x > 0, t, 1 - t) * small + jnp.where(x > 0, 1 - t, t) * (1 - small)
    values = power(name, missed, gamma) * logit_losses(x, t)
    if alpha is not None:
        (alpha,) = numbers(name, x, alpha=alpha)
        values = (t * alpha + (1 - t) * (1 - alpha)) * values
    return reduce(values, reduction, out)


def logit_losses(x: Array, t: Array, positive: Array | None = None) -> Array:
    """Returns the cross entropy of each logit.

    No large terms cancel, and the gradient at 0 is exact. Automatic differentiation of the usual
    max(z, 0) − z·t + log(1 + exp(−|z|)) is wrong there.
    """
    rest = jnp.log1p(jnp.exp(-jnp.where(x > 0, x, -x)))
    if positive is None:
        return jnp.where(x > 0, 1 - t, -t) * x + rest
    return jnp.where(x > 0, 1 - t, -positive * t) * x + (1 - t + positive * t) * rest


def power(function: str, base: Array, gamma: ArrayLike) -> Array:
    """Returns base^γ for base ≥ 0, with gradient 0 where the base is 0."""
    (exponent,) = numbers(function, base, gamma=gamma)
    if _checks.is_zero(gamma):
        return jnp.ones_like(base)
    if _checks.number(function, "gamma", gamma) == 2:
        return jnp.square(base)
    return jnp.where(base > 0, jnp.where(base > 0, base, 1) ** exponent, 0 * base)


@jax.custom_jvp
def _of_probability(p: Array, t: Array) -> Array:
    return -(t * jnp.maximum(jnp.log(p), -100) + (1 - t) * jnp.maximum(jnp.log1p(-p), -100))


@_of_probability.defjvp
def _of_probability_jvp(
    primals: tuple[Array, Array], tangents: tuple[Array, Array]
) -> tuple[Array, Array]:
    (p, t), (dp, dt) = primals, tangents
    by_p = (p - t) / jnp.maximum((1 - p) * p, 1e-12)
    by_t = jnp.maximum(jnp.log1p(-p), -100) - jnp.maximum(jnp.log(p), -100)
    return _of_probability(p, t), by_p * dp + by_t * dt
