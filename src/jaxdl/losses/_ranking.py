"""Losses of order and of likeness: which of two is higher, which of two is nearer."""

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
    """Loss of pairs in the wrong order: l = max(0, −t·(a − b) + m), gradient −t and t at the tie.

    Args:
        first: a, scores, any shape.
        second: b, the shape of a.
        targets: t, 1 where a should be higher, −1 where b should; the shape of a.
        margin: m, by how much.
        reduction: ``"mean"``, ``"sum"``, or ``"none"`` for the shape of a.
        where: True for what counts, shape of a or of its leading axes.

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
    """Loss of angles: l = 1 − cos for a similar pair, max(0, cos − m) for a dissimilar one.

    cos = Σ aᵢbᵢ / √((Σ aᵢ² + 1e-12)·(Σ bᵢ² + 1e-12)), finite for zero vectors.

    Args:
        first: a, shape (..., D).
        second: b, shape (..., D).
        targets: t, 1 for similar and −1 for dissimilar, shape (...); for anything else l = 0.
        margin: m in [−1, 1].
        reduction: ``"mean"``, ``"sum"``, or ``"none"`` for shape (...).
        where: True for the pairs that count, shape (...) or its leading axes.

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
    """Loss of a positive that is not nearer than the negative: l = max(0, d(a, +) − d(a, −) + m).

    d(u, v) = (Σ |uᵢ − vᵢ + ε|ᵖ)^(1/p), as ``pairwise_distance``.

    Args:
        anchor: a, shape (..., D).
        positive: what should be near it, the same shape.
        negative: what should be further, the same shape.
        margin: m > 0, by how much.
        p: the order of the norm, as in ``pairwise_distance``.
        eps: ε.
        swap: whether d(+, −) takes the place of d(a, −) where it is smaller.
        reduction: ``"mean"``, ``"sum"``, or ``"none"`` for shape (...).
        where: True for the triplets that count, shape (...) or its leading axes.

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
        positive: what should be near it, the same shape.
        negative: what should be further, the same shape.
        distance_function: d, from two arrays of shape (..., D) to one of shape (...).
            Default: ``pairwise_distance``.
        margin: m > 0, by how much.
        swap: whether d(+, −) takes the place of d(a, −) where it is smaller.
        reduction: ``"mean"``, ``"sum"``, or ``"none"`` for shape (...).
        where: True for the triplets that count, shape (...) or its leading axes.

    Raises:
        ShapeError: if the shapes differ, or the distance has another one than (...).

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
            f"{name}: distance_function gave {_checks.describe(to_near)} for vectors"
            f" {_checks.describe(a)}; it must give shape {a.shape[:-1]}"
        )
    return reduce(_triplet(to_near, to_far, between, margin), reduction, out)


def _euclidean(a: Array, b: Array) -> Array:
    return norm(a - b + 1e-6, 2)


def _triplet(to_near: Array, to_far: Array, between: Array | None, margin: Array) -> Array:
    to_far = to_far if between is None else jnp.minimum(to_far, between)
    return clamp_min(margin + to_near - to_far)
