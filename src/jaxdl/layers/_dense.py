"""Dense layers."""

import jax.numpy as jnp
from jax.typing import DTypeLike

from jaxdl import _checks, functional, initializers
from jaxdl.layers._building import affine
from jaxdl.types import Init, Layer, factory


@factory
def dense(
    n_in: int,
    n_out: int,
    *,
    bias: bool = True,
    init: Init = initializers.torch_default,
    dtype: DTypeLike = jnp.float32,
) -> Layer:
    """A dense (fully connected, linear) layer: y = x·W + b.

    Args:
        n_in: input features, on the last axis.
        n_out: output features.
        bias: whether to add a bias.
        init: initializer of kernel and bias. Defaults to PyTorch's U(±1/√n_in).
        dtype: dtype of the parameters.

    Returns:
        A Layer with params ``{"kernel": (n_in, n_out), "bias": (n_out,)}`` and no state.

    Raises:
        ValueError: if a size isn't a positive integer.
        TypeError: if ``init`` isn't an ``Init``, or ``dtype`` isn't floating point.

    Example:
        >>> import jax
        >>> params, _ = dense(784, 10).init(jax.random.key(0))
        >>> params["kernel"].shape, params["bias"].shape
        ((784, 10), (10,))
    """
    name = f"dense({n_in}, {n_out})"
    _checks.positive_ints(name, n_in=n_in, n_out=n_out)

    return affine(
        name,
        functional.dense,
        (n_in, n_out),
        n_out,
        fan_in=n_in,
        bias=bias,
        init=init,
        dtype=dtype,
    )
