"""Activations with learned parameters, and one that is random in training."""

import jax.numpy as jnp
from jax.typing import ArrayLike, DTypeLike

from jaxdl import _checks, _ranges, activations, functional, initializers
from jaxdl.layers._building import affine, floating_dtype, needed
from jaxdl.types import Array, Init, Key, Layer, Params, State, factory, named, no_params


@factory
def prelu(n: int = 1, *, slope: float | Array = 0.25, dtype: DTypeLike = jnp.float32) -> Layer:
    """Leaky relu that learns its slope: x where x > 0, else slope · x; see ``activations.prelu``.

    Args:
        n: number of slopes: 1 shared by all features, or one for each.
        slope: initial slope.
        dtype: dtype of the slopes.

    Returns:
        A Layer with params ``{"slope": (n,)}`` and no state.

    Raises:
        ValueError: if ``n`` isn't a positive integer, or ``slope`` isn't finite.

    Example:
        >>> import jax
        >>> net = prelu()
        >>> params, state = net.init(jax.random.key(0))
        >>> net.apply(params, state, jnp.array([-1.0, 2.0]))[0]
        Array([-0.25,  2.  ], dtype=float32)
    """
    name = f"prelu({n})"
    _checks.positive_ints(name, n=n)
    _ranges.check(name, slope=slope)
    floating_dtype(name, dtype)

    def init_fn(key: Key) -> tuple[Params, State]:
        return {"slope": jnp.full(n, slope, dtype)}, ()

    def apply_fn(
        params: Params, state: State, x: ArrayLike, *, key: Key | None = None, train: bool = False
    ) -> tuple[Array, State]:
        return activations.prelu(x, params["slope"]), state

    return named(name, init_fn, apply_fn)


@factory
def swish(n: int = 1, *, beta: float | Array = 1.0, dtype: DTypeLike = jnp.float32) -> Layer:
    """Swish that learns its beta: x · sigmoid(beta · x); see ``activations.swish``.

    Args:
        n: number of betas: 1 shared by all features, or one for each.
        beta: initial beta.
        dtype: dtype of the betas.

    Returns:
        A Layer with params ``{"beta": (n,)}`` and no state.

    Raises:
        ValueError: if ``n`` isn't a positive integer, or ``beta`` isn't finite.

    Example:
        >>> import jax
        >>> net = swish(beta=0.0)
        >>> params, state = net.init(jax.random.key(0))
        >>> net.apply(params, state, jnp.array([-1.0, 2.0]))[0]
        Array([-0.5,  1. ], dtype=float32)
    """
    name = f"swish({n})"
    _checks.positive_ints(name, n=n)
    _ranges.check(name, beta=beta)
    floating_dtype(name, dtype)

    def init_fn(key: Key) -> tuple[Params, State]:
        return {"beta": jnp.full(n, beta, dtype)}, ()

    def apply_fn(
        params: Params, state: State, x: ArrayLike, *, key: Key | None = None, train: bool = False
    ) -> tuple[Array, State]:
        return activations.swish(x, beta=params["beta"]), state

    return named(name, init_fn, apply_fn)


@factory
def maxout(
    n_in: int,
    n_out: int,
    *,
    pieces: int = 2,
    bias: bool = True,
    init: Init = initializers.torch_default,
    dtype: DTypeLike = jnp.float32,
) -> Layer:
    """A dense layer whose outputs are the largest of several: yᵢ = maxⱼ (x·W + b)ᵢⱼ.

    Args:
        n_in: input features, on the last axis.
        n_out: output features.
        pieces: number of affine pieces that each output is the maximum of.
        bias: whether to add a bias.
        init: initializer of kernel and bias, as in ``dense``.
        dtype: dtype of the parameters.

    Returns:
        A Layer with params ``{"kernel": (n_in, n_out · pieces), "bias": (n_out · pieces,)}``, the
        pieces of an output side by side, and no state.

    Raises:
        ValueError: if a size isn't a positive integer.

    Example:
        >>> import jax
        >>> params, _ = maxout(784, 240, pieces=5).init(jax.random.key(0))
        >>> params["kernel"].shape
        (784, 1200)

    Reference:
        Goodfellow et al., "Maxout networks", 2013, https://arxiv.org/abs/1302.4389.
    """
    name = f"maxout({n_in}, {n_out}, pieces={pieces})"
    _checks.positive_ints(name, n_in=n_in, n_out=n_out, pieces=pieces)
    return affine(
        name,
        lambda params, x: activations.maxout(functional.dense(params, x), pieces=pieces),
        (n_in, n_out * pieces),
        n_out * pieces,
        fan_in=n_in,
        bias=bias,
        init=init,
        dtype=dtype,
    )


@factory
def rrelu(*, lower: float = 1 / 8, upper: float = 1 / 3) -> Layer:
    """Leaky relu with a random slope in training, its mean in evaluation.

    Args:
        lower: smallest slope.
        upper: largest slope.

    Returns:
        A Layer with neither params nor state; see ``activations.rrelu``. In training its apply
        needs a key.

    Raises:
        ValueError: if ``lower`` is above ``upper``, or in training without a key.

    Example:
        >>> rrelu(lower=0.0, upper=0.5).apply((), (), jnp.array([-1.0, 2.0]))[0]
        Array([-0.25,  2.  ], dtype=float32)
    """
    _ranges.check("rrelu", lower=lower, upper=upper)
    _ranges.ordered("rrelu", lower=lower, upper=upper)
    name = f"rrelu({lower:.4g}, {upper:.4g})"

    def apply_fn(
        params: Params, state: State, x: ArrayLike, *, key: Key | None = None, train: bool = False
    ) -> tuple[Array, State]:
        key = needed(name, key) if train else None
        return activations.rrelu(x, lower=lower, upper=upper, key=key, train=train), state

    return named(name, no_params, apply_fn)
