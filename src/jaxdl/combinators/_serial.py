"""Layers one after another, and side by side."""

import functools
import operator
from collections.abc import Callable, Sequence
from typing import Literal, TypeAlias

import jax
import jax.numpy as jnp

from jaxdl._checks import ShapeError, describe
from jaxdl._contract import applied
from jaxdl.combinators._parts import LayerLike, check_parts, init_of, lift, parts_of
from jaxdl.types import (
    Array,
    Key,
    Layer,
    Params,
    PyTree,
    State,
    factory,
    name_of,
    named,
)

Merge: TypeAlias = Literal["sum", "concat"] | Callable[[Sequence[Array]], Array]
"""How to merge the results of branches: sum, concatenation on the last axis, or a function."""


@factory
def serial(*layers: LayerLike, **parts: LayerLike) -> Layer:
    """Applies layers one after another: y = fₙ(… f₂(f₁(x))).

    Args:
        *layers: Layers, or plain functions of one array, such as an activation.
        **parts: the same, by name instead of by position.

    Returns:
        A Layer whose params and state are tuples by position, or dicts by name. Part i draws from
        ``fold_in(key, i)``, so its random numbers don't depend on the parts after it.

    Raises:
        ValueError: without layers, or with layers both by position and by name.
        ShapeError: at trace time, if the sizes of two layers don't match (the message names both),
            or if params are those of other parts.
        TypeError: at trace time, if params are neither a tuple nor a dict.

    Example:
        >>> from jaxdl import activations, layers
        >>> net = serial(layers.dense(3, 4), activations.relu, layers.dense(4, 2))
        >>> params, state = net.init(jax.random.key(0))
        >>> y, state = net.apply(params, state, jax.numpy.ones((5, 3)))
        >>> y.shape
        (5, 2)
    """
    names, chain, pack = parts_of("serial", layers, parts)
    whole = f"serial({_brief(chain)})"

    def apply_fn(
        params: Params, state: State, x: PyTree, *, key: Key | None = None, train: bool = False
    ) -> tuple[PyTree, State]:
        check_parts(whole, names, params)
        states = []
        for i, (name, layer) in enumerate(zip(names, chain, strict=True)):
            part_key = None if key is None else jax.random.fold_in(key, i)
            try:
                x, part = applied(
                    layer, params[name], state[name], x, key=part_key, train=train, place=name
                )
            except ShapeError as error:
                # An inner serial, closer to the layer, has already named the source of its input.
                if i == 0 or error.__cause__ is not None:
                    raise
                path = _path(chain[:i], [params[name] for name in names[:i]])
                raise ShapeError(f"{error}; what comes in is the output of {path}") from error
            states.append(part)
        return x, pack(states)

    return named(whole, init_of(chain, pack), apply_fn)


@factory
def branch(*layers: LayerLike, merge: Merge = "sum", **parts: LayerLike) -> Layer:
    """Applies layers side by side to the same input: y = merge(f₁(x), …, fₙ(x)).

    Args:
        *layers: Layers, or plain functions of one array.
        merge: ``"sum"``, ``"concat"`` along the last axis, or a function of the list of results.
        **parts: the same, by name instead of by position.

    Returns:
        A Layer whose params and state are tuples by position, or dicts by name, as in ``serial``.

    Raises:
        ValueError: without layers, or with layers both by position and by name.
        ShapeError: at trace time, if the results don't have the shapes that ``merge`` needs.

    Example:
        >>> both = branch(jax.numpy.tanh, jax.nn.relu, merge="concat")
        >>> y, _ = both.apply(((), ()), ((), ()), jax.numpy.ones((5, 3)))
        >>> y.shape
        (5, 6)
    """
    names, chain, pack = parts_of("branch", layers, parts)
    name = f"branch({_brief(chain)})"

    def apply_fn(
        params: Params, state: State, x: PyTree, *, key: Key | None = None, train: bool = False
    ) -> tuple[PyTree, State]:
        check_parts(name, names, params)
        keys = [None if key is None else jax.random.fold_in(key, i) for i in range(len(chain))]
        pairs = [
            applied(layer, params[part], state[part], x, key=part_key, train=train, place=part)
            for part, layer, part_key in zip(names, chain, keys, strict=True)
        ]
        results = [result for result, _ in pairs]
        return _merge(name, merge, results), pack(state for _, state in pairs)

    return named(name, init_of(chain, pack), apply_fn)


@factory
def residual(layer: LayerLike, *, shortcut: LayerLike | None = None) -> Layer:
    """Adds a layer's input to its output: y = x + f(x), or y = s(x) + f(x).

    Args:
        layer: f, a Layer or a function of one array; use ``serial`` for several.
        shortcut: s, such as a 1×1 convolution if f changes the shape. Defaults to the identity.

    Returns:
        A Layer with params and state ``{"body": …, "shortcut": …}``.

    Raises:
        ShapeError: at trace time, if both sides don't have the same shape.

    Example:
        >>> y, _ = residual(jax.nn.relu).apply(*[{"body": (), "shortcut": ()}] * 2, 2.0)
        >>> float(y)
        4.0

    Reference:
        He et al., "Deep residual learning for image recognition", 2016.
    """
    sides = branch(body=layer, shortcut=jnp.asarray if shortcut is None else shortcut)
    return named(f"residual({name_of(lift(layer))})", *sides)


def _merge(name: str, merge: Merge, results: Sequence[Array]) -> Array:
    shapes = {x.shape[:-1] if merge == "concat" else x.shape for x in results}
    if callable(merge):
        return merge(results)
    if merge not in ("sum", "concat"):
        raise ValueError(f'{name}: merge is {merge!r}; it must be "sum", "concat" or a function')
    if len(shapes) > 1 or (merge == "concat" and () in {x.shape for x in results}):
        raise ShapeError(f"{name} can't {merge} {', '.join(map(describe, results))}")
    if merge == "concat":
        return jnp.concatenate(results, axis=-1)
    return functools.reduce(operator.add, results)


def _brief(chain: Sequence[Layer]) -> str:
    ends = [name_of(layer) for layer in chain]
    return ", ".join(ends if len(ends) < 4 else [ends[0], "…", ends[-1]])


def _path(before: Sequence[Layer], params: Sequence[Params]) -> str:
    """Names the layers from the last one with parameters on, such as "dense(4, 8), then relu"."""
    last = max((i for i, p in enumerate(params) if jax.tree.leaves(p)), default=0)
    return ", then ".join(map(name_of, before[last:]))
