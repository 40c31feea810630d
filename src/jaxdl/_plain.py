"""Options that are numbers may be Python's, NumPy's or JAX's: functions get Python's.

Inside ``jit``, computing with even a known JAX number gives a traced one, which can't be compared;
and an array without axes isn't hashable, nor accepted everywhere as a number.
"""

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, NamedTuple, ParamSpec, TypeAlias, TypeVar, get_args, get_origin

import jax
import jax.numpy as jnp
import numpy as np

from jaxdl import _checks

P = ParamSpec("P")
R = TypeVar("R")

Args: TypeAlias = tuple[object, ...]
Kwargs: TypeAlias = dict[str, object]

_PYTHON = (int, float, str, bool, type(None))


class Rule(NamedTuple):
    """An option that is a number, or several."""

    place: int
    option: str
    several: bool  # whether it may be a sequence
    traced: bool  # whether it may have no value yet


def plain_numbers(fn: Callable[P, R]) -> Callable[P, R]:
    """Decorates a function: it gets what its annotations call numbers as Python's.

    A traced number passes where the annotation allows an array as well as a ``float``; elsewhere
    its value must be known, and a TypeError names it.

    Example:
        >>> @plain_numbers
        ... def window(size: int | Sequence[int], rate: float | jax.Array = 0.0):
        ...     return size, rate
        >>> window(np.array([2, 3])), window(jax.numpy.int32(2))
        (((2, 3), 0.0), (2, 0.0))
    """
    convert = converter(fn)

    @functools.wraps(fn)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        args, kwargs = convert(args, kwargs)  # type: ignore[assignment]
        return fn(*args, **kwargs)

    return call


def converter(fn: Callable[..., object]) -> Callable[[Args, Kwargs], tuple[Args, Kwargs]]:
    """Returns what makes a function's arguments and keywords plain, or raises.

    Example:
        >>> def window(size: int): ...
        >>> converter(window)((np.int64(2),), {})
        ((2,), {})
    """
    rules, name = _rules(fn), called(fn)

    def convert(args: Args, kwargs: Kwargs) -> tuple[Args, Kwargs]:
        for rule in rules:
            if rule.option in kwargs:
                if not isinstance(x := kwargs[rule.option], _PYTHON):
                    kwargs = kwargs | {rule.option: _number(name, rule, x)}
            elif rule.place < len(args) and not isinstance(x := args[rule.place], _PYTHON):
                args = (*args[: rule.place], _number(name, rule, x), *args[rule.place + 1 :])
        return args, kwargs

    return convert


def called(fn: Callable[..., object]) -> str:
    """Returns what messages call a function: sweeps and checkpoints share names with others.

    Example:
        >>> called(plain_numbers)
        'plain_numbers'
    """
    package = fn.__module__.split(".")[1:2]
    return f"{package[0]}.{fn.__name__}" if package in (["sweep"], ["checkpoint"]) else fn.__name__


def _rules(fn: Callable[..., object]) -> tuple[Rule, ...]:
    rules = []
    for place, parameter in enumerate(inspect.signature(fn).parameters.values()):
        kinds, nested = _kinds(parameter.annotation)
        starred = parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
        if {int, float} & kinds and np.ndarray not in kinds and not starred:
            rules.append(Rule(place, parameter.name, nested, jax.Array in kinds))
    return tuple(rules)


def _kinds(annotation: object) -> tuple[set[object], bool]:
    """The types that an annotation names, and whether some are in a sequence."""
    origin = get_origin(annotation)
    if origin in (Literal, Callable, Mapping, dict) or isinstance(annotation, str):
        return set(), False
    if not (inner := get_args(annotation)):
        return {annotation}, False
    parts = [_kinds(kind) for kind in inner if kind is not ...]
    nested = origin in (tuple, list, Sequence) or any(n for _, n in parts)
    return set().union(*(kinds for kinds, _ in parts)), nested


def _number(function: str, rule: Rule, x: Any) -> object:
    """A value with Python's numbers in place of arrays without axes, if their values are known."""
    if isinstance(x, np.generic | np.ndarray | jax.Array):
        if np.ndim(x) > rule.several or not (x.dtype == bool or jnp.issubdtype(x.dtype, np.number)):
            return x
        if (host := _checks.known(x)) is None:
            if not rule.traced:
                raise TypeError(f"{function}: {rule.option} is traced; its value must be known")
            return x
        return tuple(host.tolist()) if host.ndim else host.item()
    if rule.several and type(x) in (tuple, list):
        return type(x)(_number(function, rule, part) for part in x)
    return x
