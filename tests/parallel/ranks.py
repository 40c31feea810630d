"""What the processes of test_processes.py run: twenty steps, each process with its own rows."""

import sys
import time

import jax
import numpy as np
import optax

from jaxdl import losses, metrics, models, parallel, train

ROWS, STEPS = 16, 20


def batch(seed):
    random = np.random.default_rng(seed)
    inputs = random.normal(size=(ROWS, 12)).astype("float32")
    return {"inputs": inputs, "labels": random.integers(4, size=ROWS).astype("int32")}


def train_steps(engine, share, pause=0.0):
    """Losses of all steps; stops early where a signal says so."""
    net, tx = models.mlp((12, 32, 4)), optax.adamw(1e-2)
    mesh = parallel.data_mesh()
    step = train.make_step(train.supervised(net, losses.cross_entropy), tx)
    wrap = {
        "jit": lambda: parallel.jit_step(step, mesh),
        "raise": lambda: parallel.jit_step(step, mesh),
        "fsdp": lambda: parallel.jit_step(step, mesh, rule=parallel.fully_sharded(mesh, least=64)),
    }
    run, measured = wrap[engine](), []
    train_state = train.init_state(net, tx, jax.random.key(0))
    with parallel.stopping() as should_stop:
        for number in range(STEPS):
            rows = {name: x[share] for name, x in batch(number).items()}
            train_state, sums = run(train_state, parallel.global_batch(rows, mesh))
            measured.append(metrics.compute(sums)["loss"])
            if parallel.is_primary():
                print(f"loss {measured[-1]!r}", flush=True)
            if (stopped := should_stop(number)) is not None:
                print(f"stopped by {stopped} at {number}", flush=True)
                sys.exit(128 + stopped)
            time.sleep(pause)
            if engine == "raise" and number == 3 and not parallel.is_primary():
                raise ValueError("of this process alone")
    return measured


if __name__ == "__main__":
    engine, pause = sys.argv[1], float(sys.argv[2])
    parallel.initialize(timeout=20, heartbeat=10)
    train_steps(engine, parallel.share_of(ROWS), pause)
