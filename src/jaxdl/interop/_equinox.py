"""Equinox modules as Layers, and Layers in an Equinox tree."""

import functools
import inspect
from collections.abc import Callable
from types import ModuleType
from typing import Any

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from jaxdl.interop._calls import needs_key
from jaxdl.interop._extras import needs
from jaxdl.interop._names import nested, refill
from jaxdl.types import ApplyFn, Array, Key, Layer, Params, PyTree, State, named


def equinox(module: object, *, axis_name: str | None = "batch", batched: bool = False) -> Layer:
    """Makes a Layer from an ``equinox`` module, which computes one example at a time.

    Args:
        module: a function that makes the module from a key, so that each key draws its own
            parameters, such as ``lambda key: eqx.nn.MLP(784, 10, 64, 1, key=key)``; or a module,
            whose parameters ``init`` returns for every key. If it has state, the pair that
            ``eqx.nn.make_with_state`` returns.
        axis_name: the name of the batch axis that its normalisation averages over.
        batched: whether the module takes whole batches; otherwise it runs under ``vmap`` over the
            first axis.

    Returns:
        A Layer whose params are the module's floating-point arrays as nested dicts, and whose
        state is ``{}``, or what else it has: ``{"state": …, "arrays": …}``. In training each row
        draws from its own key.

    Raises:
        ImportError: without equinox.
        TypeError: if it makes no Equinox module.
        ValueError: in training, if the module draws random numbers and there is no key.

    Example:
        >>> import equinox as eqx
        >>> net = equinox(lambda key: eqx.nn.MLP(784, 10, 64, 1, key=key))
        >>> params, state = net.init(jax.random.key(0))
        >>> params["layers"]["0"]["weight"].shape, state
        ((64, 784), {})
        >>> net.apply(params, state, jnp.ones((5, 784)))[0].shape
        (5, 10)
    """
    eqx = needs("equinox", "equinox", "interop")
    make = _maker(eqx, module)

    def parts(key: Key) -> tuple[PyTree, PyTree, PyTree]:
        """Parameters, other arrays and state; what isn't an array is set aside."""
        made, state = make(key)
        arrays, rest = eqx.partition(made, eqx.is_array)
        own, others = eqx.partition(arrays, eqx.is_inexact_array)
        kept.append(rest)
        return own, others, state

    kept: list[PyTree] = []
    templates = eqx.filter_eval_shape(parts, jax.random.key(0))
    static = kept[0]
    name = f"equinox({type(static).__name__})"
    stateful = templates[2] is not None
    takes_key = "key" in inspect.signature(type(static).__call__).parameters
    random = takes_key and _has_dropout(eqx, static)

    def init_fn(key: Key) -> tuple[Params, State]:
        own, others, state = parts(key)
        rest = {"arrays": nested(others), "state": nested(jax.tree.leaves(state))}
        return nested(own), {part: values for part, values in rest.items() if values}

    def apply_fn(
        params: Params, state: State, x: ArrayLike, *, key: Key | None = None, train: bool = False
    ) -> tuple[Array, State]:
        if train and random:
            needs_key(name, key)
        own = refill(templates[0], params)
        others = refill(templates[1], state.get("arrays", {}))
        built = eqx.nn.inference_mode(eqx.combine(own, others, static), not train)
        leaves, structure = jax.tree.flatten(templates[2])
        old = jax.tree.unflatten(structure, list(refill(leaves, state.get("state", {}))))
        given = key if train and takes_key else None
        y, new = _over_rows(built, x, old, given, stateful, axis_name, batched)
        if not (train and stateful):
            return y, state
        return y, {**state, "state": nested(jax.tree.leaves(new))}

    return named(name, init_fn, apply_fn)


def to_equinox(layer: Layer, key: Key) -> Any:
    """Makes an ``equinox`` module from a Layer.

    Args:
        layer: a Layer.
        key: a random key, which draws the parameters.

    Returns:
        A module, called as ``module(x, key=key)``; ``inference`` says whether it is in evaluation,
        as everywhere in Equinox. With state, it is called as ``module(x, state, key=key)`` and
        returns the pair of y and the new state: make it with
        ``eqx.nn.make_with_state(to_equinox)(layer, key)``.

    Raises:
        ImportError: without equinox.

    Example:
        >>> from jaxdl import layers
        >>> module = to_equinox(layers.dense(3, 2), jax.random.key(0))
        >>> jax.vmap(module)(jnp.ones((5, 3))).shape
        (5, 2)
    """
    needs("to_equinox", "equinox", "interop")
    return _module_class()(layer, key)


@functools.cache
def _module_class() -> type:
    import equinox as eqx

    class LayerModule(eqx.Module):
        """A jaxdl Layer as an Equinox module."""

        params: Params
        index: PyTree
        inference: bool
        apply: ApplyFn = eqx.field(static=True)

        def __init__(self, layer: Layer, key: Key) -> None:
            self.params, state = layer.init(key)
            self.index = eqx.nn.StateIndex(state) if jax.tree.leaves(state) else state
            self.inference = False
            self.apply = layer.apply

        def __call__(self, x: ArrayLike, state: State = None, *, key: Key | None = None) -> PyTree:
            """Computes the Layer; with a state, which it returns too, if the Layer has one."""
            stateful = isinstance(self.index, eqx.nn.StateIndex)
            old = state.get(self.index) if stateful else self.index
            y, new = self.apply(self.params, old, x, key=key, train=not self.inference)
            return (y, state.set(self.index, new)) if stateful else y

    return LayerModule


def _maker(eqx: ModuleType, module: PyTree) -> Callable[[Key], tuple[PyTree, PyTree]]:
    """A function of a key that gives the module and its state, or None if it has none."""

    def pair(made: PyTree) -> tuple[PyTree, PyTree]:
        made, state = made if isinstance(made, tuple) else (made, None)
        if not isinstance(made, eqx.Module) or not isinstance(state, eqx.nn.State | None):
            raise TypeError(
                f"interop.equinox got {made!r}; it must be a module, a pair of module and "
                "eqx.nn.State, or a function that makes one of these from a key"
            )
        return made, state

    if isinstance(module, eqx.Module | tuple) or not callable(module):
        return lambda key: pair(module)
    return lambda key: pair(module(key))


def _over_rows(
    built: Callable[..., PyTree],
    x: PyTree,
    state: State,
    key: Key | None,
    stateful: bool,
    axis_name: str | None,
    batched: bool,
) -> tuple[PyTree, State]:
    """The module on a batch: y and the new state."""

    def one(x: PyTree, key: Key | None) -> tuple[PyTree, State]:
        given = {} if key is None else {"key": key}
        return built(x, state, **given) if stateful else (built(x, **given), None)

    if batched:
        return one(x, key)
    keys = None if key is None else jax.random.split(key, jnp.shape(x)[0])
    axes = (0, None if key is None else 0)
    return jax.vmap(one, in_axes=axes, out_axes=(0, None), axis_name=axis_name)(x, keys)


def _has_dropout(eqx: ModuleType, module: PyTree) -> bool:
    is_dropout = lambda node: isinstance(node, eqx.nn.Dropout)
    return any(map(is_dropout, jax.tree.leaves(module, is_leaf=is_dropout)))
