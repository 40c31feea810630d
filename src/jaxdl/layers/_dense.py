"""Dense layers."""

from typing import Any

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike, DTypeLike

from jaxdl import _checks, functional, initializers
from jaxdl.types import Array, Init, Key, Layer, Params, State, factory, named


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
        n_in: features that come in, on the last axis.
        n_out: features that go out.
        bias: whether b is added.
        init: how kernel and bias are drawn; PyTorch's default U(±1/√n_in) unless given.
        dtype: of the parameters.

    Returns:
        A Layer with params ``{"kernel": (n_in, n_out), "bias": (n_out,)}`` and no state.

    Raises:
        ValueError: if a size isn't a positive integer.

    Example:
        >>> params, _ = dense(784, 10).init(jax.random.key(0))
        >>> params["kernel"].shape, params["bias"].shape
        ((784, 10), (10,))
    """
    name = f"dense({n_in}, {n_out})"
    _checks.positive_ints(name, n_in=n_in, n_out=n_out)

    def init_fn(key: Key) -> tuple[Params, State]:
        kernel_key, bias_key = jax.random.split(key)
        params: dict[str, Any] = {"kernel": init.kernel(kernel_key, (n_in, n_out), dtype)}
        if bias:
            params["bias"] = init.bias(n_in)(bias_key, (n_out,), dtype)
        return params, ()

    def apply_fn(
        params: Params, state: State, x: ArrayLike, *, key: Key | None = None, train: bool = False
    ) -> tuple[Array, State]:
        return functional.dense(params, x), state

    return named(name, init_fn, apply_fn)
