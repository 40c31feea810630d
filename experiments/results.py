"""What an experiment leaves behind: pictures, and result.json with all it takes to get it again."""

import dataclasses
import json
import math
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import jax
import optax

import jaxdl
from jaxdl import parallel

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from common import Config

C = TypeVar("C", bound="Config")

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#767676")
"""Colours that everybody can tell apart (Okabe and Ito, 2008)."""

PLACES = ("output", "seed", "cache", "resume", "data_dir")
"""Flags that say where a run is and which of several; the others name what it computes."""


def prepare(config: "Config") -> None:
    """Makes the output folder and writes the config into it, or ends with the reason."""
    folder, reason = config.output, ""
    if parallel.is_primary():
        try:
            folder.mkdir(parents=True, exist_ok=True)
            text = json.dumps(dataclasses.asdict(config), indent=2, default=str)
            (folder / "config.json").write_text(text + "\n")
            if not config.resume and (folder / "checkpoints").exists():
                shutil.rmtree(folder / "checkpoints")  # of an earlier run, which this one replaces
        except OSError as error:
            reason = error.strerror or str(error)
    if parallel.broadcast_from_primary(bool(reason)):  # all processes wait here for the first
        sys.exit(f"error: --output {folder} can't be written: {reason}")


def goes_on(config: C) -> C:
    """The config of a run that also resumes where the launcher has restarted it."""
    return dataclasses.replace(config, resume=config.resume or started_again(config.output))


def started_again(output: Path) -> bool:
    """Whether the launcher restarted this run, and an earlier start left a checkpoint."""
    launched = float(os.environ.get("JAXDL_LAUNCHED", "inf"))  # what is older is of another run
    sums = [folder / "SHA256SUMS" for folder in saved(output)]
    again = os.environ.get("JAXDL_RESTART", "0") != "0"
    new = [path for path in sums if path.exists() and path.stat().st_mtime >= launched]
    return bool(parallel.broadcast_from_primary(again and bool(new)))


def saved(output: Path) -> list[Path]:
    """The checkpoints of a run; none where it was killed before its first was whole."""
    return [path for path in (output / "checkpoints").glob("[0-9]*[0-9]") if path.is_dir()]


def finish(
    config: "Config",
    numbers: Mapping[str, Any],
    figures: Mapping[str, "Figure"],
    *,
    history: Sequence[dict[str, Any]] = (),
) -> dict[str, Any]:
    """Writes result.json, with all that one needs to get it again, and the pictures."""
    if parallel.is_primary():
        config.output.mkdir(parents=True, exist_ok=True)
        for name, figure in figures.items():
            figure.savefig(config.output / name)
    result = dict(numbers) | _circumstances(config, history)
    _write(config.output / "result.json", result)
    print(f"pictures: {', '.join(str(config.output / name) for name in figures)}")
    print(f"numbers:  {config.output / 'result.json'}")
    return result


def canvas(rows: int, columns: int, *, width: float, height: float) -> "Figure":
    """A grid of axes, each of a size in inches, for a picture on a slide."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(columns * width, rows * height), layout="constrained", dpi=150)
    FigureCanvasAgg(figure)
    for axes in figure.subplots(rows, columns, squeeze=False).flat:
        axes.spines[["top", "right"]].set_visible(False)
        axes.set_prop_cycle(color=COLOURS)
    return figure


def summarise(output: Path, folders: Sequence[Path], results: Sequence[dict[str, Any]]) -> None:
    """Prints mean ± standard error over seeds of every number that isn't the same in all runs.

    Seeds that train together do so while the first of them runs: each counts for its share of the
    time that all took.
    """
    times = ("seconds", "cpu_seconds")
    shares = {name: statistics.fmean(result[name] for result in results) for name in times}
    for folder, result in zip(folders, results, strict=True):
        _write(folder / "result.json", result | shares)
    numbers = [
        k for k, v in results[0].items() if isinstance(v, float) and not k.endswith("seconds")
    ]
    summary: dict[str, Any] = {"seeds": [result["seed"] for result in results]}
    for name in numbers:
        values = [result[name] for result in results]
        error = statistics.stdev(values) / math.sqrt(len(values))
        summary[name] = {"mean": statistics.fmean(values), "standard_error": error}
        print(f"{name}: {statistics.fmean(values):.4f} ± {error:.4f} over {len(values)} seeds")
    _write(output / "seeds.json", summary)


def _write(path: Path, content: Mapping[str, Any]) -> None:
    if parallel.is_primary():
        path.write_text(json.dumps(content, indent=2) + "\n")


def _circumstances(config: "Config", history: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """What one needs to know to read a result, and to get it again."""
    here = Path(__file__).parent
    describe = ["git", "-C", str(here), "describe", "--always", "--dirty"]
    git = subprocess.run(describe, capture_output=True, text=True, check=False)
    wall, cpu = _lap()
    return {
        "command": _command(config),
        "seconds": wall,
        "cpu_seconds": cpu,
        "seconds_per_epoch": [row["seconds"] for row in history],
        "compile_seconds": float(sum(row["compile_seconds"] for row in history)),
        "epochs": max((row["epoch"] for row in history), default=config.epochs),
        "seed": config.seed,
        "parallel": config.parallel,
        "devices": f"{jax.device_count()} x {jax.devices()[0].device_kind}",
        "processes": jax.process_count(),
        "cores": os.cpu_count(),
        "versions": f"python {sys.version.split()[0]}, jax {jax.__version__}, "
        f"optax {optax.__version__}, jaxdl {jaxdl.__version__}",
        "commit": git.stdout.strip(),
    }


_LAST = [time.perf_counter(), 0.0]  # when the result before this one was written


def _lap() -> tuple[float, float]:
    """Seconds by the wall and of all cores since the start of the program, or the last result."""
    now = [time.perf_counter(), time.process_time()]
    wall, cpu = (after - before for after, before in zip(now, _LAST, strict=True))
    _LAST[:] = now
    return wall, cpu


def _command(config: "Config") -> str:
    """The command line of a config, but for where it writes and its seed: what names a result."""
    left_out = (*PLACES, "epochs") if config.smoke else PLACES  # it has its own number of epochs
    fields = [f for f in dataclasses.fields(config) if f.name not in left_out]
    changed = {
        f.name: getattr(config, f.name) for f in fields if getattr(config, f.name) != f.default
    }
    words = [sys.modules[type(config).__module__].__file__ or ""]
    for name, value in changed.items():
        values = value if isinstance(value, tuple) else () if value is True else (value,)
        words += [f"--{name.replace('_', '-')}", *map(str, values)]
    return " ".join(["python", f"experiments/{Path(words[0]).name}", *words[1:]])
