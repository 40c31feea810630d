"""One experiment with several seeds, and what its members measure on a test set."""

from collections.abc import Sequence
from typing import Any

import jax
import numpy as np

from jaxdl import data as data_lib
from jaxdl import metrics
from jaxdl.sweep import _programs, _store
from jaxdl.sweep._member import Recipe
from jaxdl.sweep._plan import Group, MakeRun, Run
from jaxdl.sweep._result import Result, moments
from jaxdl.sweep._runs import run
from jaxdl.sweep._store import Row, Stored
from jaxdl.types import Batch


def seeds(
    made: Run, data: data_lib.Dataset, *, first: int = 0, n: int, **options: Any
) -> tuple[Result, dict[str, Any]]:
    """Trains a run with n seeds side by side, each as ``fit`` would, and tests all of them.

    Member i is what ``fit`` makes of ``init_state(net, tx, key(first + i))``, its order of batches
    and its dropout included.

    Args:
        made: network, loss and optimizer.
        data: with a test part, where there is to be a test.
        first: the first seed.
        n: how many.
        **options: epochs, batch_size and all else that ``run`` takes.

    Returns:
        The Result, and a dict of ``seeds``, ``diverged``, and for loss and each metric of the test
        ``test_…``, the mean over the members that didn't diverge, and ``test_…_error``, its
        standard error.

    Raises:
        ValueError: as ``run``.

    Example:
        >>> import optax
        >>> from jaxdl import layers, losses, train
        >>> net = layers.dense(1, 1)
        >>> part = {"inputs": np.ones((8, 1), "f"), "labels": np.ones((8, 1), "f")}
        >>> made = Run(net, train.supervised(net, losses.mse_loss), optax.sgd(0.1))
        >>> line = data_lib.Dataset(part, test=part)
        >>> result, measured = seeds(made, line, n=2, epochs=2, batch_size=4)
        >>> sorted(measured)
        ['diverged', 'seeds', 'test_loss', 'test_loss_error']
    """
    options = {"order": "own", **options}
    make_run = lambda: made
    result = run(make_run, data, seeds=range(first, first + n), **options)
    summary: dict[str, Any] = {"seeds": n, "diverged": int((result.diverged >= 0).sum())}
    if data.test is not None:
        measured = evaluate(make_run, result, data.test)
        for name, x in measured.items():
            mean, error = moments(x[result.diverged < 0])
            summary |= {f"test_{name}": float(mean), f"test_{name}_error": float(error)}
    return result, summary


def evaluate(make_run: MakeRun, result: Result, data: Batch) -> dict[str, np.ndarray]:
    """Measures loss and metrics of every member over data.

    Args:
        make_run: that of ``run``.
        result: of ``run``.
        data: arrays by name, as ``dataset.test``.

    Returns:
        By name an array of shape (members, …).

    Raises:
        ValueError: if the data has no rows.

    Example:
        >>> test = lambda make_run, result, data: evaluate(make_run, result, data.test)["accuracy"]
    """
    if not len(jax.tree.leaves(data)[0]):
        raise ValueError("sweep.evaluate got data without rows")
    found: dict[str, np.ndarray] = {}
    for group, stored in zip(result.plan.groups, result.groups, strict=True):
        for name, x in _group_evaluated(make_run, group, stored, data).items():
            full = found.setdefault(name, np.zeros((len(result.members), *x.shape[1:])))
            full[group.places] = x
    return found


def history(result: Result, i: int) -> list[dict[str, Any]]:
    """Gives the history of one member, as ``fit`` gives it.

    Its time is a share of that of all that trained beside it; the speed is theirs together.

    Args:
        result: of ``run``.
        i: which one, in the order of ``result.members``.

    Returns:
        A dict an epoch.

    Raises:
        IndexError: if there is no such member.

    Example:
        >>> losses_of_the_first = lambda result: [row["loss"] for row in history(result, 0)]
    """
    own = [row for row in result.rows if i in row["members"]]
    compiling = result.seconds["compile_seconds"] / len(result.members)

    def one(row: Row) -> dict[str, Any]:
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


def show(rows: Sequence[dict[str, Any]], *, metrics: Sequence[str] = ()) -> str:
    """Writes the rows of a table as lines of text, means ± standard errors.

    Args:
        rows: of ``Result.table``.
        metrics: which ones; all unless given.

    Returns:
        A line of names and a line a row.

    Example:
        >>> row = {"rate": 0.1, "seeds": 2, "diverged": 0, "best_epoch": 3, "loss": 0.5,
        ...        "loss_error": 0.01, "members": [0, 1]}
        >>> print(show([row]))
        rate  seeds  diverged  best_epoch  loss
        0.1   2      0         3           0.5000 ± 0.0100
    """
    errors = [name for name in rows[0] if f"{name}_error" in rows[0]]
    hidden = {"members", *(f"{name}_error" for name in errors)}
    hidden |= {name for name in errors if metrics and name not in metrics}
    names = [name for name in rows[0] if name not in hidden]

    def cell(row: dict[str, Any], name: str) -> str:
        if name in errors:
            return f"{row[name]:.4f} ± {row[f'{name}_error']:.4f}"
        value = row[name]
        return (
            f"{value:.4g}" if isinstance(value, float) else getattr(value, "__name__", str(value))
        )

    lines = [names, *[[cell(row, name) for name in names] for row in rows]]
    widths = [max(len(line[i]) for line in lines) for i in range(len(names))]
    return "\n".join("  ".join(map(str.ljust, line, widths)).rstrip() for line in lines)


def _group_evaluated(
    make_run: MakeRun, group: Group, stored: Stored, data: Batch
) -> dict[str, np.ndarray]:
    """Measures the members of a group, on one device: a test is little work."""
    n, ts = len(group.places), stored.train_state
    layout = _programs.layout_of(n, 1, _store.bytes_of(stored), _store.lanes_of(stored))
    at = np.minimum(np.arange(np.prod(layout)), n - 1)
    some = lambda tree: jax.tree.map(lambda x: x[at], tree)
    # Four times as many rows at once as in a batch: the 1,000 of train.evaluate.
    recipe = Recipe(make_run, group.fixed, batch_size=250, shuffle=False, shared=True)
    run_all = _programs.evaluation(recipe, layout)
    sums = run_all(some(group.numbers), some(ts.params), some(ts.state), dict(data))
    return {name: np.asarray(x)[:n] for name, x in metrics.compute(sums).items()}
