"""Activation functions, by the names and the options of torch.nn.functional."""

import jax
from jax.typing import ArrayLike

from jaxdl.types import Array


def relu(x: ArrayLike) -> Array:
    """Rectified linear unit: max(x, 0), with gradient 0 at 0.

    Args:
        x: any shape.

    Returns:
        An array of the shape of ``x``.

    Example:
        >>> relu(jax.numpy.array([-1.0, 0.0, 2.0]))
        Array([0., 0., 2.], dtype=float32)
    """
    return jax.nn.relu(x)
