"""Times epochs of ``train.fit`` from a Stream, whose batches are made while the device trains.

Four clocks, in turn, each over some epochs and divided by their number: making the batches alone;
the same epochs from a Dataset that lies on the device; ``fit`` from the Stream, which reads ahead
and transfers the next batches while a program runs; and a plain loop over the same batches, one
compiled step each, where only JAX's own queue of calls lets making and training overlap.
Batches are made in three ways: by waiting, as for a disk or a network; by work in NumPy, which
needs a core of its own; and by nothing but slices, for what the way through a Stream costs.
What is hidden is the share of the shorter of making and training that ``fit`` doesn't show: 1 if
the two overlap wholly, 0 if one follows the other.

Command:  python experiments/benchmarks/streams.py [--repeats 7]
Measured: 2026-11-29
Result:   2 CPU cores, jax 0.10.2, medians of 3, ms an epoch of 100 batches of 128 x 784, SGD,
          784-512-512-10; nothing else ran
                    making   Dataset   Stream   plain loop   hidden
          waited       425       541      710          532     0.60
          worked       143       625      726          666     0.29
          sliced         0       528      556          533
          Before, with parts of 64 MB that waited for the part behind them, the first took 1,298.
          What isn't hidden is the first 8 MB of each epoch, which begin when the one before has
          ended, and on two cores the work in NumPy itself.
"""

import argparse
import collections
import statistics
import time
from collections.abc import Callable, Iterator
from typing import Any

import jax
import numpy as np
import optax
import record

from jaxdl import losses, models, train
from jaxdl.data import Dataset, Stream

ROWS, BATCH, SIZES = 12_800, 128, (784, 512, 512, 10)
EPOCHS = 5
WAIT = 0.004  # seconds a batch, about what a step takes


def rows() -> dict[str, np.ndarray]:
    """An epoch of noise with labels."""
    random = np.random.default_rng(0)
    inputs = random.normal(size=(ROWS, SIZES[0])).astype("float32")
    return {"inputs": inputs, "labels": random.integers(10, size=ROWS).astype("int32")}


def sliced(data: dict[str, np.ndarray]) -> Iterator[dict[str, np.ndarray]]:
    """The batches as they lie in memory, for what the way through a Stream costs by itself."""
    for i in range(0, ROWS, BATCH):
        yield {k: v[i : i + BATCH] for k, v in data.items()}


def waited(data: dict[str, np.ndarray]) -> Iterator[dict[str, np.ndarray]]:
    """The batches, each after a while, as from a disk."""
    for batch in sliced(data):
        time.sleep(WAIT)
        yield batch


def worked(data: dict[str, np.ndarray]) -> Iterator[dict[str, np.ndarray]]:
    """The batches with noise of their own, which NumPy draws on a core."""
    random = np.random.default_rng(0)
    for batch in sliced(data):
        noise = random.standard_normal(batch["inputs"].shape, dtype="float32")
        yield batch | {"inputs": batch["inputs"] + 0.1 * noise}


def clocks(make: Callable[..., Any], data: dict[str, np.ndarray]) -> dict[str, Callable[[], Any]]:
    """What is timed, by name; each call waits for its end."""
    net, tx = models.mlp(SIZES), optax.sgd(1e-2)
    loss_fn = train.supervised(net, losses.cross_entropy)
    start = train.init_state(net, tx, jax.random.key(0))
    step = jax.jit(train.make_step(loss_fn, tx))
    resident = Dataset(data, None, None, tuple(map(str, range(10))))
    fit = lambda source, **options: train.fit(
        loss_fn, tx, start, source, epochs=EPOCHS, hooks=(), **options
    )

    def plain() -> Any:
        train_state = start
        for _ in range(EPOCHS):
            for batch in make(data):
                train_state, _ = step(train_state, batch)
        return jax.block_until_ready(train_state.params)

    return {
        "making": lambda: [collections.deque(make(data), 0) for _ in range(EPOCHS)],
        "Dataset": lambda: fit(resident, batch_size=BATCH, shuffle=False),
        "Stream": lambda: fit(Stream(lambda epoch: make(data))),
        "plain loop": plain,
    }


def main() -> None:
    """Times all ways of making batches."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0], allow_abbrev=False)
    parser.add_argument("--repeats", type=int, default=7, help="epochs timed")
    record.add_option(parser)
    options = parser.parse_args()
    data = rows()
    figures: dict[str, list[float]] = {}
    for make in (waited, worked, sliced):
        timed = clocks(make, data)
        seconds: dict[str, list[float]] = {name: [] for name in timed}
        for repeat in range(options.repeats + 1):  # the first compiles
            for name, run in timed.items():
                begin = time.perf_counter()
                run()
                if repeat:
                    seconds[name].append((time.perf_counter() - begin) / EPOCHS)
        middle = {name: statistics.median(each) for name, each in seconds.items()}
        shorter = min(middle["making"], middle["Dataset"])
        both = middle["making"] + middle["Dataset"]
        share = f"; hidden {(both - middle['Stream']) / shorter:.2f}" if shorter > 1e-3 else ""
        shown = ", ".join(f"{name} {1e3 * each:.0f} ms" for name, each in middle.items())
        print(f"{make.__name__}: {shown}{share}")
        figures |= {f"{make.__name__}, {name}": each for name, each in seconds.items()}
    record.write(options.json, figures)


if __name__ == "__main__":
    main()
