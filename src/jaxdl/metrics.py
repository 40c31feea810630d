"""Metrics as exact sums that add up over batches and devices, and what turns sums into numbers."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax.typing import ArrayLike

from jaxdl import checks
from jaxdl.types import Array


class Mean(NamedTuple):
    """A weighted mean in two sums that add up."""

    total: Array
    count: Array


def mean(values: ArrayLike, *, weight: ArrayLike | None = None) -> Mean:
    """Sums values and weights.

    Args:
        values: one value a row, shape (N,).
        weight: how much each row counts, shape (N,); 0 leaves it out. Default: 1 each.

    Returns:
        ``Mean(Σ wᵢ·vᵢ, Σ wᵢ)``. A row of weight 0 counts for nothing, even where it is nan.

    Example:
        >>> compute(mean(jnp.array([1.0, 2.0, 9.0]), weight=jnp.array([1.0, 1.0, 0.0])))
        1.5
    """
    values = jnp.asarray(values)
    # Sums are float32 at least, and float64 where the values are.
    values = values.astype(jnp.promote_types(values.dtype, jnp.float32))
    if weight is None:
        return Mean(values.sum(), jnp.float32(values.size))
    checks.same_shape("mean", values=values, weight=weight)
    weight = jnp.asarray(weight, values.dtype)
    return Mean((jnp.where(weight == 0, 0, values) * weight).sum(), weight.sum())


def accuracy(logits: ArrayLike, labels: ArrayLike, *, weight: ArrayLike | None = None) -> Mean:
    """Share of rows whose largest logit is that of their label.

    Args:
        logits: shape (N, classes).
        labels: class indices, shape (N,).
        weight: how much each row counts, shape (N,).

    Returns:
        A Mean.

    Example:
        >>> compute(accuracy(jnp.array([[0.1, 0.9], [0.8, 0.2]]), jnp.array([1, 1])))
        0.5
    """
    predicted = jnp.argmax(jnp.asarray(logits), axis=-1)
    checks.same_shape("accuracy", predictions=predicted, labels=labels)
    return mean(predicted == labels, weight=weight)


def merge(a: Any, b: Any) -> Any:
    """Adds two trees of sums: those of two batches are those of the batches as one.

    Args:
        a: sums of one batch, a Mean or a tree of them.
        b: the same sums of another.

    Returns:
        The sums of both.

    Example:
        >>> compute(merge(mean(jnp.array([1.0])), mean(jnp.array([2.0, 3.0]))))
        2.0
    """
    return optax.tree.add(a, b)


def compute(sums: Any) -> Any:
    """Turns every Mean of a tree into its number on the host, and leaves other sums as they are.

    Example:
        >>> compute({"loss": Mean(jnp.float32(3), jnp.float32(2))})
        {'loss': 1.5}
    """
    leaf = lambda x: isinstance(x, Mean)
    one = lambda x: float(x.total) / float(x.count) if leaf(x) else x
    return jax.tree.map(one, jax.device_get(sums), is_leaf=leaf)
