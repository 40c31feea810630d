"""Which hyperparameters a run depends on."""

from collections.abc import Mapping

import jax
import jax.numpy as jnp

from jaxdl import _jaxprs
from jaxdl.sweep import _member
from jaxdl.sweep._member import Spec
from jaxdl.train._epoch import example
from jaxdl.types import Array, Batch, PyTree


def check_used(spec: Spec, numbers: Mapping[str, PyTree], data: Batch) -> None:
    """Traces the start of a run and one step, and looks where the numbers go.

    Raises:
        ValueError: if a name has no effect on the result of a step.
    """
    one = jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape[1:], x.dtype), dict(numbers))
    shapes = jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape, jnp.asarray(x[:1]).dtype), data)

    def begin(numbers: Mapping[str, Array], batch: Batch) -> PyTree:
        train_state = _member.initial(spec, numbers, jax.random.key(0))
        return _member.step_of(spec, numbers, train_state, shapes)[0](train_state, batch)

    # A name for each leaf, in the order in which leaves are numbered.
    names = [path[0].key for path, _ in jax.tree.leaves_with_path(one)]
    traced = jax.make_jaxpr(begin)(one, example(shapes, spec.batch_size))
    used = frozenset().union(*_jaxprs.dependencies(traced.jaxpr))
    known = {name for number, name in enumerate(names) if number in used}
    for name in one:
        if name not in known and name != "seed":
            raise ValueError(
                f"sweep.run: {name!r} is swept, but neither the first parameters nor a step"
                " depend on it: make_run must use it"
            )
