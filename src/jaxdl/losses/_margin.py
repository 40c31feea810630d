"""Elementwise binary losses that require a margin."""

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from jaxdl._ranges import numbers
from jaxdl.losses._arguments import above, clamp_min, operands
from jaxdl.losses._reduction import Reduction, reduce
from jaxdl.types import Array


def hinge(
    predictions: ArrayLike,
    targets: ArrayLike,
    *,
    reduction: Reduction = "mean",
    where: ArrayLike | None = None,
) -> Array:
    """Hinge loss of support vector machines: l = max(0, 1 − t·x), with gradient 0 at the hinge.

    Args:
        predictions: x, any shape.
        targets: t, −1 or 1, same shape as the predictions. Keras also accepts 0 and 1; here,
            convert them by 2·t − 1.
        reduction: ``"mean"``, ``"sum"``, or ``"none"``, which keeps the shape of the predictions.
        where: mask of entries to include; shape of the predictions or of their leading axes.

    Example:
        >>> hinge(jnp.array([0.5, 3.0, 0.5]), jnp.array([1, 1, -1]), reduction="none")
        Array([0.5, 0. , 1.5], dtype=float32)
    """
    x, t, out = operands("hinge", where, predictions=predictions, targets=targets)
    return reduce(above(1 - t * x), reduction, out)


def squared_hinge(
    predictions: ArrayLike,
    targets: ArrayLike,
    *,
    reduction: Reduction = "mean",
    where: ArrayLike | None = None,
) -> Array:
    """Square of the hinge loss: l = max(0, 1 − t·x)².

    Args:
        predictions: x, any shape.
        targets: t, −1 or 1, same shape as the predictions; see ``hinge``.
        reduction: ``"mean"``, ``"sum"``, or ``"none"``, which keeps the shape of the predictions.
        where: mask of entries to include; shape of the predictions or of their leading axes.

    Example:
        >>> squared_hinge(jnp.array([0.5, 3.0, 0.5]), jnp.array([1, 1, -1]), reduction="none")
        Array([0.25, 0.  , 2.25], dtype=float32)
    """
    x, t, out = operands("squared_hinge", where, predictions=predictions, targets=targets)
    return reduce(jnp.square(above(1 - t * x)), reduction, out)


def perceptron_loss(
    predictions: ArrayLike,
    targets: ArrayLike,
    *,
    reduction: Reduction = "mean",
    where: ArrayLike | None = None,
) -> Array:
    """Loss of Rosenblatt's perceptron: l = max(0, −t·x).

    At x = 0 the gradient is −t, so that gradient descent is the perceptron rule, which also
    corrects points on the boundary; with gradient 0, zero weights would never learn.

    Args:
        predictions: x, any shape.
        targets: t, −1 or 1, same shape as the predictions.
        reduction: ``"mean"``, ``"sum"``, or ``"none"``, which keeps the shape of the predictions.
        where: mask of entries to include; shape of the predictions or of their leading axes.

    Example:
        >>> jax.grad(perceptron_loss)(jnp.array([0.0]), jnp.array([1]))
        Array([-1.], dtype=float32)

    Reference:
        Rosenblatt, The perceptron, 1958.
    """
    x, t, out = operands("perceptron_loss", where, predictions=predictions, targets=targets)
    return reduce(clamp_min(-t * x), reduction, out)


def soft_margin_loss(
    predictions: ArrayLike,
    targets: ArrayLike,
    *,
    reduction: Reduction = "mean",
    where: ArrayLike | None = None,
) -> Array:
    """Logistic loss: l = log(1 + exp(−t·x)).

    It is finite whenever t·x is; PyTorch's overflows in float32 where −t·x ≥ 89.

    Args:
        predictions: x, any shape.
        targets: t, −1 or 1, same shape as the predictions.
        reduction: ``"mean"``, ``"sum"``, or ``"none"``, which keeps the shape of the predictions.
        where: mask of entries to include; shape of the predictions or of their leading axes.

    Example:
        >>> soft_margin_loss(jnp.array([0.0, -500.0]), jnp.array([1, 1]), reduction="none")
        Array([  0.6931472, 500.       ], dtype=float32)
    """
    x, t, out = operands("soft_margin_loss", where, predictions=predictions, targets=targets)
    return reduce(jax.nn.softplus(-t * x), reduction, out)


def hinge_embedding_loss(
    predictions: ArrayLike,
    targets: ArrayLike,
    *,
    margin: ArrayLike = 1.0,
    reduction: Reduction = "mean",
    where: ArrayLike | None = None,
) -> Array:
    """Hinge loss of distances: l = x for similar pairs, max(0, m − x) for dissimilar ones.

    At x = m the gradient is −1, as in PyTorch.

    Args:
        predictions: x, distances, any shape.
        targets: t, 1 for similar and −1 for dissimilar, same shape as the predictions; for any
            other value both terms are added, as in PyTorch.
        margin: m.
        reduction: ``"mean"``, ``"sum"``, or ``"none"``, which keeps the shape of the predictions.
        where: mask of entries to include; shape of the predictions or of their leading axes.

    Example:
        >>> hinge_embedding_loss(jnp.array([0.3, 0.3]), jnp.array([1, -1]), reduction="none")
        Array([0.3, 0.7], dtype=float32)
    """
    x, t, out = operands("hinge_embedding_loss", where, predictions=predictions, targets=targets)
    apart = clamp_min(numbers("hinge_embedding_loss", x, margin=margin)[0] - x)
    values = jnp.where(t == 1, x, jnp.where(t == -1, apart, apart + x))
    return reduce(values, reduction, out)
