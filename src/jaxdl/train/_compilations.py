"""Compiled programs kept on disk for later processes."""

import hashlib
import platform
from pathlib import Path

import filelock
import jax

from jaxdl import _checks
from jaxdl._plain import plain_numbers
from jaxdl.data import _cache

MOST_BYTES = 2**30


@plain_numbers
def keep_compilations(directory: str | Path | None = None, *, max_bytes: int = MOST_BYTES) -> None:
    """Keeps compiled programs in a folder, for later processes that compile the same ones.

    Several processes may use a folder at the same time. When it is full, the programs unused for
    the longest are deleted. Experiments call this by default: on 2 CPU cores
    ``experiments/animals_mlp.py --epochs 1`` takes 10 s of CPU time the first time, and 5 to 6.5 s
    from then on. Programs for several CPU devices are always recompiled, as are all others of their
    process: JAX doesn't restore them from disk correctly.

    Args:
        directory: created if missing. Its contents are trusted like code. Defaults to a folder of
            this kind of processor in ``$JAXDL_CACHE/programs``, or ``~/.cache/jaxdl/programs``.
        max_bytes: maximum number of bytes for all programs together.

    Raises:
        OSError: if the folder can't be written to.
        ValueError: if ``max_bytes`` isn't a positive integer.

    Example:
        >>> import tempfile
        >>> keep_compilations(tempfile.mkdtemp())  # before the first compilation
        >>> jax.config.update("jax_compilation_cache_dir", None)

    Reference: https://docs.jax.dev/en/latest/persistent_compilation_cache.html
    """
    _checks.positive_ints("keep_compilations", max_bytes=max_bytes)
    default = _cache.root() / "programs" / _processor()
    folder = default if directory is None else Path(directory).expanduser()
    folder.mkdir(parents=True, exist_ok=True)
    _delete_unfinished(folder)
    jax.config.update("jax_compilation_cache_dir", str(folder))
    jax.config.update("jax_compilation_cache_max_size", max_bytes)
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.1)


def _delete_unfinished(folder: Path) -> None:
    """Deletes programs of processes that were killed while writing them.

    JAX writes a program and then, in a folder of limited size, the time of its use. A program
    without it may be cut short, and would stop JAX from making room.
    """
    with filelock.FileLock(folder / ".lockfile"):  # JAX's own
        times = {path: _time_of(path) for path in folder.glob("*-cache")}
        limited = any(time.exists() for time in times.values())
        for program, time in times.items():
            if not limited:  # a folder that JAX has used without a limit: all are whole
                time.write_bytes(bytes(8))
            elif not time.exists():
                program.unlink()


def _time_of(program: Path) -> Path:
    return program.with_name(program.name.removesuffix("-cache") + "-atime")


def _processor() -> str:
    """A name for this kind of processor: others may lack instructions that a program uses."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = [platform.processor()]
    of_interest = ("flags", "Features", "model name")
    kinds = sorted({line for line in lines if line.startswith(of_interest)}) or lines
    return f"{platform.machine()}-{hashlib.sha256(repr(kinds).encode()).hexdigest()[:12]}"
