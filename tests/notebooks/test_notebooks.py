"""The lectures: every notebook runs, and its executed twin is of the same source."""

import functools
import gzip
import json
import os
import re
import runpy
import statistics
import struct
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import jax
import matplotlib as mpl
import matplotlib.pyplot as plt
import nbformat
import numpy as np
import optax
import pytest

from jaxdl import data, layers, losses, metrics, serial, train

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
sys.path.insert(0, str(NOTEBOOKS))

from frame import run  # noqa: E402
from frame.images import pictures  # noqa: E402
from frame.readme import with_table  # noqa: E402
from frame.source import read, tagged  # noqa: E402

SOURCES = sorted(NOTEBOOKS.glob("[0-9][0-9]_*.py"))
LIMIT = 1_000_000  # bytes

# What the default suite runs. The slow tests run all, with their real sizes.
NUMBERS = ("01", "08")
QUICK = [path for path in SOURCES if path.name[:2] in NUMBERS]
each = pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)


@pytest.mark.parametrize("path", QUICK, ids=lambda path: path.stem)
def test_it_runs_with_small_sizes(path, monkeypatch):
    monkeypatch.setenv("JAXDL_FAST", "1")
    # As in a reader's session, which no test has made strict.
    loose = jax.numpy_rank_promotion("allow"), jax.numpy_dtype_promotion("standard")
    with loose[0], loose[1], mpl.rc_context():
        runpy.run_path(str(path), run_name="__main__")
    plt.close("all")


@pytest.mark.slow
@each
def test_it_runs_in_a_fresh_kernel(path):
    strange = ("XLA_FLAGS", "PJRT_NPROC", "MPLBACKEND", "JAXDL_FAST")
    environment = {name: value for name, value in os.environ.items() if name not in strange}
    subprocess.run(
        [sys.executable, NOTEBOOKS / "build.py", "--check", path.name[:2]],
        env=environment,
        check=True,
    )


def test_a_lecture_that_takes_too_long_is_named(monkeypatch):
    work = lambda path: subprocess.run([sys.executable, "-c", "sum(range(10**6))"], check=True)
    monkeypatch.setattr(run, "execute", work)
    assert 0 < run.timed(SOURCES[3])[1] < run.SECONDS
    monkeypatch.setattr(run, "SECONDS", 0)
    with pytest.raises(ValueError, match=r"03_dense_layer.py takes .* more than 0"):
        run.timed(SOURCES[3])


@each
def test_the_twin_is_executed_and_of_this_source(path):
    source, twin = read(path), nbformat.read(path.with_suffix(".ipynb"), as_version=4)
    nbformat.validate(twin)
    assert [(c.cell_type, c.source, c.metadata) for c in twin.cells] == [
        (c.cell_type, c.source, c.metadata) for c in source.cells
    ]
    code = [cell for cell in twin.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    assert not any(o.output_type == "error" for cell in code for o in cell.outputs)
    assert any(True for cell in code for _ in pictures(cell))
    assert path.with_suffix(".ipynb").stat().st_size <= LIMIT


@each
def test_it_checks_what_it_claims(path):
    text = path.read_text()
    assert len(re.findall(r"^\s*assert ", text, re.MULTILINE)) >= 3
    assert "torch" not in {line.split()[1] for line in text.splitlines() if line[:7] == "import "}


def test_numbers_of_other_frameworks_are_those_of_the_committed_runs():
    load = lambda name: json.loads((NOTEBOOKS / "references" / f"{name}.json").read_text())
    pytorch, keras = load("pytorch_quickstart"), load("keras_fashion_mnist")
    ten, eleven = (SOURCES[i].read_text() for i in (10, 11))
    assert all(f"{value:.6f}" in ten for value in pytorch["loss"])
    assert all(f"{100 * value:.1f}%" in ten for value in pytorch["accuracy"])
    mean, spread = (f(keras["test_accuracy"]) for f in (statistics.mean, statistics.stdev))
    assert f"{mean:.3f} ± {spread:.3f}" in eleven


def test_lecture_11_measures_mnist_as_soon_as_there_is_a_copy(tmp_path, capsys):
    (cell,) = (c for c in tagged(read(SOURCES[11]), "item-85") if c.cell_type == "code")
    write_digits(tmp_path)
    net = serial(layers.rescale(1 / 255), layers.flatten(axes=3), layers.dense(784, 10))
    names = {"data": SimpleNamespace(load=functools.partial(data.load, data_dir=tmp_path))}
    names |= {"net": net, "tx": optax.adam(1e-2), "train": train, "jax": jax, "EPOCHS": 8}
    with jax.numpy_dtype_promotion("standard"):
        exec(cell.source, names | {"loss_fn": loss_of(net), "FAST": False})
    assert "on MNIST: test accuracy 1.0000" in capsys.readouterr().out
    names["data"] = SimpleNamespace(load=functools.partial(data.load, data_dir=tmp_path / "none"))
    exec(cell.source, names)
    assert "no copy of MNIST" in capsys.readouterr().out


def write_digits(folder):
    """The four published files, with pictures in which a square stands where the label says."""
    for part, count in (("train", 300), ("t10k", 100)):
        labels = np.arange(count, dtype=np.uint8) % 10
        images = np.zeros((count, 28, 28), np.uint8)
        for image, label in zip(images, labels, strict=True):
            image[label // 5 * 14 :, label % 5 * 5 :][:10, :5] = 255
        for kind, array in (("images-idx3", images), ("labels-idx1", labels)):
            header = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
            packed = gzip.compress(header + array.tobytes())
            (folder / f"{part}-{kind}-ubyte.gz").write_bytes(packed)


def loss_of(net):
    return train.supervised(net, losses.cross_entropy, metrics={"accuracy": metrics.accuracy})


def test_the_readers_table_is_complete():
    readme = (NOTEBOOKS / "README.md").read_text()
    assert with_table(readme) == readme
    drawn = {path.stem for path in (NOTEBOOKS / "pictures").glob("*.png")}
    assert drawn == {path.stem for path in SOURCES}
