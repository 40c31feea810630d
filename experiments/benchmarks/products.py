"""Times the products of matrices that the networks of mlp.py and layers.py are made of.

Each shape in XLA, NumPy and PyTorch, in alternation: what share of this machine's limit, the
quickest large product of the three, a step can reach at best.
- forward: x·W of (rows, inputs) and (inputs, outputs)
- kernel: xᵀ·g, the gradient by W
- image: g·Wᵀ, the gradient by x

Command:  python experiments/benchmarks/products.py [--repeats 7] [--only lecture,quickstart]
Needs:    pip install torch
Measured: 2026-11-30
Result:   jax 0.10.2, NumPy 2.4 with OpenBLAS, PyTorch 2.13; medians of 5 groups, GFLOP/s; nothing
          else ran. Two machines of 2 cores of an AMD EPYC; the limit of the first is jax's own 401,
          that of the second NumPy's 199
                                    jax   numpy   torch   jax of the limit
          2048 x 2048 x 2048        401     240     208   100 %
          lecture 1, forward        184     200     151   46 %
          lecture 1, kernel         127     204     168   32 %
          lecture 2, forward        183     137      59   46 %
          lecture 2, kernel         125      65      86   31 %
          lecture 2, image          179     128      65   45 %
          quickstart 1, forward     210     191     149   52 %
          quickstart 1, kernel      215     230     183   54 %
          quickstart 2, forward     214     175     142   53 %
          quickstart 2, kernel      329     216     196   82 %
          quickstart 2, image       197     175     153   49 %
          lstm step, forward        230     138     145   57 %
          lstm step, image          174     160     157   43 %
          lstm, all steps, kernel   189     194     173   47 %
          transformer, forward      267     245     215   67 %
          transformer, kernel       210     224     180   52 %
          transformer, image        304     229     200   76 %
          and the second
          2048 x 2048 x 2048        197     199     187   99 %
          lecture 1, forward        105     170     159   53 %
          lecture 1, kernel         119     179     171   60 %
          lecture 2, forward         85     103      85   43 %
          lecture 2, kernel          72     103      99   36 %
          lecture 2, image           84      75      39   42 %
          quickstart 1, forward     111     123     120   56 %
          quickstart 1, kernel      142     121     168   71 %
          quickstart 2, forward     136     165     145   68 %
          quickstart 2, kernel      130     129     159   65 %
          quickstart 2, image       138     133     156   70 %
          lstm step, forward        106     150      96   53 %
          lstm step, image           90      87     159   45 %
          lstm, all steps, kernel   126     168     172   63 %
          transformer, forward      141     187     187   71 %
          transformer, kernel       113     152     147   57 %
          transformer, image        159     147     130   80 %
          From run to run single figures move by a quarter.
Tried:    in a loop that changes the kernel in each step, the first products of both recipes as
          (Wᵀ·xᵀ)ᵀ, with Wᵀ in memory, in 2, 4 or 7 parts of the inputs, in 2 or 4 parts of the
          outputs or of the rows, one by one and batched, with jax 0.10.2 and 0.12.0: none is more
          than 5 % faster than x·W in either, most take 1.3 to 2 times as long.
"""

import argparse
import math
import statistics
import sys
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import record
import rivals
from rivals import Trainer

RIVALS = ("jax", "numpy", "torch")
KINDS = {"forward": ("mk", "kn"), "kernel": ("mk", "mn"), "image": ("mn", "kn")}


class Layer(NamedTuple):
    """Rows, inputs and outputs, and the gradients that training needs."""

    rows: int
    inputs: int
    outputs: int
    kinds: tuple[str, ...] = ("forward", "kernel", "image")


LAYERS = {
    "limit": Layer(2048, 2048, 2048, ("forward",)),
    "lecture 1": Layer(128, 784, 64, ("forward", "kernel")),
    "lecture 2": Layer(128, 64, 64),
    "quickstart 1": Layer(64, 784, 512, ("forward", "kernel")),
    "quickstart 2": Layer(64, 512, 512),
    "lstm step": Layer(128, 128, 512, ("forward", "image")),
    "lstm, all steps": Layer(128 * 28, 128, 512, ("kernel",)),
    "transformer": Layer(64 * 64, 128, 512),
}

Pair = tuple[np.ndarray, np.ndarray]


def products() -> list[tuple[str, str]]:
    """Every layer with every kind of product."""
    return [(name, kind) for name, layer in LAYERS.items() for kind in layer.kinds]


