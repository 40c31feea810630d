"""What every experiment shares: its flags, its folder of results, its run and its report."""

import contextlib
import dataclasses
import json
import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import jax
import numpy as np
import optax
from simple_parsing import ArgumentParser, DashVariant

import jaxdl
from jaxdl import checkpoint, parallel, plots, train
from jaxdl.parallel import Parallel
from results import COLOURS as COLOURS
from results import canvas as canvas
from results import finish as finish
from results import summarise

if TYPE_CHECKING:
    from matplotlib.figure import Figure

S = TypeVar("S", bound="Study")
T = TypeVar("T")


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
    """Runs an experiment from the command line, once or for each of ``--seeds N`` seeds.

    Under ``python -m jaxdl.launch``, and on a cluster, it is one of several processes that compute
    together; the first one writes and prints for all.
    """
    parallel.initialize()
    if jax.distributed.is_initialized() and not parallel.is_primary():
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115  as long as the process
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
    summarise(chosen.output, [main(each) for each in parts])


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
    again, checkpoints = _started_again(config), config.output / "checkpoints"
    folder = _prepare(config, anew=not (config.resume or again))
    train_state, history = train.init_state(net, tx, jax.random.key(config.seed)), []
    watched = early_stopping and (early_stopping.metric, early_stopping.mode)
    try:
        # A run that was started again may have ended before its first checkpoint.
        with contextlib.suppress(*[FileNotFoundError] * again):
            if config.resume or again:
                found = _newest(checkpoints, train_state, early_stopping)
                train_state, history, early_stopping = found
        keep = checkpoint.hook(checkpoints, best=watched)
    except (OSError, ValueError) as error:
        sys.exit(f"error: {'--resume: ' * config.resume}{error}")
    write = train.jsonl(folder / "metrics.jsonl")
    train_state, history = train.fit(
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
        hooks=(train.progress(), *hooks, keep, write, stop),
        parallel=config.parallel,
        history=history,
    )
    return parallel.local(train_state), history


def _newest(
    checkpoints: Path, like: train.TrainState, stopping: train.EarlyStopping | None
) -> tuple[train.TrainState, train.History, train.EarlyStopping | None]:
    """What a run goes on from: the newest checkpoint, and the best one where it may end with it."""
    train_state, history = checkpoint.restore(checkpoints, like)
    if stopping is not None:
        with contextlib.suppress(FileNotFoundError):  # no epoch is complete yet
            best = checkpoint.best(checkpoints, stopping.metric, stopping.mode)
            stopping = stopping._replace(best=checkpoint.restore(best, like)[0])
    return train_state, history, stopping


def _started_again(config: Config) -> bool:
    """Whether ``jaxdl.launch`` has started this run before: it goes on from what it wrote then."""
    kept, launched = config.output / "checkpoints", os.environ.get("JAXDL_LAUNCHED", "inf")
    again = os.environ.get("JAXDL_RESTART", "0") != "0" and kept.exists()
    return bool(parallel.agreed(again and kept.stat().st_mtime >= float(launched)))


def stop(event: train.Event) -> None:
    """A hook that ends the program where a signal ended the training, and says how to go on."""
    if event.kind == "interrupt":
        number = signal.Signals(event.signal or signal.SIGTERM)
        at = f"step {int(event.train_state.step)}"
        if parallel.is_primary():
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
    figures = _pictures(config, net, train_state, history, dataset)
    result = finish(config, numbers, figures, history=history)
    seconds = sum(result["seconds_per_epoch"])
    print(
        f"test accuracy {result['test_accuracy']:.4f}, test loss {result['test_loss']:.4f} after "
        f"{result['epochs']} of {config.epochs} epochs: {seconds:.1f} s of training and "
        f"{result['compile_seconds']:.1f} s of compilation"
    )
    return result


def _pictures(
    config: Study,
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
    shown = np.linspace(0, len(labels) - 1, min(4 if config.smoke else 32, len(labels))).astype(int)
    some = (inputs[shown], labels[shown], predicted[shown])
    return {
        "history.png": plots.history(history, title=config.output.name.replace("_", " ")),
        "predictions.png": plots.predictions(*some, classes=dataset.classes, title=accuracy),
        "confusion.png": plots.confusion(matrix, classes=dataset.classes, title=accuracy),
    }


def _prepare(config: Config, *, anew: bool) -> Path:
    """Makes the output folder and writes the config into it, or ends with the reason."""
    folder, reason = config.output, ""
    if parallel.is_primary():
        try:
            folder.mkdir(parents=True, exist_ok=True)
            text = json.dumps(dataclasses.asdict(config), indent=2, default=str)
            (folder / "config.json").write_text(text + "\n")
            if anew and (folder / "checkpoints").exists():
                shutil.rmtree(folder / "checkpoints")  # of an earlier run, which this one replaces
        except OSError as error:
            reason = error.strerror or str(error)
    if parallel.agreed(bool(reason)):  # the others wait here
        sys.exit(f"error: --output {folder} can't be written: {reason or 'process 0 says why'}")
    return folder
