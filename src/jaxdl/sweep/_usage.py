"""Which hyperparameters a run depends on."""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxdl import _jaxprs
from jaxdl.sweep import _member
from jaxdl.sweep._member import Spec
from jaxdl.train._epoch import example
from jaxdl.types import Array, Batch


def check_used(spec: Spec, numbers: Mapping[str, np.ndarray], data: Batch) -> None:
    """Traces the start of a run and one step, and looks where the numbers go.

    Raises:
        ValueError: if a name changes nothing of what a step gives.
    """
    one = {name: jax.ShapeDtypeStruct((), x.dtype) for name, x in numbers.items()}
    shapes = jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape, jnp.asarray(x[:1]).dtype), data)

    def begin(numbers: Mapping[str, Array], batch: Batch) -> Any:
        train_state = _member.initial(spec, numbers, jax.random.key(0))
        return _member.step_of(spec, numbers, train_state, shapes)[0](train_state, batch)

    names = sorted(one)  # the order in which a dict's leaves are numbered
    traced = jax.make_jaxpr(begin)(one, example(shapes, spec.batch_size))
    used = frozenset().union(*_jaxprs.dependencies(traced.jaxpr))
    for number, name in enumerate(names):
        if number not in used and name != "seed":
            raise ValueError(
                f"sweep.run: {name!r} is swept, but neither the first parameters nor a step"
                " depend on it: make_run must use it"
            )
