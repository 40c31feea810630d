"""Processes that start, fail, hang and are asked to end, under the launcher."""

import os
import signal
import subprocess
import sys
import time

import pytest

from jaxdl.parallel import launch

RANK = "import os, sys, time, signal\nrank = int(os.environ['JAXDL_PROCESS'])\n"


def run(tmp_path, body, *flags, processes=2, **options):
    script = tmp_path / "script.py"
    script.write_text(RANK + body)
    command = [sys.executable, "-m", "jaxdl.parallel.launch", "--processes", str(processes), *flags]
    return subprocess.run(
        [*command, str(script)], capture_output=True, text=True, timeout=60, check=False, **options
    )


def test_each_process_knows_its_place_and_lines_are_marked(tmp_path):
    done = run(tmp_path, "print(rank, os.environ['JAXDL_PROCESSES'])", processes=3)
    assert done.returncode == 0
    assert done.stdout == "0 3\n"
    assert sorted(done.stderr.splitlines()) == ["[1] 1 3", "[2] 2 3"]


def test_bytes_that_are_no_text_end_nothing(tmp_path):
    body = (
        "if rank == 1:\n    sys.stdout.buffer.write(b'caf\\xe9\\n')\n"
        "    sys.stdout.flush(); time.sleep(0.3); print('goes on')"
    )
    done = run(tmp_path, body)
    assert done.returncode == 0
    assert done.stderr.splitlines() == ["[1] caf\N{REPLACEMENT CHARACTER}", "[1] goes on"]


@pytest.mark.parametrize(
    ("flags", "mine"),
    [([], ["all", "all"]), (["--gpus", "1"], ["0", "1"]), (["--gpus", "2"], ["0,1", "2,3"])],
)
def test_each_process_has_its_own_gpus(tmp_path, monkeypatch, flags, mine):
    monkeypatch.delenv("JAX_LOCAL_DEVICE_IDS", raising=False)
    body = "open(f'{__file__}{rank}', 'w').write(os.environ.get('JAX_LOCAL_DEVICE_IDS', 'all'))"
    assert run(tmp_path, body, *flags).returncode == 0
    assert [(tmp_path / f"script.py{rank}").read_text() for rank in (0, 1)] == mine


def test_one_failure_ends_all_and_names_the_cause(tmp_path):
    start = time.monotonic()
    done = run(tmp_path, "sys.exit(7) if rank == 1 else time.sleep(50)")
    assert done.returncode == 7
    assert "launch: process 1 ended with code 7; 0 restarts left" in done.stderr
    assert time.monotonic() - start < 20


@pytest.mark.parametrize("rank", [0, 1])
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
    command = [sys.executable, "-m", "jaxdl.parallel.launch", "--processes", "2", "--restarts", "5"]
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
