"""What process 0 decides for all processes of a run, and what must be the same in all."""

import zlib

import jax
import numpy as np
from jax.experimental import multihost_utils

from jaxdl import _paths
from jaxdl._checks import is_key
from jaxdl.types import PyTree


def broadcast_from_primary(number: int) -> int:
    """Returns process 0's number in every process; all processes wait here for each other.

    Anything that depends on a clock, a disk or a signal must be decided once for all: processes
    that take different steps would deadlock. All processes must make these calls equally often and
    in the same order.

    Args:
        number: this process's own value, a 32-bit integer or a bool.

    Returns:
        The number of process 0; ``number`` itself if there is no other process.

    Raises:
        TypeError: if it isn't an integer.

    Example:
        >>> broadcast_from_primary(3)
        3
    """
    if not isinstance(number, int | np.integer | np.bool_):
        raise TypeError(f"broadcast_from_primary: number is {number!r}; it must be an integer")
    if jax.process_count() == 1:
        return int(number)
    return int(multihost_utils.broadcast_one_to_all(np.int32(number)))


def assert_same_across_processes(caller: str, **things: PyTree) -> None:
    """Checks that all processes call a function with the same arguments.

    JAX would silently treat differing values as copies of one another.

    Args:
        caller: the name of the function, for the message.
        **things: integers, or trees of arrays, which are compared by a checksum. Arrays shared
            with other processes are the same by definition, and skipped.

    Raises:
        ValueError: naming the first that differs, with its value in each process.

    Example:
        >>> assert_same_across_processes("fit", epochs=3, data={"inputs": np.ones((2, 2))})
    """
    if jax.process_count() == 1:
        return
    mine = np.array([_checksum(thing) for thing in things.values()], np.uint32)
    everyone = multihost_utils.process_allgather(mine)
    for name, column in zip(things, everyone.T.tolist(), strict=True):
        if len(set(column)) > 1:
            number = isinstance(things[name], int)
            shown = column if number else [f"checksum {x:08x}" for x in column]
            raise ValueError(f"{caller}: processes differ in {name}: {', '.join(map(str, shown))}")


def _checksum(thing: object) -> int:
    if isinstance(thing, int):
        return thing
    total = 0
    for path, x in jax.tree.leaves_with_path(thing):
        total = zlib.crc32(f"{_paths.spell(path)}{x.shape}{x.dtype}".encode(), total)
        if isinstance(x, jax.Array):
            if not x.is_fully_addressable:
                continue
            if is_key(x):
                x = jax.random.key_data(x)
        total = zlib.crc32(np.asarray(x).tobytes(), total)
    return total
