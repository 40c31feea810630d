"""The command line of an experiment: from its flags to its results, or to one line of error."""

import atexit
import contextlib
import errno
import gc
import importlib.util
import io
import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn, overload

import jax

import jaxdl
from harness import report as reports
from harness import resume, seeds
from harness.config import C, UserError, checked, of_each_seed
from harness.report import Report
from harness.run import Built, Interrupted, Loop, Looped, Population, Run, Swept, Trained
from jaxdl import parallel, train

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.ENAMETOOLONG)
"""Errors of the disk that aren't the program's fault."""


@overload
def main(
    config: type[C],
    build: Callable[[C], Run],
    report: Callable[[C, Trained], Report],
    description: str | None,
) -> None: ...
@overload
def main(
    config: type[C],
    build: Callable[[C], Mapping[str, Run]],
    report: Callable[[C, Mapping[str, Trained]], Report],
    description: str | None,
) -> None: ...
@overload
def main(
    config: type[C],
    build: Callable[[C], Loop],
    report: Callable[[C, Looped], Report],
    description: str | None,
) -> None: ...
@overload
def main(
    config: type[C],
    build: Callable[[C], Mapping[str, Loop]],
    report: Callable[[C, Mapping[str, Looped]], Report],
    description: str | None,
) -> None: ...
@overload
def main(
    config: type[C],
    build: Callable[[C], Population],
    report: Callable[[C, Swept], Report],
    description: str | None,
) -> None: ...
def main(
    config: type[C],
    build: Callable[[C], Any],
    report: Callable[[C, Any], Report],
    description: str | None,
) -> None:
    """Runs an experiment from the command line, for one seed or for each of ``--seeds N``.

    Under ``python -m jaxdl.parallel.launch``, and on a cluster, it is one of several processes that
    compute together; the first one writes and prints for all.

    Args:
        config: the flags, a dataclass.
        build: from flags to what is to be trained; called once for each seed.
        report: from flags and what came of it to numbers and pictures.
        description: the docstring of the experiment; ``--help`` shows its first line.
    """
    parallel.initialize()
    if jax.distributed.is_initialized() and not parallel.is_primary():
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115  as long as the process
    with _one_line_errors():
        for name in ("tyro", "matplotlib"):  # not only when everything is trained
            if importlib.util.find_spec(name) is None:
                raise UserError(f'experiments need {name}: pip install -e ".[experiments]"', code=1)
        flags = checked(parse(config, description))
        _keep_programs(flags.cache)
        _spare_the_collector()
        _run(flags, build, report)


def one_device_a_core() -> None:
    """On CPUs, gives a population one device a core: no network then waits for another."""
    platforms = getattr(jax.config, "jax_platforms", None)
    if platforms in (None, "cpu") and "XLA_FLAGS" not in os.environ:
        jax.config.update("jax_num_cpu_devices", os.cpu_count())


def parse(config: type[C], description: str | None) -> C:
    """The flags of the command line.

    Raises:
        UserError: if they are wrong; what tyro says in a frame becomes one line.
    """
    import tyro

    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            return tyro.cli(config, description=(description or "").strip().split("\n")[0])
    except SystemExit as ended:
        if not ended.code:  # --help
            raise
        lines = [line.strip("│ ") for line in said.getvalue().splitlines()]
        end = next((i for i, line in enumerate(lines) if line.startswith("──")), len(lines))
        text = " ".join(line for line in lines[:end] if line[:1] not in "╭╰")
        raise UserError(text) from None


def _keep_programs(place: str) -> None:
    """Keeps compiled programs, unless the user has given JAX a folder or none can be written.

    Raises:
        UserError: if a folder was asked for that can't be written to.
    """
    if place == "off" or (place == "auto" and jax.config.values["jax_compilation_cache_dir"]):
        return
    try:
        train.keep_compilations(None if place == "auto" else place)
    except OSError as error:
        if place != "auto":
            raise UserError(f"argument --cache: {place}: {error.strerror}") from error


def _spare_the_collector() -> None:
    """Keeps Python from looking for garbage in what stays: a quarter of a short run's time."""
    gc.freeze()  # all that was imported
    gc.set_threshold(50_000, *gc.get_threshold()[1:])  # a traced program is made of that many
    atexit.register(gc.freeze)  # all that there is, before Python's last collection


def _run(flags: C, build: Callable[[C], Built], report: Callable[[C, Any], Report]) -> None:
    configs = list(of_each_seed(flags))
    built = [_built(build, each) for each in configs]
    every = [seeds.jobs(each) for each in built]
    names = list(dict.fromkeys(name for jobs in every for name in jobs))
    configs = resume.prepared(configs, flags.output, names)
    results: list[dict[str, Any]] = []
    failed: list[str] = []
    try:
        shared = seeds.together(flags.output, configs, every)
        for config, of_seed, jobs in zip(configs, built, every, strict=True):
            done = {name: seeds.train_one(config, name, jobs[name], shared) for name in jobs}
            made = report(config, done if isinstance(of_seed, Mapping) else done[""])
            result, problems = reports.finish(config, made, list(done.values()))
            results.append(result)
            failed += problems
    except (Interrupted, KeyboardInterrupt) as stopped:
        for config in configs[len(results) :]:
            reports.unfinished(config, str(stopped) or "stopped by SIGINT")
        raise
    if len(results) > 1:
        reports.summarise(flags.output, configs, results)
    if failed:
        raise UserError("; ".join(failed), code=1)


def _built(build: Callable[[C], Built], config: C) -> Built:
    """What is to be trained; a UserError if jaxdl refuses a flag, or a batch exceeds the data."""
    try:
        built = build(config)
    except (ValueError, TypeError) as error:
        if _raised_by_jaxdl(error):
            raise UserError(str(error)) from error
        raise
    for job in seeds.jobs(built).values():
        rows = len(jax.tree.leaves(job.data.train)[0]) if job.data is not None else 0
        if job.data is not None and (job.batch_size or 0) > rows:
            text = f"got {job.batch_size}, but there are only {rows} rows to train on"
            raise UserError(f"argument --batch-size: {text}")
    return built


def _raised_by_jaxdl(error: BaseException) -> bool:
    """Whether an error comes from one of jaxdl's own checks; others keep their traceback."""
    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    package = Path(jaxdl.__file__ or "").parent
    return place is not None and package in Path(place.tb_frame.f_code.co_filename).parents


@contextlib.contextmanager
def _one_line_errors() -> Iterator[None]:
    """Ends the program with one line, and the exit status that belongs to it."""
    try:
        yield
    except UserError as error:
        _end(f"error: {error}", error.code)
    except Interrupted as stopped:
        _end(f"{stopped}; --resume continues from there", 128 + stopped.number)
    except KeyboardInterrupt:
        _end("stopped by SIGINT", 128 + signal.SIGINT)
    except train.NonFiniteError as error:
        _end(f"error: {error}", 1)
    except OSError as error:
        if error.errno not in FULL:
            raise
        _end(f"error: {error.filename or 'the disk'}: {error.strerror}", 1)


def _end(message: str, code: int) -> NoReturn:
    if parallel.is_primary():
        print(message.encode(errors="backslashreplace").decode(), file=sys.stderr)
    raise SystemExit(code) from None
