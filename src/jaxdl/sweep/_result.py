"""The results of a population, and each member's TrainState."""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import numpy as np

from jaxdl import _checks
from jaxdl._checked import checked
from jaxdl.sweep import _store
from jaxdl.sweep._member import bare
from jaxdl.sweep._plan import Group, Plan, Point, combinations, fixed_names, grouped
from jaxdl.sweep._store import Stored
from jaxdl.types import PyTree, Row


class Result(NamedTuple):
    """A trained population; ``table``, ``best``, ``state`` and others read it."""

    plan: Plan
    groups: list[Stored]
    rows: list[Row]
    """What some members measured in an epoch: ``members``, ``epoch``, and a list per metric."""
    history: dict[str, np.ndarray]
    """By name, (members, epochs, …), of sums (members, epochs, fields, …); nan where untrained."""
    diverged: np.ndarray  # each member's first step whose loss wasn't finite, or -1
    shared: bool
    seconds: dict[str, float]

    @property
    def members(self) -> list[Point]:
        """Hyperparameters and ``"seed"`` of each member."""
        return self.plan.members


class Interrupted(SystemExit):
    """A signal stopped a population early; if not caught, the script exits with 128 + signal.

    ``result`` is the Result so far, and ``signal`` the number of the signal; if ``halve`` was
    stopped, ``results`` are those of all its rungs so far.
    """

    result: Result
    results: list[Result]
    signal: int


def collect(
    plan: Plan,
    groups: Sequence[Stored],
    rows: list[Row],
    *,
    shared: bool,
    seconds: dict[str, float],
) -> Result:
    """Puts the rows of parts together into arrays of all members."""
    diverged = np.full(len(plan.members), -1)
    for group, stored in zip(plan.groups, groups, strict=True):
        diverged[group.places] = stored.diverged
    history = _arrays(rows, len(plan.members))
    return Result(plan, list(groups), rows, history, diverged, shared, seconds)


@checked
def state(result: Result, i: int) -> PyTree:
    """Takes the TrainState of one member, to evaluate it or to continue with ``fit``.

    Args:
        result: of ``run``.
        i: index of the member in ``result.members``.

    Returns:
        A TrainState as ``fit`` returns it.

    Raises:
        IndexError: if there is no such member.

    Example:
        >>> state_of_the_first = lambda result: state(result, 0)
    """
    if not 0 <= i < len(result.members):
        raise IndexError(f"sweep.state: there is no member {i}; there are {len(result.members)}")
    for group, stored in zip(result.plan.groups, result.groups, strict=True):
        for at in np.flatnonzero(group.places == i):
            return _store.member(stored, int(at), shared=result.shared)
    raise AssertionError("every member has a group")


def states(result: Result, members: Sequence[int]) -> PyTree:
    """Takes the TrainStates of some members of one group, stacked along a first axis.

    Args:
        result: of ``run``.
        members: which ones.

    Returns:
        A TrainState whose arrays have a first axis of members, for ``ensemble``.

    Raises:
        ValueError: if their shapes differ.

    Example:
        >>> of_best = lambda result: states(result, best(result, "accuracy")["members"])
    """
    _checks.positive_ints("sweep.states", members=len(members))
    found = [state(result, i) for i in members]
    shapes = {str(jax.tree.map(np.shape, getattr(ts, "params", ts))) for ts in found}
    if len(shapes) > 1:
        raise ValueError(f"sweep.states: members {list(members)} don't have the same shapes")
    return jax.tree.map(lambda *x: jax.numpy.stack(x), *found)


def select(result: Result, members: Sequence[int]) -> Result:
    """Keeps some members and compacts the population; ``run`` can continue with it.

    Args:
        result: of ``run``.
        members: which ones to keep.

    Returns:
        A Result of as many members, in this order.

    Raises:
        ValueError: if a member isn't there, or none is kept.

    Example:
        >>> of_best = lambda result: select(result, best(result, "accuracy")["members"])
    """
    _checks.positive_ints("sweep.select", members=len(members))
    unknown = [i for i in members if not 0 <= i < len(result.members)]
    if unknown or len(set(members)) < len(members):
        raise ValueError(f"sweep.select: members is {list(members)}; there are 0 to "
                         f"{len(result.members) - 1}, each once")  # fmt: skip
    kept = [result.members[i] for i in members]
    seeded = any("seed" in group.numbers for group in result.plan.groups)
    arrays = result.plan.arrays
    groups = grouped(kept, fixed_names(result.plan), seeded=seeded, arrays=arrays)
    plan = Plan(kept, groups, len(combinations(kept)), arrays)
    stored = [_taken(result, group, np.array(members)) for group in groups]
    rows = [r for row in result.rows if (r := _renumbered(row, list(members)))["members"]]
    return collect(plan, stored, rows, shared=result.shared, seconds=result.seconds)


def _arrays(rows: Sequence[Row], n: int) -> dict[str, np.ndarray]:
    """The rows of parts as arrays of shape (members, epochs, …)."""
    epochs = max((row["epoch"] for row in rows), default=0)
    names = dict.fromkeys(k for row in rows for k, v in row.items() if isinstance(v, list))
    names.pop("members", None)
    history: dict[str, np.ndarray] = {}
    for name in names:
        for row in (row for row in rows if name in row):
            x = np.asarray(row[name], np.float64)
            full = history.setdefault(name, np.full((n, epochs, *x.shape[1:]), np.nan))
            full[row["members"], row["epoch"] - 1] = x
    return history


def _renumbered(row: Row, members: list[int]) -> Row:
    """A row of the members that are kept, by their new numbers."""
    kept = [j for j, i in enumerate(row["members"]) if i in members]
    own = {k: [v[j] for j in kept] for k, v in row.items() if isinstance(v, list)}
    return {**row, **own, "members": [members.index(row["members"][j]) for j in kept]}


def _taken(result: Result, group: Group, members: np.ndarray) -> Stored:
    """The arrays of a group of the members that are kept."""
    wanted = members[group.places]
    for old, stored in zip(result.plan.groups, result.groups, strict=True):
        if old.fixed == group.fixed:
            at = np.array([np.flatnonzero(old.places == i)[0] for i in wanted])
            ts = stored.train_state
            some = jax.tree.map(lambda x, at=at: x[at], bare(ts))
            key = ts.key if result.shared else ts.key[at]
            step = np.asarray(ts.step)[at]
            return Stored(some._replace(step=step, key=key), stored.diverged[at])
    raise AssertionError("every group has been one before")
