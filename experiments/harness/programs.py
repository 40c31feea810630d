"""Whether the networks of two seeds are trained by the same program on the same data."""

import hashlib
import itertools
from collections.abc import Iterator, Mapping
from typing import Any

import jax
import numpy as np
from jax.extend.core import ClosedJaxpr

from harness.run import Population
from jaxdl import _jaxprs, data, sweep, train
from jaxdl.types import Batch

_UNIQUE = itertools.count()
PARTS = ("initialisation", "training step", "validation")


def difference(population: Population, first: Population) -> str | None:
    """Why a seed's networks can't be trained by the program of the first seed; None if they can.

    Programs are the same where the text of the traced initialisation, training step and validation
    is, and the constants that they have captured. A learning rate or a loss weight stands in the
    text, a width in its shapes, a teacher's parameters among the constants.
    """
    for name in ("epochs", "batch_size", "members", "static", "shuffle"):
        if getattr(population, name) != getattr(first, name):
            return f"another {name.replace('_', ' ')}"
    if not _equal(_columns(population), _columns(first)):
        return "another grid"
    if not _equal(_parts(population.data), _parts(first.data)):
        return "other data"
    for mine, others in zip(_programs(population), _programs(first), strict=True):
        for part, x, y in zip(PARTS, mine, others, strict=True):
            if x != y:
                return f"another {part}"
    return None


def _programs(population: Population) -> Iterator[tuple[str, ...]]:
    """The fingerprints of all programs, of one combination of static values after the other."""
    numbers: dict[str, list[Any]] = {}
    fixed: dict[str, list[Any]] = {}
    for name, values in _columns(population).items():
        traced = name not in population.static and all(map(_is_number, values))
        (numbers if traced else fixed)[name] = values
    example = {name: np.asarray(values)[0] for name, values in numbers.items()}
    for combination in itertools.product(*fixed.values()):
        yield _program(population, dict(zip(fixed, combination, strict=True)), example)


def _program(
    population: Population, fixed: Mapping[str, Any], numbers: Mapping[str, Any]
) -> tuple[str, ...]:
    def make(numbers: Any) -> sweep.Run:
        run = population.make_run(**fixed, **numbers)
        if not isinstance(run, sweep.Run):
            raise TypeError(f"make_run gave {type(run).__name__}; an experiment needs a sweep.Run")
        return run

    def initial(key: Any, numbers: Any) -> train.TrainState:
        run = make(numbers)
        return train.init_state(run.net, run.tx, key)

    def step(train_state: train.TrainState, batch: Batch, numbers: Any) -> Any:
        run = make(numbers)
        return train.make_step(run.loss_fn, run.tx, batch_fns=run.batch_fns)(train_state, batch)

    def validate(train_state: train.TrainState, batch: Batch, numbers: Any) -> Any:
        params, state = train_state.params, train_state.state
        return make(numbers).loss_fn(params, state, batch, key=None, train=False)

    first, shapes = jax.make_jaxpr(initial, return_shape=True)(jax.random.key(0), numbers)
    batch = _batch(population)
    others = [jax.make_jaxpr(f)(shapes, batch, numbers) for f in (step, validate)]
    return tuple(map(_fingerprint, (first, *others)))


def _batch(population: Population) -> Batch:
    """A batch as training has it."""
    rows = {k: np.asarray(x)[: population.batch_size] for k, x in population.data.train.items()}
    size = len(next(iter(rows.values())))
    return {"weight": np.ones(size, np.float32)} | rows


def _fingerprint(closed: ClosedJaxpr) -> str:
    """The text of a program and a checksum of its constants.

    Nobody can see what a callback to Python holds: with one, no program is the same as another.
    """
    digest = hashlib.sha256()
    if any("callback" in eqn.primitive.name for eqn in _jaxprs.equations(closed.jaxpr)):
        digest.update(str(next(_UNIQUE)).encode())
    for x in _jaxprs.constants(closed):
        if jax.dtypes.issubdtype(x.dtype, jax.dtypes.prng_key):
            x = jax.random.key_data(x)
        x = np.asarray(x)
        digest.update(f"{x.shape}{x.dtype}".encode() + x.tobytes())
    return f"{closed.jaxpr}\n{digest.hexdigest()}"


def _columns(population: Population) -> dict[str, list[Any]]:
    return {name: list(values) for name, values in population.grid.items()}


def _parts(dataset: data.Dataset) -> Any:
    """What training and validation see of a dataset."""
    return dict(dataset.train), dataset.validation and dict(dataset.validation)


def _is_number(value: Any) -> bool:
    return np.ndim(value) == 0 and isinstance(np.asarray(value).item(), bool | int | float)


def _equal(some: Any, other: Any) -> bool:
    (a, shape), (b, other_shape) = jax.tree.flatten(some), jax.tree.flatten(other)
    return str(shape) == str(other_shape) and all(map(np.array_equal, a, b))
