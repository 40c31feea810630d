"""What a population came to: a table of its combinations, and each member's TrainState."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import numpy as np

from jaxdl import _checks
from jaxdl.sweep._member import bare
from jaxdl.sweep._plan import Group, Plan, fixed_names, grouped
from jaxdl.sweep._store import Row, Stored
from jaxdl.train._step import TrainState

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Result(NamedTuple):
    """A trained population; what its methods say, functions of the same names compute."""

    plan: Plan
    groups: list[Stored]
    rows: list[Row]
    history: dict[str, np.ndarray]  # by name, shape (members, epochs, …); nan where not trained
    diverged: np.ndarray  # each member's first step whose loss wasn't finite, or -1
    shared: bool
    seconds: dict[str, float]
    signal: int | None = None  # that ended the run before all its epochs

    @property
    def members(self) -> list[dict[str, Any]]:
        """Hyperparameters and ``"seed"`` of each member."""
        return self.plan.members

    def table(self) -> list[dict[str, Any]]:
        """One row a combination; see ``sweep.table``."""
        return table(self)

    def best(self, metric: str, mode: str | None = None) -> dict[str, Any]:
        """The best row; see ``sweep.best``."""
        return best(self, metric, mode)

    def state(self, i: int) -> TrainState:
        """The TrainState of a member; see ``sweep.state``."""
        return state(self, i)

    def plot(self, metric: str | None = None) -> "Figure":
        """Curves with bands, and a heat map; see ``sweep.pictures.draw``."""
        from jaxdl.sweep import _pictures

        return _pictures.draw(self, metric)


def collect(
    plan: Plan,
    groups: Sequence[Stored],
    rows: list[Row],
    *,
    shared: bool,
    seconds: dict[str, float],
    signal: int | None = None,
) -> Result:
    """Puts the rows of parts together into arrays of all members."""
    diverged = np.full(len(plan.members), -1)
    for group, stored in zip(plan.groups, groups, strict=True):
        diverged[group.places] = stored.diverged
    history = _arrays(rows, len(plan.members))
    return Result(plan, list(groups), rows, history, diverged, shared, seconds, signal)


def table(result: Result) -> list[dict[str, Any]]:
    """Sums a population up, one row a combination of hyperparameters.

    A metric's mean and standard error are over the seeds that didn't diverge, at the epoch where
    that mean of ``validation_loss``, or of ``loss``, is the least.

    Args:
        result: of ``run``.

    Returns:
        Dicts with the hyperparameters, ``seeds``, ``diverged`` (how many), ``best_epoch``, for each
        metric its mean and, as ``…_error``, its standard error (nan of a single seed), and
        ``members``, which they are.

    Example:
        >>> from jaxdl.sweep._plan import Plan, grouped
        >>> members = [{"rate": 0.5, "seed": 0}, {"rate": 0.5, "seed": 1}]
        >>> plan = Plan(members, grouped(members, []), 1)
        >>> row = {"members": [0, 1], "epoch": 1, "loss": [1.0, 3.0], "seconds": 1.0}
        >>> result = Result(plan, [], [row], _arrays([row], 2), np.array([-1, -1]), True, {})
        >>> found = table(result)[0]
        >>> found["loss"], found["loss_error"], found["best_epoch"]
        (2.0, 1.0, 1)
    """
    guide = "validation_loss" if "validation_loss" in result.history else "loss"
    return [_row(result, at, guide, -1) for at in _combinations(result.members)]


def best(result: Result, metric: str, mode: str | None = None) -> dict[str, Any]:
    """Finds the combination whose mean over seeds is the best, at its own best epoch.

    Args:
        result: of ``run``.
        metric: a name of the history; ``"accuracy"`` means that of validation where there is one.
        mode: ``"max"`` or ``"min"``; the least of losses and errors unless given, else the most.

    Returns:
        The row of the table, with ``best_epoch`` and all means by this metric.

    Raises:
        ValueError: if there is no such metric, or every member diverged.

    Example:
        >>> best_of = lambda result: result.best("accuracy")["learning_rate"]
    """
    name, sign = column(result, metric, mode)
    rows = [_row(result, at, name, sign) for at in _combinations(result.members)]
    good = [row for row in rows if np.isfinite(row[name])]
    if not good:
        raise ValueError(f"sweep.best: {name} is finite for no combination: every member diverged")
    return max(good, key=lambda row: sign * row[name])


def state(result: Result, i: int) -> TrainState:
    """Takes the TrainState of one member, to evaluate it or to go on with ``fit``.

    Args:
        result: of ``run``.
        i: which one, in the order of ``result.members``.

    Returns:
        A TrainState as ``fit`` returns it.

    Raises:
        IndexError: if there is no such member.

    Example:
        >>> state_of_the_first = lambda result: result.state(0)
    """
    if not 0 <= i < len(result.members):
        raise IndexError(f"sweep.state: there is no member {i}, of {len(result.members)}")
    for group, stored in zip(result.plan.groups, result.groups, strict=True):
        for at in np.flatnonzero(group.places == i):
            ts = stored.train_state
            key = ts.key if result.shared else ts.key[at]
            one = jax.tree.map(lambda x, at=at: x[at], bare(ts)._replace(step=ts.step))
            return jax.device_put(one)._replace(key=key)
    raise AssertionError("every member has a group")


def states(result: Result, members: Sequence[int]) -> TrainState:
    """Takes the TrainStates of some members of one group, stacked along a first axis.

    Args:
        result: of ``run``.
        members: which ones.

    Returns:
        A TrainState each of whose arrays has a first axis of members, for ``ensemble``.

    Raises:
        ValueError: if their shapes differ.

    Example:
        >>> of_best = lambda result: states(result, result.best("accuracy")["members"])
    """
    _checks.positive_ints("sweep.states", members=len(members))
    found = [state(result, i) for i in members]
    shapes = {str(jax.tree.map(np.shape, ts.params)) for ts in found}
    if len(shapes) > 1:
        raise ValueError(f"sweep.states: members {list(members)} don't have the same shapes")
    return jax.tree.map(lambda *x: jax.numpy.stack(x), *found)


def select(result: Result, members: Sequence[int]) -> Result:
    """Keeps some members and compacts the population; ``run`` can go on with it.

    Args:
        result: of ``run``.
        members: which ones to keep.

    Returns:
        A Result of as many members, in this order.

    Raises:
        ValueError: if a member isn't there, or none is kept.

    Example:
        >>> of_best = lambda result: select(result, result.best("accuracy")["members"])
    """
    _checks.positive_ints("sweep.select", members=len(members))
    unknown = [i for i in members if not 0 <= i < len(result.members)]
    if unknown or len(set(members)) < len(members):
        raise ValueError(f"sweep.select: members is {list(members)}; there are 0 to "
                         f"{len(result.members) - 1}, each once")  # fmt: skip
    kept = [result.members[i] for i in members]
    groups = grouped(kept, fixed_names(result.plan))
    plan = Plan(kept, groups, len(_combinations(kept)))
    stored = [_taken(result, group, np.array(members)) for group in groups]
    rows = [r for row in result.rows if (r := _renumbered(row, list(members)))["members"]]
    return collect(plan, stored, rows, shared=result.shared, seconds=result.seconds)


def column(result: Result, metric: str, mode: str | None) -> tuple[str, int]:
    """The history's name for a metric, and 1 where more of it is better, else -1.

    Raises:
        ValueError: if there is no such metric or mode.
    """
    name = f"validation_{metric}" if f"validation_{metric}" in result.history else metric
    if name not in result.history:
        known = ", ".join(result.history)
        raise ValueError(f"sweep: there is no metric {metric!r}; there are {known}")
    if mode not in (None, "max", "min"):
        raise ValueError(f'sweep: mode is {mode!r}; it must be "max" or "min"')
    less = name.endswith(("loss", "error")) if mode is None else mode == "min"
    return name, -1 if less else 1


def moments(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean over the first axis and its standard error, s / √n, nan where n is 1.

    Example:
        >>> mean, error = moments(np.array([1.0, 3.0]))
        >>> float(mean), float(error)
        (2.0, 1.0)
    """
    n = len(values)
    nothing = np.full(np.shape(values)[1:], np.nan)
    mean = values.mean(axis=0) if n else nothing
    return mean, values.std(axis=0, ddof=1) / np.sqrt(n) if n > 1 else nothing


def _row(result: Result, at: Sequence[int], guide: str, sign: int) -> dict[str, Any]:
    """Sums up the members of one combination at the epoch that is the best by a metric."""
    good = [i for i in at if result.diverged[i] < 0]
    means, errors = ({}, {})
    for name, x in result.history.items():
        if x.ndim == 2:
            means[name], errors[name] = moments(x[good])
    finite = np.isfinite(means[guide])
    epoch = int(np.argmax(np.where(finite, sign * means[guide], -np.inf)))
    own = {name: v for name, v in result.members[at[0]].items() if name != "seed"}
    row = {**own, "seeds": len(at), "diverged": len(at) - len(good)}
    row["best_epoch"] = epoch + 1 if finite.any() else None
    for name in means:
        row |= {name: float(means[name][epoch]), f"{name}_error": float(errors[name][epoch])}
    return {**row, "members": list(at)}


def _combinations(members: Sequence[dict[str, Any]]) -> list[list[int]]:
    """The members of each combination of hyperparameters."""
    found: dict[Any, list[int]] = {}
    for i, member in enumerate(members):
        found.setdefault(tuple((k, v) for k, v in member.items() if k != "seed"), []).append(i)
    return list(found.values())


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
