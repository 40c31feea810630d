"""Experiments as a user starts them, in this process, and a set of images for those on MNIST's."""

import gzip
import runpy
import sys
from pathlib import Path

import jax
import numpy as np
import pytest

from jaxdl import parallel
from jaxdl.parallel import _placement

FOLDER = Path(__file__).parents[2] / "experiments"


@pytest.fixture
def here(monkeypatch):
    """Runs a script's command line in this process: no start of Python and JAX to wait for."""

    def run_here(name, *flags):
        path = FOLDER / f"{name}.py"
        monkeypatch.setattr(sys, "argv", [str(path), *map(str, flags)])
        # As in a user's session: optax's schedules need promotion that isn't strict.
        with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
            runpy.run_path(str(path), run_name="__main__")

    return run_here


@pytest.fixture
def alone(monkeypatch):
    """One of the fake devices, as on a plain machine: programs for eight take longer to compile."""
    first_devices(monkeypatch, 1)


@pytest.fixture
def two_devices(monkeypatch):
    first_devices(monkeypatch, 2)


def first_devices(monkeypatch, n):
    mesh_of_all = parallel.data_mesh
    for module in (parallel, _placement):
        monkeypatch.setattr(module, "data_mesh", lambda devices=None: mesh_of_all(devices or n))


@pytest.fixture
def idx(tmp_path):
    """The four files of an MNIST-like set, with images that can be told apart."""
    rng = np.random.default_rng(0)
    for split, size in (("train", 512), ("t10k", 128)):
        labels = rng.integers(0, 10, size).astype("uint8")
        images = rng.integers(0, 60, (size, 28, 28)).astype("uint8")
        images[np.arange(size), labels] = 255
        for stem, x in (("images-idx3", images), ("labels-idx1", labels)):
            header = bytes([0, 0, 8, x.ndim]) + np.array(x.shape, ">u4").tobytes()
            path = tmp_path / f"{split}-{stem}-ubyte.gz"
            path.write_bytes(gzip.compress(header + x.tobytes()))
    return tmp_path
