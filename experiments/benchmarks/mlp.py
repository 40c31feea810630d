"""Times jaxdl against PyTorch and Keras on the two lecture recipes, in alternation in one run.

Steady epochs, one process each that trains on request, so that slow minutes of a shared machine
hit all alike; then whole processes, interpreter start to printed test accuracy, 10 epochs.

Command:  python experiments/benchmarks/mlp.py [--repeats 7] [--data-dir DIR]
Needs:    pip install torch keras, and Fashion-MNIST where ``jaxdl.data.load`` finds it
Measured: 2026-11-30
Result:   medians of 5 epochs and of 3 processes, ratios to jaxdl's seconds; 2 cores of an AMD EPYC
          on which products of matrices reach 400 GFLOP/s in XLA, 240 in NumPy and 210 in PyTorch;
          jax 0.10.2, PyTorch 2.13, Keras 3.15. Other programs were stopped
          an epoch        jaxdl    DataLoader      tensor slices   Keras on JAX
          keras-lecture   0.090 s  0.358 s, 4.0 x  0.220 s, 2.5 x  0.133 s, 1.5 x
          quickstart      0.676 s  1.504 s, 2.3 x  1.335 s, 2.0 x  0.858 s, 1.3 x
          whole process
          keras-lecture   3.3 s    6.7 s, 2.1 x    5.2 s, 1.6 x    5.2 s, 1.6 x
          quickstart      9.7 s    22.1 s, 1.9 x   20.4 s, 1.8 x   14.4 s, 1.3 x
          On 2026-11-21, on a machine with 200 GFLOP/s in all three, the epochs took 0.120 s and
          1.33 s, the others 4.2 x, 2.8 x and 1.8 x of the first and 1.5 x, 1.3 x and 1.3 x of the
          second; the processes took 4.1 s (1.9 x, 1.6 x, 1.7 x) and 15.4 s (2.1 x, 1.8 x, 1.4 x).
Where the time goes (on the machine of 2026-11-21): the quickstart epoch is 191 GFLOP of matrix
          products, 0.96 s at the peak of these cores, so no float32 program on them can be 2.5
          times faster than 2.01 s. Of the lecture's 315 µs a step, the first layer's two products
          and its update alone take 184, gathering the bytes of a batch and scaling them 30, Adam
          instead of SGD 20, and some fifty small kernels the rest. Shuffling took 19 of 134 ms an
          epoch with jax.random.permutation and takes 1 with train.order.shuffled. No help: other
          loss formulas, unrolling, gathering whole epochs, XLA's CPU options.
Limits:   products.py has the speed of every product here, in XLA, NumPy and PyTorch, and the forms
          that were tried: those of the quickstart reach 56 to 71 % of the limit in XLA's library,
          those of the lecture 36 to 60 %, and no form or option of XLA is faster with both jax 0.10
          and 0.12. Alone, the quickstart's first product reaches 183 GFLOP/s with a right side
          that is transposed in memory; but whole steps with kernels that are kept so from the
          start of an epoch to its end, one or both, take 1.04 to 1.10 of the time (0.12: 1.04 to
          1.09; the lecture's 1.00 to 1.15), and with the layout asked of XLA 1.23 to 1.65.
"""

import argparse
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import record
import rivals
from rivals import Trainer


class Recipe(NamedTuple):
    """A network, an optimizer and how the data is served."""

    hidden: int
    optimizer: str
    learning_rate: float
    batch_size: int
    rows: int
    shuffle: bool


RECIPES = {
    "keras-lecture": Recipe(64, "adam", 1e-3, 128, 48_000, True),
    "quickstart": Recipe(512, "sgd", 1e-3, 64, 60_000, False),
}
RIVALS = ("jaxdl", "torch-loader", "torch-tensors", "keras-jax")


def jaxdl_parts(recipe: Recipe, data: dict[str, np.ndarray]) -> tuple:
    """Loss, optimizer, first TrainState and dataset, as a script would write them down."""
    import jax
    import optax

    from jaxdl import initializers, layers, losses, metrics, models, serial, train
    from jaxdl.data import Dataset

    sizes = (784, recipe.hidden, recipe.hidden, 10)
    mlp = models.mlp(sizes, init=initializers.torch_default)
    net = serial(layers.rescale(1 / 255), layers.flatten(axes=2), mlp)
    loss_fn = train.supervised(net, losses.cross_entropy, metrics={"accuracy": metrics.accuracy})
    tx = getattr(optax, recipe.optimizer)(recipe.learning_rate)
    dataset = Dataset(
        train={"inputs": data["x"][: recipe.rows], "labels": data["y"][: recipe.rows]},
        test={"inputs": data["x_test"], "labels": data["y_test"]},
    )
    return loss_fn, tx, train.init_state(net, tx, jax.random.key(0)), dataset


def jaxdl_epochs(recipe: Recipe, data: dict[str, np.ndarray]) -> Trainer:
    """The epoch that ``fit`` compiles, without what ``fit`` does once before the first."""
    import jax

    from jaxdl import metrics, train

    loss_fn, tx, train_state, dataset = jaxdl_parts(recipe, data)
    step = train.make_step(loss_fn, tx)
    epoch = train.make_epoch(step, batch_size=recipe.batch_size, shuffle=recipe.shuffle)
    run, rows = jax.jit(epoch, donate_argnums=0), jax.device_put(dataset.train)
    while True:
        train_state, sums = run(train_state, rows)
        yield metrics.compute(sums)["loss"]


