"""The order of rows in an epoch, computed without sorting."""

import functools
import math

import jax
import jax.numpy as jnp

from jaxdl._varying import varying
from jaxdl.types import Array, Key

ROUNDS = 8
_FEW = 16


def shuffled(key: Key, size: int) -> Array:
    """A random permutation of 0 … size - 1, some twenty times faster on a CPU than by sorting.

    Row i = R·a + L of a square of side a = ⌈√size⌉ goes through rounds of a Feistel network,
    (L, R) ← (R, (L + h(R, keyₖ)) mod a), each a bijection of the square whatever h is. What lands
    beyond ``size`` is sent through again until it doesn't, which is a bijection of 0 … size - 1. Up
    to 16 rows are sorted by random numbers: the network can't make all their permutations.

    Args:
        key: a random key.
        size: how many numbers, at most 2³¹.

    Returns:
        An int32 array of shape (size,).

    Example:
        >>> sorted(shuffled(jax.random.key(0), 5).tolist())
        [0, 1, 2, 3, 4]

    Reference:
        Black and Rogaway, "Ciphers with arbitrary finite domains", 2002.
    """
    if size <= _FEW:
        return jnp.argsort(jax.random.bits(key, (size,), jnp.uint32)).astype(jnp.int32)
    return _network(jax.random.bits(key, (ROUNDS,), jnp.uint32), size)


@functools.partial(jax.jit, static_argnames="size")  # traced once, and not for every program
def _network(keys: Array, size: int) -> Array:
    """The rows 0 … size - 1 after all rounds."""
    side = jnp.uint32(math.isqrt(size - 1) + 1)

    def mix(x: Array) -> Array:
        left, right = x % side, x // side
        for i in range(ROUNDS):
            left, right = right, (left + _hash(right ^ keys[i]) % side) % side
        return right * side + left

    def send(carry: tuple[Array, Array]) -> tuple[Array, Array]:
        beyond, x = carry
        x = jnp.where(beyond, mix(x), x)
        return x >= size, x

    # All are sent once, and by the same code, which halves the program.
    start = varying((jnp.ones(size, bool), jnp.arange(size, dtype=jnp.uint32)), like=keys)
    return jax.lax.while_loop(lambda c: jnp.any(c[0]), send, start)[1].astype(jnp.int32)


def _hash(x: Array) -> Array:
    """A 32-bit mixer, every bit of whose result depends on every bit of ``x``."""
    x = (x ^ (x >> 16)) * jnp.uint32(0x7FEB352D)
    x = (x ^ (x >> 15)) * jnp.uint32(0x846CA68B)
    return x ^ (x >> 16)
