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
Measured: 2026-11-30
Result:   PyTorch 2.13; medians of 5, ratios to jaxdl's seconds with jax 0.10.2; the last two are
          with jax 0.12.0 and Python 3.13, in the same alternation. Other programs were stopped.
          2 cores of an AMD EPYC on which products of matrices reach 400 GFLOP/s in XLA, 240 in
          NumPy and 210 in PyTorch (see products.py):
          an epoch     jaxdl    PyTorch  channels last  Flax    jaxdl, 0.12  Flax, 0.12
          convnet      0.62 s   1.25 x   1.29 x         3.38 x  1.08 x       2.84 x
          lstm         1.01 s   0.76 x                  1.11 x  0.99 x       1.17 x
          gru          0.75 s   1.92 x                  1.24 x  1.00 x       1.23 x
          transformer  2.11 s   1.56 x                  1.76 x  0.93 x       1.68 x
          resnet-8     0.80 s   0.99 x   0.73 x         1.55 x  0.96 x       1.40 x
          2 cores of an AMD EPYC on which they reach 200 GFLOP/s in all three:
          convnet      1.43 s   0.91 x   0.98 x         2.59 x  0.98 x       1.82 x
          lstm         2.12 s   0.73 x                  1.04 x  1.01 x       1.00 x
          gru          1.61 s   1.34 x                  1.16 x  0.95 x       1.13 x
          transformer  3.50 s   1.13 x                  1.48 x  0.92 x       1.48 x
          resnet-8     1.51 s   0.88 x   0.69 x         1.37 x  0.90 x       1.23 x
          From run to run a ratio moves by 5 %, that of the convnet by 20 %. On 2026-11-29 PyTorch
          had, on a machine of the second kind, 1.07 x (channels last 1.10 x) for the convnet, 0.72
          x, 1.34 x, 1.14 x and 0.87 x; on a third, on which all take 1.4 times as long, 1.42 x
          (1.49 x), 0.94 x, 1.72 x and 1.07 x. At commit 12e0232, on another 2-core machine: 1.13 x,
          0.72 x, 1.35 x, 0.95 x and, for resnet-8, 0.57 x to 0.64 x.
          Since 2026-11-28 kernel gradients are products of matrices. CPU seconds of a step,
          after over before, two runs in turn on a machine in use: convnet 0.78 and 0.74, resnet-8
          0.89 and 0.78. CPU time of the gradient alone, the same way, batch 128, jax 0.10.2 (0.12):
          16 channels at 32 x 32 0.85 (0.80), 32 at 16 x 16 0.62 (0.70), 64 at 8 x 8 0.79 (0.78),
          256 at 8 x 8 0.46 (0.35), 512 at 4 x 4 0.57 (0.41), with strides 16 to 32 0.71 (0.70), 32
          to 64 0.89 (0.66), the convnet's 5 x 5, batch 64, 0.77 (0.70).
Tried:    for convolutions on CPUs, what helped is in functional/_convolution_cpu.py (the batch
          folded into the width from 32 channels on; patches of rows for up to 4 channels; kernel
          gradients as products over a few images at a time). Lost, in CPU time: the same over the
          whole batch at once (0.9 x to 1.8 x; with patches of the whole kernel 2.9 x) and one
          product an entry of the kernel (2.3 x to 2.9 x), as what they copy leaves the caches;
          from 16 channels on convolutions themselves as products (1.5 x and more); strided ones
          with the stride put into the channels (forward 2.4 x to 2.7 x, gradient by the image
          0.7 x at 16 channels and 1.15 x at 32).
          For the lstm: buffers updated in place, factors of the gates saved on the way forward,
          products gate by gate; what helped is in functional/_recurrent_lstm.py. Without effect:
          two or four parts of the batch as independent products within a step or as scans of their
          own, which XLA runs one after another (26.3 and 25.7 ms a step for 25.1), also with its
          scheduler for concurrency; two or four steps in each turn of the loop (1.03 and 1.3 of the
          time; all 28 2.6); stacks that begin as distinct arrays, which spares copies of zeros
          (0.98 to 1.02); and products that find their left side transposed in memory, which XLA
          gives to its other library, in the step, backward or both (0.94 to 1.02).
          For all, XLA's library for CPUs for sums alone, by ``Placement.compiler_options`` (see
          docs/guides/devices.md), time over the default's, with jax 0.12 in brackets: lstm 0.83
          (0.85), gru 0.91 (1.07), transformer 0.98 (1.00), resnet-8 0.93 (0.68), convnet 1.24
          (1.21), the quickstart of mlp.py 1.32 (1.35), its small perceptron 1.04 (0.91). Nothing in
          a program says which is better, so that it is left to who trains.
Limits:   (on the second machine) of the lstm, a product of 128 x 128 x 512 a step on one core: 105
          GFLOP/s, where PyTorch's library has 145 and NumPy's 161. With features first and one
          product for W and U an epoch takes 0.92 of the time (0.87 with jax 0.12), and PyTorch's is
          0.76 of it; on the first machine that form, with the kernel's gradient summed in the loop,
          takes 0.93 of a gradient's time in one run (0.84) and 1.20 in another (1.06); products
          alone are half of it. Of resnet-8, the 16-channel product of the gradient, 48 x 48 over
          all pixels: 73 GFLOP/s of one core's 100; the strided convolutions run on one core. Of the
          convnet, its second convolution, batch 128, in GFLOP/s forward, by the kernel and by the
          image: 184, 137 and 181 (jax 0.12: 167, 141, 142), where PyTorch's library has 224, 207
          and 230 (channels last 228, 242 and 251), and no product of NumPy's more than 203.
          Activation and pooling take 2.6 ms of a step's 55 here, 19 there (channels last 6).
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
