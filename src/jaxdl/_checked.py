"""Numeric options of a whole network or run are checked where they are given, by annotations."""

import functools
import inspect
from collections.abc import Callable, Sequence
from types import NoneType
from typing import Any, ParamSpec, TypeVar, get_args, get_origin

import numpy as np
from jax import Array

from jaxdl import _checks
from jaxdl._plain import called, converter
from jaxdl._ranges import HOLDS, check, whole

P = ParamSpec("P")
R = TypeVar("R")


def checked(fn: Callable[P, R]) -> Callable[P, R]:
    """Decorates a function: what its annotations call numbers is checked at once by the table.

    So a network of many layers, or a run of an hour, names the caller's own option, not that of the
    part that would fail. None passes where the annotation allows it.

    Example:
        >>> @checked
        ... def network(n: int, widths: Sequence[int] = (), rate: float | Array = 0.0): ...
        >>> network(2, widths=(3, 0))
        Traceback (most recent call last):
        ValueError: network: widths is (3, 0); it must hold positive integers
    """
    signature = inspect.signature(fn)
    name, convert = called(fn), converter(fn)
    rules = {
        option: rule
        for option, parameter in signature.parameters.items()
        if (rule := _rule(name, option, parameter.annotation)) is not None
    }

    @functools.wraps(fn)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        args, kwargs = convert(args, kwargs)  # type: ignore[assignment]
        try:
            given = signature.bind(*args, **kwargs).arguments
        except TypeError:
            return fn(*args, **kwargs)  # which raises in Python's words
        for option, value in given.items():
            if option in rules:
                rules[option](value)
        return fn(*args, **kwargs)

    return call


def _rule(function: str, option: str, annotation: Any) -> Callable[[Any], None] | None:
    """The check of an option with this annotation; None if that isn't a number or several."""
    kinds = get_args(annotation) if get_origin(annotation) not in (tuple, Sequence) else ()
    kinds = tuple(kind for kind in kinds or (annotation,) if kind is not NoneType)
    optional = len(kinds) < len(get_args(annotation))
    if kinds == (int,):
        must = whole(function, option)
        run = lambda value: _check_whole(function, option, value, must)
    elif kinds in ((float,), (float, Array)):
        run = lambda value: check(function, **{option: value})
    elif len(kinds) == 1 and _of_integers(kinds[0]):
        run = lambda value: _check_integers(function, option, value, kinds[0])
    else:
        return None
    return lambda value: None if optional and value is None else run(value)


def _of_integers(kind: Any) -> bool:
    of = get_args(kind)
    return get_origin(kind) in (tuple, Sequence) and of[0] is int and of[-1] in (int, ...)


def _check_whole(function: str, option: str, value: Any, must: str) -> None:
    if not _checks.is_whole(value) or not HOLDS[must](value):
        raise ValueError(f"{function}: {option} is {_checks.shown(value)}; it must {must}")


def _check_integers(function: str, option: str, value: Any, kind: Any) -> None:
    of = get_args(kind)
    length = len(of) if get_origin(kind) is tuple and of[-1] is not ... else None
    is_list = isinstance(value, Sequence | np.ndarray) and not isinstance(value, str)
    if not is_list or (length is not None and len(value) != length):
        must = "be a sequence of integers" if length is None else f"be {length} integers"
    elif not all(_checks.is_whole(x) and x >= 1 for x in value):
        must = "hold positive integers"
    else:
        return
    raise ValueError(f"{function}: {option} is {_checks.shown(value)}; it must {must}")
