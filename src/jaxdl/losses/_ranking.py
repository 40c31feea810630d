"""Ranking and similarity losses: which of two is higher, which of two is nearer."""

from collections.abc import Callable

import jax.numpy as jnp
from jax.typing import ArrayLike

from jaxdl import _checks
from jaxdl._ranges import constants, numbers
from jaxdl.losses._arguments import clamp_min, operands, real
from jaxdl.losses._distance import norm
from jaxdl.losses._reduction import Reduction, reduce
from jaxdl.types import Array


def margin_ranking_loss(
    first: ArrayLike,
    second: ArrayLike,
    targets: ArrayLike,
    *,
    margin: ArrayLike = 0.0,
    reduction: Reduction = "mean",
    where: ArrayLike | None = None,
) -> Array:
    """Loss of wrongly ordered pairs: l = max(0, −t·(a − b) + m).

    At the hinge, where −t·(a − b) + m = 0, the gradients with respect to a and b are −t and t.

    Args:
        first: a, scores, any shape.
        second: b, same shape.
        targets: t, 1 where a should be higher and −1 where b should; same shape.
        margin: m, the required difference.
        reduction: ``"mean"``, ``"sum"``, or ``"none"``, which keeps the shape of a.
        where: mask of pairs to include; shape of a or of its leading axes.

    Example:
        >>> margin_ranking_loss(jnp.array([1.0, 1.0]), jnp.array([3.0, 0.0]), jnp.array([1, 1]))
        Array(1., dtype=float32)
    """
    name = "margin_ranking_loss"
    a, b, t, out = operands(name, where, first=first, second=second, targets=targets)
    (margin,) = numbers(name, a, margin=margin)
    return reduce(clamp_min(-t * (a - b) + margin), reduction, out)


def cosine_embedding_loss(
    first: ArrayLike,
    second: ArrayLike,
    targets: ArrayLike,
    *,
    margin: ArrayLike = 0.0,
    reduction: Reduction = "mean",
    where: ArrayLike | None = None,
) -> Array:
    """Cosine loss of pairs: l = 1 − cos for similar ones, max(0, cos − m) for dissimilar ones.

    cos = Σ aᵢbᵢ / √((Σ aᵢ² + 1e-12)·(Σ bᵢ² + 1e-12)), which is finite for zero vectors.

    Args:
        first: a, shape (..., D).
        second: b, shape (..., D).
        targets: t, 1 for similar and −1 for dissimilar, shape (...); any other value has loss 0.
        margin: m in [−1, 1].
        reduction: ``"mean"``, ``"sum"``, or ``"none"``, which returns shape (...).
        where: mask of pairs to include; shape (...) or its leading axes.

    Example:
        >>> a, b = jnp.array([[1.0, 0.0], [1.0, 0.0]]), jnp.array([[2.0, 0.0], [0.0, 1.0]])
        >>> cosine_embedding_loss(a, b, jnp.array([-1, 1]), margin=0.5, reduction="none")
        Array([0.5, 1. ], dtype=float32)
    """
    name = "cosine_embedding_loss"
    a, b, out = operands(name, where, span=1, first=first, second=second)
    t = real(name, "targets", targets, a.dtype)
    if t.shape != a.shape[:-1]:
        raise _checks.ShapeError(
            f"{name}: targets are {_checks.describe(targets)} for vectors {_checks.describe(a)};"
            f" they need shape {a.shape[:-1]}"
        )
    lengths = (jnp.sum(a * a, axis=-1) + 1e-12) * (jnp.sum(b * b, axis=-1) + 1e-12)
    cosine = jnp.sum(a * b, axis=-1) / jnp.sqrt(lengths)
    (margin,) = numbers(name, a, margin=margin)
    apart = jnp.where(t == -1, clamp_min(cosine - margin), 0)
    return reduce(jnp.where(t == 1, 1 - cosine, apart), reduction, out)


