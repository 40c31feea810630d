"""What ``help`` shows of a package: its docstring, and a line for each of its public names."""

import typing
from collections.abc import Mapping
from typing import Any


def index(names: Mapping[str, Any]) -> str:
    """The docstring of a package followed by its public names, each with its first line.

    A package sets ``__doc__ = _face.index(globals())`` below its ``__all__``: a list kept by hand
    would soon be out of date.

    Args:
        names: the globals of the package.

    Returns:
        The text; the names alone where Python drops docstrings (``-OO``).

    Example:
        >>> print(index({"__doc__": "Numbers.", "__all__": ["index"], "index": index}))
        Numbers.
        <BLANKLINE>
        index  The docstring of a package followed by its public names, each with its first line.
        <BLANKLINE>
    """
    width = max(map(len, names["__all__"]))
    rows = (f"{name:{width}}  {first_line(names[name])}".rstrip() for name in names["__all__"])
    return "\n".join([(names["__doc__"] or "").rstrip(), "", *rows, ""])


def first_line(value: object) -> str:
    """The first line of what a function or a class says of itself, or what a constant is.

    Example:
        >>> first_line(first_line)
        'The first line of what a function or a class says of itself, or what a constant is.'
        >>> first_line("data"), first_line(list[int])
        ("= 'data'", '= list[int]')
    """
    if isinstance(value, str | float) or typing.get_origin(value):
        return f"= {value!r}".replace("collections.abc.", "").replace("typing.", "")
    return (value.__doc__ or "").strip().partition("\n")[0]
