"""Benchmarks keep their figures, and compare.py tells which got slower."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import jax
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
    command = [sys.executable, str(FOLDER / "compare.py")]
    files = [str(tmp_path / f"{name}.json") for name in ("before", "after")]
    done = subprocess.run([*command, *files], capture_output=True, text=True)
    assert done.returncode == 1
    assert "slower than 1.02 x: an epoch" in done.stdout
    assert subprocess.run([*command, files[0], files[0]]).returncode == 0


@pytest.fixture
def accelerator(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    import accelerator

    yield accelerator
    del sys.modules["accelerator"], sys.modules["chips"]


def test_a_chip_has_the_peak_of_its_maker(accelerator):
    peaks = {"NVIDIA H200": 989e12, "NVIDIA L40S": 362e12, "TPU v5 lite": 197e12, "TPU v5": 459e12}
    assert {kind: accelerator.chips.peak_of(kind) for kind in peaks} == peaks
    assert accelerator.chips.peak_of("cpu") is None


def test_the_share_of_the_peak_counts_each_product_thrice(accelerator):
    mlp = {"task": "mlp", "rival": "jaxdl", "chip": "NVIDIA H200", "seconds_per_step": 0.02}
    row = accelerator.figures(mlp, tiny=False)
    assert row["share_of_peak"] == pytest.approx(3 * 2 * 8192 * 4 * 8192**2 / 0.02 / 989e12)
    many = {"task": "population-64", "rival": "jaxdl", "chip": "x", "seconds_per_step": 0.001}
    assert accelerator.figures(many, tiny=False)["per_second"] == pytest.approx(64 / 0.375)


def test_a_table_has_a_line_for_each_task_and_none_for_what_did_not_run(accelerator):
    row = {"unit": "rows a second", "per_second": 1234.5, "memory_bytes": 3 * 2**30}
    rows = [
        {"task": "mlp", "rival": "jaxdl", "share_of_peak": 0.671, **row},
        {"task": "mlp", "rival": "torch", **row, "memory_bytes": None},
        {"task": "mlp", "rival": "torch-graphs", "skipped": "torch isn't installed"},
        {"task": "resnet50", "rival": "jaxdl", "failed": "out of memory"},
    ]
    assert accelerator.table({"chip": "H200", "rows": rows}).splitlines() == [
        "| H200 | unit | jaxdl | torch |",
        "|---|---|---|---|",
        "| mlp | rows a second | 1,234, 67% of peak, 3.0 GiB | 1,234 |",
    ]


@pytest.fixture
def bytes_moved(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    import bytes_moved

    yield bytes_moved
    del sys.modules["bytes_moved"]


def test_compiled_programs_move_what_the_formulas_say(bytes_moved):
    with jax.numpy_dtype_promotion("standard"):
        found = bytes_moved.compiled()
    assert len(found) == 3
    for layout, (compiled, paper) in found.items():
        assert compiled == pytest.approx(paper, rel=1e-5), layout


def test_the_guide_has_the_table_of_bytes_and_flags_that_xla_knows(bytes_moved):
    page = (FOLDER.parents[1] / "docs/guides/devices.md").read_text()
    made = bytes_moved.table(bytes_moved.Model())
    assert f"{bytes_moved.BEGIN}\n{made}\n{bytes_moved.END}" in page
    flags = re.findall(r"`(--xla_[^`]*)`", page)
    environment = {**os.environ, "XLA_FLAGS": " ".join(flags)}
    command = [sys.executable, "-c", "import jax; jax.devices()"]
    assert len(flags) == 5
    subprocess.run(command, env=environment, check=True)


def test_no_module_sets_flags():
    sources = (FOLDER.parents[1] / "src").rglob("*.py")
    assert not [path for path in sources if "XLA_FLAGS" in path.read_text()]


@pytest.mark.slow
def test_every_task_runs_on_a_cpu_and_names_what_is_missing(tmp_path):
    """``pytest -m slow tests/test_benchmarks.py``: a minute."""
    kept = tmp_path / "tiny.json"
    command = [sys.executable, FOLDER / "accelerator.py", "--tiny", "--json", kept]
    subprocess.run(command, check=True)
    rows = json.loads(kept.read_text())["rows"]
    ours = [row for row in rows if row["rival"] == "jaxdl"]
    assert len(ours) == 6 and all(row["seconds_per_step"] > 0 for row in ours)
    assert not any("failed" in row for row in rows), rows
