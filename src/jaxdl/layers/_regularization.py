"""Penalties on activations."""

import jax.numpy as jnp
from jax.typing import ArrayLike

from jaxdl import _checks, _ranges
from jaxdl._precision import widen
from jaxdl.types import Array, Key, Layer, Params, State, factory, named


@factory
def activity_regularizer(
    *, l1: float | Array = 0.0, l2: float | Array = 0.0, axes: int = 1
) -> Layer:
    """Passes its input on, and adds to the loss in training: l1·Σ|a| + l2·Σa², a mean over rows.

    The sums run over the entries a of one example; the gradient of |a| is 0 at 0. The penalty
    is kept in the state; ``train.supervised`` adds every state named ``penalty`` to the loss.

    Args:
        l1: the weight of the absolute values, which makes activations sparse.
        l2: the weight of the squares, which keeps them small.
        axes: number of last axes that form one example: 3 for images, 2 for sequences, 1 for
            features.

    Returns:
        A Layer without params, with state ``{"penalty": ()}`` in float32: the penalty of the
        last training batch.

    Raises:
        ValueError: if a weight is negative, or ``axes`` isn't a positive integer.

    Example:
        >>> _, state = activity_regularizer(l1=0.5).apply((), {}, jnp.ones((2, 3)), train=True)
        >>> float(state["penalty"])
        1.5

    Reference:
        Keras's ``ActivityRegularization``.
    """
    name = f"activity_regularizer(l1={l1}, l2={l2})"
    _checks.positive_ints(name, axes=axes)
    _ranges.check(name, l1=l1, l2=l2)

    def init_fn(key: Key) -> tuple[Params, State]:
        return (), {"penalty": jnp.zeros((), jnp.float32)}

    def apply_fn(
        params: Params, state: State, x: ArrayLike, *, key: Key | None = None, train: bool = False
    ) -> tuple[Array, State]:
        x = _checks.floating(name, "x", x)
        if not train:
            return x, state
        wide = widen(x)
        size = wide * jnp.sign(wide)  # |a|, with gradient 0 at 0
        each = jnp.sum(l1 * size + l2 * jnp.square(wide), axis=tuple(range(-axes, 0)))
        return x, {"penalty": jnp.mean(each).astype(jnp.float32)}

    return named(name, init_fn, apply_fn)
