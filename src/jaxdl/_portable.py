"""Programs in plain operations, for compilers other than XLA: chosen while one is exported."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import jax

_PORTABLE = ContextVar("portable", default=False)
_TARGETS: ContextVar[frozenset[str] | None] = ContextVar("targets", default=None)


@contextmanager
def portable() -> Iterator[None]:
    """What is traced inside has one convolution for all platforms, and loops over depth unrolled.

    ``jax.export`` doesn't need this; formats without a choice by platform, such as ONNX, do. A
    function that ``jax.jit`` has traced before keeps its program: trace a new one.

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
    """Returns whether a program is being traced for a compiler other than XLA."""
    return _PORTABLE.get()


@contextmanager
def lowered_for(*names: str) -> Iterator[None]:
    """What is traced inside holds the kernels of these platforms, to be lowered for them elsewhere.

    Example:
        >>> with lowered_for("cuda", "tpu"):
        ...     sorted(platforms())
        ['cuda', 'tpu']
    """
    token = _TARGETS.set(frozenset(names))
    try:
        yield
    finally:
        _TARGETS.reset(token)


def platforms() -> frozenset[str]:
    """The platforms that a program traced here can be lowered for with kernels of their own.

    Example:
        >>> platforms() <= {"cpu", "cuda", "rocm", "tpu"}
        True
    """
    targets = _TARGETS.get()
    if targets is not None:
        return targets
    here = jax.default_backend()
    return frozenset(("cuda", "rocm") if here == "gpu" else (here,))
