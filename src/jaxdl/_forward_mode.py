"""Whether a function is being differentiated forwards, where reverse-mode rules won't do."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import jax
from jax.interpreters import ad

from jaxdl.types import PyTree

_FORWARD = getattr(ad, "JVPTracer", ())
_AROUND = ContextVar("around", default=False)


@contextmanager
def looked_through(*trees: PyTree, always: bool = False) -> Iterator[None]:
    """Lets what is traced inside see that one of the trees is differentiated forwards.

    For loops and ``jax.checkpoint``, which hide this from the function that they trace. With
    ``always``, it is seen in any case.

    Example:
        >>> def through_checkpoint(x):
        ...     with looked_through(x):
        ...         return jax.checkpoint(lambda x: x * in_forward_mode(x))(x)
        >>> float(jax.jvp(through_checkpoint, (2.0,), (1.0,))[0])
        2.0
    """
    token = _AROUND.set(always or in_forward_mode(*jax.tree.leaves(trees)))
    try:
        yield
    finally:
        _AROUND.reset(token)


def in_forward_mode(*arrays: PyTree) -> bool:
    """Returns whether ``jax.jvp`` or ``jacfwd`` differentiates with respect to any of the arrays.

    This can't be seen inside a function that the user has given to ``jax.jit``.

    Example:
        >>> import jax
        >>> seen = lambda x: x * in_forward_mode(x)
        >>> float(jax.jvp(seen, (2.0,), (1.0,))[0]), float(jax.value_and_grad(seen)(2.0)[0])
        (2.0, 0.0)
    """
    return _AROUND.get() or any(_is_forward(x) for x in arrays)


def _is_forward(x: Any) -> bool:
    while hasattr(x, "batch_dim"):  # what vmap wraps
        x = x.val
    return isinstance(x, _FORWARD)
