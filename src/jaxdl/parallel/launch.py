"""Starts a script as several processes of one run on this machine, watches and restarts them.

    python -m jaxdl.parallel.launch --processes 4 --restarts 2 script.py --its-own-flags

Every process finds the others through ``jaxdl.parallel.initialize``, which reads what is set here:
``JAXDL_COORDINATOR``, ``JAXDL_PROCESSES``, ``JAXDL_PROCESS``, ``JAXDL_RESTART`` (how often all
have been restarted; above 0 a script may have a checkpoint to resume from) and ``JAXDL_LAUNCHED``
(the time of the first start: older files are not of this run). In the folder ``JAXDL_MEETING`` each
leaves a file when it arrives, so that a missing one can be named, and another when it has ended.

The experiments in ``experiments/`` all run this way, with the numbers of a single process, and
resume from their newest good checkpoint by themselves:

    python -m jaxdl.parallel.launch --processes 2 --restarts 3 experiments/animals_mlp.py

On a machine with GPUs ``--gpus N`` gives each process its own N, by JAX's variable
``JAX_LOCAL_DEVICE_IDS``; without it all processes see all GPUs, and each would take most of their
memory.

All processes of a run succeed or fail together. If one ends with an error, the others are asked to
end (SIGTERM), killed if they haven't within ``--grace`` seconds, and all are restarted, up to
``--restarts`` times. The same happens if one has ended well and others are still running
``--linger`` seconds later, for instance waiting for one that called ``sys.exit`` early. The exit
code is that of the process that failed first. If the launcher itself is killed, a guard (a separate
shell) ends the processes in the same way.
"""

import argparse
import contextlib
import os
import queue
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, NamedTuple

POLL_SECONDS = 0.05
GUARD = 'cat; kill -TERM "$@"; sleep "$0"; kill -KILL "$@"'
"""Waits for the end of its input, which comes when the launcher has ended."""
UNBUFFERED = {"PYTHONUNBUFFERED": "1"}
"""What a process has printed is seen even if it is killed right after."""


