"""Times populations against PyTorch: the same networks trained one after another.

Whole times, start of the interpreter and compilation included: 64 networks 784-64-64-10 on
Fashion-MNIST, Adam, batches of 128, 3 epochs, seeds 0 to 63; against a PyTorch script that trains
them one after another, and against one process a network. Then 256 networks 2-16-16-2 on two
moons, 500 steps of 32 points, also without start-up and compilation on either side.
PyTorch trains fewer of them, and its time a network is what counts; its start is shared by 64 and
256. Rivals take turns, so that slow minutes hit all alike.

Command:  python experiments/benchmarks/populations.py [--repeats 3] [--data-dir DIR]
          python experiments/benchmarks/populations.py --saturation   (population 1 to 1,024)
Needs:    pip install torch, and Fashion-MNIST where ``jaxdl.data.load`` finds it
Measured: 2026-11-21, by the date of the commit that brought the figures
Result:   medians of two repeats on 2 CPU cores, jax 0.10.2, PyTorch 2.13, seconds a network, and
          what jaxdl takes of it. 64 networks, whole: jaxdl 0.43; PyTorch in one process 2.90 with
          a DataLoader (0.15 x) and 1.52 with tensor slices (0.29 x), one process a network 6.11
          (0.07 x) and 5.79 (0.08 x). The aims are 0.25 x and 0.12 x.
          Saturation (2026-11-29, other programs stopped): 16 networks 4.11 networks an epoch and
          second, 64 5.00, 256 4.96, 1,024 4.62, so that from 64 on each takes 0.20 s an epoch.
          256 networks on two moons: jaxdl 0.0023 of training, 0.019 with start-up and compilation;
          PyTorch's loop 0.347 (1/150) and 0.362 (1/19)
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np


class Task(NamedTuple):
    """What is trained, and how many of it."""

    models: int
    sizes: tuple[int, ...]
    epochs: int
    batch_size: int
    learning_rate: float
    torch_models: int  # that PyTorch trains in one process, to time one


TASKS = {
    "fashion": Task(64, (784, 64, 64, 10), 3, 128, 1e-3, 3),
    "moons": Task(256, (2, 16, 16, 2), 1, 32, 1e-2, 4),
}


def moons(n: int = 16_000) -> dict[str, np.ndarray]:
    """Two half circles that reach into each other."""
    rng = np.random.default_rng(0)
    labels, turn = np.arange(n) % 2, rng.uniform(0, np.pi, n)
    x = np.stack([np.cos(turn), np.sin(turn)], axis=1) * np.where(labels == 0, 1, -1)[:, None]
    x = x + np.where(labels == 0, 0, 1)[:, None] * [1.0, 0.5] + 0.1 * rng.normal(size=(n, 2))
    return {"x": x.astype("float32"), "y": labels.astype("int32")}


def population(task: Task, data: dict[str, np.ndarray], models: int) -> float:
    """Trains with ``sweep``, one CPU device a core; returns the seconds of training alone."""
    import jax

    if getattr(jax.config, "jax_platforms", None) in (None, "cpu"):
        jax.config.update("jax_num_cpu_devices", os.cpu_count())
    from jaxdl import data as data_lib
    from jaxdl import layers, losses, optim, serial, sweep, train
    from jaxdl import models as models_lib

    axes = 2 if task.sizes[0] == 784 else 1
    scale = 1 / 255 if task.sizes[0] == 784 else 1.0
    net = serial(layers.rescale(scale), layers.flatten(axes=axes), models_lib.mlp(task.sizes))
    loss_fn = train.supervised(net, losses.cross_entropy)
    made = sweep.Run(net, loss_fn, optim.adam(task.learning_rate))
    dataset = data_lib.Dataset({"inputs": data["x"], "labels": data["y"]})
    result = sweep.run(
        lambda: made, dataset, seeds=models, epochs=task.epochs, batch_size=task.batch_size
    )
    return result.seconds["seconds"]


def torch_run(task: Task, data: dict[str, Any], seed: int) -> float:
    """Trains one network as PyTorch's tutorials do, from slices of tensors; returns its loss."""
    import torch
    from torch import nn

    torch.manual_seed(seed)
    sizes = task.sizes
    net = nn.Sequential(
        nn.Flatten(), nn.Linear(sizes[0], sizes[1]), nn.ReLU(), nn.Linear(sizes[1], sizes[2]),
        nn.ReLU(), nn.Linear(sizes[2], sizes[3]),
    )  # fmt: skip
    optimizer, loss_fn = (
        torch.optim.Adam(net.parameters(), task.learning_rate),
        nn.CrossEntropyLoss(),
    )
    x, y = data["x"], data["y"]

    def batches() -> Iterator[tuple[Any, Any]]:
        if task.sizes[0] == 784 and data["loader"]:
            set_ = torch.utils.data.TensorDataset(x, y)
            return iter(torch.utils.data.DataLoader(set_, batch_size=task.batch_size, shuffle=True))
        return ((x[i], y[i]) for i in torch.randperm(len(x)).split(task.batch_size))

    for _ in range(task.epochs):
        for inputs, labels in batches():
            loss = loss_fn(net(inputs), labels)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
    return loss.item()


