"""Measures one GPU or TPU, jaxdl and PyTorch in the same run: share of its peak, speed, memory.

- mlp: 4 layers 8,192 wide, 8,192 rows, bfloat16: what share of the chip's peak its products reach
- transformer: GPT-2 small, 12 layers, 16 sequences of 1,024, bfloat16, fused attention
- resnet50: 256 images of 224×224, bfloat16
- lecture: 784-64-64-10, batch 128, which launching kernels takes longer than computing them:
  whole epochs in one program against PyTorch's CUDA graphs
- population: 1 to 4,096 networks of the lecture at once, against PyTorch's batched products

All train with Adam. PyTorch runs as it stands, by ``torch.compile`` and in CUDA graphs; what isn't
installed, or doesn't run here, is named and left out. Every figure comes from a process of its own.

Command:  python experiments/benchmarks/accelerator.py [--only mlp,lecture] [--json FILE]
          python experiments/benchmarks/accelerator.py --tiny     (a minute, on a CPU too)
          python experiments/benchmarks/accelerator.py --table FILE     (Markdown of a record)
Needs:    a GPU or TPU with its jax, such as ``pip install "jax[cuda12]"``; torch to compare with
Measured: 2026-11-28, with --tiny on a CPU only
Result:   none yet: no accelerator was at hand
"""

import argparse
import importlib.util
import itertools
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import chips
import numpy as np

RIVALS = ("jaxdl", "torch", "torch-compile", "torch-graphs")


class Size(NamedTuple):
    """How large a task is."""

    rows: int  # a step
    shape: tuple[int, ...]
    """Of an mlp its widths; of a transformer tokens, features, layers and time; of resnet50 that of
    an image and the channels of the first stage."""
    steps: int  # that are timed together
    models: int = 1


class Task(NamedTuple):
    """A task in full, and one that shows on a CPU that everything runs."""

    full: Size
    tiny: Size
    unit: str  # of what is done
    flops: Callable[[Size], float] | None = None  # of a step, forward and backward


LECTURE = Size(128, (784, 64, 64, 10), 375)
SMALL = Size(32, (784, 16, 16, 10), 4)
POPULATIONS = (1, 4, 16, 64, 256, 1024, 4096)


def _dense_flops(size: Size) -> float:
    return 6 * size.rows * sum(a * b for a, b in itertools.pairwise(size.shape))


def _transformer_flops(size: Size) -> float:
    tokens, features, layers, length = size.shape
    weights = 12 * layers * features**2 + tokens * features
    return 6 * size.rows * length * (weights + layers * features * length)  # causal: half of all


def _resnet_flops(size: Size) -> float:
    height, width, _, channels = size.shape
    return 3 * 8.2e9 * size.rows * height * width / 224**2 * (channels / 64) ** 2


TASKS = {
    "mlp": Task(
        Size(8192, (8192,) * 5, 20), Size(16, (32,) * 3, 2), "rows", _dense_flops
    ),
    "transformer": Task(
        Size(16, (50_304, 768, 12, 1024), 10), Size(2, (64, 32, 2, 128), 2), "rows",
        _transformer_flops,
    ),
    "resnet50": Task(
        Size(256, (224, 224, 3, 64), 10), Size(2, (32, 32, 3, 8), 1), "rows", _resnet_flops
    ),
    "lecture": Task(LECTURE, SMALL, "steps"),
} | {
    f"population-{n}": Task(LECTURE._replace(models=n), SMALL._replace(models=n), "models")
    for n in POPULATIONS
}  # fmt: skip


