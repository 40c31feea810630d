"""What will be trained: one entry per member, grouped by what each program must be compiled for."""

import inspect
import math
import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

import jax
import numpy as np
import optax

from jaxdl import _checks
from jaxdl.sweep._arrays import numbered
from jaxdl.sweep._space import Columns, Values, grid, listed
from jaxdl.train._step import BatchFn
from jaxdl.types import Batch, Key, Layer, LossFn, Metrics, PyTree

MANY = 10_000
"""A larger population is usually a mistake, and needs a flag."""


class Run(NamedTuple):
    """What trains one member: a network, the loss that a step differentiates, an optimizer."""

    net: Layer
    loss_fn: LossFn
    tx: optax.GradientTransformation
    batch_fns: tuple[BatchFn, ...] = ()


Point: TypeAlias = dict[str, Any]
"""Hyperparameters by name, of any kind."""

StepFn: TypeAlias = Callable[[PyTree, Batch], tuple[PyTree, Metrics]]

Combination: TypeAlias = tuple[tuple[str, object], ...]


class Steps(NamedTuple):
    """What trains one member by any step, as ``train.loop`` takes it."""

    init: Callable[[Key], PyTree]
    """From a key to the TrainState of step 0: any NamedTuple with ``step`` and ``key``."""

    step: StepFn
    """``(train_state, batch) -> (train_state, metrics)``."""

    measure: Callable[[PyTree, Batch], Mapping[str, PyTree]] | None = None
    """``(train_state, data) -> metrics`` over a whole part of a dataset, as for validation."""


MakeRun: TypeAlias = Callable[..., Run | Steps]
"""Makes a Run or Steps from hyperparameters by name; swept numbers arrive traced."""


class Group(NamedTuple):
    """Members that one program trains: they differ in numbers and seeds only."""

    fixed: Combination  # what shapes or Python code depend on, by name
    numbers: dict[str, PyTree]  # the others by name, one value per member
    seeds: np.ndarray
    places: np.ndarray  # which member of the population each one is


class Plan(NamedTuple):
    """A population: each member's hyperparameters and ``"seed"``, and the groups."""

    members: list[Point]
    groups: list[Group]
    combinations: int
    arrays: Mapping[str, PyTree] = {}
    """Where the values of a name are arrays: all of them, stacked. Members have their numbers."""


def make_plan(
    make_run: MakeRun,
    *,
    seeds: int | Sequence[int],
    values: Mapping[str, Values],
    points: Mapping[str, object] | None,
    static: Sequence[str],
    many: bool,
) -> Plan:
    """Lists the members, the seeds of a combination side by side, and groups them.

    Raises:
        ValueError: if a name or a number makes no sense; see ``run``.
        TypeError: if a value can be neither traced nor hashed.
    """
    columns, arrays = numbered(_columns(values, points), static)
    numbers = _seeds(seeds)
    combinations = len(next(iter(columns.values()))) if columns else 1
    seeded = "seed" in inspect.signature(make_run).parameters
    _check_names(make_run, columns, static, seeded=seeded)
    _check_size(combinations, len(numbers), many)
    rows = [{name: x[i] for name, x in columns.items()} for i in range(combinations)]
    members = [{**row, "seed": seed} for row in rows for seed in numbers]
    fixed = _fixed_names(columns, static) + ["seed"] * ("seed" in static)
    groups = grouped(members, fixed, seeded=seeded, arrays=arrays)
    return Plan(members, groups, combinations, arrays)


def grouped(
    members: Sequence[Point],
    fixed: Sequence[str],
    *,
    seeded: bool = False,
    arrays: Mapping[str, PyTree] = {},
) -> list[Group]:
    """Groups members that agree in what can't be traced."""
    places: dict[Combination, list[int]] = {}
    for i, member in enumerate(members):
        places.setdefault(tuple((name, member[name]) for name in fixed), []).append(i)
    hidden = fixed if seeded else (*fixed, "seed")
    swept = [name for name in (members[0] if members else ()) if name not in hidden]

    def group(key: Combination, at: list[int]) -> Group:
        column = lambda name: np.array([members[i][name] for i in at])
        numbers = {name: _narrow(column(name)) for name in swept}
        for name in numbers.keys() & arrays.keys():
            which = numbers[name]
            numbers[name] = jax.tree.map(lambda x, which=which: x[which], arrays[name])
        return Group(key, numbers, np.array([members[i]["seed"] for i in at]), np.array(at))

    return [group(key, at) for key, at in places.items()]


def combinations(members: Sequence[Point]) -> list[list[int]]:
    """The members of each combination of hyperparameters."""
    found: dict[object, list[int]] = {}
    for i, member in enumerate(members):
        found.setdefault(tuple((k, v) for k, v in member.items() if k != "seed"), []).append(i)
    return list(found.values())


def describe(plan: Plan) -> str:
    """Says how many runs there will be, and in which groups.

    Example:
        >>> members = [{"width": 8, "seed": 0}, {"width": 16, "seed": 0}]
        >>> print(describe(Plan(members, grouped(members, ["width"]), 2)))
        2 runs: 2 combinations x 1 seed, in 2 groups that compile once each
          width=8: 1 run
          width=16: 1 run
    """
    runs = len(plan.members)
    first = (
        f"{_count(runs, 'run')}: {_count(plan.combinations, 'combination')} x "
        f"{_count(runs // plan.combinations, 'seed')}"
    )
    if len(plan.groups) == 1:
        return first
    named = lambda group: ", ".join(f"{name}={_short(value)}" for name, value in group.fixed)
    lines = [f"  {named(group)}: {_count(len(group.places), 'run')}" for group in plan.groups]
    return "\n".join([f"{first}, in {len(lines)} groups that compile once each", *lines])


