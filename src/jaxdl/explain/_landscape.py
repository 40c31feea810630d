"""The loss over a plane through the parameters."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from jaxdl import _checks
from jaxdl._checked import checked
from jaxdl._checks import ShapeError
from jaxdl.types import Array, Key, Params


class Landscape(NamedTuple):
    """The result of ``landscape``."""

    alpha: Array  # (size,), along the first direction
    beta: Array  # (size,), along the second
    loss: Array  # (size, size): loss[i, j] at params + alpha[i]·d₀ + beta[j]·d₁
    directions: tuple[Params, Params]


@checked
def landscape(
    loss: Callable[[Params], Array],
    params: Params,
    *,
    key: Key | None = None,
    span: float = 1.0,
    size: int = 25,
    filter_normalised: bool = True,
    directions: tuple[Params, Params] | None = None,
) -> Landscape:
    """Computes the loss on a plane through the parameters: L(θ + α·d₀ + β·d₁).

    Directions are drawn from a normal distribution. With filter normalisation, the part that feeds
    one unit is scaled to the norm of the same part of the kernel, and biases and scales stay fixed.
    Otherwise a network with larger weights would look flatter though it computes the same.

    Args:
        loss: ``(params) -> one number``, closed over its data.
        params: θ, a pytree of arrays; the centre of the plane.
        key: random key for the directions; not needed if ``directions`` is given.
        span: α and β go from -span to span.
        size: number of values of each.
        filter_normalised: whether to normalise random directions; given ones are used as they are.
        directions: d₀ and d₁, structured like params, such as differences of trained networks.

    Returns:
        A Landscape.

    Raises:
        TypeError: if a leaf isn't floating point.
        ValueError: without a key or directions; if ``size`` isn't a positive integer.
        ShapeError: if the directions don't have the shapes of params, or the loss isn't one number.

    Example:
        >>> bowl = landscape(lambda p: jnp.sum(p**2), jnp.zeros(2), size=3,
        ...                  directions=(jnp.array([1.0, 0.0]), jnp.array([0.0, 2.0])))
        >>> bowl.loss
        Array([[5., 1., 5.],
               [4., 0., 4.],
               [5., 1., 5.]], dtype=float32)

    Reference:
        Li et al., "Visualizing the loss landscape of neural nets", 2018,
        https://arxiv.org/abs/1712.09913.
    """
    _checks.positive_ints("landscape", size=size)
    if directions is None:
        if key is None:
            raise ValueError("landscape needs a key for random directions, or directions")
        drawn = [_direction(k, params, filter_normalised) for k in jax.random.split(key)]
        directions = (drawn[0], drawn[1])
    _check(loss, params, directions)
    line = jnp.linspace(-span, span, size)

    def at(point: tuple[Array, Array]) -> Array:
        shift = lambda p, a, b: p + (point[0] * a + point[1] * b).astype(p.dtype)
        return loss(jax.tree.map(shift, params, *directions))

    points = tuple(axis.reshape(-1) for axis in jnp.meshgrid(line, line, indexing="ij"))
    values = jax.jit(lambda points: lax.map(at, points))(points)
    return Landscape(line, line, values.reshape(size, size), directions)


def _direction(key: Key, params: Params, filter_normalised: bool) -> Params:
    leaves, tree = jax.tree.flatten(params)
    for leaf in leaves:
        _checks.floating("landscape", "a leaf of params", leaf)
    keys = jax.random.split(key, len(leaves))
    drawn = [jax.random.normal(k, p.shape, p.dtype) for k, p in zip(keys, leaves, strict=True)]
    if filter_normalised:
        drawn = [_normalised(d, p) for d, p in zip(drawn, leaves, strict=True)]
    return jax.tree.unflatten(tree, drawn)


def _normalised(direction: Array, p: Array) -> Array:
    if p.ndim < 2:
        return jnp.zeros_like(p)
    axes = tuple(range(p.ndim - 1))  # all but the last, which is that of the units
    norm = lambda x: jnp.sqrt(jnp.sum(jnp.square(x), axis=axes, keepdims=True))
    ratio = norm(p) / norm(direction)
    return direction * jnp.broadcast_to(ratio, p.shape)


def _check(
    loss: Callable[[Params], Array], params: Params, directions: tuple[Params, Params]
) -> None:
    shapes = lambda tree: jax.tree.map(jnp.shape, tree)
    for direction in directions:
        if shapes(direction) != shapes(params):
            raise ShapeError(
                f"landscape: a direction has shapes {shapes(direction)}; "
                f"it needs those of params, {shapes(params)}"
            )
    value = jax.eval_shape(loss, params)
    if getattr(value, "shape", None) != ():
        raise ShapeError(f"landscape: the loss returned {value}; it must return one number")
