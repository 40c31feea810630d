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
    picked = jnp.take_along_axis(log_p, labels[..., None], axis=-1, mode="fill")[..., 0]
    return reduce(-picked, reduction)
