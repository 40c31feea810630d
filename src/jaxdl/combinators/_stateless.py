"""A network without state as a function of its parameters and its input."""

from collections.abc import Callable

import jax

from jaxdl import _paths
from jaxdl._contract import applied
from jaxdl.types import Key, Layer, Params, PyTree, name_of


def stateless(net: Layer) -> Callable[..., PyTree]:
    """Turns a network without state into a function: y = f(params, x).

    Use it in losses and steps of your own that differentiate or call networks. For a network with
    state, such as batch_norm's statistics, call ``net.apply``, which returns the new state.

    Args:
        net: a Layer without arrays in its state.

    Returns:
        ``(params, x, *, key=None, train=False) -> y``, pure like the Layer's ``apply``.

    Raises:
        ValueError: if the network has state; the message names its arrays.

    Example:
        >>> from jaxdl import models
        >>> net = models.mlp((3, 8, 1))
        >>> f, params = stateless(net), net.init(jax.random.key(0))[0]
        >>> f(params, jax.numpy.ones((5, 3))).shape
        (5, 1)
    """
    _, state = jax.eval_shape(net.init, jax.random.key(0))
    kept = [_paths.spell(path) for path, _ in jax.tree.leaves_with_path(state)]
    if kept:
        raise ValueError(
            f"stateless: {name_of(net)} has the state {', '.join(kept[:4])}"
            f"{', …' * (len(kept) > 4)}; call its apply, which returns the new state too"
        )

    def fn(params: Params, x: PyTree, *, key: Key | None = None, train: bool = False) -> PyTree:
        return applied(net, params, state, x, key=key, train=train)[0]

    return fn
