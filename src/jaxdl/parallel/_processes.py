"""Many processes, on one machine or several: how they connect and share data."""

import atexit
import contextlib
import functools
import os
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import jax
import numpy as np
from jax._src.clusters import ClusterEnv
from jax.experimental import multihost_utils
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from jaxdl import _checks
from jaxdl._checked import checked
from jaxdl._plain import plain_numbers
from jaxdl.types import Batch


@checked
def initialize(
    coordinator: str | None = None,
    processes: int | None = None,
    process: int | None = None,
    *,
    timeout: int = 60,
    heartbeat: int = 20,
) -> None:
    """Joins this process to the others of a run; does nothing if there are no others.

    Call it before anything else that asks JAX for devices; a second call does nothing. The first
    three arguments default to those of ``python -m jaxdl.parallel.launch``, or of the cluster that
    JAX detects from the environment (SLURM, Open MPI, Kubernetes, cloud TPU).

    It changes how an uncaught exception ends this process: ``sys.excepthook`` shows it as before,
    threads such as a checkpoint writer finish, and then ``os._exit(1)`` skips the ``atexit``
    functions registered before the exception. JAX's own would wait up to five minutes for the other
    processes, which wait for this one.

    Args:
        coordinator: address and port of process 0, e.g. ``"10.0.0.1:1234"``.
        processes: number of processes.
        process: index of this process, from 0.
        timeout: seconds to wait for all to connect; then the process reports which are missing, and
            JAX ends it.
        heartbeat: seconds without a heartbeat after which a process counts as lost; JAX then ends
            all others, which Python can't catch. A process ended by an exception is lost at once.

    Raises:
        ValueError: if only some of the first three arguments are given.
        RuntimeError: if JAX has already been used and there are other processes.

    Example:
        >>> initialize(processes=2)
        Traceback (most recent call last):
        ...
        ValueError: initialize needs coordinator, processes and process, got (None, 2, None)
    """
    given = (coordinator, processes, process)
    if None in given and given != (None, None, None):
        raise ValueError(f"initialize needs coordinator, processes and process, got {given}")
    if jax.distributed.is_initialized():
        return
    if coordinator is None and "JAXDL_COORDINATOR" in os.environ:
        coordinator = os.environ["JAXDL_COORDINATOR"]
        processes, process = (int(os.environ[f"JAXDL_PROCESS{end}"]) for end in ("ES", ""))
    if coordinator is None and not _in_a_cluster():
        return
    meeting = Path(os.environ["JAXDL_MEETING"]) if "JAXDL_MEETING" in os.environ else None
    with _impatience(process, processes, coordinator, timeout, meeting):
        jax.distributed.initialize(
            coordinator,
            processes,
            process,
            initialization_timeout=timeout,
            heartbeat_timeout_seconds=heartbeat,
        )
    if meeting is not None:
        atexit.register(_note, meeting / f"{process}.ended")
    sys.excepthook = functools.partial(_end_all, sys.excepthook)


def _note(path: Path) -> None:
    with contextlib.suppress(OSError):  # the launcher may be gone, and the folder with it
        path.touch()


@contextlib.contextmanager
def _impatience(
    process: int | None,
    processes: int | None,
    coordinator: str | None,
    timeout: int,
    meeting: Path | None,
) -> Iterator[None]:
    """Says which process is missing, shortly before JAX ends this one without saying so."""
    if meeting is not None:
        _note(meeting / str(process))

    def say() -> None:
        missing = "another one"
        if meeting is not None and processes is not None:
            there = [(meeting / str(i)).exists() for i in range(processes)]
            missing = f"process {there.index(False)}" if False in there else missing
        mine = "this process" if process is None else f"process {process} of {processes}"
        place = coordinator or "the address that the cluster gives"
        print(
            f"initialize: {mine} is still waiting for all processes to connect to {place} after"
            f" {0.9 * timeout:g} s: {missing} hasn't started, or can't reach that address",
            file=sys.stderr,
            flush=True,
        )

    timer = threading.Timer(0.9 * timeout, say)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _end_all(show: Callable[..., object], *error: object) -> None:
    """Shows an error that ends this process, and lets it end without waiting for the others.

    JAX would wait for them at the end, up to five minutes; and they are waiting for this process.
    """
    show(*error)
    # It comes before everything else at exit, but after threads such as a checkpoint's.
    atexit.register(_end_now)


def _end_now() -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(1)


def _in_a_cluster() -> bool:
    """Whether a cluster's own launcher has started this process: to run alone would be wrong.

    JAX has no public way to ask, and shows it only in the text of its errors.
    """
    marks = ("SLURM_STEP_NODELIST", "OMPI_COMM_WORLD_SIZE", "JOB_COMPLETION_INDEX")
    known = (kind for kind in ClusterEnv._cluster_types if not kind.opt_in_only_method)
    return any(mark in os.environ for mark in marks) or any(x.is_env_present() for x in known)


def is_primary() -> bool:
    """Whether this is process 0, which writes logs and results.

    Example:
        >>> is_primary()
        True
    """
    return jax.process_index() == 0


@plain_numbers
def share_of(rows: int) -> slice:
    """The consecutive rows that this process loads; shares differ by at most one row.

    Args:
        rows: total number of rows.

    Returns:
        A slice.

    Raises:
        ValueError: if ``rows`` isn't an integer, or is below 0.

    Example:
        >>> share_of(100)  # of a single process
        slice(0, 100, None)
    """
    if not _checks.is_whole(rows) or rows < 0:
        raise ValueError(f"share_of: rows is {rows!r}; it must be an integer of at least 0")
    count, index = jax.process_count(), jax.process_index()
    return slice(rows * index // count, rows * (index + 1) // count)


def global_batch(batch: Batch, mesh: Mesh) -> Batch:
    """Joins the rows that each process has into one batch over all devices.

    Args:
        batch: this process's rows, the same number in every process.
        mesh: the devices; the batch is split along its first axis.

    Returns:
        Global arrays; no row leaves its process.

    Raises:
        ValueError: if processes have different numbers of rows, or the rows don't divide by the
            process's devices.

    Example:
        >>> from jaxdl.parallel import data_mesh
        >>> global_batch({"inputs": np.ones((8, 3))}, data_mesh(1))["inputs"].shape
        (8, 3)
    """
    rows = len(jax.tree.leaves(batch)[0])
    if jax.process_count() > 1:
        everyone = multihost_utils.process_allgather(np.int32(rows))
        if len(set(everyone.tolist())) > 1:
            raise ValueError(f"global_batch: processes have {everyone.tolist()} rows each")
    here = len(mesh.local_devices)
    if rows % here:
        raise ValueError(f"global_batch: {rows} rows don't divide by {here} devices")
    split = NamedSharding(mesh, PartitionSpec(mesh.axis_names[0]))
    join = lambda x: jax.make_array_from_process_local_data(split, np.asarray(x))
    return jax.tree.map(join, batch)
