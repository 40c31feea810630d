"""The progress of a population, on one line of a terminal."""

import shutil
import sys
from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from jaxdl.parallel import is_primary
from jaxdl.train._hooks import WIDTH
from jaxdl.types import Row


class Progress(NamedTuple):
    """The progress of a population."""

    runs: int
    done: float  # epochs of single members so far, such as 3.5
    total: int  # epochs of single members in all
    seconds: float  # since it began, compilation included
    newest: Row | None  # of the last epoch


Hook: TypeAlias = Callable[[Progress], None]


def progress() -> Hook:
    """Shows the progress of a population on one line of a terminal.

    Without a terminal, and in all processes but one, it is silent.

    Returns:
        A hook for ``run``.

    Example:
        >>> show = progress()  # for run(…, hooks=(show,)), which is what run does by default
    """
    bars: list[Any] = []

    def show(at: Progress) -> None:
        from tqdm import tqdm  # type: ignore[import-untyped]

        if not sys.stderr.isatty() or not is_primary():
            return
        if not bars:
            columns = min(WIDTH, shutil.get_terminal_size((WIDTH, 24)).columns) - 1
            bars.append(tqdm(total=at.total, ncols=columns, bar_format="{desc}"))
        bars[0].n = at.done
        bars[0].set_description_str(progress_line(at))
        if at.done >= at.total:
            bars.pop().close()

    return show


def progress_line(at: Progress) -> str:
    """Writes the progress of a population, its speed and the time left.

    Example:
        >>> progress_line(Progress(10, 25.0, 100, 5.0, None))
        'runs 2.5/10  0.5 runs/s  15 s left'
    """
    whole = at.done * at.runs / at.total
    speed, left = whole / at.seconds, at.seconds * (at.total - at.done) / max(at.done, 1e-9)
    parts = [f"runs {whole:.1f}/{at.runs}"]
    if at.newest is not None:
        shown = {k: np.asarray(v) for k, v in at.newest.items() if isinstance(v, list)}
        numbers = {k: x for k, x in shown.items() if x.ndim == 1 and k != "members"}
        losses = [x for k, x in numbers.items() if k.endswith("loss")]
        good = losses[-1][np.isfinite(losses[-1])]
        if len(good):
            parts.append(f"loss {good.min():.4f} to {good.max():.4f}")
    return "  ".join([*parts, f"{speed:.1f} runs/s", f"{left:.0f} s left"])
