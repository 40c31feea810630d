"""Class cross entropies that reweight easy cases or tolerate wrong labels."""

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from jaxdl import _checks
from jaxdl._ranges import numbers
from jaxdl.losses._arguments import (
    class_indices,
    class_weight,
    operands,
    pick,
    smoothing,
)
from jaxdl.losses._binary import power
from jaxdl.losses._classification import over_rows
from jaxdl.losses._reduction import Reduction, reduce
from jaxdl.types import Array


def categorical_focal_cross_entropy(
    logits: ArrayLike,
    targets: ArrayLike,
    *,
    alpha: ArrayLike = 0.25,
    gamma: ArrayLike = 2.0,
    label_smoothing: ArrayLike = 0.0,
    reduction: Reduction = "mean",
    where: ArrayLike | None = None,
) -> Array:
    """Cross entropy that down-weights easy cases: l = −Σ_c α_c·(1 − p_c)^γ·t_c·log p_c.

    p = softmax(z); unlike in Keras, it is not clipped at 1e-7.

    Args:
        logits: z, shape (..., C).
        targets: t, one-hot or probabilities, shape (..., C).
        alpha: α, a scalar or one per class, shape (C,).
        gamma: γ ≥ 0; 0 is α times ``cross_entropy``.
        label_smoothing: s in [0, 1]: t becomes (1 − s)·t + s/C.
        reduction: ``"mean"``, ``"sum"``, or ``"none"``, which returns shape (...).
        where: mask of rows to include; shape (...) or its leading axes.

    Example:
        >>> categorical_focal_cross_entropy(jnp.array([[0.0, 0.0]]), jnp.array([[1, 0]]), alpha=1)
        Array(0.1732868, dtype=float32)

    Reference:
        Lin et al., Focal Loss for Dense Object Detection, 2017.
    """
    name = "categorical_focal_cross_entropy"
    x, t, out = operands(name, where, span=1, logits=logits, targets=targets)
    smooth = smoothing(name, label_smoothing, x)
    if smooth is not None:
        t = (1 - smooth) * t + smooth / x.shape[-1]
    if jnp.ndim(alpha) == 0:
        alpha = jnp.full(x.shape[-1:], *numbers(name, x, alpha=alpha))
    share = class_weight(name, "alpha", alpha, x)
    log_p = jax.nn.log_softmax(x)
    missed = power(name, -jnp.expm1(log_p), gamma)
    log_p = jnp.where((t == 0) & (log_p == -jnp.inf), 0, log_p)
    return reduce(-jnp.sum(over_rows(share, x) * missed * t * log_p, axis=-1), reduction, out)


def generalized_cross_entropy(
    logits: ArrayLike,
    labels: ArrayLike,
    *,
    q: ArrayLike = 0.7,
    reduction: Reduction = "mean",
    where: ArrayLike | None = None,
) -> Array:
    """Cross entropy robust to wrong labels: l = (1 − p_y^q)/q, with p = softmax(z).

    It lies between cross entropy (q → 0) and the mean absolute error of probabilities (q = 1).

    Args:
        logits: z, shape (..., C). (Keras takes p.)
        labels: y, integers in [0, C), shape (...).
        q: in (0, 1].
        reduction: ``"mean"``, ``"sum"``, or ``"none"``, which returns shape (...).
        where: mask of rows to include; shape (...) or its leading axes.

    Example:
        >>> generalized_cross_entropy(jnp.array([[0.0, 0.0]]), jnp.array([0]), q=1.0)
        Array(0.5, dtype=float32)

    Reference:
        Zhang and Sabuncu, Generalized Cross Entropy Loss for Training Deep Neural Networks with
        Noisy Labels, 2018.
    """
    name = "generalized_cross_entropy"
    x, out = operands(name, where, span=1, logits=logits)
    index, (q,) = class_indices(name, x, labels), numbers(name, x, q=q)
    _checks.classes(name, labels, x.shape[-1], counted=out.where)
    valid = (index >= 0) & (index < x.shape[-1])
    log_p = pick(jax.nn.log_softmax(x), jnp.where(valid, index, 0))
    return reduce(jnp.where(valid, -jnp.expm1(q * log_p) / q, jnp.nan), reduction, out)
