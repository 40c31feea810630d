"""A population as a table: one row per combination of hyperparameters, with means over seeds."""

from collections.abc import Sequence

import numpy as np

from jaxdl._checked import checked
from jaxdl.sweep._plan import combinations
from jaxdl.sweep._result import Result
from jaxdl.types import Row


def table(result: Result) -> list[Row]:
    """Summarizes a population, with one row per combination of hyperparameters.

    A metric's mean and standard error are over the seeds that didn't diverge, at the epoch with the
    lowest mean ``validation_loss``, or else ``loss``.

    Args:
        result: of ``run``.

    Returns:
        Dicts with the hyperparameters, ``seeds``, ``diverged`` (how many), ``best_epoch``, for each
        metric its mean and, as ``…_error``, its standard error (nan of a single seed), and
        ``members``, their indices.

    Example:
        >>> from jaxdl.sweep._plan import Plan, grouped
        >>> from jaxdl.sweep._result import collect
        >>> members = [{"rate": 0.5, "seed": 0}, {"rate": 0.5, "seed": 1}]
        >>> plan = Plan(members, grouped(members, []), 1)
        >>> row = {"members": [0, 1], "epoch": 1, "loss": [1.0, 3.0], "seconds": 1.0}
        >>> result = collect(plan._replace(groups=[]), [], [row], shared=True, seconds={})
        >>> found = table(result)[0]
        >>> found["loss"], found["loss_error"], found["best_epoch"]
        (2.0, 1.0, 1)
    """
    guide = "validation_loss" if "validation_loss" in result.history else "loss"
    return [_row(result, at, guide, -1) for at in combinations(result.members)]


def best(result: Result, metric: str, mode: str | None = None) -> Row:
    """Finds the combination with the best mean over seeds, each at its own best epoch.

    Args:
        result: of ``run``.
        metric: a name of the history; ``"accuracy"`` means the validation accuracy if there is one.
        mode: ``"max"`` or ``"min"``. Defaults to ``"min"`` for losses and errors, otherwise
            ``"max"``.

    Returns:
        The row of the table, with ``best_epoch`` and all means by this metric.

    Raises:
        ValueError: if there is no such metric, or every member diverged.

    Example:
        >>> best_of = lambda result: best(result, "accuracy")["learning_rate"]
    """
    name, sign = column(result, metric, mode)
    rows = [_row(result, at, name, sign) for at in combinations(result.members)]
    good = [row for row in rows if np.isfinite(row[name])]
    if not good:
        raise ValueError(f"sweep.best: {name} is finite for no combination: every member diverged")
    return max(good, key=lambda row: sign * row[name])


@checked
def history(result: Result, i: int) -> list[Row]:
    """Returns the history of one member, as ``fit`` returns it.

    Its time is its share of the time of all members trained beside it; the speed is their total.

    Args:
        result: of ``run``.
        i: index of the member in ``result.members``.

    Returns:
        One dict per epoch.

    Raises:
        IndexError: if there is no such member.

    Example:
        >>> losses_of_the_first = lambda result: [row["loss"] for row in history(result, 0)]
    """
    own = [row for row in result.rows if i in row["members"]]
    compiling = result.seconds["compile_seconds"] / len(result.members)

    def one(row: Row) -> Row:
        at, n = row["members"].index(i), len(row["members"])
        numbers = {k: v[at] for k, v in row.items() if isinstance(v, list) and k != "members"}
        return {
            "epoch": row["epoch"],
            "step": row["step"],
            **numbers,
            "seconds": row["seconds"] / n,
            "examples_per_second": row["examples_per_second"],
            "compile_seconds": compiling if row is own[0] else 0.0,
        }

    return [one(row) for row in own]


def format_table(rows: Sequence[Row], *, metrics: Sequence[str] = ()) -> str:
    """Formats the rows of a table as text, with means ± standard errors.

    Args:
        rows: from ``table``.
        metrics: the metrics to show. Defaults to all.

    Returns:
        A header line and one line per row.

    Example:
        >>> row = {"rate": 0.1, "seeds": 2, "diverged": 0, "best_epoch": 3, "loss": 0.5,
        ...        "loss_error": 0.01, "members": [0, 1]}
        >>> print(format_table([row]))
        rate  seeds  diverged  best_epoch  loss
        0.1   2      0         3           0.5000 ± 0.0100
    """
    errors = [name for name in rows[0] if f"{name}_error" in rows[0]]
    hidden = {"members", *(f"{name}_error" for name in errors)}
    hidden |= {name for name in errors if metrics and name not in metrics}
    names = [name for name in rows[0] if name not in hidden]

    def cell(row: Row, name: str) -> str:
        if name in errors:
            return f"{row[name]:.4f} ± {row[f'{name}_error']:.4f}"
        value = row[name]
        return (
            f"{value:.4g}" if isinstance(value, float) else getattr(value, "__name__", str(value))
        )

    lines = [names, *[[cell(row, name) for name in names] for row in rows]]
    widths = [max(len(line[i]) for line in lines) for i in range(len(names))]
    return "\n".join("  ".join(map(str.ljust, line, widths)).rstrip() for line in lines)


def column(result: Result, metric: str, mode: str | None) -> tuple[str, int]:
    """The history's name for a metric, and 1 if higher is better, else -1.

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


def _row(result: Result, at: Sequence[int], guide: str, sign: int) -> Row:
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
