"""The parts of a combinator: Layers or plain functions, by position or by name."""

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeAlias

import jax

from jaxdl._checks import ShapeError, shown
from jaxdl._contract import foreign, initialised
from jaxdl.types import (
    Array,
    InitFn,
    Key,
    Layer,
    Params,
    PyTree,
    State,
    factory,
    stateless,
)

LayerLike: TypeAlias = Layer | Callable[[Array], Array]
"""A Layer, or a plain function of one array, such as an activation."""

Names: TypeAlias = Sequence[Any]
"""What the parts of a combinator are called: names, or their positions."""

Pack: TypeAlias = Callable[[Iterable[PyTree]], PyTree]
"""Packs one value per part, as a dict or a tuple."""


def lift(f: LayerLike) -> Layer:
    """Turns a plain function into a Layer without params or state; returns a Layer unchanged.

    Args:
        f: a Layer, or a function of one array or other pytree.

    Returns:
        A Layer.

    Raises:
        TypeError: if ``f`` is neither: a function that needs more than one argument, a factory of
            Layers that wasn't called, or a module of another library.

    Example:
        >>> y, _ = lift(jax.nn.relu).apply((), (), -1.0)
        >>> float(y)
        0.0
    """
    return f if isinstance(f, Layer) else _lifted(_function(f))


@factory
def _lifted(f: Callable[[PyTree], PyTree]) -> Layer:
    return stateless(getattr(f, "__name__", type(f).__name__), f)


def _function(f: Any) -> Callable[[PyTree], PyTree]:
    """Returns ``f`` if it can be called with one argument, or raises a TypeError."""
    needs = "a network is made of Layers and functions of one array"
    if library := foreign(f):
        raise TypeError(
            f"{needs}, not of {type(f).__name__} of {library}; jaxdl.interop makes a Layer of it"
        )
    if not callable(f) or isinstance(f, type) or (hasattr(f, "init") and hasattr(f, "apply")):
        raise TypeError(f"{needs}, not of {f!r}")
    if hasattr(f, "makes_layer"):
        raise TypeError(f"{needs}; {f.__name__} makes one when it is called: {f.__name__}(…)")
    name = getattr(f, "__name__", type(f).__name__)
    if (count := getattr(f, "nin", 1)) != 1:
        raise TypeError(f"{needs}; {name} takes {count}")
    try:
        inspect.signature(f).bind(None)
    except TypeError as error:
        raise TypeError(f"{needs}; {name}{inspect.signature(f)} takes others: {error}") from None
    except ValueError:  # a builtin without a signature
        pass
    return f


def parts_of(
    name: str, layers: Sequence[LayerLike], parts: Mapping[str, LayerLike]
) -> tuple[Names, tuple[Layer, ...], Pack]:
    """Returns the parts' names, the parts, and a function that packs one value per part.

    Params and states are tuples by position, or dicts by name; both are indexed by these names.
    """
    if bool(layers) == bool(parts):
        raise ValueError(f"{name} needs layers, either all by position or all by name")
    names: Names = tuple(parts) or range(len(layers))
    pack = lambda values: dict(zip(names, values, strict=True)) if parts else tuple(values)
    return names, tuple(map(lift, layers or parts.values())), pack


def check_parts(name: str, names: Names, params: Params) -> None:
    """Raises unless params have an entry for each part and no other: they may be another's."""
    has = tuple(params) if isinstance(params, Mapping) else range(len(_entries(name, params)))
    if set(has) != set(names):
        shown = [", ".join(map(str, parts)) or "none" for parts in (has, names)]
        raise ShapeError(f"{name} got params of the parts {shown[0]}; its parts are {shown[1]}")


def _entries(name: str, params: Params) -> Sequence[Params]:
    if isinstance(params, tuple | list):
        return params
    raise TypeError(f"{name}: params are {shown(params)}; they must be as init returns them")


def init_of(chain: Sequence[Layer], pack: Pack) -> InitFn:
    """Returns the function that initialises each part from the key folded with its position."""

    def init_fn(key: Key) -> tuple[Params, State]:
        pairs = [initialised(layer, jax.random.fold_in(key, i)) for i, layer in enumerate(chain)]
        return pack(params for params, _ in pairs), pack(state for _, state in pairs)

    return init_fn
