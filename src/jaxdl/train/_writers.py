"""Hooks that write the history to files: JSON lines and TensorBoard events.

With several processes only the first one writes.
"""

import json
import uuid
from pathlib import Path
from typing import Any

from jaxdl import _checks
from jaxdl._warnings import warn
from jaxdl.parallel import is_primary
from jaxdl.train._hooks import Event, Hook
from jaxdl.types import Row


def jsonl(path: str | Path) -> Hook:
    """Writes the history as JSON lines, one per epoch.

    A resumed run starts with the earlier rows. nan is written as NaN, which ``json`` can read. A
    full disk causes a warning, and the rows are written once there is room.

    Args:
        path: the file; its folder is created.

    Returns:
        A hook for ``fit``.

    Raises:
        TypeError: if it isn't a path.
        ValueError: if it is that of a folder.

    Example:
        >>> write = jsonl("runs/metrics.jsonl")  # and then fit(…, hooks=(progress(), write))
    """
    _checks.path("train.jsonl", "path", path)
    path, written, whole = Path(path), False, False
    if path.is_dir():
        raise ValueError(f"train.jsonl: {path} is a folder; it must be the path of a file")
    line = lambda row: json.dumps(row, default=_plain) + "\n"

    def write(event: Event) -> None:
        nonlocal written, whole
        if event.kind != "epoch" or not is_primary():
            return
        try:
            if whole:
                with path.open("a") as file:
                    file.write(line(event.history[-1]))
            else:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text("".join(map(line, event.history)))
            written = whole = True
        except OSError as error:
            if not written:  # a path that never worked
                raise
            whole = False  # the next epoch writes all rows
            _warn(path, event.history[-1], error)

    return write


def tensorboard(directory: str | Path) -> Hook:
    """Writes TensorBoard event files: the numbers of the history, and those between its rows.

    Each number of a row is a scalar of its name, at the row's step. The loss and the metrics of the
    steps since the previous event are ``steps/loss`` and so on, at every event; with ``fit(…,
    chunk=1)`` that is every step. A resumed run replaces what an earlier one wrote from the same
    step on, and the file is closed when the run ends, early or not.

    Args:
        directory: folder for the event files.

    Returns:
        A hook for ``fit``.

    Raises:
        TypeError: if it isn't a path.
        ImportError: if tensorboardX isn't installed: ``pip install tensorboardX``.

    Example:
        >>> hooks = lambda: (tensorboard("runs/events"),)  # and then fit(…, hooks=hooks())
    """
    _checks.path("train.tensorboard", "directory", directory)
    try:
        from tensorboardX import SummaryWriter
    except ImportError as error:
        message = "train.tensorboard needs tensorboardX: pip install tensorboardX"
        raise ImportError(message) from error
    if not is_primary():
        return lambda event: None
    writers: list[Any] = []

    def begun(step: int) -> Any:
        # Hides what an earlier run wrote from this step on. The name is unique to this writer:
        # the library's own names differ only from second to second.
        name = f".{uuid.uuid4().hex[:8]}"
        return SummaryWriter(str(directory), purge_step=step, filename_suffix=name)

    def write(event: Event) -> None:
        if event.kind in ("interrupt", "finish"):
            if writers:
                writers.pop().close()
            return
        step = step_of(event)
        if not writers:
            writers.append(begun(step))
        for name, value in scalars(event).items():
            writers[0].add_scalar(name, value, step)
        if event.kind == "epoch":
            writers[0].flush()

    return write


def step_of(event: Event) -> int:
    """The step at which an event comes.

    Example:
        >>> step_of(Event("epoch", None, [{"epoch": 1, "step": 60}], 2.0))
        60
    """
    return event.history[-1]["step"] if event.kind == "epoch" else int(event.train_state.step)


def scalars(event: Event) -> dict[str, int | float]:
    """The numbers of an event by name: of the steps since the one before, and of a new row.

    Example:
        >>> row = {"epoch": 1, "step": 60, "loss": 0.5, "matrix": [[1, 0], [0, 1]]}
        >>> scalars(Event("epoch", None, [row], 2.0, metrics={"loss": 0.4}))
        {'steps/loss': 0.4, 'epoch': 1, 'loss': 0.5}
    """
    found = {f"steps/{name}": value for name, value in event.metrics.items()}
    found |= event.history[-1] if event.kind == "epoch" else {}
    return {k: v for k, v in found.items() if isinstance(v, int | float) and k != "step"}


def _warn(path: Path, row: Row, error: OSError) -> None:
    reason = error.strerror or error
    message = f"could not write epoch {row['epoch']} to {path}: {reason}; will retry"
    warn(message)


def _plain(x: Any) -> object:
    """Converts arrays, such as a confusion matrix, to lists."""
    return x.tolist() if hasattr(x, "tolist") else list(x)
