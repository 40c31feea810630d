"""What must be alike in all processes of a run, and what one of them decides for all."""

import zlib
from typing import Any

import jax
import numpy as np
from jax.experimental import multihost_utils


def agreed(number: int) -> int:
    """Returns the number that process 0 has, in every process; they wait here for each other.

    Whatever depends on a clock, a disk or a signal must be decided once for all: processes that
    take different steps wait for each other for ever. Each process must ask as often as the others
    and in the same order.

    Args:
        number: what this process would say; an integer of 32 bits, or a bool.

    Returns:
        The number of process 0; ``number`` itself where there is no other process.

    Example:
        >>> agreed(3)
        3
    """
    if jax.process_count() == 1:
        return int(number)
    return int(multihost_utils.broadcast_one_to_all(np.int32(number)))


def check_alike(caller: str, **things: Any) -> None:
    """Checks that all processes call a function with the same arguments.

    Numbers that differ would be taken for copies of each other, without a word.

    Args:
        caller: the name of the function, for the message.
        **things: integers, or trees of arrays, of which a checksum is compared; arrays that lie on
            devices of other processes too are theirs already.

    Raises:
        ValueError: naming the first that differs and what each process has.

    Example:
        >>> check_alike("fit", epochs=3, data={"inputs": np.ones((2, 2))})
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


def _checksum(thing: Any) -> int:
    if isinstance(thing, int):
        return thing
    total = 0
    for path, x in jax.tree.leaves_with_path(thing):
        total = zlib.crc32(f"{jax.tree_util.keystr(path)}{x.shape}{x.dtype}".encode(), total)
        if isinstance(x, jax.Array):
            if not x.is_fully_addressable:
                continue
            if jax.dtypes.issubdtype(x.dtype, jax.dtypes.prng_key):
                x = jax.random.key_data(x)
        total = zlib.crc32(np.asarray(x).tobytes(), total)
    return total
