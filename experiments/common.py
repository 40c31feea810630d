"""What every experiment shares: its flags, its folder of results, its run and its report."""

import dataclasses
import json
import math
import os
import shutil
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import jax
import numpy as np
import optax
from simple_parsing import ArgumentParser, DashVariant

import jaxdl
from jaxdl import checkpoint, plots, train
from jaxdl.parallel import Parallel

if TYPE_CHECKING:
    from matplotlib.figure import Figure

S = TypeVar("S", bound="Study")
T = TypeVar("T")

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#767676")
"""Colours that everybody can tell apart (Okabe and Ito, 2008)."""


@dataclasses.dataclass(frozen=True)
class Study:
    """The flags that every experiment takes."""

    output: Path = Path("runs")
    """folder for numbers, checkpoints and pictures"""
    seed: int = 0
    """of the initial parameters, the order of the data and dropout"""
    epochs: int = 10
    """passes over the training part"""
    smoke: bool = False
    """two epochs on a few rows: does everything run?"""
    cache: Path | None = None
    """folder that keeps compiled programs, for later runs to start sooner"""


@dataclasses.dataclass(frozen=True)
class Config(Study):
    """The flags of an experiment that trains with ``train.fit``."""

    parallel: Parallel = "auto"
    """what runs a step on several devices"""
    resume: bool = False
    """go on from the newest checkpoint in the output folder"""


def start(main: Callable[[S], dict[str, Any]], config: type[S], description: str | None) -> None:
    """Runs an experiment from the command line, once or for each of ``--seeds N`` seeds."""
    parser = _parser(config, description)
    text = "how many seeds, from --seed on, each in a folder of its own (default: 1)"
    parser.add_argument("--seeds", type=int, default=1, help=text)
    options = parser.parse_args()
    chosen = _chosen(options.config)
    if options.seeds < 1:
        parser.error(f"argument --seeds: {options.seeds} seeds; it needs 1 or more")
    if options.seeds == 1:
        main(chosen)
        return
    # One run after another. A population in one program (jaxdl.sweep) would take their place here.
    parts = [
        dataclasses.replace(part(chosen, f"seed_{seed}"), seed=seed)
        for seed in range(chosen.seed, chosen.seed + options.seeds)
    ]
    _summarise(chosen.output, [main(each) for each in parts])


def parse(config: type[S], description: str | None) -> S:
    """Reads a config from the command line; its fields' comments are the help."""
    return _chosen(_parser(config, description).parse_args().config)


def part(config: S, name: str) -> S:
    """The config of a run that is one of several; it goes on where there is something of it."""
    output = config.output / name
    if not isinstance(config, Config):
        return dataclasses.replace(config, output=output)
    resume = config.resume and (output / "checkpoints").exists()
    return dataclasses.replace(config, output=output, resume=resume)


def some(config: Study, choices: Iterable[T]) -> list[T]:
    """All of what an experiment tries, or the first and the last for ``--smoke``."""
    every = list(choices)
    return every[:: len(every) - 1] if config.smoke else every


def _parser(config: type[S], description: str | None) -> ArgumentParser:
    parser = ArgumentParser(
        description=(description or "").strip().split("\n")[0],
        add_option_string_dash_variants=DashVariant.DASH,
        allow_abbrev=False,
    )
    parser.add_arguments(config, "config")
    return parser


def _chosen(config: S) -> S:
    if config.cache is not None:
        train.keep_compilations(config.cache)
    return dataclasses.replace(config, epochs=2) if config.smoke else config


def _summarise(folder: Path, results: Sequence[Mapping[str, Any]]) -> None:
    """Prints mean ± standard error over seeds of every number that isn't the same in all runs."""
    numbers = [
        k for k, v in results[0].items() if isinstance(v, float) and not k.endswith("seconds")
    ]
    summary = {"seeds": [result["seed"] for result in results]}
    for name in numbers:
        values = [result[name] for result in results]
        error = statistics.stdev(values) / math.sqrt(len(values))
        summary[name] = {"mean": statistics.fmean(values), "standard_error": error}
        print(f"{name}: {statistics.fmean(values):.4f} ± {error:.4f} over {len(values)} seeds")
    (folder / "seeds.json").write_text(json.dumps(summary, indent=2) + "\n")


def load(name: str, config: Study, **options: Any) -> jaxdl.data.Dataset:
    """Loads a dataset, or ends with what is missing; a few rows of it for ``--smoke``."""
    try:
        dataset = jaxdl.data.load(name, **options)
    except (FileNotFoundError, OSError, ValueError) as error:
        sys.exit(f"error: {error}")
    if not config.smoke:
        return dataset
    few = lambda part: None if part is None else {k: v[:256] for k, v in part.items()}
    return dataset._replace(
        train=few(dataset.train), validation=few(dataset.validation), test=few(dataset.test)
    )


