"""Times every activation and loss against its plain jax.numpy form, compiled, value and gradient.

Both forms run in alternation, so that slow minutes of a shared machine hit both alike. The plain
forms are in plain_functions.py.

Command:  taskset -c 1 python experiments/benchmarks/functions.py --cpu-time --repeats 7
Measured: 2026-11-21, by the date of the commit that brought the figures
Result:   ratios of medians of CPU time at 4096 × 1000 in float32: at most 1.1 for all. Figures of
          a single run wander by 10 % and more with where its arrays lie in memory. Lowest:
          multilabel_margin_loss 0.5, maxout 0.6, silu, swish, glu, sigmoid and softplus 0.65 to
          0.75.
Hardware: one of 2 cores of an AMD EPYC; jax 0.10.2
"""

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import record
from plain_functions import ACTIVATIONS, LOSSES, Pair, arrays

AIM = 1.1


def value_and_gradient(fn: Callable[..., Any]) -> Callable[..., Any]:
    """The compiled function, with its gradient for a cotangent of ones."""

    def both(x: jax.Array, *others: jax.Array) -> tuple[jax.Array, jax.Array]:
        value, pullback = jax.vjp(lambda x: fn(x, *others), x)
        return value, pullback(jnp.ones_like(value))[0]

    return jax.jit(both)


def timed(
    compiled: Callable[..., Any], inputs: list[jax.Array], clock: Callable[[], float]
) -> float:
    """Milliseconds of one call."""
    start = clock()
    jax.block_until_ready(compiled(*inputs))
    return 1e3 * (clock() - start)


def measure(
    pair: Pair, inputs: list[jax.Array], repeats: int, clock: Callable[[], float]
) -> tuple[list[float], list[float]]:
    """Milliseconds of both forms in alternation, after two calls that don't count."""
    forms = [value_and_gradient(pair.ours), value_and_gradient(pair.plain)]
    times = [[timed(form, inputs, clock) for form in forms] for _ in range(repeats + 2)][2:]
    ours, plain = zip(*times, strict=True)
    return list(ours), list(plain)


def main() -> None:
    """Prints one line for each function, and those that miss the aim."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0], allow_abbrev=False)
    parser.add_argument("--only", default="", help="names, with commas between; default: all")
    parser.add_argument("--repeats", type=int, default=20, help="calls of each form that count")
    parser.add_argument(
        "--cpu-time", action="store_true", help="time of all threads, where others share the cores"
    )
    record.add_option(parser)
    options = parser.parse_args()
    clock = time.process_time if options.cpu_time else time.perf_counter
    pairs = ACTIVATIONS | LOSSES
    names = options.only.split(",") if options.only else list(pairs)
    inputs, slow = arrays(), []
    figures: dict[str, list[float]] = {}
    print(f"{'medians in ms':>38}{'jaxdl':>9}{'plain':>9}{'ratio':>8}{'of best':>9}")
    for name in names:
        pair = pairs[name]
        given = [inputs[array] for array in pair.arrays]
        ours, plain = measure(pair, given, options.repeats, clock)
        medians = statistics.median(ours), statistics.median(plain)
        best = min(ours) / min(plain)  # the ratio that others on the machine disturb least
        numbers = f"{medians[0]:9.2f}{medians[1]:9.2f}{medians[0] / medians[1]:8.2f}{best:9.2f}"
        print(f"{name:>38}{numbers}", flush=True)
        slow += [name] if best > AIM else []
        figures[name] = [milliseconds / 1e3 for milliseconds in ours]
    record.write(options.json, figures)
    print(f"slower than {AIM} x plain at best: {', '.join(slow) or 'none'}")


if __name__ == "__main__":
    main()
