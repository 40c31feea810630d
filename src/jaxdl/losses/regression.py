"""Regression losses."""

import jax.numpy as jnp
from jax.typing import ArrayLike

from jaxdl import checks
from jaxdl.losses.reduction import Reduction, reduce
from jaxdl.types import Array


def mse_loss(
    predictions: ArrayLike, targets: ArrayLike, *, reduction: Reduction = "mean"
) -> Array:
    """Squared error."""
    checks.same_shape("mse_loss", predictions=predictions, targets=targets)
    return reduce(jnp.square(jnp.asarray(predictions) - targets), reduction)
