"""Labels of a layer's place in its network, traced into a program that is to be profiled."""

import contextlib
from collections.abc import Iterator
from contextlib import AbstractContextManager
from contextvars import ContextVar

import jax

_LABELLED = ContextVar("labelled", default=False)


@contextlib.contextmanager
def labelled() -> Iterator[None]:
    """What is traced inside notes each part's place, to tell apart parts of the same name.

    Example:
        >>> from jaxdl import layers, serial
        >>> net = serial(layers.dense(2, 2), layers.dense(2, 2))
        >>> pair = net.init(jax.random.key(0))
        >>> with labelled():
        ...     made = jax.jit(net.apply).lower(*pair, jax.numpy.ones((1, 2)))
        >>> "[1]/dense(2, 2)" in made.as_text(debug_info=True)
        True
    """
    token = _LABELLED.set(True)
    try:
        yield
    finally:
        _LABELLED.reset(token)


def label(place: object) -> AbstractContextManager[object]:
    """The scope of a part by its key in params, or of the loss; nothing outside ``labelled``.

    Example:
        >>> with label("encoder"):
        ...     y = jax.numpy.ones(2)
    """
    if place is None or not _LABELLED.get():
        return contextlib.nullcontext()
    return jax.named_scope(f"[{place}]")
