"""Flax NNX modules as Layers, and Layers as NNX modules."""

import functools
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from jaxdl._checks import is_key
from jaxdl.interop._calls import needs_key
from jaxdl.interop._extras import needs
from jaxdl.interop._names import nested, refill
from jaxdl.types import Array, Key, Layer, Params, PyTree, State, named

if TYPE_CHECKING:
    from flax import nnx as flax_nnx


def nnx(module: Any) -> Layer:
    """Makes a Layer from a ``flax.nnx`` module.

    Args:
        module: a function or class that makes the module from ``nnx.Rngs``, so that each key draws
            its own parameters; or a module, whose parameters ``init`` returns for every key.

    Returns:
        A Layer whose params are the module's ``nnx.Param``s as nested dicts, and whose state is all
        its other variables, such as running statistics, which change in training only. The
        module's random streams draw from ``key`` in training.

    Raises:
        ImportError: without flax.
        TypeError: if it makes no NNX module.
        ValueError: in training, if the module draws random numbers and there is no key.

    Example:
        >>> from flax import nnx as flax_nnx
        >>> net = nnx(lambda rngs: flax_nnx.Linear(784, 10, rngs=rngs))
        >>> params, state = net.init(jax.random.key(0))
        >>> jax.tree.map(jnp.shape, params), state
        ({'bias': (10,), 'kernel': (784, 10)}, {})
    """
    flax_nnx = needs("nnx", "flax.nnx", "interop")
    pretrained = isinstance(module, flax_nnx.Module)
    if not callable(module) and not pretrained:
        raise TypeError(f"interop.nnx got {module!r}; it must be a module, or make one of nnx.Rngs")

    def split(key: Key) -> tuple[PyTree, ...]:
        made = module if pretrained else module(flax_nnx.Rngs(key))
        if not isinstance(made, flax_nnx.Module):
            raise TypeError(f"interop.nnx: {module!r} made {made!r}, which is no nnx.Module")
        return flax_nnx.split(made, flax_nnx.Param, flax_nnx.RngState, ...)

    def template(key: Key) -> tuple[PyTree, ...]:
        graphs.append(split(key)[0])
        return split(key)[1:]

    graphs: list[PyTree] = []
    own, random, other = jax.eval_shape(template, jax.random.key(0))
    graph, draws = graphs[0], bool(jax.tree.leaves(random))
    name = f"nnx({graph.nodes[0].type.__name__})"
    params_like, state_like = map(flax_nnx.to_pure_dict, (own, other))

    def init_fn(key: Key) -> tuple[Params, State]:
        _, own, _, other = split(key)
        params, state = map(flax_nnx.to_pure_dict, (own, other))
        return nested(params), nested(state)

    def apply_fn(
        params: Params, state: State, x: ArrayLike, *, key: Key | None = None, train: bool = False
    ) -> tuple[Array, State]:
        if train and draws:
            needs_key(name, key)
        parts = (
            _filled(own, refill(params_like, params)),
            _streams(random, jax.random.key(0) if key is None else key),
            _filled(other, refill(state_like, state)),
        )
        built = flax_nnx.merge(graph, *parts)
        (built.train if train else built.eval)()
        y = built(x)
        if not train:
            return y, state
        changed = flax_nnx.split(built, flax_nnx.Param, flax_nnx.RngState, ...)[3]
        return y, nested(flax_nnx.to_pure_dict(changed))

    return named(name, init_fn, apply_fn)


def to_nnx(layer: Layer, rngs: object) -> Any:
    """Makes a ``flax.nnx`` module from a Layer.

    Args:
        layer: a Layer.
        rngs: ``nnx.Rngs``; the stream "params" draws the parameters, "dropout" what is drawn in
            training.

    Returns:
        A module, called as ``module(x)``; ``module.train()`` and ``module.eval()`` switch modes.
        Its attribute ``params`` holds the Layer's params as ``nnx.Param``s, ``state`` its state as
        ``nnx.BatchStat``s.

    Raises:
        ImportError: without flax.

    Example:
        >>> from flax import nnx as flax_nnx
        >>> from jaxdl import layers
        >>> module = to_nnx(layers.dense(3, 2), flax_nnx.Rngs(0))
        >>> module(jnp.ones((5, 3))).shape
        (5, 2)
    """
    needs("to_nnx", "flax.nnx", "interop")
    return _module_class()(layer, rngs)


@functools.cache
def _module_class() -> type:
    from flax import nnx as flax_nnx

    class LayerModule(flax_nnx.Module):
        """A jaxdl Layer as an NNX module."""

        def __init__(self, layer: Layer, rngs: "flax_nnx.Rngs") -> None:
            params, state = layer.init(rngs.params())
            self.params = flax_nnx.data(jax.tree.map(flax_nnx.Param, params))
            self.state = flax_nnx.data(jax.tree.map(flax_nnx.BatchStat, state))
            self.apply = flax_nnx.static(layer.apply)
            self.rngs = rngs.fork() if hasattr(rngs, "fork") else rngs
            self.deterministic = False

        def __call__(self, x: ArrayLike) -> Array:
            """Computes the Layer, and updates its state in training."""
            is_variable = lambda leaf: isinstance(leaf, flax_nnx.Variable)
            read = functools.partial(
                jax.tree.map, lambda variable: variable[...], is_leaf=is_variable
            )
            train = not self.deterministic
            key = self.rngs.dropout() if train else None
            y, new = self.apply(read(self.params), read(self.state), x, key=key, train=train)
            if train:
                variables = jax.tree.leaves(self.state, is_leaf=is_variable)
                for variable, value in zip(variables, jax.tree.leaves(new), strict=True):
                    variable[...] = value
            return y

    return LayerModule


def _filled(template: PyTree, values: object) -> PyTree:
    """A state of NNX with these values."""
    from flax import nnx as flax_nnx

    state = jax.tree.map(lambda leaf: leaf, template)
    flax_nnx.replace_by_pure_dict(state, values)
    return state


def _streams(template: PyTree, key: Key) -> PyTree:
    """The random streams of a module, each with a key of its own and a count of 0."""
    leaves, structure = jax.tree.flatten(template)
    values = [
        jax.random.fold_in(key, i) if is_key(leaf) else jnp.zeros(leaf.shape, leaf.dtype)
        for i, leaf in enumerate(leaves)
    ]
    return jax.tree.unflatten(structure, values)
