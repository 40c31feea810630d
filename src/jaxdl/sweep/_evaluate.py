"""Measures every member of a population on data."""

import jax
import numpy as np

from jaxdl import metrics
from jaxdl.data._dataset import plain
from jaxdl.data._validity import check_widths
from jaxdl.sweep import _memory, _programs, _store
from jaxdl.sweep._loop import by_member
from jaxdl.sweep._member import Spec
from jaxdl.sweep._plan import Group, MakeRun
from jaxdl.sweep._result import Result
from jaxdl.sweep._store import Stored
from jaxdl.train._weights import rows_of
from jaxdl.types import Batch


def evaluate(make_run: MakeRun, result: Result, data: Batch) -> dict[str, np.ndarray]:
    """Measures loss and metrics of every member over data.

    Args:
        make_run: that of ``run``.
        result: of ``run``.
        data: arrays by name, such as ``dataset.test``.

    Returns:
        Arrays by name, of shape (members, …), or (members, fields, …) for sums with several fields.

    Raises:
        ValueError: if the data has no rows, or an integer that doesn't fit the 32 bits JAX keeps.

    Example:
        >>> test = lambda make_run, result, data: evaluate(make_run, result, data.test)["accuracy"]
    """
    if not rows_of(data):
        raise ValueError("sweep.evaluate got data without rows")
    check_widths("sweep.evaluate: data", data)
    found: dict[str, np.ndarray] = {}
    for group, stored in zip(result.plan.groups, result.groups, strict=True):
        for name, x in _measured(make_run, group, stored, data, shared=result.shared).items():
            full = found.setdefault(name, np.zeros((len(result.members), *x.shape[1:])))
            full[group.places] = x
    return found


def _measured(
    make_run: MakeRun, group: Group, stored: Stored, data: Batch, *, shared: bool
) -> dict[str, np.ndarray]:
    """Measures the members of a group, on one device: a test is little work."""
    n = len(group.places)
    layout = _programs.layout_of(n, 1, _store.bytes_of(stored), _memory.lanes_of(stored))
    at = np.minimum(np.arange(np.prod(layout)), n - 1)
    # Four times as many rows at once as in a batch: the 1,000 of train.evaluate.
    spec = Spec(make_run=make_run, fixed=group.fixed, batch_size=250, shuffle=False, shared=shared)
    numbers = jax.tree.map(lambda x: x[at], group.numbers)
    # Stopped members have taken fewer steps; a test's numbers don't depend on that.
    train_state = _store.pick(stored, at, shared=shared)
    sums = _programs.evaluator(spec, layout)(numbers, train_state, plain(data))
    return {name: by_member(x, n) for name, x in metrics.compute(sums).items()}
