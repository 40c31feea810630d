"""Programs in plain operations, for compilers other than XLA: chosen while one is exported."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_PORTABLE = ContextVar("portable", default=False)


@contextmanager
def portable() -> Iterator[None]:
    """What is traced inside has one convolution for all platforms, and loops over depth unrolled.

    ``jax.export`` needs none of it; formats without a choice by platform, such as ONNX, do. A
    function that ``jax.jit`` has traced before keeps the program that it has: trace a new one.

    Example:
        >>> import jax
        >>> from jaxdl import layers
        >>> net = layers.conv(1, 32, (3, 3))
        >>> params, state = net.init(jax.random.key(0))
        >>> with portable():
        ...     program = jax.make_jaxpr(net.apply)(params, state, jax.numpy.ones((2, 8, 8, 1)))
        >>> "platform_index" in str(program)
        False
    """
    token = _PORTABLE.set(True)
    try:
        yield
    finally:
        _PORTABLE.reset(token)


def is_portable() -> bool:
    """Returns whether a program is being traced for another compiler than XLA."""
    return _PORTABLE.get()
