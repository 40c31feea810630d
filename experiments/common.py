"""What every experiment shares: its flags, its folder of results, its run and its report."""

import contextlib
import dataclasses
import importlib.util
import os
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
import populations
from jaxdl import checkpoint, parallel, plots, sweep, train
from jaxdl.parallel import Parallel
from populations import population as population
from results import COLOURS as COLOURS
from results import canvas as canvas
from results import finish as finish
from results import goes_on, prepare, saved, summarise

if TYPE_CHECKING:
    from matplotlib.figure import Figure

T = TypeVar("T")
C = TypeVar("C", bound="Config")


@dataclasses.dataclass(frozen=True)
class Config:
    """The flags that every experiment takes."""

    output: Path = Path("runs")
    """folder for numbers, checkpoints and pictures"""
    seed: int = 0
    """of the initial parameters, the order of the data and dropout"""
    epochs: int = 10
    """passes over the training part"""
    parallel: Parallel = "auto"
    """what runs a step on several devices; a population spreads its members over them"""
    resume: bool = False
    """go on from the newest checkpoint in the output folder"""
    smoke: bool = False
    """two epochs on a few rows: does everything run?"""
    cache: Path | None = None
    """folder that keeps compiled programs, for later runs to start sooner"""


def start(main: Callable[[C], dict[str, Any]], config: type[C], description: str | None) -> None:
    """Runs an experiment from the command line, once or for each of ``--seeds N`` seeds.

    Under ``python -m jaxdl.parallel.launch``, and on a cluster, it is one of several processes that
    compute together; the first one writes and prints for all.
    """
    parallel.initialize()
    if jax.distributed.is_initialized() and not parallel.is_primary():
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115  as long as the process
    parser = _parser(config, description)
    text = "how many seeds, from --seed on, each in a folder of its own"
    parser.add_argument("--seeds", type=int, default=1, help=text)
    options = parser.parse_args()
    counts = {"seeds": options.seeds, "epochs": options.config.epochs}
    counts["batch-size"] = getattr(options.config, "batch_size", 1)
    for name, count in counts.items():
        if count < 1:
            parser.error(f"argument --{name}: got {count}; it needs 1 or more")
    if importlib.util.find_spec("matplotlib") is None:  # not only when all is trained
        sys.exit('error: pictures need matplotlib: pip install -e ".[experiments]"')
    chosen = _chosen(options.config)
    if options.seeds == 1:
        main(chosen)
        return
    numbers = range(chosen.seed, chosen.seed + options.seeds)
    parts = [dataclasses.replace(part(chosen, f"seed_{n}"), seed=n) for n in numbers]
    with populations.together(chosen.output, tuple(numbers), resume=chosen.resume):
        results = [main(each) for each in parts]
    summarise(chosen.output, [each.output for each in parts], results)


def part(config: C, name: str) -> C:
    """The config of a run that is one of several; it goes on where there is something of it."""
    output = config.output / name
    resume = config.resume and bool(saved(output))
    return dataclasses.replace(config, output=output, resume=resume)


def some(config: Config, choices: Iterable[T]) -> list[T]:
    """All of what an experiment tries, or the first and the last for ``--smoke``."""
    every = list(choices)
    return every[:: len(every) - 1] if config.smoke else every


def _parser(config: type[C], description: str | None) -> ArgumentParser:
    parser = ArgumentParser(
        description=(description or "").strip().split("\n")[0],
        add_option_string_dash_variants=DashVariant.DASH,
        allow_abbrev=False,
    )
    parser.add_arguments(config, "config")
    return parser


def _chosen(config: C) -> C:
    if config.cache is not None:
        train.keep_compilations(config.cache)
    return dataclasses.replace(config, epochs=2) if config.smoke else config


