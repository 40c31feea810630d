"""Contrastive losses, which compare the rows of a batch with each other."""

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from jaxdl import _checks
from jaxdl._ranges import numbers
from jaxdl.losses._arguments import class_indices, operands
from jaxdl.losses._distance import unit
from jaxdl.losses._reduction import Reduction, reduce
from jaxdl.types import Array


def info_nce(
    queries: ArrayLike,
    keys: ArrayLike,
    *,
    temperature: ArrayLike = 0.1,
    reduction: Reduction = "mean",
    where: ArrayLike | None = None,
) -> Array:
    """Cross entropy of picking each query's own key among all keys of the batch.

    l_i = −log(exp(s_ii/τ) / Σ_j exp(s_ij/τ)), where s_ij is the cosine similarity of query i and
    key j. For CLIP's symmetric loss, average ``info_nce(q, k)`` and ``info_nce(k, q)``.

    Args:
        queries: shape (N, D).
        keys: shape (N, D); row i belongs to query i.
        temperature: τ > 0.
        reduction: ``"mean"``, ``"sum"``, or ``"none"``, which returns shape (N,).
        where: mask of rows to include, shape (N,); the others are neither queries nor keys.

    Example:
        >>> q, k = jnp.eye(2), jnp.array([[1.0, 0.0], [1.0, 0.0]])
        >>> info_nce(q, k, temperature=1.0, reduction="none")
        Array([0.6931472, 0.6931472], dtype=float32)

    Reference:
        van den Oord et al., Representation Learning with Contrastive Predictive Coding, 2018.
    """
    q, k, out = operands("info_nce", where, span=1, queries=queries, keys=keys)
    _matrix("info_nce", "queries", q)
    (temperature,) = numbers("info_nce", q, temperature=temperature)
    scores = unit(q, -1, 1e-8) @ unit(k, -1, 1e-8).T / temperature
    partners = None if out.where is None else _partners(out.where, len(q))
    normaliser = jax.nn.logsumexp(scores, axis=1, where=partners)
    return reduce(normaliser - jnp.diagonal(scores), reduction, out)


def circle(
    embeddings: ArrayLike,
    labels: ArrayLike,
    *,
    gamma: ArrayLike = 80.0,
    margin: ArrayLike = 0.4,
    reduction: Reduction = "mean",
    where: ArrayLike | None = None,
) -> Array:
    """Circle loss: pulls rows of the same class together and pushes other classes apart.

    l = softplus(log Σ_n exp(γ·[s_n + m]₊·(s_n − m)) + log Σ_p exp(−γ·[1 + m − s_p]₊·(s_p − 1 + m)))
    where p runs over the other rows of the same class, n over the rows of other classes, and s is
    min(zᵢ·zⱼ, 1). A row with no p or no n has loss 0. As in Keras, the gradient is that of the
    formula; the paper treats the brackets as constants.

    Args:
        embeddings: z, rows of length 1, shape (N, D).
        labels: integers of shape (N,).
        gamma: γ > 0, the scale.
        margin: m.
        reduction: ``"mean"``, ``"sum"``, or ``"none"``, which returns shape (N,).
        where: mask of rows to include, shape (N,); the others are not compared with any row.

    Example:
        >>> z = jnp.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
        >>> circle(z, jnp.array([0, 0, 1]), gamma=1.0, reduction="none").round(3)
        Array([0.546, 0.546, 0.   ], dtype=float32)

    Reference:
        Sun et al., Circle Loss, 2020.
    """
    z, out = operands("circle", where, span=1, embeddings=embeddings)
    _matrix("circle", "embeddings", z)
    index = class_indices("circle", z, labels)
    gamma, margin = numbers("circle", z, gamma=gamma, margin=margin)
    similar = jnp.minimum(z @ z.T, 1)
    same = index[:, None] == index[None, :]
    near, far = same & ~jnp.eye(len(z), dtype=bool), ~same
    if out.where is not None:
        near, far = near & _partners(out.where, len(z)), far & _partners(out.where, len(z))
    pull = -gamma * jax.nn.relu(1 + margin - similar) * (similar - 1 + margin)
    push = gamma * jax.nn.relu(similar + margin) * (similar - margin)
    complete = near.any(axis=1) & far.any(axis=1)
    total = _log_sum(pull, near, complete) + _log_sum(push, far, complete)
    return reduce(jnp.where(complete, jax.nn.softplus(total), 0), reduction, out)


def _log_sum(x: Array, mask: Array, complete: Array) -> Array:
    # Incomplete rows would have an empty sum, and so nan gradients.
    return jax.nn.logsumexp(x, axis=1, where=mask | ~complete[:, None])


def _partners(where: Array, n: int) -> Array:
    """Returns which rows enter the sums of each row, shape (n, n)."""
    # Each row keeps itself, so that no sum is empty; the Frame drops masked rows afterwards.
    return jnp.broadcast_to(where, n)[None, :] | jnp.eye(n, dtype=bool)


def _matrix(function: str, argument: str, x: Array) -> None:
    if x.ndim != 2:
        raise _checks.ShapeError(
            f"{function}: {argument} is {_checks.describe(x)}; it needs shape (N, D)"
        )
