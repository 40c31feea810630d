"""Which hyperparameters a run depends on."""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxdl.sweep import _member
from jaxdl.sweep._member import Recipe
from jaxdl.types import Array, Batch


def check_used(recipe: Recipe, numbers: Mapping[str, np.ndarray], data: Batch) -> None:
    """Traces the start of a run and one step, and looks where the numbers go.

    Raises:
        ValueError: if a name changes nothing of what a step gives.
    """
    rows = lambda x: jax.ShapeDtypeStruct((recipe.batch_size, *x.shape[1:]), x.dtype)
    one = {name: jax.ShapeDtypeStruct((), x.dtype) for name, x in numbers.items()}
    batch = {name: rows(jnp.asarray(x[:1])) for name, x in data.items()}

    def begin(numbers: Mapping[str, Array], batch: Batch) -> Any:
        train_state = _member.initial(recipe, numbers, jax.random.key(0))
        return _member.step_of(recipe, numbers)(train_state, batch)

    names = sorted(one)  # the order in which a dict's leaves are numbered
    used = _reached(jax.make_jaxpr(begin)(one, batch).jaxpr, len(names))
    for name, reaches in zip(names, used, strict=True):
        if not reaches:
            raise ValueError(
                f"sweep.run: {name!r} is swept, but neither the first parameters nor a step"
                " depend on it: make_run must use it"
            )


def _reached(jaxpr: Any, n: int) -> list[bool]:
    """Which of the first n inputs of a program reach its outputs, operation by operation."""
    sources = {variable: {i} for i, variable in enumerate(jaxpr.invars[:n])}
    # Constants stand among the variables too, without a name that could be looked up.
    of = lambda atoms: set().union(*(sources.get(a, ()) for a in atoms if not hasattr(a, "val")))
    for equation in jaxpr.eqns:
        found = of(equation.invars)
        sources |= dict.fromkeys(equation.outvars, found)
    outputs = of(jaxpr.outvars)
    return [i in outputs for i in range(n)]
