"""Whether a function is being differentiated forwards, for which rules of reverse mode won't do."""

from typing import Any

from jax.interpreters import ad

_FORWARD = getattr(ad, "JVPTracer", ())


def in_forward_mode(*arrays: Any) -> bool:
    """Returns whether ``jax.jvp`` or ``jacfwd`` differentiates by any of the arrays.

    Inside of a function that ``jax.jit`` traces this can't be seen.

    Example:
        >>> import jax
        >>> seen = lambda x: x * in_forward_mode(x)
        >>> float(jax.jvp(seen, (2.0,), (1.0,))[0]), float(jax.value_and_grad(seen)(2.0)[0])
        (2.0, 0.0)
    """
    return any(_is_forward(x) for x in arrays)


def _is_forward(x: Any) -> bool:
    while hasattr(x, "batch_dim"):  # what vmap stands around
        x = x.val
    return isinstance(x, _FORWARD)
