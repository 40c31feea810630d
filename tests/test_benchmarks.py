"""Benchmarks keep their figures, and compare.py tells which got slower."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1] / "experiments" / "benchmarks"


@pytest.fixture
def benchmarks(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    import compare
    import record

    yield compare, record
    for name in ("compare", "record"):
        del sys.modules[name]


def test_a_record_says_what_was_measured_and_where(benchmarks, tmp_path):
    _, record = benchmarks
    record.write(None, {"a": [1.0]})
    record.write(tmp_path / "a.json", {"a": [1, 2.5]})
    kept = json.loads((tmp_path / "a.json").read_text())
    assert kept["seconds"] == {"a": [1.0, 2.5]}
    assert set(kept["versions"]) == {"jaxdl", "python", *record.PACKAGES}


@pytest.mark.parametrize(
    ("after", "slow"),
    [
        ([1.0, 1.1, 1.2], False),
        ([1.0, 1.5, 1.5], False),  # the quickest repeat is as quick: others had the machine
        ([1.1, 1.2, 1.3], True),
    ],
)
def test_a_figure_is_slower_where_median_and_quickest_repeat_are(benchmarks, after, slow):
    compare, _ = benchmarks
    (change,) = compare.changes({"seconds": {"a": [1.0, 1.1], "b": [1]}}, {"seconds": {"a": after}})
    assert compare.slower(change, 1.02) == slow


def test_the_command_fails_where_something_got_slower(tmp_path, benchmarks):
    _, record = benchmarks
    for name, repeats in {"before": [1.0, 1.1], "after": [2.0, 2.2]}.items():
        record.write(tmp_path / f"{name}.json", {"an epoch": repeats})
    command = [sys.executable, FOLDER / "compare.py"]
    files = [tmp_path / "before.json", tmp_path / "after.json"]
    done = subprocess.run([*command, *files], capture_output=True, text=True)
    assert done.returncode == 1
    assert "slower than 1.02 x: an epoch" in done.stdout
    assert subprocess.run([*command, *[tmp_path / "before.json"] * 2]).returncode == 0
