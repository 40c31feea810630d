"""A hook that reports to Optuna, and ends trials that it prunes."""

from jaxdl.interop._extras import needs
from jaxdl.train import Event, Hook


def pruning(trial: object, metric: str = "validation_loss") -> Hook:
    """Reports a metric of the history to an Optuna trial, and ends the run if it is pruned.

    Pass it as the last hook, so that the others have seen the epoch when it raises. To
    train many trials, ``sweep.study`` is several times as fast: each run of ``fit`` with another
    constant in its optimizer recompiles.

    Args:
        trial: the ``optuna.Trial`` that the objective gets.
        metric: a column of the history, reported at each epoch.

    Returns:
        A hook for ``fit``. It raises ``optuna.TrialPruned`` if the study's pruner says so, and a
        ValueError if the history has no such column.

    Raises:
        ImportError: without optuna, which the extra [trackers] brings.
        TypeError: if it isn't a trial.

    Example:
        >>> def objective(trial):
        ...     rate = trial.suggest_float("learning_rate", 1e-4, 1.0, log=True)
        ...     _, history = fit(loss_fn, optax.sgd(rate), start, dataset, epochs=10,
        ...                      batch_size=64, hooks=(pruning(trial),))
        ...     return history[-1]["validation_loss"]
    """
    library = needs("pruning", "optuna", "trackers")
    if not isinstance(trial, library.trial.BaseTrial):
        raise TypeError(f"interop.pruning got {type(trial).__name__}; it needs a trial of Optuna")

    def report(event: Event) -> None:
        if event.kind != "epoch":
            return
        row = event.history[-1]
        if metric not in row:
            raise ValueError(f"interop.pruning: metric is {metric!r}; there are {', '.join(row)}")
        trial.report(row[metric], len(event.history))
        if trial.should_prune():
            raise library.TrialPruned(f"{metric} {row[metric]:.4g} at epoch {row['epoch']}")

    return report
