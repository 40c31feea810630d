"""Runs and saves that are killed, in processes of their own.

A process imports once and forks a child for every run before JAX starts its threads, so that a
hundred runs cost minutes. Prints what it found as JSON.

Command:  PYTHONPATH=tests python -m faults.campaign kills --runs 100
          PYTHONPATH=tests python -m faults.campaign operations --every 1
"""

import argparse
import contextlib
import functools
import hashlib
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
import orbax.checkpoint  # noqa: F401  imported here once, and not by every child

from jaxdl import checkpoint, data, losses, models, train

EPOCHS = 10


def digest(tree) -> str:
    """The SHA-256 of all numbers of a tree."""
    words = lambda x: jax.random.key_data(x) if jnp.issubdtype(x.dtype, jax.dtypes.prng_key) else x
    numbers = [np.asarray(words(x)).tobytes() for x in jax.tree.leaves(tree)]
    return hashlib.sha256(b"".join(numbers)).hexdigest()


@functools.cache
def parts():
    """Loss, optimizer, first TrainState and data of a small network with dropout."""
    rng = np.random.default_rng(0)
    rows = {
        "inputs": rng.normal(size=(64, 8)).astype("float32"),
        "labels": rng.integers(0, 3, 64).astype("int32"),
    }
    net, tx = models.mlp([8, 32, 3], rate=0.2), optax.adam(1e-2)
    start = train.init_state(net, tx, jax.random.key(0))
    return train.supervised(net, losses.cross_entropy), tx, start, data.Dataset(train=rows)


def run(directory: Path | None, hooks=(), **options) -> str:
    """Trains to the end, from where the checkpoints of a directory are; returns the digest."""
    loss_fn, tx, train_state, dataset = parts()
    history: list[dict] = []
    if directory is not None:
        with contextlib.suppress(FileNotFoundError):  # killed before the first checkpoint
            train_state, history = checkpoint.restore(directory, train_state)
        hooks = (*hooks, checkpoint.hook(directory, every_seconds=0, **options))
    train_state, history = train.fit(
        loss_fn, tx, train_state, dataset,
        epochs=EPOCHS, batch_size=16, hooks=hooks, history=history,
    )  # fmt: skip
    assert [row["epoch"] for row in history] == list(range(1, EPOCHS + 1))
    return digest(train_state)


def fork(work: Callable[[Callable[[str], None]], str]) -> tuple[int, int]:
    """Starts ``work`` in a child, which may tell of something; returns its id and what to read."""
    out, into = os.pipe()
    child = os.fork()
    if child:
        os.close(into)
        return child, out
    code = 1
    try:
        os.close(out)
        warnings.simplefilter("error")  # a damaged checkpoint is warned of: none may ever be
        tell = lambda text: os.write(into, f"{text}\n".encode())
        tell(work(tell))
        code = 0
    finally:
        # Straight out: what hangs in a writer thread shall not hold up the parent.
        sys.stderr.flush()
        if code:
            import traceback

            traceback.print_exc()
        os._exit(code)


def finish(child: int, out: int) -> tuple[int, list[str]]:
    """Waits for a child; returns its exit code (negative: the signal) and what it told."""
    with os.fdopen(out) as stream:
        lines = stream.read().splitlines()
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status), lines


def kills(runs: int, seed: int) -> dict:
    """Kills every run at a random moment, goes on with it, and compares with one left alone."""
    draw, cache = random.Random(seed), tempfile.mkdtemp(prefix="kills-")
    found = {"killed": 0, "while_saving": 0, "before_the_first": 0}

    def work(tell, at, background):
        jax.config.update("jax_compilation_cache_dir", cache)
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
        jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)

        def pace(event):
            tell(event.kind)
            time.sleep(0.03)  # an epoch is as long as a checkpoint takes: kills hit both alike

        return run(at, (pace,), background=background)

    def start(*args):
        return fork(lambda tell: work(tell, *args))

    def killed(at, background) -> bool:
        child, out = start(at, background)
        for _ in range(draw.randrange(EPOCHS)):
            os.read(out, len("epoch\n"))
        time.sleep(draw.uniform(0, epoch_seconds))
        os.kill(child, signal.SIGKILL)
        return finish(child, out)[0] == -signal.SIGKILL

    code, lines = finish(*start(None, False))
    assert code == 0, "the uninterrupted run failed"
    whole, began, directory = lines[-1], time.monotonic(), Path(cache) / "alone"
    for _ in range(2):  # from the start, and after the end: then all programs are compiled
        code, lines = finish(*start(directory, False))
        assert (code, lines[-1]) == (0, whole)
    epoch_seconds = (time.monotonic() - began) / 2 / EPOCHS
    while found["killed"] < runs:
        directory = Path(tempfile.mkdtemp(prefix="kills-"))
        background = bool(draw.getrandbits(1))
        if killed(directory, background):
            found["killed"] += 1
            found["while_saving"] += any(directory.glob("*.unfinished"))
            found["before_the_first"] += not any(directory.glob("0*[0-9]"))
            code, lines = finish(*start(directory, background))
            assert (code, lines[-1:]) == (0, [whole]), (code, lines, directory)
            assert not any(directory.glob("*.unfinished"))
        shutil.rmtree(directory)
    shutil.rmtree(cache)
    return found


def operations(every: int) -> dict:
    """Kills a save before each of its file operations; a good checkpoint must always be there."""
    kernel = lambda step: {"kernel": np.full((20, 5), step, "float32")}
    tree = lambda step: train.TrainState(np.int32(step), kernel(step), (), (), np.zeros(2))
    count, found = 0, {"operations": 0, "old": 0, "new": 0}

    def first(at):
        checkpoint.save(at, tree(1))
        return "saved"

    def save(tell, at, kill_before):
        done = [0]

        def watch(event, args):
            if event.split(".")[0] not in ("open", "os", "shutil") or str(at) not in str(args):
                return
            done[0] += 1
            if done[0] == kill_before:
                os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(watch)
        checkpoint.save(at, tree(2), keep=1)
        return str(done[0])

    def look(tell, at):
        again, _ = checkpoint.restore(at, tree(0))
        assert (again.params["kernel"] == again.step).all()
        checkpoint.save(at, tree(3), keep=1)
        assert os.listdir(at) == ["0000000003"]
        return str(again.step)

    before = Path(tempfile.mkdtemp(prefix="operations-"))
    code, _ = finish(*fork(lambda tell: first(before)))
    assert code == 0
    while True:
        directory = Path(tempfile.mkdtemp(prefix="operations-"))
        shutil.copytree(before, directory, dirs_exist_ok=True)
        count += every
        ended, lines = finish(*fork(partial(save, at=directory, kill_before=count)))
        assert ended in (0, -signal.SIGKILL), (ended, directory)
        code, step = finish(*fork(partial(look, at=directory)))
        assert code == 0, (count, directory)
        found["new" if step == ["2"] else "old"] += 1
        shutil.rmtree(directory)
        if ended == 0:
            found["operations"] = int(lines[-1])
            shutil.rmtree(before)
            return found


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("fault", choices=["kills", "operations"])
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    if options.fault == "kills":
        print(json.dumps(kills(options.runs, options.seed)))
    else:
        print(json.dumps(operations(options.every)))
