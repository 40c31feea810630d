"""Times a training epoch of five networks in jaxdl, PyTorch and Flax, in alternation in one run.

Adam, cross entropy, batches drawn in a new order each epoch: jaxdl compiles the whole epoch,
PyTorch runs its usual loop over slices of tensors, Flax its usual loop over a compiled step.
- convnet: 5×5×32, pool, 5×5×64, pool, dense 128, on Fashion-MNIST; batch 128
- lstm, gru: 128 hidden units over the 28 rows of an image; batch 128
- transformer: 4 encoder layers, 128 wide, 4 heads, sequences of 64; batch 64
- resnet-8: on images of 32×32×3, with strided convolutions; batch 128

Command:  python experiments/benchmarks/layers.py [--only convnet,lstm] [--repeats 9]
          [--also PYTHON], another interpreter, with another jax, to run jaxdl and Flax on too
Needs:    pip install torch, and Fashion-MNIST where ``jaxdl.data.load`` finds it
Measured: 2026-11-21, by the date of the commit that brought the figures
Result:   2 cores of an AMD EPYC, PyTorch 2.13; medians of 5, ratios to jaxdl's seconds with jax
          0.10.2; last those of jaxdl with jax 0.12.0 and Python 3.12, in the same alternation
          an epoch     jaxdl    PyTorch  channels last  Flax    aims            jax 0.12
          convnet      1.58 s   1.12 x   1.12 x         2.45 x  1.18 x, 0.95 x  0.98 x
          lstm         2.26 s   0.67 x                  0.99 x  0.77 x          0.99 x
          gru          1.73 s   1.34 x                  1.03 x                  0.99 x
          transformer  3.73 s   1.09 x                  1.36 x  1.11 x          0.85 x
          resnet-8     1.48 s   0.80 x   0.67 x         1.28 x  0.83 x          0.91 x
          From run to run a ratio moves by 5 %, that of the convnet by 15 % (0.97 x before).
Tried:    for convolutions on CPUs, what helped is in functional/_convolution_cpu.py (the batch
          folded into the width from 32 channels on, in the kernel's gradient up to a width of 16;
          patches of rows for up to 4 channels); products of matrices row by row lost.
          For the lstm: buffers updated in place, factors of the gates saved on the way forward,
          products gate by gate; what helped is in functional/_recurrent_lstm.py. Without effect:
          two or four parts of the batch as independent products within a step, and XLA's CPU
          library for products switched off. A step is one product of 128 x 128 x 512 on one core.
"""

import argparse
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import record
import rivals
from rivals import Trainer

if TYPE_CHECKING:
    from jaxdl import Layer


class Task(NamedTuple):
    """The shape of an example, rows per epoch and rows per batch."""

    shape: tuple[int, ...]
    rows: int
    batch_size: int


TASKS = {
    "convnet": Task((28, 28, 1), 2560, 128),
    "lstm": Task((28, 28), 12_800, 128),
    "gru": Task((28, 28), 12_800, 128),
    "transformer": Task((64, 128), 1280, 64),
    "resnet-8": Task((32, 32, 3), 1280, 128),
}
RIVALS = ("jaxdl", "torch", "flax")
OF_JAX = ("jaxdl", "flax")


def jaxdl_network(name: str) -> "Layer":
    """One network by its name."""
    from jaxdl import layers, models, serial

    if name == "convnet":
        return models.convnet((28, 28, 1), 10, kernel_size=5)
    if name in ("lstm", "gru"):
        kind = {"lstm": layers.lstm, "gru": layers.gru}[name]
        return serial(kind(28, 128, last=True), layers.dense(128, 10))
    if name == "transformer":
        return models.transformer_encoder(128, 10)
    return models.resnet_cifar(8)


def jaxdl_trainer(name: str, data: dict[str, np.ndarray], batch_size: int) -> Trainer:
    """The epoch that ``fit`` compiles."""
    import jax
    import optax

    from jaxdl import losses, metrics, train

    net, tx = jaxdl_network(name), optax.adam(1e-3)
    step = train.make_step(train.supervised(net, losses.cross_entropy), tx)
    run = jax.jit(train.make_epoch(step, batch_size=batch_size), donate_argnums=0)
    train_state, rows = train.init_state(net, tx, jax.random.key(0)), jax.device_put(data)
    while True:
        train_state, sums = run(train_state, rows)
        yield metrics.compute(sums)["loss"]


def trainer(rival: str, name: str, path: str) -> Trainer:
    """The endless training of one rival."""
    data, batch_size = dict(np.load(path)), TASKS[name].batch_size
    if rival == "jaxdl":
        return jaxdl_trainer(name, data, batch_size)
    if rival == "flax":
        import networks_flax

        return networks_flax.trainer(name, data, batch_size)
    import networks_torch

    return networks_torch.trainer(name, data, batch_size, channels_last="last" in rival)


def examples(name: str, folder: str) -> str:
    """Writes the data of a task: Fashion-MNIST where the shape is its own, else noise."""
    task, path = TASKS[name], str(Path(folder) / f"{name}.npz")
    if task.shape[:2] == (28, 28):
        from jaxdl import data

        train = data.load("fashion_mnist").train
        inputs = train["inputs"][: task.rows].reshape(-1, *task.shape).astype("float32") / 255
        labels = train["labels"][: task.rows]
    else:
        random = np.random.default_rng(0)
        inputs = random.normal(size=(task.rows, *task.shape)).astype("float32")
        labels = random.integers(10, size=task.rows)
    np.savez(path, inputs=inputs, labels=labels.astype("int32"))
    return path


def main() -> None:
    """Times all rivals on all networks asked for."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0], allow_abbrev=False)
    parser.add_argument("--only", default=",".join(TASKS), help="networks, with commas")
    parser.add_argument("--repeats", type=int, default=9, help="epochs timed")
    parser.add_argument("--also", help="another interpreter, whose jax runs jaxdl and Flax too")
    record.add_option(parser)
    options = parser.parse_args()
    figures: dict[str, list[float]] = {}
    unknown = set(options.only.split(",")) - set(TASKS)
    if unknown:
        parser.error(
            f"--only: there is no {', '.join(sorted(unknown))}; there are {', '.join(TASKS)}"
        )
    with tempfile.TemporaryDirectory() as folder:
        for name in options.only.split(","):
            path, images = examples(name, folder), len(TASKS[name].shape) == 3
            compared = (*RIVALS, "torch, channels last") if images else RIVALS
            commands = {rival: [sys.executable, __file__, rival, name, path] for rival in compared}
            if options.also:
                also = {f"{r}, other jax": [options.also, __file__, r, name, path] for r in OF_JAX}
                commands |= also
            seconds = rivals.steady(commands, options.repeats)
            figures |= rivals.table(f"{name}: an epoch", seconds)
    record.write(options.json, figures)


if __name__ == "__main__":
    if len(sys.argv) == 4 and sys.argv[2] in TASKS:
        rivals.serve(trainer(*sys.argv[1:]))
    else:
        main()
