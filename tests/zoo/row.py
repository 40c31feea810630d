"""What the laws of all layers need to know of one."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import jax
import jax.extend
import jax.numpy as jnp
import numpy as np

from jaxdl.types import Array, Layer, Shape


class Row(NamedTuple):
    """A Layer, the shape of one example that goes in, and where it differs from the ordinary."""

    name: str
    layer: Layer
    shape: Shape
    stochastic: bool = False  # draws random numbers in training
    across_rows: bool = False  # in training a row's result depends on its batch, as in batch_norm
    classes: int | None = None  # what goes in are integers below this, as token numbers
    gives: str | None = None  # the dtype of what comes out, where it isn't that of what goes in
    gradient: bool = True  # False where finite differences tell another: frozen, or always float32
    composed: bool = False  # made of layers that have rows of their own
    fixed_init: bool = False  # nothing in its init is random, as in normalisation layers


def example(row: Row, *lead: int, dtype: str = "float32") -> Array:
    """A batch of examples, always the same."""
    random = np.random.default_rng(0)
    if row.classes is not None:
        return jnp.asarray(random.integers(row.classes, size=(*lead, *row.shape), dtype="int32"))
    return jnp.asarray(random.normal(size=(*lead, *row.shape)).astype(dtype))


def equations(jaxpr: Any) -> Iterator[Any]:
    """All equations of a jaxpr, those inside of loops, branches and calls included."""
    core = jax.extend.core
    for eqn in jaxpr.eqns:
        yield eqn
        inner = jax.tree.leaves(eqn.params, is_leaf=lambda v: isinstance(v, core.Jaxpr))
        for value in inner:
            value = value.jaxpr if isinstance(value, core.ClosedJaxpr) else value
            if isinstance(value, core.Jaxpr):
                yield from equations(value)
