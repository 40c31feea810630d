"""What happens around training: plain functions of an event."""

import sys
from collections.abc import Callable
from typing import Any, Literal, NamedTuple, TextIO, TypeAlias

from jaxdl.parallel import is_primary
from jaxdl.train._step import TrainState

Kind: TypeAlias = Literal["chunk", "epoch", "interrupt", "finish"]


class Event(NamedTuple):
    """A moment of a run.

    ``"chunk"`` comes within a long epoch, once or twice a second, ``"epoch"`` after the validation
    of a complete one. The last event is ``"finish"``, or ``"interrupt"`` where a signal, or a
    cluster's notice, ended the run before all its epochs were complete: ``fit`` continues, to the
    bit, from ``train_state`` and ``history``.
    """

    kind: Kind
    train_state: TrainState
    history: list[dict[str, Any]]  # a row a complete epoch; the last row is the newest
    epochs: float | None  # how many the run will have; None where nobody knows
    share: float | None = None  # of the epoch under way that is done; None where nobody knows
    signal: int | None = None  # the number of the signal that asked to stop
    columns: tuple[str, ...] = ()  # the names in a row of the history, where they are known


Hook = Callable[[Event], None]


def progress(stream: TextIO | None = None) -> Hook:
    """Shows a run on one line of a terminal; elsewhere, and in all processes but one, it is quiet.

    Args:
        stream: where to write; standard error unless given.

    Returns:
        A hook for ``fit``.

    Example:
        >>> show = progress()  # and then fit(…, hooks=(show,)), as it does unless told otherwise
    """

    def show(event: Event) -> None:
        out = sys.stderr if stream is None else stream
        if not out.isatty() or not is_primary():
            return
        end = {"interrupt": ", stopped early as asked\n", "finish": "\n"}.get(event.kind, "")
        out.write(f"\r\x1b[K{_line(event)}{end}")
        out.flush()

    return show


def _line(event: Event) -> str:
    """Epoch, how far it is, losses and metrics of the last one, speed and the time that is left."""
    done = len(event.history) and event.history[-1]["epoch"]
    partial = event.kind in ("chunk", "interrupt") and event.share != 0
    parts = [f"epoch {done + partial}/{event.epochs}"]
    if partial and event.share is not None:
        parts += [f"{event.share:.0%}"]
    elif partial:
        parts += [f"step {int(event.train_state.step)}"]
    if not event.history:
        return "  ".join(parts)
    row = event.history[-1]
    hidden = ("seconds", "examples_per_second", "compile_seconds")
    numbers = {k: v for k, v in row.items() if isinstance(v, float) and k not in hidden}
    recent = [past["seconds"] for past in event.history[-5:]]
    left = (event.epochs - done - (event.share or 0)) * sum(recent) / len(recent)
    parts += [f"{name.replace('_', ' ')} {value:.4f}" for name, value in numbers.items()]
    parts += [f"{row['examples_per_second']:,.0f} examples/s", f"{left:.0f} s left"]
    return "  ".join(parts)
