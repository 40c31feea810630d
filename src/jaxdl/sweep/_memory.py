"""The memory of a device for members, and the number of members it computes side by side."""

import os

import jax

from jaxdl.sweep._store import Stored


def lanes_of(stored: Stored) -> int | None:
    """The number of members a device computes side by side; None if their size decides.

    On a CPU the convolutions of several members, whose kernels differ, take 1.4 times as long side
    by side as one after another (4 networks of 2 convolutions, 28×28).
    """
    kernels = [
        x for x in jax.tree.leaves(getattr(stored.train_state, "params", ())) if x.ndim - 1 >= 3
    ]
    return 1 if kernels and jax.default_backend() == "cpu" else None


def memory_of(device: jax.Device) -> int:
    """Bytes that are free on a device; of a CPU's, its share of what the machine has left."""
    stats = device.memory_stats()
    if stats and "bytes_limit" in stats:
        return int(stats["bytes_limit"] - stats.get("bytes_in_use", 0))
    return int(_free_memory() // jax.local_device_count())


def _free_memory() -> int:
    """Bytes that the machine has left; half of all where it doesn't say, as on macOS."""
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError):
        pass
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
    except (AttributeError, ValueError):
        return 4 * 2**30
