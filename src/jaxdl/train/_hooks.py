"""Hooks: plain functions of an event, called during training."""

import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Literal, NamedTuple, TextIO, TypeAlias

from jaxdl.parallel import is_primary
from jaxdl.train._contract import COLUMNS
from jaxdl.train._step import TrainState
from jaxdl.types import PyTree, Row

Kind: TypeAlias = Literal["chunk", "epoch", "interrupt", "finish"]


class Event(NamedTuple):
    """A moment of a run.

    ``"chunk"`` comes once or twice a second within a long epoch, ``"epoch"`` after the validation
    of a complete one. Both have the loss and the metrics of the steps since the previous event: of
    each step with ``fit(…, chunk=1)``. The last event is ``"finish"``, or ``"interrupt"`` if a
    signal, a cluster's preemption notice or an error ended the run early: ``fit`` resumes, to the
    bit, from ``train_state`` and ``history``.

    If a hook raises, all others still get the event and then, in a run of one process, every hook
    gets its last event, before ``fit`` raises the error.
    """

    kind: Kind
    train_state: TrainState
    history: list[Row]  # one row per complete epoch, the newest last
    epochs: float | None  # total number of epochs; None if unknown
    share: float | None = None  # completed fraction of the current epoch; None if unknown
    signal: int | None = None  # the number of the signal that asked to stop; None after an error
    columns: tuple[str, ...] = ()  # the names in a row of the history, if known
    metrics: Mapping[str, PyTree] = MappingProxyType({})  # of the steps since the last event


Hook: TypeAlias = Callable[[Event], None]
"""Is called with each ``Event`` of a run, to show, write or save something."""


def call_all(hooks: Sequence[Hook], event: Event) -> None:
    """Calls all hooks, even those after one that raises; then raises the first error.

    Example:
        >>> def fails(event):
        ...     raise ValueError("no room")
        >>> call_all([fails, lambda event: print(event.kind)], Event("epoch", None, [], 1))
        Traceback (most recent call last):
        ...
        ValueError: no room
    """
    errors = []
    for hook in hooks:
        try:
            hook(event)
        except Exception as error:
            errors.append(error)
    for further in errors[1:]:
        errors[0].add_note(f"another hook raised {further!r}")
    if errors:
        raise errors[0]


def progress(stream: TextIO | None = None) -> Hook:
    """Shows progress on one line of a terminal; silent elsewhere and in all processes but one.

    Args:
        stream: where to write. Defaults to standard error.

    Returns:
        A hook for ``fit``.

    Example:
        >>> show = progress()  # for fit(…, hooks=(show,)), which is what fit does by default
    """
    bars: list[Any] = []

    def show(event: Event) -> None:
        out = sys.stderr if stream is None else stream
        if not out.isatty() or not is_primary():
            return
        done = _done(event)
        if not bars:
            bars.append(_bar(event, done, out))
        bar = bars[0]
        bar.n = done if event.epochs is None else min(done, event.epochs)
        bar.set_description_str(_place(event), refresh=False)
        bar.set_postfix_str(_numbers(event) + _ending(event), refresh=False)
        bar.refresh()
        if event.kind in ("interrupt", "finish"):
            bars.pop().close()

    return show


WIDTH = 80


def _bar(event: Event, done: float, out: TextIO) -> Any:
    from tqdm import tqdm  # type: ignore[import-untyped]

    columns = min(WIDTH, shutil.get_terminal_size((WIDTH, 24)).columns) - 1
    form = "{desc}{postfix}" if event.epochs is None else "{desc}, {remaining} left{postfix}"
    return tqdm(
        total=event.epochs, initial=done, file=out, ncols=columns, bar_format=form, delay=1e-9
    )


def _ending(event: Event) -> str:
    if event.kind != "interrupt":
        return ""
    return ", ended by an error" if event.signal is None else ", stopped early as asked"


def _done(event: Event) -> float:
    """The number of epochs done, including the fraction of the current one."""
    done = event.history[-1]["epoch"] if event.history else 0
    return done + (event.share or 0 if event.kind in ("chunk", "interrupt") else 0)


def _place(event: Event) -> str:
    done = int(event.history[-1]["epoch"]) if event.history else 0
    partial = event.kind in ("chunk", "interrupt") and event.share != 0
    total = "" if event.epochs is None else f"/{event.epochs:g}"
    text = f"epoch {done + partial}{total}"
    if not partial:
        return text
    step = f"step {int(event.train_state.step)}"
    return f"{text} {step if event.share is None else f'{event.share:.0%}'}"


def _numbers(event: Event) -> str:
    """Speed, losses and metrics of the newest epoch; whatever doesn't fit is cut off."""
    if not event.history:
        return ""
    row = event.history[-1]
    numbers = {k: v for k, v in row.items() if isinstance(v, float) and k not in COLUMNS}
    first = sorted(numbers, key=lambda name: name not in ("loss", "validation_loss"))
    shown = [f"{name.replace('validation_', 'val ')} {numbers[name]:.4g}" for name in first]
    return "  ".join([f"{row['examples_per_second']:,.0f}/s", *shown])
