"""Classification losses."""

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from jaxdl import checks
from jaxdl.losses.reduction import Reduction, reduce
from jaxdl.types import Array


def cross_entropy(
    logits: ArrayLike, labels: ArrayLike, *, reduction: Reduction = "mean"
) -> Array:
    """Cross entropy."""
    logits = checks.floating("cross_entropy", "logits", logits)
    labels = jnp.asarray(labels)
    if not jnp.issubdtype(labels.dtype, jnp.integer):
        raise TypeError(
            f"cross_entropy: labels are {checks.describe(labels)}; class indices must be integers"
        )
    log_p = jax.nn.log_softmax(logits)
    classes = jax.lax.broadcasted_iota(labels.dtype, log_p.shape, log_p.ndim - 1)
    hit = labels[..., None] == classes
    rows = -jnp.sum(jnp.where(hit, log_p, 0), axis=-1)
    outside = (labels < 0) | (labels >= log_p.shape[-1])
    return reduce(jnp.where(outside, jnp.nan, rows), reduction)