def checksum(plan: Plan, batch_size: int) -> int:
    """A number that differs if hyperparameters, seeds or the batch size do.

    Example:
        >>> plans = [Plan([{"rate": rate, "seed": 0}], [], 1) for rate in (0.1, 0.2)]
        >>> checksum(plans[0], 32) == checksum(plans[1], 32)
        False
    """
    texts = [[(name, _text_of(value)) for name, value in member.items()] for member in plan.members]
    text = zlib.crc32(repr((texts, batch_size)).encode())
    for x in jax.tree.leaves(dict(plan.arrays)):
        text = zlib.crc32(np.ascontiguousarray(x).tobytes(), text)
    return text


def fixed_names(plan: Plan) -> list[str]:
    """The names that groups differ in."""
    return [name for name, _ in plan.groups[0].fixed]


def _count(n: int, noun: str) -> str:
    return f"{n:,} {noun}{'s' * (n != 1)}"


def _text_of(value: object) -> object:
    """What a value is in every process: functions and objects by their names, without addresses."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, tuple):
        return tuple(map(_text_of, value))
    return getattr(value, "__name__", type(value).__name__)


def _short(value: object) -> str:
    return getattr(value, "__name__", None) or str(value)


def _columns(values: Mapping[str, Values], points: Mapping[str, object] | None) -> Columns:
    """The columns of a grid, or points as they are; both together combine."""
    if points is None:
        sizes = [len(listed(name, x)) for name, x in values.items()]
        _check_count(math.prod(sizes))
        return grid(values)
    if values:
        raise ValueError("sweep.run: pass either grid or points, not both")
    columns = {name: listed(name, x) for name, x in points.items()}
    lengths = {name: len(x) for name, x in columns.items()}
    if len(set(lengths.values())) > 1:
        shown = ", ".join(f"{name} has {n}" for name, n in lengths.items())
        raise ValueError(f"sweep.run: points of mixed lengths: {shown}; entry i of each is point i")
    return columns


def _check_count(combinations: int) -> None:
    """Even the list of such a grid would fill the memory."""
    if combinations > 10**7:
        raise ValueError(f"sweep.run: the grid has {combinations:,} combinations")


def _seeds(seeds: int | Sequence[int]) -> list[int]:
    if isinstance(seeds, int | np.integer):
        _checks.positive_ints("sweep.run", seeds=seeds)
        return list(range(seeds))
    if not isinstance(seeds, Sequence | np.ndarray) or isinstance(seeds, str):
        raise TypeError(f"sweep.run: seeds is {seeds!r}; it must be a number or a list of integers")
    numbers = [int(seed) for seed in seeds]
    if not numbers:
        raise ValueError("sweep.run: seeds is empty; a population has one member or more")
    if len(set(numbers)) < len(numbers):
        raise ValueError(f"sweep.run: seeds is {numbers}; each may appear once")
    if not 0 <= min(numbers) <= max(numbers) < 2**32:
        raise ValueError(f"sweep.run: seeds is {numbers}; each must lie in [0, 2**32)")
    return numbers


def _check_size(combinations: int, seeds: int, many: bool) -> None:
    runs = combinations * seeds
    if runs > MANY and not many:
        raise ValueError(
            f"sweep.run: this is a population of {runs:,} ({combinations:,} combinations x"
            f" {seeds:,} seeds); more than {MANY:,} need many=True"
        )


def _check_names(
    make_run: MakeRun, columns: Columns, static: Sequence[str], *, seeded: bool
) -> None:
    """Refuses names that ``make_run`` doesn't take, and names without values."""
    if "seed" in columns:
        raise ValueError("sweep.run: seeds are given as seeds=…, not as a swept name")
    parameters = inspect.signature(make_run).parameters.values()
    if not any(p.kind is p.VAR_KEYWORD for p in parameters):
        known = [p.name for p in parameters if p.kind is not p.POSITIONAL_ONLY]
        unknown = [name for name in columns if name not in known]
        if unknown:
            listed_names = ", ".join(known) or "nothing"
            raise ValueError(
                f"sweep.run: {unknown[0]!r} is swept, but make_run takes {listed_names}"
            )
    missing = [n for n in static if n not in columns and not (n == "seed" and seeded)]
    if missing:
        raise ValueError(f"sweep.run: static names {missing[0]!r}, for which there are no values")


def _fixed_names(columns: Columns, static: Sequence[str]) -> list[str]:
    """Names in ``static``, and of what no array can hold: text, functions, tuples, None."""
    number = lambda v: isinstance(v, bool | int | float)
    names = [n for n, x in columns.items() if n in static or not all(map(number, x))]
    for name in names:
        for value in columns[name]:
            try:
                hash(value)
            except TypeError as error:
                raise TypeError(
                    f"sweep.run: {name} is {value!r}; what isn't a number must be hashable"
                ) from error
    return names


def _narrow(x: np.ndarray) -> np.ndarray:
    """Numbers in the dtypes that JAX gives to Python's."""
    if x.dtype == bool:
        return x
    if np.issubdtype(x.dtype, np.integer) and x.max(initial=0) >= 2**31:  # a seed
        return x.astype(np.uint32)
    return x.astype(np.int32 if np.issubdtype(x.dtype, np.integer) else np.float32)