def run(
    config: Config,
    net: jaxdl.Layer,
    loss_fn: jaxdl.types.LossFn,
    tx: optax.GradientTransformation,
    dataset: jaxdl.data.Dataset,
    *,
    batch_size: int,
    shuffle: bool = True,
    batch_fns: Sequence[train.BatchFn] = (),
    early_stopping: train.EarlyStopping | None = None,
    hooks: Sequence[train.Hook] = (),
) -> tuple[train.TrainState, train.History]:
    """Trains with a progress line, a line of metrics an epoch, and checkpoints."""
    folder, checkpoints = _prepare(config), config.output / "checkpoints"
    train_state = train.init_state(net, tx, jax.random.key(config.seed))
    history: train.History = []
    try:
        if config.resume:
            train_state, history = checkpoint.restore(checkpoints, train_state)
        keep = checkpoint.hook(checkpoints)
    except (OSError, ValueError) as error:
        sys.exit(f"error: {'--resume: ' * config.resume}{error}")
    write = train.jsonl(folder / "metrics.jsonl")
    return train.fit(
        loss_fn,
        tx,
        train_state,
        dataset,
        epochs=config.epochs,
        batch_size=batch_size,
        shuffle=shuffle,
        batch_fns=batch_fns,
        early_stopping=early_stopping,
        # The last one ends a run that was stopped.
        hooks=(train.progress(), keep, write, *hooks, stop),
        parallel=config.parallel,
        history=history,
    )


def stop(event: train.Event) -> None:
    """A hook that ends the program where a signal ended the training, and says how to go on."""
    if event.kind == "interrupt":
        number = signal.Signals(event.signal or signal.SIGTERM)
        at = f"step {int(event.train_state.step)}"
        print(f"stopped by {number.name} at {at}; --resume goes on from there", file=sys.stderr)
        sys.exit(128 + number)


def report(
    config: Config,
    net: jaxdl.Layer,
    loss_fn: jaxdl.types.LossFn,
    train_state: train.TrainState,
    history: train.History,
    dataset: jaxdl.data.Dataset,
) -> dict[str, Any]:
    """Tests the network, writes result.json and the pictures, and says where they lie."""
    measured = train.evaluate(loss_fn, train_state, dataset.test, parallel=config.parallel)
    numbers = {f"test_{name}": value for name, value in measured.items()}
    figures = _pictures(config.output, net, train_state, history, dataset)
    result = finish(config, numbers, figures, history=history)
    seconds = sum(result["seconds_per_epoch"])
    print(
        f"test accuracy {result['test_accuracy']:.4f}, test loss {result['test_loss']:.4f} after "
        f"{result['epochs']} of {config.epochs} epochs: {seconds:.1f} s of training and "
        f"{result['compile_seconds']:.1f} s of compilation"
    )
    return result


def finish(
    config: Study,
    numbers: Mapping[str, Any],
    figures: Mapping[str, "Figure"],
    *,
    history: Sequence[dict[str, Any]] = (),
) -> dict[str, Any]:
    """Writes result.json, with all that one needs to get it again, and the pictures."""
    config.output.mkdir(parents=True, exist_ok=True)
    for name, figure in figures.items():
        figure.savefig(config.output / name)
    result = dict(numbers) | _circumstances(config, history)
    (config.output / "result.json").write_text(json.dumps(result, indent=2) + "\n")
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


def _pictures(
    folder: Path,
    net: jaxdl.Layer,
    train_state: train.TrainState,
    history: train.History,
    dataset: jaxdl.data.Dataset,
) -> dict[str, "Figure"]:
    inputs, labels = dataset.test["inputs"], dataset.test["labels"]
    predicted = train.predict(net, train_state, inputs).argmax(axis=-1)
    matrix = np.zeros((len(dataset.classes),) * 2, int)
    np.add.at(matrix, (labels, predicted), 1)
    accuracy = f"{(predicted == labels).mean():.1%} of {len(labels):,} test images right"
    # The rows of a file may be sorted by class: pictures spread evenly over it show them all.
    shown = np.linspace(0, len(labels) - 1, min(32, len(labels))).astype(int)
    some = (inputs[shown], labels[shown], predicted[shown])
    return {
        "history.png": plots.history(history, title=folder.name.replace("_", " ")),
        "predictions.png": plots.predictions(*some, classes=dataset.classes, title=accuracy),
        "confusion.png": plots.confusion(matrix, classes=dataset.classes, title=accuracy),
    }


def _prepare(config: Config) -> Path:
    """Makes the output folder and writes the config into it, or ends with the reason."""
    folder = config.output
    try:
        folder.mkdir(parents=True, exist_ok=True)
        text = json.dumps(dataclasses.asdict(config), indent=2, default=str)
        (folder / "config.json").write_text(text + "\n")
        if not config.resume and (folder / "checkpoints").exists():
            shutil.rmtree(folder / "checkpoints")  # of an earlier run, which this one replaces
    except OSError as error:
        sys.exit(f"error: --output {folder} can't be written: {error.strerror}")
    return folder


def _circumstances(config: Study, history: Sequence[dict[str, Any]]) -> dict[str, Any]:
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
        "parallel": config.parallel if isinstance(config, Config) else "auto",
        "devices": f"{jax.device_count()} x {jax.devices()[0].device_kind}",
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


def _command(config: Study) -> str:
    """The command line of a config, but for where it writes and its seed: what names a result."""
    fields = [f for f in dataclasses.fields(config) if f.name not in _PLACES]
    changed = {
        f.name: getattr(config, f.name) for f in fields if getattr(config, f.name) != f.default
    }
    words = [sys.modules[type(config).__module__].__file__ or ""]
    for name, value in changed.items():
        values = value if isinstance(value, tuple) else () if value is True else (value,)
        words += [f"--{name.replace('_', '-')}", *map(str, values)]
    return " ".join(["python", f"experiments/{Path(words[0]).name}", *words[1:]])


_PLACES = ("output", "seed", "cache", "resume", "data_dir")
