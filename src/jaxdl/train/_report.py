"""What compiled, how long it took, and why again; and keeping programs for the next process."""

import collections
import contextlib
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import jax

TRACE = "/jax/core/compile/jaxpr_trace_duration"
LOWER = "/jax/core/compile/jaxpr_to_mlir_module_duration"
COMPILE = "/jax/core/compile/backend_compile_duration"
CACHED = "/jax/compilation_cache/cache_hits"


class Compiled(NamedTuple):
    """One program that was made."""

    name: str  # of the function, as "chunk"
    trace: float  # seconds to run the Python of it, of what is called inside too
    lower: float  # seconds to write it down for XLA
    compile: float  # seconds of XLA, or to read it from the persistent cache
    cached: bool  # whether it came from there


class CompileReport(NamedTuple):
    """What ``compile_report`` fills."""

    programs: list[Compiled]
    reasons: list[str]  # why something was traced again though it had been before, in JAX's words


@contextlib.contextmanager
def compile_report() -> Iterator[CompileReport]:
    """Notes what JAX compiles, how long it takes, and why it traces a function once more.

    Yields:
        A CompileReport, which fills while the context lasts; ``describe_compilations`` prints it.

    Example:
        >>> with compile_report() as report:
        ...     y = jax.jit(lambda x: x + 1)(2.0)
        >>> [program.name for program in report.programs]
        ['<lambda>']
    """
    report = CompileReport([], [])
    spent: dict[str, float] = collections.defaultdict(float)
    hits: list[str] = []

    def on_duration(event: str, duration_secs: float, **details: str | int) -> None:
        spent[event] += duration_secs
        if event == COMPILE:
            name = str(details.get("fun_name", "?")).removeprefix("jit(").removesuffix(")")
            trace, lower, compiling = (spent.pop(each, 0.0) for each in (TRACE, LOWER, COMPILE))
            report.programs.append(Compiled(name, trace, lower, compiling, bool(hits)))
            hits.clear()

    def on_event(event: str, **details: str | int) -> None:
        if event == CACHED:
            hits.append(event)

    jax.monitoring.register_event_duration_secs_listener(on_duration)
    jax.monitoring.register_event_listener(on_event)
    try:
        with _explained(report.reasons):
            yield report
    finally:
        jax.monitoring.unregister_event_duration_listener(on_duration)
        jax.monitoring.unregister_event_listener(on_event)


def describe_compilations(report: CompileReport) -> str:
    """Writes a report as lines of text, the slowest program first.

    Args:
        report: from ``compile_report``.

    Returns:
        A line a program, and a paragraph for each reason.

    Example:
        >>> program = Compiled("chunk", 0.21, 0.1, 1.4, False)
        >>> print(describe_compilations(CompileReport([program], [])))
        chunk: 1.71 s (0.21 trace, 0.10 lower, 1.40 compile)
    """

    def line(p: Compiled) -> str:
        how = "from cache" if p.cached else "compile"
        times = f"{p.trace:.2f} trace, {p.lower:.2f} lower, {p.compile:.2f} {how}"
        return f"{p.name}: {p.trace + p.lower + p.compile:.2f} s ({times})"

    slowest = sorted(report.programs, key=lambda p: -(p.trace + p.lower + p.compile))
    return "\n".join([*map(line, slowest), *report.reasons])


def keep_compilations(directory: str | Path) -> None:
    """Keeps compiled programs in a folder, for every process that compiles the same ones later.

    ``experiments/fashion_mnist_adam.py --epochs 1 --cache DIR`` takes 6.7 s from start to end on 2
    CPU cores the first time, 1.2 s of them for compiling its epoch, and 4.4 s and 0.3 s the second.

    Args:
        directory: made where it doesn't exist. What lies there is trusted as code is.

    Example:
        >>> import tempfile
        >>> keep_compilations(tempfile.mkdtemp())  # before the first compilation
        >>> jax.config.update("jax_compilation_cache_dir", None)
    """
    jax.config.update("jax_compilation_cache_dir", str(directory))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.1)


@contextlib.contextmanager
def _explained(reasons: list[str]) -> Iterator[None]:
    """Collects what JAX says about functions that it traces again."""
    before = jax.config.jax_explain_cache_misses  # type: ignore[attr-defined]
    logger, handler = logging.getLogger("jax"), logging.Handler(logging.WARNING)

    def emit(record: logging.LogRecord) -> None:
        text = record.getMessage()
        if text.startswith("TRACING CACHE MISS") and "never seen function" not in text:
            reasons.append(text)

    handler.emit = emit  # type: ignore[method-assign]
    jax.config.update("jax_explain_cache_misses", True)
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        jax.config.update("jax_explain_cache_misses", before)