def whole(rival: str, name: str, path: str, models: int) -> None:
    """What a process does, from start to end."""
    task, arrays = TASKS[name], dict(np.load(path))
    if rival == "jaxdl":
        print(population(task, arrays, models))
        return
    import torch

    scale = 255 if name == "fashion" else 1
    data = {"x": torch.from_numpy(arrays["x"]).float() / scale, "loader": rival == "loader"}
    data["y"] = torch.from_numpy(arrays["y"]).long()
    torch_run(task._replace(epochs=1), {**data, "x": data["x"][:640], "y": data["y"][:640]}, 0)
    start = time.perf_counter()
    for seed in range(models):
        torch_run(task, data, seed)
    print(time.perf_counter() - start)


class Times(NamedTuple):
    """Seconds of a process, and of the training in it, compilation apart."""

    whole: float
    training: float


def seconds_of(*command: object) -> Times:
    """Times a process; the last line that it writes are its seconds of training."""
    start = time.perf_counter()
    words = [sys.executable, __file__, *map(str, command)]
    done = subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True)
    return Times(time.perf_counter() - start, float(done.stdout.split()[-1]))


def compare(name: str, path: str, repeats: int) -> None:
    """Prints medians a network, and how many times as long PyTorch takes."""
    task = TASKS[name]
    feeds = ("tensors", "loader") if name == "fashion" else ("tensors",)
    rows: dict[str, list[float]] = {}
    add = lambda key, value: rows.setdefault(key, []).append(value)
    for _ in range(repeats):
        ours = seconds_of("whole", "jaxdl", name, path, task.models)
        add("jaxdl, whole", ours.whole / task.models)
        add("jaxdl, training alone", ours.training / task.models)
        for feed in feeds:
            one = seconds_of("whole", feed, name, path, 1)
            few = seconds_of("whole", feed, name, path, task.torch_models)
            each = few.training / task.torch_models
            # One process for all: a start, and for each network what one of a few takes.
            start = few.whole - few.training
            add(f"PyTorch, {feed}, one process, whole", start / task.models + each)
            add(f"PyTorch, {feed}, one process a network", one.whole)
            add(f"PyTorch, {feed}, training alone", each)
    print(f"\n{name}: {task.models} networks, seconds a network")
    for key, values in rows.items():
        rival = "jaxdl, training alone" if key.endswith("alone") else "jaxdl, whole"
        shares = [ours / theirs for ours, theirs in zip(rows[rival], values, strict=True)]
        print(f"  {key:40s} {statistics.median(values):9.5f}  ({min(values):.5f} to "
              f"{max(values):.5f})  jaxdl takes {statistics.median(shares):.4f} x")  # fmt: skip


def saturation(path: str) -> None:
    """Prints networks a second against the size of the population, compilation apart."""
    data = dict(np.load(path))
    task = TASKS["fashion"]._replace(epochs=1)
    print("population  networks an epoch and second")
    for models in (4**k for k in range(6)):
        seconds = population(task, data, models)
        print(f"{models:10d}  {models / seconds:9.2f}", flush=True)


def main() -> None:
    """Times all on both tasks."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0], allow_abbrev=False)
    parser.add_argument("--repeats", type=int, default=3, help="how often each rival runs")
    parser.add_argument("--data-dir", help="folder with Fashion-MNIST")
    parser.add_argument("--saturation", action="store_true", help="networks a second by population")
    parser.add_argument("--only", choices=tuple(TASKS), help="one task")
    options = parser.parse_args()
    from jaxdl import data

    found = data.load("fashion_mnist", data_dir=options.data_dir)
    with tempfile.TemporaryDirectory() as folder:
        paths = {name: str(Path(folder) / f"{name}.npz") for name in TASKS}
        images = found.train["inputs"][..., 0]
        np.savez(paths["fashion"], x=images, y=found.train["labels"])
        points = moons()
        np.savez(paths["moons"], x=points["x"], y=points["y"])
        if options.saturation:
            saturation(paths["fashion"])
            return
        for name in [options.only] if options.only else TASKS:
            compare(name, paths[name], options.repeats)


if __name__ == "__main__":
    if sys.argv[1:2] == ["whole"]:
        rival, name, path, models = sys.argv[2:]
        whole(rival, name, path, int(models))
    else:
        main()
