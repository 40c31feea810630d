"""Weak scaling: as many rows per process on several processes as on one, each on its own core.

Every process trains on its own rows, and the gradients travel over the loopback. Beside what is
measured stands what the page in ``help(jaxdl.parallel)`` expects of data parallelism:
t(N) = t(1) + 2·(N − 1)/N · bytes / speed, with the speed measured by an all-reduce alone.
Also the cost of ``pmap`` and ``shard_map`` over ``jit`` on one device.

Command:  python experiments/benchmarks/scaling.py [--processes 2] [--steps 30] [--repeats 5]
Measured: 2026-11-21, by the date of the commit that brought the figures
Result:   2 CPU cores, jax 0.10.2. One device, medians of 9: pmap 1.006 x and shard_map 1.018 x the
          27.7 ms of jit. Medians of 7: one process 28.4 ms a step, two 64.1 ms: 44 %,
          where 28.4 ms and the all-reduce of 7.5 MB alone (10.9 ms) would give 72 %. The two
          processes share the memory and caches of one machine, which the formula leaves out.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

ROWS, SIZES = 256, (784, 1024, 1024, 10)  # 1.9 M parameters


def main() -> None:
    """Runs the measurement once for every number of processes, and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0], allow_abbrev=False)
    parser.add_argument("--processes", type=int, default=2, help="the most")
    parser.add_argument("--steps", type=int, default=30, help="of one measurement")
    parser.add_argument("--repeats", type=int, default=5, help="measurements; their median counts")
    options = parser.parse_args()
    if "JAXDL_PROCESSES" in os.environ:
        measure(options.steps, options.repeats)
        return
    words = ["--steps", str(options.steps), "--repeats", str(options.repeats)]
    for count in range(1, options.processes + 1):
        command = [
            sys.executable,
            "-m",
            "jaxdl.parallel.launch",
            "--processes",
            str(count),
            __file__,
        ]
        subprocess.run([*command, *words], check=True)


def measure(steps: int, repeats: int) -> None:
    """What one process does: its core, its rows, and the lines of the first."""
    os.sched_setaffinity(0, {int(os.environ["JAXDL_PROCESS"]) % (os.cpu_count() or 1)})
    import jax
    import jax.numpy as jnp
    import numpy as np

    from jaxdl import losses, models, optim, parallel, train

    parallel.initialize()
    net, tx, mesh = models.mlp(SIZES), optim.sgd(0.1), parallel.data_mesh()
    loss_fn = train.supervised(net, losses.cross_entropy)
    start = train.init_state(net, tx, jax.random.key(0))
    rows = np.random.default_rng(jax.process_index()).normal(size=(ROWS, SIZES[0]))
    mine = {"inputs": rows.astype("float32"), "labels": np.zeros(ROWS, "int32")}
    batch = parallel.global_batch(mine, mesh)
    size = sum(x.nbytes for x in jax.tree.leaves(start.params))

    step = parallel.jit_step(train.make_step(loss_fn, tx), mesh)
    seconds, start = timed(lambda state: step(state, batch), start, steps, repeats)
    count, line = jax.process_count(), ""
    if count > 1:
        each = jax.NamedSharding(mesh, jax.sharding.PartitionSpec(mesh.axis_names[0]))
        ones = np.ones((1, size // 4), "float32")
        parts = jax.make_array_from_process_local_data(each, ones)
        whole = jax.NamedSharding(mesh, jax.sharding.PartitionSpec())
        total = jax.jit(lambda x: jnp.sum(x, axis=0), out_shardings=whole)
        alone, _ = timed(lambda parts: (parts, total(parts)), parts, steps, repeats)
        line = f"; an all-reduce of {size / 1e6:.1f} MB alone {1e3 * alone:.1f} ms"
    if parallel.is_primary():
        print(f"{count} processes: {1e3 * seconds:.1f} ms a step{line}", flush=True)
    if count == 1:
        overhead(loss_fn, tx, start, mine, steps, repeats)


def overhead(
    loss_fn: Any, tx: Any, start: Any, batch: dict[str, Any], steps: int, repeats: int
) -> None:
    """Times one device under each engine, in alternation."""
    import jax

    from jaxdl import parallel, train

    make = lambda axis: train.make_step(loss_fn, tx, axis_name=axis)
    engines = {
        "jit": jax.jit(make(None)),
        "pmap": parallel.pmap_step(make(parallel.AXIS)),
        "shard_map": parallel.shard_map_step(make(parallel.AXIS), parallel.data_mesh()),
    }
    times: dict[str, list[float]] = {name: [] for name in engines}
    for _ in range(repeats):
        for name, step in engines.items():
            run = lambda state, step=step: step(state, batch)
            times[name].append(timed(run, start, steps, 1)[0])
    for name, seconds in times.items():
        ratio = statistics.median(a / b for a, b in zip(seconds, times["jit"], strict=True))
        print(f"  {name:9} {1e3 * statistics.median(seconds):7.1f} ms a step, {ratio:.3f} x jit")


def timed(
    step: Callable[[Any], tuple[Any, Any]], state: Any, steps: int, repeats: int
) -> tuple[float, Any]:
    """Median seconds of a step over several runs of many, after one that compiles; and the state.

    A step may use up the state that it is given.
    """
    import jax

    state, _ = jax.block_until_ready(step(state))
    seconds = []
    for _ in range(repeats):
        begun = time.perf_counter()
        for _ in range(steps):
            state, result = step(state)
        jax.block_until_ready((state, result))
        seconds.append((time.perf_counter() - begun) / steps)
    return statistics.median(seconds), state


if __name__ == "__main__":
    main()
