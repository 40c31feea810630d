"""What happens around training: plain functions of an event."""

import sys
from collections.abc import Callable
from typing import Any, Literal, NamedTuple, TextIO

from jaxdl.train.step import TrainState


class Event(NamedTuple):
    """A moment of a run."""

    kind: Literal["epoch", "interrupt", "finish"]
    train_state: TrainState
    history: list[dict[str, Any]]  # a row an epoch; the last row is the newest
    epochs: int  # how many the run will have


Hook = Callable[[Event], None]


def progress(stream: TextIO | None = None) -> Hook:
    """Shows a run on one line of a terminal; elsewhere it is quiet.

    Args:
        stream: where to write; standard error unless given.

    Returns:
        A hook for ``fit``.

    Example:
        >>> show = progress()  # and then fit(…, hooks=(show,)), as it does unless told otherwise
    """

    def show(event: Event) -> None:
        out = sys.stderr if stream is None else stream
        if not out.isatty():
            return
        if event.kind == "epoch":
            out.write(f"\r\x1b[K{_line(event)}")
        elif event.history:
            stopped = ", stopped early as asked" if event.kind == "interrupt" else ""
            out.write(f"\r\x1b[K{_line(event)}{stopped}\n")
        out.flush()

    return show


def _line(event: Event) -> str:
    """Epoch, losses and metrics, speed and the time that is left."""
    row = event.history[-1]
    hidden = ("seconds", "examples_per_second", "compile_seconds")
    numbers = {k: v for k, v in row.items() if isinstance(v, float) and k not in hidden}
    recent = [past["seconds"] for past in event.history[-5:]]
    left = (event.epochs - row["epoch"]) * sum(recent) / len(recent)
    parts = [f"epoch {row['epoch']}/{event.epochs}"]
    parts += [f"{name.replace('_', ' ')} {value:.4f}" for name, value in numbers.items()]
    parts += [f"{row['examples_per_second']:,.0f} examples/s", f"{left:.0f} s left"]
    return "  ".join(parts)
