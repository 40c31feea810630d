"""A convolution, pooling and relu in one, with less work between them."""

from collections.abc import Sequence

import jax
from jax.typing import ArrayLike

from jaxdl._plain import plain_numbers
from jaxdl.functional._convolution import conv
from jaxdl.functional._dense import biased
from jaxdl.functional._pooling import max_pool
from jaxdl.functional._weights import check_weights
from jaxdl.functional._windows import Padding, Sizes, one_an_axis, per_axis
from jaxdl.types import Array, Weights


@plain_numbers
def conv_relu_pool(
    params: Weights,
    x: ArrayLike,
    *,
    pool: Sequence[int],
    stride: Sizes = 1,
    padding: Padding = 0,
    dilation: Sizes = 1,
    groups: int = 1,
) -> Array:
    """A convolution, relu, and max pooling: y = relu(maxpool(x * W) + b).

    That is maxpool(relu(x * W + b)), as neither b nor relu changes which entry of a window is the
    largest; but bias, relu and their gradients are computed after pooling, on few entries.

    Args:
        params: ``{"kernel": (…spatial, n_in/groups, n_out), "bias": (n_out,)}``; without
            ``bias``, none is added.
        x: shape (…, …spatial, n_in), floating point.
        pool: the size of the pooling windows, which lie side by side; one number per axis.
        stride: as for ``conv``.
        padding: as for ``conv``.
        dilation: as for ``conv``.
        groups: as for ``conv``.

    Returns:
        An array of shape (…, …pooled, n_out).

    Raises:
        ShapeError: as ``conv`` and ``max_pool`` do.
        ValueError: as ``conv`` and ``max_pool`` do.
        TypeError: if ``x`` isn't floating point.

    Example:
        >>> import jax.numpy as jnp
        >>> params = {"kernel": jnp.array([[[2.0]]]), "bias": jnp.array([-1.0])}
        >>> conv_relu_pool(params, jnp.array([[1.0], [3.0], [-1.0], [0.0]]), pool=(2,)).ravel()
        Array([5., 0.], dtype=float32)
    """
    pool = one_an_axis("conv_relu_pool", "pool", pool)
    per_axis("conv_relu_pool", "pool", pool, len(pool))
    check_weights("conv_relu_pool", params, {"kernel": 3}, ("bias",))
    kernel = {"kernel": params["kernel"]}
    y = conv(kernel, x, stride=stride, padding=padding, dilation=dilation, groups=groups)
    return jax.nn.relu(biased("conv_relu_pool", params, max_pool(y, pool)))
