"""``pytest -m slow tests/train/test_memory_of_many_fits.py``: six minutes."""

import subprocess
import sys

import pytest

SCRIPT = """
import gc
import jax
import jax.numpy as jnp
import optax
from pathlib import Path
from jaxdl import data, losses, models, sweep, train

MOONS = data.Dataset(*(data.moons(200).train,) * 3)
OPTIONS = {"batch_size": 50, "epochs": 1}

def work(i):
    # All functions are new, as in a cell that is run again, and so are all programs.
    net = models.mlp((2, 8, 2), activation=lambda x: (1 + i) * jnp.tanh(x))
    loss = train.supervised(net, losses.cross_entropy)
    state = train.init_state(net, optax.adam(1e-2), jax.random.key(i))
    state, _ = train.fit(loss, optax.adam(1e-2), state, MOONS, hooks=(), **OPTIONS)
    train.evaluate(loss, state, MOONS.test)
    train.predict(net, state, MOONS.test["inputs"])
    make_run = lambda rate: sweep.Run(net, loss, optax.sgd(rate))
    sweep.run(make_run, MOONS, grid={"rate": [1e-2, 1e-3]}, hooks=(), **OPTIONS)

for i in range(61):
    work(i)
    if i in (30, 60):
        gc.collect()
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        print("megabytes", pages * 4096 / 2**20, flush=True)
"""


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_many_fits_of_new_functions_need_no_more_memory_than_thirty():
    """Kept without bound, the programs of one fit alone took 8.6 MB."""
    command = [sys.executable, "-c", SCRIPT]
    told = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    lines = [line.split() for line in told.stdout.splitlines()]
    after_30, after_60 = (float(line[1]) for line in lines if line[0] == "megabytes")
    assert after_60 - after_30 < 60
