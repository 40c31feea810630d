"""Programs that JAX keeps on disk, which don't serve several CPU devices."""

from collections.abc import Iterable

import jax
from jax.experimental.compilation_cache import compilation_cache


def leave_programs_on_disk(devices: Iterable[jax.Device]) -> None:
    """Turns off JAX's cache on disk, for this process, if these are several CPU devices.

    A program for several CPU devices loses the order of its collectives when JAX reads it from
    disk (as of jaxlib 0.12.0.1): each device starts them in its own order, and in some runs sums
    are silently wrong, or the process crashes. What this process compiles is right.
    All functions here that take a mesh or make one call this.

    Args:
        devices: those that a program will run on, of all processes.

    Example:
        >>> leave_programs_on_disk(jax.devices()[:1])  # one device has no collectives

    Reference: XLA gives each collective that it reads a communicator of its own, and orders only
    those of the same one (xla/backends/cpu/runtime/thunk_proto_serdes.cc).
    """
    found = list(devices)
    if len(found) > 1 and found[0].platform == "cpu":
        _turn_off()


def _turn_off() -> None:
    if jax.config.values["jax_enable_compilation_cache"]:
        jax.config.update("jax_enable_compilation_cache", False)
        compilation_cache.reset_cache()  # JAX asks only once whether there is a cache
