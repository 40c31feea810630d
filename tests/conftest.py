"""Eight fake CPU devices for every test, strict promotion, and no leftovers between tests."""

import builtins
import functools
import gc
import os
import signal
import sys
import threading
from pathlib import Path

import processes

# Before jax starts.
os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} {processes.xla_flags(8)}"
# jax 0.10 aborts on few cores unless it believes in two cores a fake device.
os.environ.setdefault("PJRT_NPROC", "16")
os.environ["JAX_PLATFORMS"] = "cpu"
os.environ.setdefault("MPLBACKEND", "agg")
# Compiled programs serve the other worker, the processes that tests start, and the next run, which
# takes 10 minutes of 2 cores then instead of 15. `pytest --cache-clear` forgets them.
os.environ.setdefault(
    "JAX_COMPILATION_CACHE_DIR", str(Path(__file__).parents[1] / ".pytest_cache/d/programs")
)
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES", "-1")

# Operations don't carry the places of their lines in programs: a twelfth of the time to lower them.
os.environ.setdefault("JAX_TRACEBACK_IN_LOCATIONS_LIMIT", "0")

import jax
import pytest
from jax._src import compiler, traceback_util
from jax._src.interpreters import mlir

from jaxdl.parallel import _kept_programs

# A collection of garbage for every 700 new objects is a fiftieth of the time.
gc.set_threshold(20_000, 10, 10)

# jsonschema, which nbformat imports, does without it; it builds its grammars for two seconds.
sys.modules["rfc3987_syntax"] = None  # type: ignore[assignment]


# They start processes and wait for them. At the end, the other worker would have nothing to do.
FIRST = ("sweep/test_processes.py", "parallel/test_runs.py", "checkpoint/test_faults.py")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    no_constants_of_the_sources()
    items.sort(key=lambda item: not item.path.as_posix().endswith(FIRST))
    for item in items:
        if item.get_closest_marker("slow"):
            item.add_marker(pytest.mark.timeout(0))


def no_constants_of_the_sources():
    """Hypothesis draws without looking for constants in all our files, which takes seconds.

    It would look for them at the end of the collection, before any fixture.
    """
    from hypothesis.internal.conjecture import providers

    if hasattr(providers, "_get_local_constants"):
        providers._get_local_constants = lambda: providers._local_constants


def pytest_collection_finish():
    # What is there now stays: collections of the tests' garbage needn't walk over it.
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def few_contexts():
    """A context of MLIR serves many programs of a thread: to make one is a quarter of their time.

    It keeps their constants, so that there is a new one now and then.
    """
    make, kept = mlir.make_ir_context, threading.local()

    def context():
        if getattr(kept, "left", 0) == 0:
            kept.context, kept.left = make(), 100
        kept.left -= 1
        return kept.context

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mlir, "make_ir_context", functools.wraps(make)(context))
        yield


@pytest.fixture(scope="session", autouse=True)
def programs_of_one_device_are_kept():
    """What jaxdl turns off where there are several devices: here only theirs are not kept."""
    kept = compiler.compile_or_get_cached

    def compile_or_get_cached(backend, computation, devices, options, callbacks, them, *rest):
        if devices.size > 1:
            return compiler.backend_compile_and_load(backend, computation, them, options, callbacks)
        return kept(backend, computation, devices, options, callbacks, them, *rest)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compiler, "compile_or_get_cached", compile_or_get_cached)
        patch.setattr(_kept_programs, "_turn_off", lambda: None)
        yield


@pytest.fixture(scope="session", autouse=True)
def whole_tracebacks():
    """Errors keep JAX's own frames.

    To leave them out, it reads the source of all callers whenever an error passes one of its
    functions: two thirds of the time of tests of wrong calls.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(traceback_util, "_is_under_reraiser", lambda error: True, raising=False)
        yield


@pytest.fixture(autouse=True)
def strict_promotion():
    # For the tests and not for doctests: those show what a user's session does.
    with jax.numpy_rank_promotion("raise"), jax.numpy_dtype_promotion("strict"):
        yield


@pytest.fixture(autouse=True)
def no_last_result():
    """What a doctest showed last is forgotten: tyro, imported after it, fails at some values."""
    vars(builtins).pop("_", None)


@pytest.fixture
def foreground():
    """Ctrl-C and a closed terminal are heard, which what runs behind a shell or nohup ignores."""
    handlers = {signal.SIGINT: signal.default_int_handler, signal.SIGHUP: signal.SIG_DFL}
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def key():
    return jax.random.key(0)
