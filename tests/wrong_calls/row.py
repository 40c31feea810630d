"""A row of the tables of wrong calls."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp


class Wrong(NamedTuple):
    """A call that must raise before anything is computed, and what its message must say."""

    call: Callable[[], Any]
    message: str  # a regular expression
    error: type[Exception] | tuple[type[Exception], ...] = ValueError


def at_once(call: Callable[[], Any]) -> None:
    """Traces and computes nothing: an error comes before that."""
    jax.eval_shape(lambda: jnp.zeros(len(jax.tree.leaves(call()))))
