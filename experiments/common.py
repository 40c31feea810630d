"""What every experiment shares: its flags, its folder of results, its run and its report."""

import dataclasses
import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

import jax
import numpy as np
import optax
from simple_parsing import ArgumentParser, DashVariant

import jaxdl
from jaxdl import checkpoint, plots, train
from jaxdl.parallel import Parallel

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
    """what runs a step on several devices"""
    resume: bool = False
    """go on from the newest checkpoint in the output folder"""
    smoke: bool = False
    """two epochs on a few rows: does everything run?"""


def parse(config: type[C], description: str | None) -> C:
    """Reads a config from the command line; its fields' comments are the help."""
    parser = ArgumentParser(
        description=(description or "").strip().split("\n")[0],
        add_option_string_dash_variants=DashVariant.DASH,
        allow_abbrev=False,
    )
    parser.add_arguments(config, "config")
    chosen = parser.parse_args().config
    return dataclasses.replace(chosen, epochs=2) if chosen.smoke else chosen


def load(name: str, config: Config, **options: Any) -> jaxdl.data.Dataset:
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
        hooks=(train.progress(), keep, write, stop),  # the last one ends a run that was stopped
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
    result = {f"test_{name}": value for name, value in measured.items()}
    result |= _circumstances(config, history)
    (config.output / "result.json").write_text(json.dumps(result, indent=2) + "\n")
    pictures = _draw(config.output, net, train_state, history, dataset)
    seconds = sum(result["seconds_per_epoch"])
    print(
        f"test accuracy {result['test_accuracy']:.4f}, test loss {result['test_loss']:.4f} after "
        f"{result['epochs']} of {config.epochs} epochs: {seconds:.1f} s of training and "
        f"{result['compile_seconds']:.1f} s of compilation"
    )
    print(f"pictures: {', '.join(str(path) for path in pictures)}")
    print(f"numbers:  {config.output / 'result.json'}")
    return result


def _draw(
    folder: Path,
    net: jaxdl.Layer,
    train_state: train.TrainState,
    history: train.History,
    dataset: jaxdl.data.Dataset,
) -> Sequence[Path]:
    inputs, labels = dataset.test["inputs"], dataset.test["labels"]
    predicted = train.predict(net, train_state, inputs).argmax(axis=-1)
    matrix = np.zeros((len(dataset.classes),) * 2, int)
    np.add.at(matrix, (labels, predicted), 1)
    accuracy = f"{(predicted == labels).mean():.1%} of {len(labels):,} test images right"
    # The rows of a file may be sorted by class: pictures spread evenly over it show them all.
    shown = np.linspace(0, len(labels) - 1, min(32, len(labels))).astype(int)
    some = (inputs[shown], labels[shown], predicted[shown])
    figures = {
        "history.png": plots.history(history, title=folder.name.replace("_", " ")),
        "predictions.png": plots.predictions(*some, classes=dataset.classes, title=accuracy),
        "confusion.png": plots.confusion(matrix, classes=dataset.classes, title=accuracy),
    }
    for name, figure in figures.items():
        figure.savefig(folder / name)
    return [folder / name for name in figures]


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


def _circumstances(config: Config, history: train.History) -> dict[str, Any]:
    """What one needs to know to read a result, and to get it again."""
    here = Path(__file__).parent
    describe = ["git", "-C", str(here), "describe", "--always", "--dirty"]
    git = subprocess.run(describe, capture_output=True, text=True, check=False)
    return {
        "seconds_per_epoch": [row["seconds"] for row in history],
        "compile_seconds": sum(row["compile_seconds"] for row in history),
        "epochs": len(history),
        "seed": config.seed,
        "parallel": config.parallel,
        "devices": f"{jax.device_count()} x {jax.devices()[0].device_kind}",
        "versions": f"python {sys.version.split()[0]}, jax {jax.__version__}, "
        f"optax {optax.__version__}, jaxdl {jaxdl.__version__}",
        "commit": git.stdout.strip(),
    }
