"""How a Layer remembers the call that made it: it prints and pickles as that call."""

import functools
import importlib
import inspect
import sys
import textwrap
from collections.abc import Callable
from typing import Any, NamedTuple, ParamSpec, TypeVar

from jaxdl._plain import converter

P = ParamSpec("P")
L = TypeVar("L", bound=tuple[Any, ...])

WIDTH = 80
"""A longer call is written with one argument to a line."""

_NAMESPACES = (
    "jaxdl.activations", "jaxdl.initializers", "jax.numpy", "jax.nn", "jax.lax",
    "jax.nn.initializers",
)  # fmt: skip


class Made(NamedTuple):
    """A call of a factory, without the keywords left at their defaults."""

    factory: Callable[..., object]
    args: tuple[object, ...]
    kwargs: dict[str, object]
    parts: "Made | None" = None  # the record of what an assembly returned; None for a factory


class _Reference(NamedTuple):
    """Where to find an object that doesn't pickle on its own, such as jnp.tanh."""

    module: str
    name: str


def factory(make: Callable[P, L]) -> Callable[P, L]:
    """Decorates a function that returns a Layer: the Layer prints and pickles as the call.

    Example:
        >>> from jaxdl import layers  # whose functions are decorated
        >>> layers.dense(784, 128, bias=False)
        dense(784, 128, bias=False)
    """
    return _recording(make, lambda layer: None)


def assembly(make: Callable[P, L]) -> Callable[P, L]:
    """Decorates a function that builds a network of Layers: the network prints as these.

    Example:
        >>> from jaxdl import models
        >>> models.mlp((4, 8, 2))
        serial(dense(4, 8), relu, dense(8, 2))
    """
    return _recording(make, made)


def made(layer: Any) -> Made | None:
    """The record of the call that made a Layer, or None if nothing recorded it."""
    return getattr(layer[1], "made", None)


def fixed(value: Any) -> bool:
    """Whether a Layer will always compute the same: it and all in it are from this library.

    A user's function may read what changes, such as a list or a global.

    Example:
        >>> from jaxdl import activations, models, serial
        >>> net, scale = models.mlp((4, 8, 2), activation=activations.gelu), [2.0]
        >>> fixed(net), fixed(serial(net, lambda x: scale[0] * x))
        (True, False)
    """
    if _is_layer(value):
        record = made(value)
        return record is not None and fixed((record.factory, *record.args, *record.kwargs.values()))
    if isinstance(value, tuple):
        return all(map(fixed, value))
    if isinstance(value, functools.partial):
        return fixed((value.func, *value.args, *value.keywords.values()))
    if value is None or isinstance(value, bool | int | float | str):
        return True
    library = getattr(value, "__module__", None) or type(value).__module__
    ours = library.partition(".")[0] in ("jax", "jaxdl", "jaxlib", "numpy", "ml_dtypes")
    return ours and "<" not in getattr(value, "__qualname__", "") and not _is_writable(value)


def _is_writable(value: object) -> bool:
    return bool(getattr(getattr(value, "flags", None), "writeable", False))


def written(value: Any) -> str:
    """An argument, or a Layer, as one would write it."""
    if _is_layer(value):
        return _layer(value)
    if isinstance(value, functools.partial):
        return call("partial", (value.func, *value.args), value.keywords)
    if isinstance(value, tuple | list) and not hasattr(value, "_fields"):
        ends = "[]" if isinstance(value, list) else "()" if len(value) != 1 else ("(", ",)")
        return ends[0] + ", ".join(map(written, value)) + ends[1]
    if reference := _reference(value):
        return reference.name
    if hasattr(value, "_fields"):  # such as Init
        defaults = type(value)._field_defaults
        given = {k: v for k, v in value._asdict().items() if defaults.get(k, Made) is not v}
        return call(type(value).__name__, (), given)
    if hasattr(value, "dtype") and hasattr(value, "shape"):
        return f"{value.dtype}[{','.join(map(str, value.shape))}]" if value.shape else str(value)
    maker, _, inner = getattr(value, "__qualname__", "").partition(".<locals>.")
    if inner and not inner.endswith("<lambda>"):
        return f"{maker.rpartition('.')[2]}(…)"
    return getattr(value, "__name__", None) or _number(value)


