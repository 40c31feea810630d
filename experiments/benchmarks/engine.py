"""Times an epoch of ``train.fit`` against the bare ``lax.scan`` of the same step, in alternation.

Both run the same step on the same rows in the same order, metrics included. The bare loop is a
script's: the order drawn, one compiled scan over it, the loss fetched once an epoch. ``fit`` adds
what it is for: chunks that can be stopped, a search for numbers that aren't finite, a history, a
progress line, and JSON lines on the disk.

Command:  python experiments/benchmarks/engine.py [--repeats 15]
Measured: 2026-11-21, by the date of the commit that brought the figures
Result:   medians of the ratios of 25 epochs on 2 cores of an AMD EPYC that others used too; in
          brackets that of the quickest epochs
          784-64-64-10, Adam, batch 128, 375 steps per epoch    1.017 (0.994)
          784-512-512-10, SGD, batch 64, 200 steps per epoch    1.002 (0.996)
"""

import argparse
import io
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
import record
from jax import lax

from jaxdl import data, losses, metrics, models, train
from jaxdl.train._order import shuffled
from jaxdl.types import Batch, LossFn, Metrics

WARM = 4  # epochs that aren't timed


class Recipe(NamedTuple):
    """A network, an optimizer and data."""

    sizes: tuple[int, ...]
    tx: optax.GradientTransformation
    rows: int
    batch_size: int


RECIPES = {
    "784-64-64-10, Adam, batch 128": Recipe((784, 64, 64, 10), optax.adam(1e-3), 48_000, 128),
    "784-512-512-10, SGD, batch 64": Recipe((784, 512, 512, 10), optax.sgd(1e-3), 12_800, 64),
}


class Terminal(io.StringIO):
    """A terminal that nobody looks at, so that the progress line is written."""

    def isatty(self) -> bool:
        """As a terminal says."""
        return True


def rows(n: int) -> dict[str, np.ndarray]:
    """Random pictures and labels."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(n, 784)).astype("float32")
    return {"inputs": x, "labels": rng.integers(0, 10, n).astype("int32")}


def parts(recipe: Recipe) -> tuple[LossFn, optax.GradientTransformation, train.TrainState]:
    """Loss function, optimizer and first TrainState."""
    net = models.mlp(recipe.sizes)
    loss_fn = train.supervised(net, losses.cross_entropy, metrics={"accuracy": metrics.accuracy})
    return loss_fn, recipe.tx, train.init_state(net, recipe.tx, jax.random.key(0))


def bare(recipe: Recipe, batch: dict[str, np.ndarray]) -> Iterator[float]:
    """Seconds an epoch of a scan written by hand."""
    loss_fn, tx, train_state = parts(recipe)
    step, size = train.make_step(loss_fn, tx), len(batch["labels"])

    def epoch(train_state: train.TrainState, batch: Batch) -> tuple[train.TrainState, Metrics]:
        key = jax.random.fold_in(train_state.key, train_state.step)
        order = shuffled(key, size).reshape(-1, recipe.batch_size)
        take = lambda i: {name: x[i] for name, x in batch.items()}
        train_state, sums = lax.scan(lambda ts, i: step(ts, take(i)), train_state, order)
        return train_state, jax.tree.map(lambda s: s.sum(0), sums)

    run = jax.jit(epoch, donate_argnums=0)
    train_state, batch = jax.tree.map(jnp.array, (train_state, batch))
    while True:
        start = time.perf_counter()
        train_state, sums = run(train_state, batch)
        metrics.compute(sums)
        yield time.perf_counter() - start


def measure(recipe: Recipe, epochs: int, folder: Path) -> tuple[list[float], list[float]]:
    """Seconds of each epoch of ``fit``, and of a bare one that runs between it and the next."""
    batch = rows(recipe.rows)
    rival, ours, theirs, resumed = bare(recipe, batch), [], [], 0.0

    def alternate(event: train.Event) -> None:
        nonlocal resumed
        if event.kind == "epoch":
            ours.append(time.perf_counter() - resumed)
            theirs.append(next(rival))
            resumed = time.perf_counter()

    hooks = (train.progress(Terminal()), train.jsonl(folder / "metrics.jsonl"), alternate)
    options: dict[str, Any] = {
        "epochs": epochs + WARM,
        "batch_size": recipe.batch_size,
        "hooks": hooks,
    }
    train.fit(*parts(recipe), data.Dataset(batch), **options)
    return ours[WARM:], theirs[WARM:]


def main() -> None:
    """Times both recipes."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0], allow_abbrev=False)
    parser.add_argument("--repeats", type=int, default=15, help="epochs timed of each")
    record.add_option(parser)
    options = parser.parse_args()
    figures: dict[str, list[float]] = {}
    for name, recipe in RECIPES.items():
        with tempfile.TemporaryDirectory() as folder:
            ours, theirs = measure(recipe, options.repeats, Path(folder))
        ratio = statistics.median(a / b for a, b in zip(ours, theirs, strict=True))
        times = (statistics.median(ours) * 1e3, statistics.median(theirs) * 1e3)
        least = min(ours) / min(theirs)
        print(f"{name}: fit {times[0]:.1f} ms, bare {times[1]:.1f} ms, ratio {ratio:.3f}", end="")
        print(f" (of the quickest epochs {least:.3f})")
        figures |= {f"{name}: fit": ours, f"{name}: bare": theirs}
    record.write(options.json, figures)


if __name__ == "__main__":
    main()