def jaxdl_script(recipe: Recipe, data: dict[str, np.ndarray]) -> float:
    """Ten epochs with ``fit``, and the test accuracy."""
    from jaxdl import train

    loss_fn, tx, start, dataset = jaxdl_parts(recipe, data)
    options: dict[str, Any] = {"batch_size": recipe.batch_size, "shuffle": recipe.shuffle}
    train_state, _ = train.fit(loss_fn, tx, start, dataset, epochs=10, **options)
    return train.evaluate(loss_fn, train_state, dataset.test)["accuracy"]


def torch_epochs(recipe: Recipe, data: dict[str, np.ndarray], *, loader: bool) -> Trainer:
    """The loop of PyTorch's tutorials, over a DataLoader or over slices of tensors."""
    import torch
    from torch import nn

    x, y, x_test, y_test = (torch.from_numpy(data[k]) for k in ("x", "y", "x_test", "y_test"))
    x, x_test = x.float() / 255, x_test.float() / 255
    x, y = x[: recipe.rows], y[: recipe.rows].long()
    width = recipe.hidden
    net = nn.Sequential(
        nn.Flatten(), nn.Linear(784, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(),
        nn.Linear(width, 10),
    )  # fmt: skip
    kind = {"adam": torch.optim.Adam, "sgd": torch.optim.SGD}[recipe.optimizer]
    optimizer = kind(net.parameters(), lr=recipe.learning_rate)
    loss_fn, size = nn.CrossEntropyLoss(), recipe.batch_size
    batches = torch.utils.data.DataLoader(
        torch.utils.data.TensorDataset(x, y), batch_size=size, shuffle=recipe.shuffle
    )

    def slices() -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        order = torch.randperm(len(x)) if recipe.shuffle else torch.arange(len(x))
        return ((x[i], y[i]) for i in order.split(size))

    while True:
        for inputs, labels in batches if loader else slices():
            loss = loss_fn(net(inputs), labels)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
        if (yield loss.item()):
            with torch.no_grad():
                yield (net(x_test).argmax(1) == y_test).float().mean().item()


def keras_epochs(recipe: Recipe, data: dict[str, np.ndarray]) -> Trainer:
    """``Model.fit`` of Keras on its JAX backend."""
    os.environ["KERAS_BACKEND"] = "jax"
    import keras

    dense = keras.layers.Dense
    net = keras.Sequential(
        [dense(recipe.hidden, "relu"), dense(recipe.hidden, "relu"), dense(10, "softmax")]
    )
    kind = {"adam": keras.optimizers.Adam, "sgd": keras.optimizers.SGD}[recipe.optimizer]
    net.compile(kind(recipe.learning_rate), "sparse_categorical_crossentropy", metrics=["accuracy"])
    x, x_test = (data[k].reshape(-1, 784).astype("float32") / 255 for k in ("x", "x_test"))
    x, y = x[: recipe.rows], data["y"][: recipe.rows]
    options = {"batch_size": recipe.batch_size, "shuffle": recipe.shuffle, "verbose": 0}
    while True:
        history = net.fit(x, y, epochs=1, **options)
        if (yield history.history["loss"][0]):
            yield net.evaluate(x_test, data["y_test"], verbose=0)[1]


def trainer(rival: str, recipe: Recipe, data: dict[str, np.ndarray]) -> Trainer:
    """The endless training of one rival."""
    if rival == "jaxdl":
        return jaxdl_epochs(recipe, data)
    if rival == "keras-jax":
        return keras_epochs(recipe, data)
    return torch_epochs(recipe, data, loader=rival == "torch-loader")


def whole(rival: str, recipe: Recipe, path: str) -> None:
    """Ten epochs and a test, as a script of its own would do it."""
    data = dict(np.load(path))
    if rival == "jaxdl":
        accuracy = jaxdl_script(recipe, data)
    else:
        epochs = trainer(rival, recipe, data)
        for _ in range(10):
            next(epochs)
        accuracy = epochs.send(True)  # what a trainer yields when it is sent something true
    print(f"{rival}: test accuracy {accuracy:.4f}")


def commands(mode: str, name: str, path: str) -> dict[str, list[str]]:
    """How this file runs each rival in a process of its own."""
    return {rival: [sys.executable, __file__, mode, rival, name, path] for rival in RIVALS}


def main() -> None:
    """Times all rivals on both recipes."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0], allow_abbrev=False)
    parser.add_argument("--repeats", type=int, default=7, help="epochs and processes timed")
    parser.add_argument("--data-dir", help="folder with Fashion-MNIST")
    record.add_option(parser)
    options = parser.parse_args()
    from jaxdl import data

    figures: dict[str, list[float]] = {}

    found = data.load("fashion_mnist", data_dir=options.data_dir)
    assert found.test is not None
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "data.npz")
        arrays = {"x": found.train["inputs"][..., 0], "y": found.train["labels"]}
        arrays |= {"x_test": found.test["inputs"][..., 0], "y_test": found.test["labels"]}
        np.savez(path, **arrays)
        for name in RECIPES:
            seconds = rivals.steady(commands("serve", name, path), options.repeats)
            figures |= rivals.table(f"{name}: an epoch, compiled and warm", seconds)
        for name in RECIPES:
            repeats = max(3, options.repeats // 2)
            seconds = rivals.processes(commands("whole", name, path), repeats)
            figures |= rivals.table(f"{name}: whole process, 10 epochs, cold caches", seconds)
    record.write(options.json, figures)


if __name__ == "__main__":
    if sys.argv[1:2] in (["serve"], ["whole"]):
        mode, rival, name, path = sys.argv[1:]
        if mode == "whole":
            whole(rival, RECIPES[name], path)
        else:
            rivals.serve(trainer(rival, RECIPES[name], dict(np.load(path))))
    else:
        main()
