"""How half precision is widened: the one place that decides it.

What is narrower than float32 is computed in float32 and rounded once at the end. Broadcast
operands (a bias, a scale) are widened before they meet the data, since the gradient of a broadcast
is a sum, and a sum in bfloat16 stops growing at 256 ones.
"""

from typing import TypeVar

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike, DTypeLike

from jaxdl.types import Array, Shape

Tree = TypeVar("Tree")


def wide_dtype(dtype: DTypeLike) -> DTypeLike:
    """Returns the dtype to compute in: float64 for float64, and float32 for all other real ones.

    Example:
        >>> [jnp.dtype(wide_dtype(d)).name for d in (jnp.bfloat16, jnp.float64, jnp.int32, bool)]
        ['float32', 'float64', 'float32', 'float32']
    """
    if jnp.issubdtype(dtype, jnp.complexfloating):
        return dtype
    return jnp.float64 if jnp.dtype(dtype) == jnp.float64 else jnp.float32


def widen(x: ArrayLike) -> Array:
    """Returns an array in its ``wide_dtype``; its gradient has the array's own dtype again.

    Example:
        >>> widen(jnp.ones(2, jnp.float16))
        Array([1., 1.], dtype=float32)
    """
    x = jnp.asarray(x)
    return x.astype(wide_dtype(x.dtype))


def spread(x: ArrayLike, shape: Shape, dtype: DTypeLike) -> Array:
    """Returns a bias or a scale as an array of that shape and dtype, its gradient a float32 sum.

    Example:
        >>> ones = lambda bias: spread(bias, (10_000, 1), jnp.bfloat16).astype(jnp.float32)
        >>> jax.grad(lambda bias: ones(bias).sum())(jnp.zeros(1, jnp.bfloat16))
        Array([9984], dtype=bfloat16)
    """
    return jnp.broadcast_to(widen(x), shape).astype(dtype)


def cast_to(tree: Tree, dtype: DTypeLike) -> Tree:
    """Returns a tree with its floating-point arrays in a dtype; integers and keys stay.

    Example:
        >>> cast_to({"x": jnp.ones(1), "token": 3}, jnp.bfloat16)
        {'token': 3, 'x': Array([1], dtype=bfloat16)}
    """
    is_float = lambda x: jnp.issubdtype(jnp.result_type(x), jnp.floating)
    return jax.tree.map(lambda x: jnp.asarray(x, dtype) if is_float(x) else x, tree)


def cast_like(tree: Tree, other: Tree) -> Tree:
    """Returns a tree of arrays in the dtypes of another tree of the same structure.

    Example:
        >>> cast_like(jnp.ones(1), jnp.zeros(1, jnp.bfloat16)).dtype.name
        'bfloat16'
    """
    return jax.tree.map(lambda x, y: x.astype(jnp.asarray(y).dtype), tree, other)
