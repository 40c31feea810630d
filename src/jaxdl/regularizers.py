"""Penalties on parameters, to be added to a loss: ``loss + 1e-4 * l2_penalty(params)``.

``train.supervised`` takes one as ``regularizer``. Weight decay, which bypasses the gradient, is an
option of the optimizers; ``layers.activity_regularizer`` penalizes a layer's outputs.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from jaxdl import _face
from jaxdl._paths import is_kernel, spell
from jaxdl._precision import widen
from jaxdl.types import Array, Params

__all__ = ["l1_penalty", "l2_penalty"]


def l1_penalty(params: Params, *, where: Callable[[str], bool] = is_kernel) -> Array:
    """Sum of the magnitudes of the kernels: Σ|w|, for a loss + λ·Σ|w|, with gradient 0 at 0.

    Args:
        params: a tree of arrays.
        where: which of them count, by their paths.

    Returns:
        A scalar, at least float32.

    Raises:
        ValueError: if none of them counts.

    Example:
        >>> l1_penalty({"kernel": jnp.array([3.0, -4.0]), "bias": jnp.ones(1)})
        Array(7., dtype=float32)
    """
    return _sum_over("l1_penalty", lambda w: w * jnp.sign(w), params, where)


def l2_penalty(params: Params, *, where: Callable[[str], bool] = is_kernel) -> Array:
    """Sum of the squares of the kernels: Σw², for a loss + λ·Σw².

    For ``sgd``, λ is half of the equivalent ``weight_decay``. For ``adam``, either differs from the
    decay of ``adamw``.

    Args:
        params: a tree of arrays.
        where: which of them count, by their paths.

    Returns:
        A scalar, at least float32.

    Raises:
        ValueError: if none of them counts.

    Example:
        >>> l2_penalty({"kernel": jnp.array([3.0, -4.0]), "bias": jnp.ones(1)})
        Array(25., dtype=float32)
    """
    return _sum_over("l2_penalty", jnp.square, params, where)


def _sum_over(
    function: str,
    magnitude: Callable[[Array], Array],
    params: Params,
    where: Callable[[str], bool],
) -> Array:
    """Sums a magnitude over the arrays selected by path."""
    leaves = jax.tree.leaves_with_path(params)
    chosen = [jnp.sum(magnitude(widen(p))) for path, p in leaves if where(spell(path))]
    if not chosen:
        paths = [spell(path) for path, _ in leaves]
        raise ValueError(f"{function}: where chooses none of the parameters {paths}")
    return jnp.sum(jnp.stack(chosen))


__doc__ = _face.index(globals())
