"""A function of named Layers."""

import inspect
import itertools
from collections.abc import Callable, Mapping
from typing import cast

import jax

from jaxdl._checks import ShapeError
from jaxdl._contract import applied
from jaxdl.combinators._parts import LayerLike, check_parts, init_of, parts_of
from jaxdl.types import (
    BoundLayer,
    Key,
    Layer,
    Params,
    PyTree,
    State,
    factory,
    named,
)


@factory
def compose(fn: Callable[..., PyTree], **parts: LayerLike) -> Layer:
    """Computes any function of an input and named Layers: y = fn(x, part=…, …).

    Inside ``fn`` each part is a plain function of its input that may be called any number of times:
    all calls share its parameters, its state passes from one call to the next, and in training each
    call draws new random numbers. ``part.params`` are its parameters, for weight tying. Input and
    result may be any pytrees.

    Args:
        fn: a pure function of the input and, by keyword, all parts. If it has a parameter ``key``,
            it gets its own random key, or None in evaluation; if it has a parameter ``train``, it
            gets the training flag. Inside its ``jax.vmap`` and ``lax.scan``, only parts without
            state may be called.
        **parts: Layers or functions of one array, by the names of ``fn``'s parameters.

    Returns:
        A Layer whose params and state are dicts by the parts' names, as in ``serial``.

    Raises:
        ValueError: without parts, or if one is named ``key`` or ``train``.
        TypeError: if ``fn`` doesn't take the parts.
        ShapeError: at trace time, from a part; the message names it.

    Example:
        Two views of an example, with a shared encoder:

        >>> from jaxdl import layers
        >>> def similarity(views, encoder):
        ...     first, second = encoder(views["a"]), encoder(views["b"])
        ...     return (first * second).sum(axis=-1)
        >>> net = compose(similarity, encoder=layers.dense(8, 4))
        >>> net
        compose(similarity, encoder=dense(8, 4))
        >>> params, state = net.init(jax.random.key(0))
        >>> x = {"a": jax.numpy.ones((5, 8)), "b": jax.numpy.zeros((5, 8))}
        >>> net.apply(params, state, x)[0].shape
        (5,)
    """
    name = f"compose({getattr(fn, '__name__', type(fn).__name__)})"
    names, chain, pack = parts_of(name, (), parts)
    wanted = _wanted(name, fn, parts)

    def apply_fn(
        params: Params, state: State, x: PyTree, *, key: Key | None = None, train: bool = False
    ) -> tuple[PyTree, State]:
        check_parts(name, names, params)
        states = dict(state)
        keys = [None if key is None else jax.random.fold_in(key, i) for i in range(len(chain) + 1)]
        bound = {
            part: _bound(name, part, layer, params[part], states, part_key, train)
            for part, layer, part_key in zip(names, chain, keys, strict=False)
        }
        offered = {"key": keys[-1] if train else None, "train": train}
        y = fn(x, **bound, **{option: offered[option] for option in wanted})
        return y, states

    return named(name, init_of(chain, pack), apply_fn)


def _wanted(name: str, fn: Callable[..., PyTree], parts: Mapping[str, LayerLike]) -> list[str]:
    """Which of key and train ``fn`` has parameters for; raises if it doesn't take the parts."""
    if taken := {"key", "train"} & set(parts):
        raise ValueError(f"{name}: a part can't be called {taken.pop()!r}, an option of fn")
    signature = inspect.signature(fn)
    wanted = [option for option in ("key", "train") if option in signature.parameters]
    try:
        signature.bind(None, **dict.fromkeys([*parts, *wanted]))
    except TypeError as error:
        raise TypeError(
            f"{name} passes fn the input and, by keyword, {', '.join(parts)}; {error}"
        ) from None
    return wanted


def _bound(
    name: str,
    part: str,
    layer: Layer,
    params: Params,
    states: dict[str, State],
    key: Key | None,
    train: bool,
) -> BoundLayer:
    """Returns a part as a function of its input alone; each call updates its state."""
    calls = itertools.count()

    def call(x: PyTree, /) -> PyTree:
        call_key = None if key is None else jax.random.fold_in(key, next(calls))
        try:
            with jax.named_scope(part):
                y, states[part] = applied(
                    layer, params, states[part], x, key=call_key, train=train, place=part
                )
        except ShapeError as error:
            raise ShapeError(f"{error}; in {part!r} of {name}") from error
        return y

    bound = cast(BoundLayer, call)
    bound.params = params
    return bound
