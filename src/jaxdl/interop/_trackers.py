"""Hooks that log a run to Weights & Biases and to MLflow."""

import time
from collections.abc import Callable, Mapping
from typing import Any

from jaxdl.interop._extras import needs
from jaxdl.parallel import is_primary
from jaxdl.train import Event, Hook
from jaxdl.train._writers import scalars, step_of


def wandb(run: object) -> Hook:
    """Logs a run of ``fit`` to Weights & Biases, offline or online as the run was opened.

    Each number of a row of the history has its name; the loss and the metrics of the steps since
    the previous event are ``steps/loss`` and so on, at every event: with ``fit(…, chunk=1)`` at
    every step. A run that is resumed online gets no step twice; offline, the steps since the
    checkpoint are logged again after a kill. An interruption finishes the run, with 128 + the
    signal's number as its exit code.

    Args:
        run: what ``wandb.init(…)`` returns; to resume one, ``wandb.init(id=…, resume="allow")``.

    Returns:
        A hook for ``fit``. With several processes only the first one logs.

    Raises:
        ImportError: without wandb, which the extra [trackers] brings.
        TypeError: if it isn't a run of wandb.

    Example:
        >>> def tracked(loss_fn, tx, start, dataset):
        ...     import wandb as library
        ...     with library.init(project="cats", mode="offline") as run:
        ...         return fit(loss_fn, tx, start, dataset, epochs=3, hooks=(wandb(run),))
    """
    kind = needs("wandb", "wandb", "trackers").Run
    if not isinstance(run, kind):
        raise TypeError(f"interop.wandb got {type(run).__name__}; it needs what wandb.init returns")
    return _hook(
        last=lambda: run.step - 1 if run.resumed else -1,
        log=lambda step, found: run.log(dict(found), step=step),
        stop=lambda signal: run.finish(exit_code=128 + signal),
    )


def mlflow(run_id: str, client: Any = None) -> Hook:
    """Logs a run of ``fit`` to MLflow: a local file, a database or a server.

    Names are those of ``wandb``. A run that is resumed gets no step twice. An interruption ends the
    run with the status ``"KILLED"``.

    Args:
        run_id: the run's id, such as ``mlflow.start_run().info.run_id``; the same one again to
            resume.
        client: a ``mlflow.MlflowClient``. Defaults to one of the tracking URI in use.

    Returns:
        A hook for ``fit``. With several processes only the first one logs.

    Raises:
        ImportError: without mlflow, which the extra [trackers] brings.

    Example:
        >>> def tracked(loss_fn, tx, start, dataset):
        ...     import mlflow as library
        ...     with library.start_run() as run:
        ...         hook = mlflow(run.info.run_id)
        ...         return fit(loss_fn, tx, start, dataset, epochs=3, hooks=(hook,))
    """
    library = needs("mlflow", "mlflow", "trackers")
    client = client or library.MlflowClient()

    def last() -> int:
        names = client.get_run(run_id).data.metrics
        steps = [entry.step for name in names for entry in client.get_metric_history(run_id, name)]
        return max(steps, default=-1)

    def log(step: int, found: Mapping[str, float]) -> None:
        entry, now = library.entities.Metric, int(1000 * time.time())
        client.log_batch(run_id, [entry(name, value, now, step) for name, value in found.items()])

    return _hook(last, log, stop=lambda signal: client.set_terminated(run_id, "KILLED"))


def _hook(
    last: Callable[[], int],
    log: Callable[[int, Mapping[str, float]], None],
    stop: Callable[[int], None],
) -> Hook:
    """Logs what comes after the last step that a run has logged."""
    known: list[int] = []

    def write(event: Event) -> None:
        if not is_primary():
            return
        if event.kind in ("interrupt", "finish"):
            # After an error the run is left to its with-block, which knows that it failed.
            return None if event.kind == "finish" or event.signal is None else stop(event.signal)
        known[:] = known or [last()]
        if (step := step_of(event)) > known[0]:
            log(step, scalars(event))
            known[0] = step

    return write