def operations(name: str) -> int:
    """Multiplications and additions of one product."""
    layer = LAYERS[name]
    return 2 * layer.rows * layer.inputs * layer.outputs


def calls_of(name: str) -> int:
    """How many products take about 0.1 seconds."""
    return math.ceil(1.5e10 / operations(name))


def factors(name: str, kind: str) -> Pair:
    """Two matrices of noise."""
    layer, random = LAYERS[name], np.random.default_rng(0)
    sizes = dict(zip("mkn", layer[:3], strict=True))
    a, b = ([sizes[axis] for axis in axes] for axes in KINDS[kind])
    return random.normal(size=a).astype("f"), random.normal(size=b).astype("f")


def turned(kind: str, a: np.ndarray, b: np.ndarray) -> Pair:
    """Views whose plain product it is."""
    return (a.T if kind == "kernel" else a), (b.T if kind == "image" else b)


def jax_calls(kind: str, a: np.ndarray, b: np.ndarray, calls: int) -> Callable[[], object]:
    """All of them in one compiled loop, as in an epoch."""
    import jax
    import jax.numpy as jnp
    from jax import lax

    axes = {"forward": (1, 0), "kernel": (0, 0), "image": (1, 1)}[kind]
    product = lambda a, b: lax.dot_general(a, b, ((axes[:1], axes[1:]), ((), ())))
    given = jnp.stack([jnp.asarray(a)] * min(calls, 8))
    first = jnp.zeros_like(product(given[0], b))

    @jax.jit
    def run(given: jax.Array, b: jax.Array) -> jax.Array:
        each = lambda i, _: product(given[i % len(given)], b)
        return lax.fori_loop(0, calls, each, first)

    fixed = jnp.asarray(b)
    return lambda: run(given, fixed).block_until_ready()


def numpy_calls(kind: str, a: np.ndarray, b: np.ndarray, calls: int) -> Callable[[], object]:
    """One after another, into the same memory."""
    left, right = turned(kind, a, b)
    out = left @ right
    return lambda: [np.matmul(left, right, out=out) for _ in range(calls)]


def torch_calls(kind: str, a: np.ndarray, b: np.ndarray, calls: int) -> Callable[[], object]:
    """One after another, into the same memory."""
    import torch

    left, right = map(torch.from_numpy, turned(kind, a, b))
    out = left @ right
    return lambda: [torch.mm(left, right, out=out) for _ in range(calls)]


def trainer(rival: str, name: str, kind: str) -> Trainer:
    """Endless groups of calls."""
    calls = calls_of(name)
    make = {"jax": jax_calls, "numpy": numpy_calls, "torch": torch_calls}[rival]
    run = make(kind, *factors(name, kind), calls)
    while True:
        run()
        yield float(calls)


def speeds(name: str, kind: str, repeats: int) -> tuple[dict[str, float], dict[str, list[float]]]:
    """GFLOP/s of every rival, and the seconds a product that they come from."""
    calls = calls_of(name)
    commands = {rival: [sys.executable, __file__, rival, name, kind] for rival in RIVALS}
    taken = rivals.steady(commands, repeats)
    seconds = {f"{name}, {kind}: {r}": [t / calls for t in each] for r, each in taken.items()}
    medians = map(statistics.median, seconds.values())
    return {r: operations(name) / s / 1e9 for r, s in zip(RIVALS, medians, strict=True)}, seconds


def main() -> None:
    """Times every product, the limit first."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0], allow_abbrev=False)
    parser.add_argument("--only", default="", help="beginnings of layers' names, with commas")
    parser.add_argument("--repeats", type=int, default=7, help="groups of calls timed")
    record.add_option(parser)
    options = parser.parse_args()
    limit, figures = 0.0, dict[str, list[float]]()
    wanted = ("limit", *options.only.split(","))
    print(f"{'GFLOP/s':28s}" + "".join(f"{rival:>8s}" for rival in RIVALS) + "   jax of the limit")
    for name, kind in products():
        if not name.startswith(wanted):
            continue
        reached, seconds = speeds(name, kind, options.repeats)
        limit, figures = limit or max(reached.values()), figures | seconds
        row = "".join(f"{speed:8.0f}" for speed in reached.values())
        print(f"{name + ', ' + kind:28s}{row}{reached['jax'] / limit:12.0%}", flush=True)
    record.write(options.json, figures)


if __name__ == "__main__":
    if len(sys.argv) == 4 and sys.argv[2] in LAYERS:
        rivals.serve(trainer(*sys.argv[1:]))
    else:
        main()
