"""Hooks that write the history into files: JSON lines, CSV, TensorBoard; and one that draws it.

With several processes only the first one writes.
"""

import csv as csv_lib
import io
import json
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from jaxdl.parallel import is_primary
from jaxdl.train._hooks import Event, Hook

Names: TypeAlias = tuple[str, ...]


def jsonl(path: str | Path) -> Hook:
    """Writes the history as JSON lines, one an epoch.

    A run that goes on begins with the rows of before. nan is written as NaN, as ``json`` reads it.
    Where the disk is full, rows are warned of, and written as soon as there is room.

    Args:
        path: of the file; its folder is made.

    Returns:
        A hook for ``fit``.

    Example:
        >>> write = jsonl("runs/metrics.jsonl")  # and then fit(…, hooks=(progress(), write))
    """
    line = lambda row, names: json.dumps(row, default=_plain) + "\n"
    return _writer(Path(path), lambda names: "", line)


def csv(path: str | Path) -> Hook:
    """Writes the history as comma-separated values, a line an epoch below a line of names.

    A run that goes on begins with the rows of before. Where the disk is full, rows are warned of,
    and written as soon as there is room.

    Args:
        path: of the file; its folder is made.

    Returns:
        A hook for ``fit``.

    Example:
        >>> write = csv("runs/metrics.csv")  # and then fit(…, hooks=(progress(), write))
    """

    def line(values: Sequence[Any]) -> str:
        text = io.StringIO()
        csv_lib.writer(text, lineterminator="\n").writerow(values)
        return text.getvalue()

    return _writer(Path(path), line, lambda row, names: line([row.get(name) for name in names]))


def tensorboard(directory: str | Path) -> Hook:
    """Writes event files that TensorBoard shows, one scalar for each number of the history.

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
    writer = SummaryWriter(str(directory))

    def write(event: Event) -> None:
        if event.kind == "epoch":
            row = event.history[-1]
            for name, value in row.items():
                if isinstance(value, int | float) and name not in ("epoch", "step"):
                    writer.add_scalar(name, value, row["step"])
            writer.flush()
        elif event.kind in ("interrupt", "finish"):
            writer.close()

    return write


def plotting(draw: Callable[[list[dict[str, Any]]], Any], path: str | Path) -> Hook:
    """Draws the history anew after each epoch, into one picture.

    Args:
        draw: from the history to a figure with ``savefig``, as ``plots.history``.
        path: of the picture; its folder is made.

    Returns:
        A hook for ``fit``.

    Example:
        >>> from jaxdl import plots
        >>> picture = plotting(plots.history, "runs/history.png")
    """
    path = Path(path)

    def show(event: Event) -> None:
        if event.kind == "epoch" and is_primary():
            path.parent.mkdir(parents=True, exist_ok=True)
            draw(event.history).savefig(path)

    return show


def _writer(
    path: Path, head: Callable[[Names], str], line: Callable[[dict[str, Any], Names], str]
) -> Hook:
    """Writes all rows at the first epoch, and where the columns change; else adds the newest."""
    columns: Names = ()
    written = False

    def write(event: Event) -> None:
        nonlocal columns, written
        if event.kind != "epoch" or not is_primary():
            return
        row, known = event.history[-1], columns
        columns = tuple(row)
        try:
            if columns == known:
                with path.open("a") as file:
                    file.write(line(row, columns))
            else:
                path.parent.mkdir(parents=True, exist_ok=True)
                rows = "".join(line(each, columns) for each in event.history)
                path.write_text(head(columns) + rows)
            written = True
        except OSError as error:
            if not written:  # a path that never worked
                raise
            columns = ()  # the next epoch writes all rows
            _warn(path, row, error)

    return write


def _warn(path: Path, row: dict[str, Any], error: OSError) -> None:
    reason = error.strerror or error
    message = f"{path} lacks epoch {row['epoch']} for now: {reason}; the run goes on"
    warnings.warn(message, stacklevel=4)


def _plain(x: Any) -> Any:
    """Arrays, such as those of a confusion matrix, as lists."""
    return x.tolist() if hasattr(x, "tolist") else list(x)
