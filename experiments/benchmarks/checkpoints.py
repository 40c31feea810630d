"""Times epochs with and without a checkpoint after each, of a network of ten million parameters.

Both forms run in alternation, so that slow minutes of a shared machine hit both alike. With Adam's
two moments a checkpoint holds thirty million numbers, 120 MB; what is compared is the time from
the start of an epoch to that of the next, the copy and the writing in the background included.
An epoch of 469 steps is one of Fashion-MNIST's 60,000 rows.

Command:  python experiments/benchmarks/checkpoints.py --steps 300 --repeats 2
Measured: 2026-11-21, by the date of the commit that brought the figures
Result:   on 2 CPU cores an epoch of 300 steps takes 15.6 s, with one in the background after
          each 4.3 % more, waiting for it 2.5 % more (medians over two turns of two epochs)
"""

import argparse
import shutil
import statistics
import tempfile
import time
from pathlib import Path

import jax
import jax.numpy as jnp
import optax

from jaxdl import checkpoint, losses, models, train

SIZES = (784, 2560, 2560, 512, 10)
BATCH_SIZE = 128
EPOCHS = 2


def main() -> None:
    """Prints the medians and the ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=469, help="steps per epoch")
    parser.add_argument("--repeats", type=int, default=3, help="turns of each form")
    options = parser.parse_args()

    net, tx = models.mlp(SIZES), optax.adam(1e-3)
    loss_fn = train.supervised(net, losses.cross_entropy)
    rows = {"inputs": jnp.ones((options.steps * BATCH_SIZE, SIZES[0])),
            "labels": jnp.zeros(options.steps * BATCH_SIZE, jnp.int32)}  # fmt: skip
    epoch = jax.jit(
        train.make_epoch(train.make_step(loss_fn, tx), batch_size=BATCH_SIZE), donate_argnums=0
    )
    state = train.init_state(net, tx, jax.random.key(0))
    count = sum(x.size for x in jax.tree.leaves(state.params))
    print(f"{count:,} parameters, {options.steps} steps of {BATCH_SIZE} rows per epoch")

    directory = Path(tempfile.mkdtemp())
    forms = {
        "none": lambda event: None,
        "background": checkpoint.hook(directory / "background", every_seconds=0),
        "waiting": checkpoint.hook(directory / "waiting", every_seconds=0, background=False),
    }
    seconds: dict[str, list[float]] = {name: [] for name in forms}
    waits: dict[str, list[float]] = {name: [] for name in forms}
    state, _ = jax.block_until_ready(epoch(state, rows))  # compiles
    for _ in range(options.repeats):
        for name, hook in forms.items():
            start = time.perf_counter()
            # Several: what one epoch leaves to the background falls into the next.
            for _ in range(EPOCHS):
                state, _ = jax.block_until_ready(epoch(state, rows))
                called = time.perf_counter()
                hook(train.Event("epoch", state, [], EPOCHS))
                waits[name].append(time.perf_counter() - called)
            seconds[name].append((time.perf_counter() - start) / EPOCHS)
            hook(train.Event("finish", state, [], EPOCHS))  # the last one is on the disk
    shutil.rmtree(directory)

    for name, times in seconds.items():
        ratios = (a / b for a, b in zip(times, seconds["none"], strict=True))
        extra = statistics.median(ratios) - 1
        print(
            f"{name:10} {statistics.median(times):7.3f} s an epoch, {extra:+.1%}; the hook returns"
            f" after {statistics.median(waits[name]):.3f} s"
        )


if __name__ == "__main__":
    main()
