"""What the processes of test_processes.py run: a population, of which each keeps what it has."""

import sys
from pathlib import Path

import jax
import numpy as np

from jaxdl import parallel, sweep
from sweep.population import DATASET, OPTIONS, make_run

GRID = {"learning_rate": [1e-2, 3e-2, 1e30]}
"""Three members, one of which diverges, on two devices."""


def train(**options):
    """A population, and one of a single member, which ``fit`` trains."""
    with jax.numpy_dtype_promotion("standard"):
        many = sweep.run(
            make_run, DATASET, grid=GRID, seeds=[3], order="own", chunk=1, **OPTIONS, **options
        )  # fmt: skip
        one = sweep.run(make_run, DATASET, seeds=[5], **OPTIONS)
    return many, one


def kept(many, one):
    """All numbers of a population by name."""
    tested = sweep.evaluate(make_run, many, DATASET.test)
    leaves = jax.tree.leaves([sweep.state(many, i).params for i in range(3)])
    leaves += jax.tree.leaves(sweep.state(one, 0).params)
    numbers = {f"leaf_{i}": np.asarray(x) for i, x in enumerate(leaves)}
    history = {f"history_{name}": x for name, x in many.history.items()}
    return numbers | history | tested | {"diverged": many.diverged}


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    parallel.initialize(timeout=20, heartbeat=10)
    numbers = kept(*train(checkpoints=folder / "checkpoints", resume=sys.argv[2] == "resume"))
    np.savez(folder / f"process_{jax.process_index()}.npz", **numbers)
