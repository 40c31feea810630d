"""Bilinear layers."""

from collections.abc import Mapping

import jax.numpy as jnp
from jax.typing import ArrayLike, DTypeLike

from jaxdl import _checks, functional, initializers
from jaxdl.layers._building import affine
from jaxdl.types import Array, Init, Layer, factory


@factory
def bilinear(
    n_in1: int,
    n_in2: int,
    n_out: int,
    *,
    bias: bool = True,
    init: Init = initializers.torch_default,
    dtype: DTypeLike = jnp.float32,
) -> Layer:
    """A bilinear layer of two inputs side by side on the last axis; see ``functional.bilinear``.

    A Layer takes one array: join two with ``jnp.concatenate([first, second], axis=-1)``, or two
    branches of a network with ``branch(…, merge="concat")``.

    Args:
        n_in1: features of the first input.
        n_in2: features of the second input, after those of the first.
        n_out: output features.
        bias: whether to add a bias.
        init: initializer of kernel and bias, with fan-in ``n_in1``. Defaults to PyTorch's
            U(±1/√n_in1).
        dtype: dtype of the parameters.

    Returns:
        A Layer from (…, n_in1 + n_in2) to (…, n_out) with params ``{"kernel": (n_in1, n_in2,
        n_out), "bias": (n_out,)}`` and no state.

    Raises:
        ValueError: if a size isn't a positive integer.

    Example:
        >>> import jax
        >>> net = bilinear(3, 4, 2)
        >>> params, state = net.init(jax.random.key(0))
        >>> first, second = jnp.ones((5, 3)), jnp.ones((5, 4))
        >>> y, _ = net.apply(params, state, jnp.concatenate([first, second], axis=-1))
        >>> y.shape
        (5, 2)
    """
    name = f"bilinear({n_in1}, {n_in2}, {n_out})"
    _checks.positive_ints(name, n_in1=n_in1, n_in2=n_in2, n_out=n_out)

    def compute(params: Mapping[str, Array], x: ArrayLike) -> Array:
        x = _checks.floating(name, "x", x)
        _checks.last_axis(name, x, n_in1 + n_in2)
        return functional.bilinear(params, x[..., :n_in1], x[..., n_in1:])

    return affine(
        name,
        compute,
        (n_in1, n_in2, n_out),
        n_out,
        fan_in=n_in1,
        bias=bias,
        init=init,
        dtype=dtype,
        # Drawn as a matrix with fan-in n_in1, as in PyTorch, not n_in1·n_in2.
        drawn=(n_in1, n_in2 * n_out),
    )