def triplet_margin_loss(
    anchor: ArrayLike,
    positive: ArrayLike,
    negative: ArrayLike,
    *,
    margin: ArrayLike = 1.0,
    p: float = 2.0,
    eps: ArrayLike = 1e-6,
    swap: bool = False,
    reduction: Reduction = "mean",
    where: ArrayLike | None = None,
) -> Array:
    """Triplet loss, with the p-norm as distance: l = max(0, d(a, +) − d(a, −) + m).

    d(u, v) = (Σ |uᵢ − vᵢ + ε|ᵖ)^(1/p), as in ``pairwise_distance``.

    Args:
        anchor: a, shape (..., D).
        positive: +, which should be near the anchor; same shape.
        negative: −, which should be farther away; same shape.
        margin: m > 0, the required difference of the distances.
        p: the order of the norm, as in ``pairwise_distance``.
        eps: ε.
        swap: whether to use min(d(a, −), d(+, −)) in place of d(a, −).
        reduction: ``"mean"``, ``"sum"``, or ``"none"``, which returns shape (...).
        where: mask of triplets to include; shape (...) or its leading axes.

    Example:
        >>> a, near, far = jnp.array([0.0, 0.0]), jnp.array([0.0, 1.0]), jnp.array([3.0, 0.0])
        >>> triplet_margin_loss(a, far, near, eps=0.0)
        Array(3., dtype=float32)

    Reference:
        Balntas et al., Learning local feature descriptors with triplets, 2016.
    """
    name = "triplet_margin_loss"
    a, near, far, out = operands(
        name, where, span=1, anchor=anchor, positive=positive, negative=negative
    )
    (p,) = constants(name, p=p)
    margin, eps = numbers(name, a, margin=margin, eps=eps)
    between = norm(near - far + eps, p) if swap else None
    values = _triplet(norm(a - near + eps, p), norm(a - far + eps, p), between, margin)
    return reduce(values, reduction, out)


def triplet_margin_with_distance_loss(
    anchor: ArrayLike,
    positive: ArrayLike,
    negative: ArrayLike,
    *,
    distance_function: Callable[[Array, Array], Array] | None = None,
    margin: ArrayLike = 1.0,
    swap: bool = False,
    reduction: Reduction = "mean",
    where: ArrayLike | None = None,
) -> Array:
    """Triplet loss with any distance: l = max(0, d(a, +) − d(a, −) + m).

    Args:
        anchor: a, shape (..., D).
        positive: +, which should be near the anchor; same shape.
        negative: −, which should be farther away; same shape.
        distance_function: d, which maps two arrays of shape (..., D) to one of shape (...).
            Defaults to ``pairwise_distance``.
        margin: m > 0, the required difference of the distances.
        swap: whether to use min(d(a, −), d(+, −)) in place of d(a, −).
        reduction: ``"mean"``, ``"sum"``, or ``"none"``, which returns shape (...).
        where: mask of triplets to include; shape (...) or its leading axes.

    Raises:
        ShapeError: if the shapes differ, or ``distance_function`` doesn't return shape (...).

    Example:
        >>> manhattan = lambda u, v: jnp.abs(u - v).sum(-1)
        >>> a, near, far = jnp.array([0.0, 0.0]), jnp.array([1.0, 1.0]), jnp.array([3.0, 0.0])
        >>> triplet_margin_with_distance_loss(a, far, near, distance_function=manhattan)
        Array(2., dtype=float32)
    """
    name = "triplet_margin_with_distance_loss"
    a, near, far, out = operands(
        name, where, span=1, anchor=anchor, positive=positive, negative=negative
    )
    (margin,) = numbers(name, a, margin=margin)
    d = distance_function or _euclidean
    to_near, to_far, between = d(a, near), d(a, far), d(near, far) if swap else None
    if to_near.shape != a.shape[:-1]:
        raise _checks.ShapeError(
            f"{name}: distance_function returned {_checks.describe(to_near)} for vectors"
            f" {_checks.describe(a)}; it must return shape {a.shape[:-1]}"
        )
    return reduce(_triplet(to_near, to_far, between, margin), reduction, out)


def _euclidean(a: Array, b: Array) -> Array:
    return norm(a - b + 1e-6, 2)


def _triplet(to_near: Array, to_far: Array, between: Array | None, margin: Array) -> Array:
    to_far = to_far if between is None else jnp.minimum(to_far, between)
    return clamp_min(margin + to_near - to_far)
