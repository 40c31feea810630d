"""Runs rivals that train on request, in alternation, so that slow minutes hit all of them alike."""

import functools
import statistics
import subprocess
import sys
import time
from collections.abc import Generator, Mapping, Sequence
from typing import Any

SETTLE = 0.3
"""Seconds before a turn: threads of OpenMP and OpenBLAS wait busily for a while after theirs."""

Trainer = Generator[float, Any, None]
"""Trains an epoch whenever it is asked, and yields its loss."""


def serve(epochs: Trainer) -> None:
    """Trains an epoch for each line that comes in, and answers with its seconds and its loss."""
    next(epochs)  # compilation and the first touch of the data stay out of the figures
    print("ready", flush=True)
    for _ in sys.stdin:
        start = time.perf_counter()
        loss = next(epochs)
        print(time.perf_counter() - start, loss, flush=True)


def steady(commands: Mapping[str, Sequence[str]], repeats: int) -> dict[str, list[float]]:
    """Seconds an epoch of every rival, each a process that serves, in turn."""
    pipe = subprocess.PIPE
    serve = functools.partial(subprocess.Popen, stdin=pipe, stdout=pipe, text=True, bufsize=1)
    seconds: dict[str, list[float]] = {rival: [] for rival in commands}
    running: dict[str, Any] = {rival: serve(command) for rival, command in commands.items()}
    for rival, process in running.items():
        if process.stdout.readline() != "ready\n":
            raise SystemExit(f"error: {rival} failed to start; its message is above")
    for _ in range(repeats):
        for rival, process in running.items():
            time.sleep(SETTLE)
            process.stdin.write("go\n")
            seconds[rival].append(float(process.stdout.readline().split()[0]))
    for process in running.values():
        process.kill()
    return seconds


def processes(commands: Mapping[str, Sequence[str]], repeats: int) -> dict[str, list[float]]:
    """Wall seconds of whole processes, in turn."""
    seconds: dict[str, list[float]] = {rival: [] for rival in commands}
    for _ in range(repeats):
        for rival, command in commands.items():
            start = time.perf_counter()
            subprocess.run(command, check=True, capture_output=True)
            seconds[rival].append(time.perf_counter() - start)
    return seconds


def table(
    title: str, seconds: Mapping[str, list[float]], beside: str = "jaxdl"
) -> dict[str, list[float]]:
    """Prints medians, spread and the ratio to one of them pair by pair; names them for a record."""
    print(f"\n{title}")
    for rival, times in seconds.items():
        ratios = [a / b for a, b in zip(times, seconds[beside], strict=True)]
        print(
            f"  {rival:20s} median {statistics.median(times):7.3f} s"
            f"  ({min(times):.3f} to {max(times):.3f})"
            f"  {statistics.median(ratios):6.2f} x {beside}",
            flush=True,
        )
    return {f"{title}: {rival}": times for rival, times in seconds.items()}
