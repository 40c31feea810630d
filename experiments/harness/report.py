"""What an experiment leaves behind: pictures, and result.json with all it takes to reproduce it."""

import dataclasses
import math
import os
import statistics
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import numpy as np
import optax

import jaxdl
from harness import folder as folders
from harness.config import Config, UserError, flag
from harness.data import part_of
from harness.figures import of_classes
from harness.run import Looped, Swept, Trained
from harness.seeds import Done
from jaxdl import parallel, sweep, train

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PLACES = ("output", "seed", "seeds", "cache", "resume", "data_dir")
"""Flags that say where a run is and which of several; the others name what it computes."""


class Report(NamedTuple):
    """What came of an experiment. Pictures are drawn when the numbers are on the disk."""

    numbers: Mapping[str, Any]
    figures: Mapping[str, Callable[[], "Figure"]]
    texts: Mapping[str, str] = {}


def classification(config: Config, trained: Trained) -> Report:
    """The usual report of a network that tells classes apart: test numbers, and pictures."""
    numbers = tested(config, trained)
    history = trained.history
    seconds, compiling = (sum(row[k] for row in history) for k in ("seconds", "compile_seconds"))
    print(
        f"test accuracy {numbers['test_accuracy']:.4f}, test loss {numbers['test_loss']:.4f} after "
        f"{history[-1]['epoch']} of {config.epochs} epochs: {seconds:.1f} s of training and "
        f"{compiling:.1f} s of compilation"
    )
    return Report(numbers, of_classes(config, trained))


def tested(config: Config, trained: Trained, **options: Any) -> dict[str, float]:
    """Loss and metrics on the test part, by names that begin with ``test_``."""
    run, part = trained.run, part_of(trained.run.data, "test")
    measured = train.evaluate(
        run.loss_fn,
        trained.train_state,
        part,
        devices=parallel.Placement(config.parallel),
        **options,
    )
    return {f"test_{name}": value for name, value in measured.items()}


def tested_each(swept: Swept) -> dict[str, np.ndarray]:
    """Loss and metrics of each member of a population on the test part."""
    made, test = swept.population.make_run, part_of(swept.population.data, "test")
    return sweep.evaluate(made, swept.result, test)


def finish(
    config: Config, report: Report, done: Sequence[Done]
) -> tuple[dict[str, Any], list[str]]:
    """Writes result.json, then texts and pictures.

    Returns:
        What is in result.json, and what went wrong with texts and pictures: a caller that has
        other seeds to finish can say so when their numbers are on the disk too.
    """
    folder = config.output
    result = {"finished": True} | dict(report.numbers) | _circumstances(config, done)
    if not parallel.is_primary():
        return result, []
    folders.write_json(folder / folders.RESULT, result)
    print(f"numbers:  {folder / folders.RESULT}")
    try:
        folders.claim(folder, [*report.texts, *report.figures])
        for name, text in report.texts.items():
            folders.write_text(folder / name, text)
    except (OSError, UserError) as error:
        return result, [str(error)]
    failed = [why for item in report.figures.items() if (why := _drawn(folder, *item))]
    if not failed:
        print(f"pictures: {', '.join(str(folder / name) for name in report.figures)}")
    return result, failed


def unfinished(config: Config, why: str) -> None:
    """Writes a result.json that says that the run hasn't finished."""
    if parallel.is_primary():
        content = {"finished": False, "why": why, "command": command(config), "seed": config.seed}
        folders.write_json(config.output / folders.RESULT, content)


def summarise(output: Path, configs: Sequence[Config], results: Sequence[dict[str, Any]]) -> None:
    """Prints mean ± standard error over seeds of every number that isn't the same in all runs.

    Seeds that are trained together share the time they took: each is given the mean.
    """
    times = ("seconds", "cpu_seconds")
    shares = {name: statistics.fmean(result[name] for result in results) for name in times}
    numbers = [
        k for k, v in results[0].items() if isinstance(v, float) and not k.endswith("seconds")
    ]
    summary: dict[str, Any] = {"seeds": [result["seed"] for result in results]}
    for name in numbers:
        values = [result[name] for result in results]
        error = statistics.stdev(values) / math.sqrt(len(values))
        summary[name] = {"mean": statistics.fmean(values), "standard_error": error}
        print(f"{name}: {statistics.fmean(values):.4f} ± {error:.4f} over {len(values)} seeds")
    if not parallel.is_primary():
        return
    for config, result in zip(configs, results, strict=True):
        folders.write_json(config.output / folders.RESULT, result | shares)
    folders.write_json(output / "seeds.json", summary)


def command(config: Config) -> str:
    """The command line of a config without output and seed: it names a result."""
    left_out = (*PLACES, "epochs") if config.smoke else PLACES  # it has its own number of epochs
    fields = [f for f in dataclasses.fields(config) if f.name not in left_out]
    changed = {
        f.name: getattr(config, f.name) for f in fields if getattr(config, f.name) != f.default
    }
    words = [f"experiments/{script(config).name}"]
    for name, value in changed.items():
        if isinstance(value, bool):
            words.append(flag(name) if value else flag(f"no_{name}"))
        else:
            values = value if isinstance(value, tuple) else (value,)
            words += [flag(name), *map(str, values)]
    return " ".join(["python", *words])


def script(config: Config) -> Path:
    """The file of the experiment that a config belongs to."""
    return Path(sys.modules[type(config).__module__].__file__ or "")


def _drawn(folder: Path, name: str, draw: Callable[[], "Figure"]) -> str:
    """Draws a picture; returns what went wrong."""
    try:
        draw().savefig(folder / name)
    except OSError as error:
        return f"{folder / name} isn't written: {error.strerror or error}"
    except Exception as error:  # a mistake in drawing; its place is shown, and the run goes on
        traceback.print_exc()
        return f"{folder / name} can't be drawn: {type(error).__name__}: {error}"
    return ""


def _circumstances(config: Config, done: Sequence[Done]) -> dict[str, Any]:
    """What one needs to know to interpret a result and to reproduce it."""
    here = Path(__file__).parent
    describe = ["git", "-C", str(here), "describe", "--always", "--dirty"]
    git = subprocess.run(describe, capture_output=True, text=True, check=False)
    wall, cpu = _lap()
    rows = [row for each in done if isinstance(each, Trained | Looped) for row in each.history]
    compiling = [row["compile_seconds"] for row in rows]
    swept = [each.result for each in done if isinstance(each, Swept)]
    compiling += [result.seconds["compile_seconds"] for result in swept]
    return {
        "command": command(config),
        "seconds": wall,
        "cpu_seconds": cpu,
        "seconds_per_epoch": [row["seconds"] for row in rows],
        "compile_seconds": float(sum(compiling)),
        "epochs": max((row["epoch"] for row in rows), default=config.epochs),
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
    """Wall-clock and all cores' seconds since the start of the program, or the last result."""
    now = [time.perf_counter(), time.process_time()]
    wall, cpu = (after - before for after, before in zip(now, _LAST, strict=True))
    _LAST[:] = now
    return wall, cpu
