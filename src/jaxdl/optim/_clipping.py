"""Clipping gradients to a norm."""

import math

import jax
import jax.numpy as jnp
import optax
from jax.typing import ArrayLike

from jaxdl._precision import widen
from jaxdl._ranges import check, constants
from jaxdl.optim._descent import like
from jaxdl.types import Array, Params


def clip_by_norm(max_norm: ArrayLike, *, norm_type: float = 2.0) -> optax.GradientTransformation:
    """Clips the gradient, all arrays as one vector: g ← g·min(1, c / (‖g‖ + 1e-6)).

    Put it before the optimizer. ``optax.clip_by_global_norm`` has no 1e-6 and only the 2-norm.
    To clip entries one by one, use ``optax.clip``.

    Args:
        max_norm: c ≥ 0.
        norm_type: p ≥ 1 of the p-norm, or ``math.inf``.

    Example:
        >>> tx = clip_by_norm(1.0)
        >>> clipped, state = tx.update(jnp.array([3.0, -4.0]), tx.init(()))
        >>> [round(g, 4) for g in clipped.tolist()]
        [0.6, -0.8]

    Reference:
        Pascanu et al., On the difficulty of training recurrent neural networks, 2013.
    """
    check("clip_by_norm", max_norm=max_norm)
    constants("clip_by_norm", norm_type=norm_type)

    def update(grads: Params, params: Params = None) -> Params:
        norm = global_norm(grads, norm_type=norm_type)
        factor = jnp.minimum(1.0, like(norm, max_norm) / (norm + 1e-6))
        return jax.tree.map(lambda g: (widen(g) * like(widen(g), factor)).astype(g.dtype), grads)

    return optax.stateless(update)


def global_norm(tree: Params, *, norm_type: float = 2.0) -> Array:
    """Norm of all arrays of a tree as one vector: (Σ|x|^p)^(1/p), or max|x| for p = ∞.

    The gradient is finite even at 0, where the formula's is nan.

    Args:
        tree: a tree of arrays.
        norm_type: p ≥ 1, or ``math.inf``.

    Returns:
        A scalar of at least float32.

    Example:
        >>> global_norm({"a": jnp.array([3.0]), "b": jnp.array([-4.0])})
        Array(5., dtype=float32)
    """
    (norm_type,) = constants("global_norm", norm_type=norm_type)
    wide = map(widen, jax.tree.leaves(tree))
    leaves = [x * jnp.sign(x) for x in wide]  # |x|, with gradient 0 at 0
    dtype = max((x.dtype for x in leaves), key=lambda dtype: dtype.itemsize, default=jnp.float32)
    if norm_type == math.inf:
        largest = [jnp.max(x, initial=0).astype(dtype) for x in leaves]
        return jnp.max(jnp.stack([jnp.zeros((), dtype), *largest]))
    power = jnp.square if norm_type == 2 else lambda x: x**norm_type
    total = sum((jnp.sum(power(x)).astype(dtype) for x in leaves), jnp.zeros((), dtype))
    above = jnp.where(total == 0, 1, total)
    return jnp.where(total == 0, 0, jnp.sqrt(above) if norm_type == 2 else above ** (1 / norm_type))