def load(name: str, config: Config, **options: Any) -> jaxdl.data.Dataset:
    """Loads a dataset, or ends with what is missing; a few rows of it for ``--smoke``."""
    folder = options.get("data_dir")
    if folder is not None and not folder.expanduser().is_dir():  # else any other copy would do
        sys.exit(f"error: --data-dir {folder}: there is no such folder")
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
    data_of_seed: bool = False,
) -> tuple[train.TrainState, train.History]:
    """Trains with a progress line, a line of metrics an epoch, and checkpoints.

    Several seeds train side by side, in one program, unless the data is drawn by the seed too
    (``data_of_seed``), or something is asked for that a population doesn't have.
    """
    config = goes_on(config)
    prepare(config)
    reason = _why_alone(config, early_stopping, hooks, data_of_seed)
    made = sweep.Run(net, loss_fn, tx, tuple(batch_fns))
    found = populations.member(
        config, made, dataset, batch_size=batch_size, shuffle=shuffle, reason=reason
    )
    if found is not None:
        return found
    train_state = train.init_state(net, tx, jax.random.key(config.seed))
    train_state, history, early_stopping, keep = _begin(config, train_state, early_stopping)
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
        hooks=(train.progress(), *hooks, *keep, stop),
        devices=parallel.Placement(config.parallel),
        history=history,
    )
    return parallel.local(train_state), history


def _why_alone(
    config: Config,
    early_stopping: train.EarlyStopping | None,
    hooks: Sequence[train.Hook],
    data_of_seed: bool,
) -> str | None:
    """The reason why the networks of several seeds can't train side by side, or None."""
    reasons = {
        "the data is drawn by the seed too": data_of_seed,
        "a population has no early stopping": early_stopping is not None,
        "a population has no hooks within the training": bool(hooks),
        f"--parallel {config.parallel} is of a single network": config.parallel != "auto",
    }
    return next((reason for reason, holds in reasons.items() if holds), None)


def _begin(
    config: Config, train_state: train.TrainState, stopping: train.EarlyStopping | None
) -> tuple[
    train.TrainState, train.History, train.EarlyStopping | None, tuple[train.Hook, train.Hook]
]:
    """The TrainState and history to begin with, and the hooks that write what becomes of them.

    Where a run may end with its best epoch, that is kept, and found again.
    """
    checkpoints, history = config.output / "checkpoints", []
    watched = stopping and (stopping.metric, stopping.mode)
    try:
        if config.resume:
            like = train_state
            train_state, history = checkpoint.restore(checkpoints, like)
            with contextlib.suppress(FileNotFoundError):  # no epoch is complete yet
                if stopping and watched:
                    best, _ = checkpoint.restore(checkpoint.best(checkpoints, *watched), like)
                    stopping = stopping._replace(best=best)
        keep = checkpoint.hook(checkpoints, best=watched)
    except (OSError, ValueError) as error:
        sys.exit(f"error: {'--resume: ' * config.resume}{error}")
    return train_state, history, stopping, (keep, train.jsonl(config.output / "metrics.jsonl"))


def stop(event: train.Event) -> None:
    """A hook that ends the program where a signal ended the training, and says how to go on."""
    if event.kind == "interrupt":
        number = event.signal or signal.SIGTERM
        populations.end(number, f"step {int(event.train_state.step)}")


def report(
    config: Config,
    net: jaxdl.Layer,
    loss_fn: jaxdl.types.LossFn,
    train_state: train.TrainState,
    history: train.History,
    dataset: jaxdl.data.Dataset,
) -> dict[str, Any]:
    """Tests the network, writes result.json and the pictures, and says where they lie."""
    measured = train.evaluate(
        loss_fn, train_state, dataset.test, devices=parallel.Placement(config.parallel)
    )
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


def _title(config: Config) -> str:
    """The folder of a run in words, and that around it for one of several seeds."""
    folder, seed = config.output, f"seed_{config.seed}"
    names = [folder.parent.name, seed] if folder.name == seed else [folder.name]
    return ", ".join(names).replace("_", " ")


def _pictures(
    config: Config,
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
        "history.png": plots.history(history, title=_title(config)),
        "predictions.png": plots.predictions(*some, classes=dataset.classes, title=accuracy),
        "confusion.png": plots.confusion(matrix, classes=dataset.classes, title=accuracy),
    }
