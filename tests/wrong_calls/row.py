"""A row of the tables of wrong calls."""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import pytest


class Wrong(NamedTuple):
    """A call that must raise before anything is computed, and what its message must say."""

    call: Callable[[], Any]
    message: str  # a regular expression
    error: type[Exception] | tuple[type[Exception], ...] = ValueError


def at_once(call: Callable[[], Any]) -> None:
    """Traces and computes nothing: an error comes before that."""
    jax.eval_shape(lambda: jnp.zeros(len(jax.tree.leaves(call()))))


def refused_at_once(
    calls: Iterable[Callable[[], Any]], error: tuple[type[Exception], ...], message: str
) -> None:
    """Each call raises, in one trace: to begin and to end one takes longer than most calls.

    Args:
        calls: what they hold of arrays is made before, as it would be traced here.
        error: what they may raise.
        message: a regular expression.
    """

    def each() -> None:
        for call in made:
            with pytest.raises(error, match=message):
                call()

    made = list(calls)
    at_once(each)
