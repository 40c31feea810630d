"""Batch normalisation, with running statistics as state."""

import functools

import jax.numpy as jnp
from jax.typing import ArrayLike, DTypeLike

from jaxdl import _checks, _ranges, functional
from jaxdl.layers._building import floating_dtype
from jaxdl.layers._normalization import affine_params
from jaxdl.types import Array, Key, Layer, Params, State, factory, named


@factory
def batch_norm(
    n: int,
    *,
    momentum: float | Array | None = 0.1,
    epsilon: float | Array = 1e-5,
    affine: bool = True,
    axis_name: str | None = None,
    dtype: DTypeLike = jnp.float32,
) -> Layer:
    """Normalises each channel over the batch; see ``functional.batch_norm``.

    Args:
        n: channels, on the last axis; all other axes are averaged over.
        momentum: weight of a new batch in the running statistics (one minus the momentum of Flax
            and Keras), or None to average all batches equally.
        epsilon: added to the variance.
        affine: whether to learn a scale and a bias, initially 1 and 0.
        axis_name: mapped axis (of ``pmap``, ``shard_map`` or ``vmap``) whose batches count as one.
            Plain ``jit`` doesn't need it, on any number of devices.
        dtype: dtype of the parameters.

    Returns:
        A Layer with params ``{"scale": (n,), "bias": (n,)}`` and state ``{"mean": (n,),
        "variance": (n,)}``, with ``momentum=None`` also ``"count": ()``, always in float32. In
        training, an example's result depends on the rest of its batch.

    Raises:
        ValueError: if ``n`` isn't a positive integer, or ``momentum`` isn't in [0, 1].

    Example:
        >>> import jax
        >>> params, state = batch_norm(64).init(jax.random.key(0))
        >>> jax.tree.map(jnp.shape, state)
        {'mean': (64,), 'variance': (64,)}
    """
    name = f"batch_norm({n})"
    _checks.positive_ints(name, n=n)
    _ranges.check(name, epsilon=epsilon)
    if momentum is not None:
        _ranges.check(name, momentum=momentum)
    floating_dtype(name, dtype)
    compute = functools.partial(
        functional.batch_norm, momentum=momentum, epsilon=epsilon, axis_name=axis_name
    )

    def init_fn(key: Key) -> tuple[Params, State]:
        state = {"mean": jnp.zeros(n, jnp.float32), "variance": jnp.ones(n, jnp.float32)}
        # A float, like all of the state: devices average it.
        counted = {"count": jnp.zeros((), jnp.float32)} if momentum is None else {}
        return affine_params((n,), affine, affine, dtype), state | counted

    def apply_fn(
        params: Params, state: State, x: ArrayLike, *, key: Key | None = None, train: bool = False
    ) -> tuple[Array, State]:
        return compute(params, state, x, train=train)

    return named(name, init_fn, apply_fn)
