"""Flax Linen modules as Layers, and Layers as Linen modules."""

import functools
from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from jaxdl.interop._calls import Arguments, arguments_of, needs_key
from jaxdl.interop._extras import needs
from jaxdl.types import Array, Key, Layer, Params, State, named

if TYPE_CHECKING:
    import flax.linen as nn


def linen(module: object, example: ArrayLike, *, arguments: Arguments | None = None) -> Layer:
    """Makes a Layer from a ``flax.linen`` module.

    Args:
        module: the module, such as ``nn.Dense(10)``.
        example: an input of the right shape and dtype, of any batch size.
        arguments: the keyword arguments of a call, for ``train``. Defaults to what the signature
            of ``__call__`` names: ``train``, ``training``, ``is_training``, ``deterministic`` or
            ``use_running_average``.

    Returns:
        A Layer whose params are the module's collection "params" and whose state is all its other
        collections, such as ``{"batch_stats": …}``; they change in training only. Every stream of
        random numbers draws from ``key``.

    Raises:
        ImportError: without flax.
        TypeError: if it isn't a Linen module.
        ValueError: if the module has running statistics and no argument says whether it trains; in
            training, if it draws random numbers and there is no key.

    Example:
        >>> import flax.linen as nn
        >>> net = linen(nn.Dense(10), jnp.ones((1, 784)))
        >>> params, state = net.init(jax.random.key(0))
        >>> jax.tree.map(jnp.shape, params), state
        ({'bias': (10,), 'kernel': (784, 10)}, {})
    """
    nn = needs("linen", "flax.linen", "interop")
    meta = needs("linen", "flax.core.meta", "interop")
    if not isinstance(module, nn.Module):
        raise TypeError(
            f"interop.linen got {module!r}; it must be an instance of flax.linen.Module"
        )
    name = f"linen({type(module).__name__})"
    start = jax.tree.map(jnp.zeros_like, example)

    def init_fn(key: Key) -> tuple[Params, State]:
        variables = dict(meta.unbox(module.init({"params": key}, start, **call(False))))
        params = variables.pop("params", {})
        return params, variables

    call = arguments or arguments_of(name, type(module).__call__, has_statistics=False)
    state = jax.eval_shape(init_fn, jax.random.key(0))[1]
    if arguments is None and "batch_stats" in state:
        call = arguments_of(name, type(module).__call__, has_statistics=True)

    def apply_fn(
        params: Params, state: State, x: ArrayLike, *, key: Key | None = None, train: bool = False
    ) -> tuple[Array, State]:
        variables = {"params": params, **state}
        if not train:
            return module.apply(variables, x, **call(False)), state
        # Streams that aren't named draw from "params".
        streams = {} if key is None else {"params": key, "dropout": key}
        try:
            y, changed = module.apply(variables, x, **call(True), rngs=streams, mutable=list(state))
        except needs("linen", "flax.errors", "interop").InvalidRngError:
            needs_key(name, key)
            raise
        return y, {**state, **changed}

    return named(name, init_fn, apply_fn)


def to_linen(layer: Layer) -> "nn.Module":
    """Makes a ``flax.linen`` module from a Layer.

    Args:
        layer: a Layer.

    Returns:
        A module, called as ``module(x, train=False)``. Its collection "params" holds the Layer's
        params under the name "layer", and the collection "state" its state, which must be
        ``mutable`` in training. It draws from the stream "dropout".

    Raises:
        ImportError: without flax.

    Example:
        >>> from jaxdl import layers
        >>> module = to_linen(layers.dense(3, 2))
        >>> variables = module.init(jax.random.key(0), jnp.ones((5, 3)))
        >>> jax.tree.map(jnp.shape, variables["params"])
        {'layer': {'bias': (2,), 'kernel': (3, 2)}}
        >>> module.apply(variables, jnp.ones((5, 3))).shape
        (5, 2)
    """
    needs("to_linen", "flax.linen", "interop")
    return _module_class()(layer=layer, name=None)


@functools.cache
def _module_class() -> type:
    import flax.linen as nn

    class LayerModule(nn.Module):
        """A jaxdl Layer as a Linen module."""

        layer: Layer

        @nn.compact
        def __call__(self, x: ArrayLike, train: bool = False) -> Array:
            """Computes the Layer, and updates its state in training."""
            params = self.param("layer", lambda key: self.layer.init(key)[0])
            start = lambda: self.layer.init(self.make_rng("params"))[1]
            state = self.variable("state", "layer", start)
            stream = self.make_rng("dropout") if train and self.has_rng("dropout") else None
            y, new = self.layer.apply(params, state.value, x, key=stream, train=train)
            if train and not self.is_initializing():
                state.value = new
            return y

    return LayerModule
