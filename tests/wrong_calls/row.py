"""A row of the tables of wrong calls."""

from collections.abc import Callable
from typing import Any, NamedTuple


class Wrong(NamedTuple):
    """A call that must raise before anything is computed, and what its message must say."""

    call: Callable[[], Any]
    message: str  # a regular expression
    error: type[Exception] | tuple[type[Exception], ...] = ValueError
