"""Hooks that write the history into files: JSON lines, and events for TensorBoard.

With several processes only the first one writes.
"""

import json
import uuid
import warnings
from pathlib import Path
from typing import Any

from jaxdl.parallel import is_primary
from jaxdl.train._hooks import Event, Hook


def jsonl(path: str | Path) -> Hook:
    """Writes the history as JSON lines, one an epoch.

    A run that continues begins with the rows of before. nan is written as NaN, as ``json`` reads
    it. Where the disk is full, a warning says so, and rows are written as soon as there is room.

    Args:
        path: of the file; its folder is made.

    Returns:
        A hook for ``fit``.

    Example:
        >>> write = jsonl("runs/metrics.jsonl")  # and then fit(…, hooks=(progress(), write))
    """
    path, written, whole = Path(path), False, False
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
    """Writes event files that TensorBoard shows, one scalar for each number of the history.

    A run that continues replaces what an earlier one wrote from the same step on.

    Args:
        directory: where the files lie.

    Returns:
        A hook for ``fit``.

    Raises:
        ImportError: if tensorboardX isn't installed: ``pip install tensorboardX``.

    Example:
        >>> hooks = lambda: (tensorboard("runs/events"),)  # and then fit(…, hooks=hooks())
    """
    try:
        from tensorboardX import SummaryWriter
    except ImportError as error:
        message = "train.tensorboard needs tensorboardX: pip install tensorboardX"
        raise ImportError(message) from error
    if not is_primary():
        return lambda event: None
    writers: list[Any] = []

    def begun(step: int) -> Any:
        # What an earlier run wrote from this step on is hidden. The name is this writer's alone:
        # the library's own differs from second to second only.
        name = f".{uuid.uuid4().hex[:8]}"
        return SummaryWriter(str(directory), purge_step=step, filename_suffix=name)

    def write(event: Event) -> None:
        if event.kind == "epoch":
            row = event.history[-1]
            if not writers:
                writers.append(begun(row["step"]))
            for name, value in row.items():
                if isinstance(value, int | float) and name not in ("epoch", "step"):
                    writers[0].add_scalar(name, value, row["step"])
            writers[0].flush()
        elif event.kind in ("interrupt", "finish") and writers:
            writers.pop().close()

    return write


def _warn(path: Path, row: dict[str, Any], error: OSError) -> None:
    reason = error.strerror or error
    message = f"could not write epoch {row['epoch']} to {path}: {reason}; will retry"
    warnings.warn(message, stacklevel=3)


def _plain(x: Any) -> Any:
    """Arrays, such as those of a confusion matrix, as lists."""
    return x.tolist() if hasattr(x, "tolist") else list(x)