def batch_of(name: str, size: Size) -> dict[str, np.ndarray]:
    """Noise of the shape of a task; for those of many batches, as many rows as they take."""
    random = np.random.default_rng(0)
    if name == "transformer":
        tokens, *_, length = size.shape
        inputs = random.integers(tokens, size=(size.rows, length)).astype("int32")
        return {"inputs": inputs, "labels": np.roll(inputs, -1, 1)}
    rows = size.rows * (1 if size.shape[-1] != 10 else size.steps)
    shape = size.shape[:3] if name == "resnet50" else size.shape[:1]
    classes = 1000 if name == "resnet50" else size.shape[-1]
    inputs = random.normal(size=(rows, *shape)).astype("float32")
    return {"inputs": inputs, "labels": random.integers(classes, size=rows).astype("int32")}


def jaxdl_steps(name: str, size: Size) -> Iterator[None]:
    """Each time it is asked, takes the steps of a measurement and waits for the last."""
    import jax
    import jax.numpy as jnp
    import optax

    from jaxdl import losses, models, train

    if name == "transformer":
        tokens, features, layers, length = size.shape
        net = models.transformer_lm(
            tokens, n_features=features, n_heads=max(1, features // 64), n_layers=layers,
            length=length,
        )  # fmt: skip
    else:
        make = models.resnet50 if size.shape[-1] == 64 else models.resnet18  # compiles in seconds
        images = name == "resnet50"
        net = make(width=size.shape[-1]) if images else models.mlp(size.shape)
    half = None if name == "lecture" else jnp.bfloat16
    loss_fn = train.supervised(net, losses.cross_entropy, compute_dtype=half)
    tx, data = optax.adam(1e-3), jax.device_put(batch_of(name, size))
    step = train.make_step(loss_fn, tx)
    whole = name == "lecture"
    run = jax.jit(train.make_epoch(step, batch_size=size.rows) if whole else step, donate_argnums=0)
    train_state = train.init_state(net, tx, jax.random.key(0))
    while True:
        for _ in range(1 if whole else size.steps):
            train_state, sums = run(train_state, data)
        jax.block_until_ready(sums)
        yield


def jaxdl_population(size: Size) -> float:
    """Seconds of the steps of many networks, compilation apart."""
    from jaxdl import data, losses, models, optim, sweep, train

    net = models.mlp(size.shape)
    made = sweep.Run(net, train.supervised(net, losses.cross_entropy), optim.adam(1e-3))
    dataset = data.Dataset(batch_of("population", size))
    options: dict[str, Any] = {"seeds": size.models, "epochs": 2, "batch_size": size.rows}
    return sweep.run(lambda: made, dataset, **options).seconds["seconds"] / 2


def timed(steps: Iterator[None], repeats: int) -> float:
    """Median seconds of the steps of a measurement, after one that compiles and one that warms."""
    seconds = []
    for _ in range(repeats + 2):
        begun = time.perf_counter()
        next(steps)
        seconds.append(time.perf_counter() - begun)
    return statistics.median(seconds[2:])


def measure(name: str, rival: str, *, tiny: bool) -> dict[str, Any]:
    """What one process finds: seconds of a step, memory, and what chip it was."""
    task = TASKS[name]
    size = task.tiny if tiny else task.full
    repeats = 2 if tiny else 7
    if rival != "jaxdl":
        import accelerator_torch

        return accelerator_torch.measure(name, size, rival, repeats, timed)
    import jax

    if size.models > 1 or name.startswith("population"):
        seconds = jaxdl_population(size)
    else:
        seconds = timed(jaxdl_steps(name, size), repeats)
    device = jax.devices()[0]
    memory = (device.memory_stats() or {}).get("peak_bytes_in_use")
    found = {"chip": device.device_kind, "jax": jax.__version__}
    return found | {"seconds_per_step": seconds / size.steps, "memory_bytes": memory}


def row_of(name: str, rival: str, *, tiny: bool) -> dict[str, Any]:
    """Measures in a process of its own; says what is missing, or what went wrong."""
    row: dict[str, Any] = {"task": name, "rival": rival}
    if rival != "jaxdl" and importlib.util.find_spec("torch") is None:
        return row | {"skipped": "torch isn't installed"}
    words = [sys.executable, __file__, "measure", name, rival, *["--tiny"] * tiny]
    done = subprocess.run(words, capture_output=True, text=True)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        kind, _, reason = last.partition("skipped: ")
        return row | ({"skipped": reason} if reason else {"failed": kind})
    return figures(row | json.loads(done.stdout.splitlines()[-1]), tiny=tiny)


def figures(row: dict[str, Any], *, tiny: bool) -> dict[str, Any]:
    """Adds what follows from seconds: what is done a second, and the share of the chip's peak."""
    task = TASKS[row["task"]]
    size, seconds = task.tiny if tiny else task.full, row["seconds_per_step"]
    done = {"rows": size.rows, "steps": 1, "models": size.models / size.steps}[task.unit]
    row |= {"unit": f"{task.unit} a second", "per_second": done / seconds}
    if task.unit == "models":
        row["unit"] = f"models a second, {size.steps} steps each"
    if task.flops is not None:
        row["flops_per_second"] = task.flops(size) / seconds
        peak = chips.peak_of(row["chip"])
        row["share_of_peak"] = None if peak is None else row["flops_per_second"] / peak
    return row


def table(record: dict[str, Any]) -> str:
    """A record as a table of Markdown: a line for each task, rivals beside each other."""
    rows = {(row["task"], row["rival"]): row for row in record["rows"]}
    done = {key: row for key, row in rows.items() if "unit" in row}
    rivals = [rival for rival in RIVALS if any(rival == r for _, r in done)]
    lines = [
        f"| {record['chip']} | unit | {' | '.join(rivals)} |",
        "|---" * (2 + len(rivals)) + "|",
    ]
    for name in dict.fromkeys(task for task, _ in done):
        cells = [_cell(rows.get((name, rival), {})) for rival in rivals]
        unit = next(row["unit"] for (task, _), row in done.items() if task == name)
        lines.append(f"| {name} | {unit} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _cell(row: dict[str, Any]) -> str:
    if "per_second" not in row:
        return "–"
    words = [f"{row['per_second']:,.{0 if row['per_second'] >= 100 else 2}f}"]
    if row.get("share_of_peak"):
        words.append(f"{row['share_of_peak']:.0%} of peak")
    if row.get("memory_bytes"):
        words.append(f"{row['memory_bytes'] / 2**30:.1f} GiB")
    return ", ".join(words)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measures all tasks, rival by rival, and keeps them."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0], allow_abbrev=False)
    parser.add_argument("--only", help="tasks, with commas; population means all of its sizes")
    parser.add_argument("--tiny", action="store_true", help="small sizes, to see that it runs")
    parser.add_argument("--json", type=Path, help="file that keeps the figures")
    parser.add_argument("--table", type=Path, help="print the table of such a file, and end")
    options = parser.parse_args(arguments)
    if options.table:
        print(table(json.loads(options.table.read_text())))
        return
    chosen = options.only.split(",") if options.only else list(TASKS)
    names = [name for name in TASKS if name in chosen or name.partition("-")[0] in chosen]
    if options.tiny:
        names = [name for name in names if TASKS[name].full.models <= 4]
    if not names:
        parser.error(f"--only: there is no {options.only}; there are {', '.join(TASKS)}")
    rows = []
    for name in names:
        for rival in RIVALS:
            rows.append(row_of(name, rival, tiny=options.tiny))
            shown = {k: v for k, v in rows[-1].items() if k not in ("task", "rival")}
            print(f"{name:16} {rival:14} {shown}", flush=True)
    record = {"chip": next((r["chip"] for r in rows if "chip" in r), "no chip"), "rows": rows}
    print(f"\n{table(record)}")
    if options.json:
        options.json.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    if sys.argv[1:2] == ["measure"]:
        print(json.dumps(measure(*sys.argv[2:4], tiny="--tiny" in sys.argv)))
    else:
        main()