class Failure(NamedTuple):
    """Why all processes of a run had to end."""

    code: int  # of the launcher, if this was the last try
    reason: str


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line.

    Args:
        arguments: the command line's words; those of the process by default.

    Returns:
        The exit code: 0, that of the first process that failed, or 128 + the number of the signal
        that ended it or this program.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder, "script.py")
        ...     _ = path.write_text("import os; os.mkdir(__file__ + os.environ['JAXDL_PROCESS'])")
        ...     code, files = main(["--processes", "2", str(path)]), sorted(os.listdir(folder))
        >>> code, files
        (0, ['script.py', 'script.py0', 'script.py1'])
    """
    options = _parse(arguments)
    with _noted_signals() as received:
        for start in range(options.restarts + 1):
            failure = _run(options, start, received)
            if received or failure is None:
                break
            left = options.restarts - start
            _say(f"{failure.reason}; {left} restart{'s' * (left != 1)} left")
    if received:
        return 128 + received[0]
    return 0 if failure is None else failure.code


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m jaxdl.parallel.launch",
        description=(__doc__ or "").split("\n")[0],
        allow_abbrev=False,
    )
    parser.add_argument("--processes", type=_count(1), required=True, help="how many")
    parser.add_argument("--restarts", type=_count(0), default=0, help="how often all are restarted")
    parser.add_argument(
        "--grace", type=float, default=30.0, help="seconds to save and end before being killed"
    )
    parser.add_argument(
        "--linger", type=float, default=120.0, help="seconds to end once another has ended well"
    )
    parser.add_argument("--gpus", type=_count(1), help="how many GPUs each process has for itself")
    parser.add_argument("script", help="a Python file")
    parser.add_argument("arguments", nargs=argparse.REMAINDER, help="its own arguments")
    parser.set_defaults(launched=time.time())
    options = parser.parse_args(arguments)
    if not Path(options.script).is_file():
        parser.error(f"there is no file {options.script}")
    return options


def _count(least: int):  # type: ignore[no-untyped-def]
    def count(text: str) -> int:
        if int(text) < least:
            raise ValueError
        return int(text)

    count.__name__ = f"number of at least {least}"  # argparse shows it
    return count


def _run(options: argparse.Namespace, start: int, received: list[int]) -> Failure | None:
    """Starts all processes, waits for all, and returns the first failure, if there is one."""
    with tempfile.TemporaryDirectory(prefix="jaxdl-") as meeting:
        known = {
            "JAXDL_COORDINATOR": f"127.0.0.1:{_free_port()}",
            "JAXDL_PROCESSES": str(options.processes),
            "JAXDL_MEETING": meeting,
            "JAXDL_RESTART": str(start),
            "JAXDL_LAUNCHED": str(options.launched),
        }
        running = [_start(options, rank, known) for rank in range(options.processes)]
        with _guarded(running, options.grace):
            try:
                return _watch(running, Path(meeting), options.linger, received)
            finally:
                interrupted = bool(received) and received[0] == signal.SIGINT
                _end(running, options.grace, signal.SIGINT if interrupted else signal.SIGTERM)


@contextlib.contextmanager
def _guarded(running: Sequence[subprocess.Popen[str]], grace: float) -> Iterator[None]:
    """Has the processes ended if this program is killed, which it can't notice itself."""
    pids = [str(process.pid) for process in running]
    guard = subprocess.Popen(
        ["sh", "-c", GUARD, f"{grace:g}", *pids],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield
    finally:
        guard.kill()
        guard.communicate()


def _watch(
    running: Sequence[subprocess.Popen[str]], meeting: Path, linger: float, received: list[int]
) -> Failure | None:
    ended: queue.Queue[tuple[int, int]] = queue.Queue()
    for pair in enumerate(running):
        threading.Thread(target=_note_end, args=(*pair, ended), daemon=True).start()
    left, first, since = set(range(len(running))), -1, 0.0
    while left and not received:
        with contextlib.suppress(queue.Empty):
            rank, code = ended.get(timeout=POLL_SECONDS)
            if code:
                return Failure(_exit_code(code), f"process {rank} {_ending(code)}")
            left.remove(rank)
        # JAX holds a finished process until all are finished; a mark shows that it is.
        over = [
            i for i in range(len(running)) if i not in left or (meeting / f"{i}.ended").exists()
        ]
        if over and first < 0:
            first, since = over[0], time.monotonic()
        if len(over) < len(running) and over and time.monotonic() - since > linger:
            late = ", ".join(str(i) for i in range(len(running)) if i not in over)
            reason = f"process {first} has ended, and {late} hadn't {linger:g} s later"
            return Failure(1, reason)
    return None


def _note_end(
    rank: int, process: subprocess.Popen[str], ended: queue.Queue[tuple[int, int]]
) -> None:
    """Waits for one process. The first to end is the cause: others end because they lost it."""
    ended.put((rank, process.wait()))


def _start(
    options: argparse.Namespace, rank: int, known: Mapping[str, str]
) -> subprocess.Popen[str]:
    # The first process has the terminal; the lines of the others are marked with their number.
    pipe = None if rank == 0 else subprocess.PIPE
    process = subprocess.Popen(
        [sys.executable, options.script, *options.arguments],
        env={
            **UNBUFFERED,
            **os.environ,
            **known,
            "JAXDL_PROCESS": str(rank),
            **_gpus(options.gpus, rank),
        },
        stdout=pipe,
        stderr=None if rank == 0 else subprocess.STDOUT,
        text=True,
        errors="replace",  # a byte that isn't text must not end the thread, and so the process
        start_new_session=True,  # Ctrl-C comes to this program, which passes it on once
    )
    if process.stdout is not None:
        threading.Thread(target=_mark, args=(rank, process.stdout)).start()
    return process


def _gpus(each: int | None, rank: int) -> dict[str, str]:
    if each is None:
        return {}
    return {"JAX_LOCAL_DEVICE_IDS": ",".join(map(str, range(rank * each, (rank + 1) * each)))}


def _mark(rank: int, lines: IO[str]) -> None:
    with lines:
        for line in lines:
            sys.stderr.write(f"[{rank}] {line}")
            sys.stderr.flush()


def _end(running: Sequence[subprocess.Popen[str]], grace: float, number: int) -> None:
    """Asks all that still run to end, and kills those that don't in time."""
    for process in running:
        if process.poll() is None:
            process.send_signal(number)
    deadline = time.monotonic() + grace
    for process in running:
        try:
            process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            _say(f"process {running.index(process)} didn't end in {grace:g} s and was killed")


@contextlib.contextmanager
def _noted_signals() -> Iterator[list[int]]:
    """Collects SIGINT, SIGTERM and SIGHUP (a closed terminal), to end all processes."""
    received: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield received  # only the main thread may handle signals
        return
    numbers = [signal.SIGINT, signal.SIGTERM]
    # Under nohup, where it is ignored, a terminal may be closed.
    if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        numbers.append(signal.SIGHUP)
    before = [signal.signal(n, lambda number, frame: received.append(number)) for n in numbers]
    try:
        yield received
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _ending(code: int) -> str:
    if code < 0:
        return f"was ended by {signal.Signals(-code).name}"
    asked = [s.name for s in (signal.SIGINT, signal.SIGTERM) if code == 128 + s]
    return f"ended with code {code}" + "".join(f", as {name} asked it to" for name in asked)


def _exit_code(code: int) -> int:
    return 128 - code if code < 0 else code


def _say(message: str) -> None:
    print(f"launch: {message}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
