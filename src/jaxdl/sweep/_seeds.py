"""One experiment with several seeds, trained side by side and tested."""

from typing import Any

from jaxdl import data as data_lib
from jaxdl._checked import checked
from jaxdl.sweep._evaluate import evaluate
from jaxdl.sweep._plan import MakeRun, Run, Steps
from jaxdl.sweep._result import Result
from jaxdl.sweep._runs import run
from jaxdl.sweep._table import moments
from jaxdl.types import Row


@checked
def run_seeds(
    made: Run | Steps | MakeRun, data: data_lib.Dataset, *, first: int = 0, n: int, **options: Any
) -> tuple[Result, Row]:
    """Trains with n seeds side by side, each as ``fit`` would, and tests all of them.

    Member i is what ``fit`` makes of ``init_state(net, tx, key(first + i))``, with the same order
    of batches and the same dropout.

    Args:
        made: network, loss and optimizer for all seeds or, if they depend on the seed, a function
            of ``seed`` that makes them, as for ``run``. The seed is traced; if shapes or Python
            code depend on it, ``static=("seed",)`` trains the seeds one after another.
        data: the data; a test part is needed for the test.
        first: the first seed.
        n: number of seeds.
        **options: epochs, batch_size and other arguments of ``run``.

    Returns:
        The Result, and a dict of ``seeds``, ``diverged``, and for loss and each metric of the test
        ``test_…``, the mean over the members that didn't diverge, and ``test_…_error``, its
        standard error.

    Raises:
        ValueError: as ``run``.

    Example:
        >>> import numpy as np
        >>> import optax
        >>> from jaxdl import layers, losses, train
        >>> net = layers.dense(1, 1)
        >>> part = {"inputs": np.ones((8, 1), "f"), "labels": np.ones((8, 1), "f")}
        >>> made = Run(net, train.supervised(net, losses.mse_loss), optax.sgd(0.1))
        >>> line = data_lib.Dataset(part, test=part)
        >>> result, measured = run_seeds(made, line, n=2, epochs=2, batch_size=4)
        >>> sorted(measured)
        ['diverged', 'seeds', 'test_loss', 'test_loss_error']
    """
    make_run: MakeRun = (lambda: made) if isinstance(made, Run | Steps) else made
    options = {"order": "own", **options}
    result = run(make_run, data, seeds=range(first, first + n), **options)
    summary: Row = {"seeds": n, "diverged": int((result.diverged >= 0).sum())}
    if data.test is not None:
        measured = evaluate(make_run, result, data.test)
        for name, x in measured.items():
            mean, error = moments(x[result.diverged < 0])
            summary |= {f"test_{name}": float(mean), f"test_{name}_error": float(error)}
    return result, summary
