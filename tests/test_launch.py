"""Processes that start, fail, hang and are asked to end, under the launcher."""

import os
import signal
import subprocess
import sys
import time

import pytest

from jaxdl.parallel import launch

LAUNCHER = (sys.executable, launch.__file__)
"""By its file, without jaxdl, which takes a second to import; parallel/launched.py has -m."""
RANK = "import os, sys, time, signal\nrank = int(os.environ['JAXDL_PROCESS'])\n"


def run(tmp_path, body, *flags, processes=2, **options):
    script = tmp_path / "script.py"
    script.write_text(RANK + body)
    command = [*LAUNCHER, "--processes", str(processes), *flags]
    return subprocess.run(
        [*command, str(script)], capture_output=True, text=True, timeout=60, check=False, **options
    )


def test_each_process_knows_its_place_and_lines_are_marked_whatever_their_bytes(tmp_path):
    body = (
        "print(rank, os.environ['JAXDL_PROCESSES'])\nif rank == 1:\n"
        "    sys.stdout.buffer.write(b'caf\\xe9\\n')\n    time.sleep(0.3); print('on')"
    )
    done = run(tmp_path, body, processes=3)
    assert done.returncode == 0
    assert done.stdout == "0 3\n"
    lines = sorted(done.stderr.splitlines())
    assert lines == ["[1] 1 3", "[1] caf\N{REPLACEMENT CHARACTER}", "[1] on", "[2] 2 3"]


@pytest.mark.parametrize(
    ("flags", "mine"),
    [([], ["all", "all"]), (["--gpus", "1"], ["0", "1"]), (["--gpus", "2"], ["0,1", "2,3"])],
)
def test_each_process_has_its_own_gpus(flags, mine, tmp_path, monkeypatch):
    monkeypatch.delenv("JAX_LOCAL_DEVICE_IDS", raising=False)
    started = []

    def start(*_, env, **__):
        started.append(env)
        return FakeProcess()

    monkeypatch.setattr(launch.subprocess, "Popen", start)
    options = launch._parse(["--processes", "2", *flags, __file__])
    for rank in (0, 1):
        launch._start(options, rank, {})
    assert [env.get("JAX_LOCAL_DEVICE_IDS", "all") for env in started] == mine


class FakeProcess:
    """What the launcher would have started."""

    stdout = None


def test_one_that_exits_early_does_not_keep_the_others_waiting(tmp_path):
    began = time.monotonic()
    done = run(tmp_path, "time.sleep(50) if rank == 0 else sys.exit(0)", "--linger", "1")
    assert done.returncode == 1 and time.monotonic() - began < 30
    assert "launch: process 1 has ended, and 0 hadn't 1 s later; 0 restarts left" in done.stderr


def test_lines_before_a_kill_are_shown(tmp_path):
    done = run(tmp_path, "print('seen'); os.kill(os.getpid(), signal.SIGKILL)")
    assert done.stdout == "seen\n" or "[1] seen" in done.stderr
    assert done.returncode == 128 + signal.SIGKILL


def test_nothing_outlives_a_launcher_that_is_killed(tmp_path):
    script = tmp_path / "script.py"
    # One ends when it is asked to, the other has to be killed.
    script.write_text(
        RANK + "if rank: signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "open(f'{__file__}{os.getpid()}', 'w')\ntime.sleep(100)"
    )
    command = [*LAUNCHER, "--processes", "2", "--grace", "1"]
    with subprocess.Popen([*command, str(script)], stderr=subprocess.DEVNULL) as process:
        wait_until(lambda: len(os.listdir(tmp_path)) == 3)
        process.kill()
    pids = [int(path.name.removeprefix("script.py")) for path in tmp_path.glob("script.py?*")]
    wait_until(lambda: not any(map(runs, pids)))
    assert len(pids) == 2


def runs(pid):
    """Whether a process is there and no zombie, which nobody may have waited for."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def wait_until(true):
    deadline = time.monotonic() + 30
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_one_failure_ends_all_and_names_the_cause(tmp_path):
    start = time.monotonic()
    done = run(tmp_path, "sys.exit(7) if rank == 1 else time.sleep(50)")
    assert done.returncode == 7
    assert "launch: process 1 ended with code 7; 0 restarts left" in done.stderr
    assert time.monotonic() - start < 20


@pytest.mark.parametrize("rank", [0, pytest.param(1, marks=pytest.mark.slow)])
def test_a_killed_process_is_named_with_its_signal(tmp_path, rank):
    body = f"os.kill(os.getpid(), signal.SIGKILL) if rank == {rank} else time.sleep(50)"
    done = run(tmp_path, body)
    assert done.returncode == 128 + signal.SIGKILL
    assert f"process {rank} was ended by SIGKILL" in done.stderr


def test_restarts_until_it_works(tmp_path):
    # Only the process that prints fails: another's failure could end it before.
    body = (
        "again = os.environ['JAXDL_RESTART']\n"
        "if rank == 0:\n    print(again, flush=True)\n    sys.exit(again < '2')"
    )
    done = run(tmp_path, body, "--restarts", "3")
    assert done.returncode == 0
    assert done.stdout.split() == ["0", "1", "2"]
    assert "3 restarts left" in done.stderr and "2 restarts left" in done.stderr


def test_what_does_not_end_in_time_is_killed(tmp_path):
    body = (
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\nopen(f'{__file__}{rank}', 'w')\n"
        "while rank == 1 and not os.path.exists(f'{__file__}0'): time.sleep(0.01)\n"
        "sys.exit(3) if rank == 1 else time.sleep(50)"
    )
    done = run(tmp_path, body, "--grace", "0.5")
    assert done.returncode == 3
    assert "process 0 didn't end in 0.5 s and was killed" in done.stderr


@pytest.mark.usefixtures("foreground")
@pytest.mark.parametrize(
    ("number", "passed"),
    [
        (signal.SIGTERM, signal.SIGTERM),
        (signal.SIGINT, signal.SIGINT),
        (signal.SIGHUP, signal.SIGTERM),  # a closed terminal: they save and end, and don't go on
    ],
)
def test_a_signal_is_passed_on_and_nothing_restarts(tmp_path, number, passed):
    script = tmp_path / "script.py"
    script.write_text(
        RANK + f"signal.signal({int(passed)}, lambda *_: sys.exit(0))\n"
        "open(f'{__file__}{rank}', 'w')\ntime.sleep(50)"
    )
    command = [*LAUNCHER, "--processes", "2", "--restarts", "5"]
    with subprocess.Popen([*command, str(script)]) as process:
        deadline = time.monotonic() + 30
        while len(os.listdir(tmp_path)) < 3 and time.monotonic() < deadline:
            time.sleep(0.05)
        process.send_signal(number)
        assert process.wait(30) == 128 + number


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--processes", "0", __file__], "invalid number of at least 1 value: '0'"),
        (["--processes", "2", "no/such.py"], "there is no file no/such.py"),
        (["script.py"], "--processes"),
        (["--processes", "2", "--restarts", "-1", __file__], "number of at least 0"),
        (["--processes", "2", "--gpus", "0", __file__], "number of at least 1 value: '0'"),
    ],
)
def test_wrong_flags_are_named(flags, message, capsys):
    with pytest.raises(SystemExit) as stopped:
        launch.main(flags)
    assert stopped.value.code == 2
    assert message in capsys.readouterr().err