def _number(value: Any) -> str:
    """A plain value; a float that is one over a whole number, such as 1/255, is written so."""
    short = isinstance(value, float) and 0 < abs(value) < 1 and len(repr(value)) > 8
    return f"1/{round(1 / value)}" if short and 1 / round(1 / value) == value else repr(value)


def reduced(layer: Any) -> tuple[object, ...]:
    """What pickle keeps of a Layer: the call that made it, or its two functions."""
    record = made(layer)
    if record is None:
        return type(layer), tuple(layer)
    return _remade, (record.factory, _packed(record.args), _packed(record.kwargs))


def _recording(make: Callable[P, L], parts: Callable[[L], Made | None]) -> Callable[P, L]:
    convert = converter(make)

    @functools.wraps(make)
    def recorded(*args: P.args, **kwargs: P.kwargs) -> L:
        args, kwargs = convert(args, kwargs)  # type: ignore[assignment]
        layer = make(*args, **kwargs)
        defaults = _defaults(make)
        chosen = {k: v for k, v in kwargs.items() if not _same(defaults.get(k, Made), v)}
        layer[1].made = Made(recorded, args, chosen, parts(layer))
        return layer

    recorded.makes_layer = True  # type: ignore[attr-defined]
    return recorded


@functools.cache
def _defaults(make: Callable[..., object]) -> dict[str, object]:
    return {name: p.default for name, p in inspect.signature(make).parameters.items()}


def _is_layer(value: object) -> bool:
    return isinstance(value, tuple) and hasattr(value, "apply") and hasattr(value, "init")


def _same(default: object, value: object) -> bool:
    plain = isinstance(value, bool | int | float | str) and type(default) is type(value)
    return default is value or (plain and default == value)


def _layer(layer: Any) -> str:
    record = made(layer)
    while record is not None and record.parts is not None:
        record = record.parts
    if record is not None:
        if record.factory.__name__ == "_lifted":
            return written(record.args[0])
        return call(record.factory.__name__, record.args, record.kwargs)
    if hasattr(layer.apply, "made"):  # it has a name of its own
        return layer.apply.__name__
    return f"Layer(init={written(layer.init)}, apply={written(layer.apply)})"


def call(name: str, args: tuple[object, ...], kwargs: dict[str, object]) -> str:
    """A call as one would write it, on several lines if one is too long."""
    words = [*map(written, args), *(f"{key}={written(value)}" for key, value in kwargs.items())]
    line = f"{name}({', '.join(words)})"
    if len(line) <= WIDTH and "\n" not in line:
        return line
    if not any(map(_is_layer, [*args, *kwargs.values()])):
        return textwrap.fill(line, WIDTH, subsequent_indent=" " * (len(name) + 1))
    inner = ",\n".join(words).replace("\n", "\n    ")
    return f"{name}(\n    {inner},\n)"


def _reference(value: object) -> _Reference | None:
    """Where a library's function, or one of its pairs of initializers, is found by name."""
    if not callable(value) and not hasattr(value, "_fields"):
        return None
    for module in filter(None, map(sys.modules.get, _NAMESPACES)):
        name = getattr(value, "__name__", None)
        if name is None:
            name = next((n for n, v in vars(module).items() if v is value), "")
        if getattr(module, name, None) is value:
            return _Reference(module.__name__, name)
    return None


def _packed(value: object) -> Any:
    """Arguments with references to what doesn't pickle on its own."""
    if isinstance(value, dict):
        return {key: _packed(v) for key, v in value.items()}
    if isinstance(value, tuple | list) and not hasattr(value, "_fields"):
        return type(value)(map(_packed, value))
    return _reference(value) or value


def _unpacked(value: object) -> Any:
    if isinstance(value, _Reference):
        return getattr(importlib.import_module(value.module), value.name)
    if isinstance(value, dict):
        return {key: _unpacked(v) for key, v in value.items()}
    if isinstance(value, tuple | list) and not hasattr(value, "_fields"):
        return type(value)(map(_unpacked, value))
    return value


def _remade(make: Callable[..., L], args: object, kwargs: object) -> L:
    return make(*_unpacked(args), **_unpacked(kwargs))
