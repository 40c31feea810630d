"""What a run keeps on the devices: nothing comes from the host within an epoch, nothing twice."""

import re

import jax
import numpy as np
import optax
import pytest
from jax._src.array import ArrayImpl

from jaxdl import layers, losses, parallel, sweep, train
from jaxdl.parallel import Placement
from jaxdl.train import _programs
from sweep.population import make_run
from train.recipes import dataset, recipe, same_bits


@pytest.fixture
def nothing_implicit(monkeypatch):
    """No number is read unless the code says so: on a CPU no guard of JAX sees what goes there."""

    def refuse(array, *_):
        raise RuntimeError(f"{array.dtype}{array.shape} is read without jax.device_get")

    for name in ("__bool__", "__int__", "__float__", "__index__"):
        monkeypatch.setattr(ArrayImpl, name, refuse)


@pytest.fixture
def programs(monkeypatch):
    """The programs that are compiled; each refuses whatever isn't on its devices."""
    found, compiled = [], _programs.compiled

    def watched(*args, **options):
        found.append(compiled(*args, **options))
        return Guarded(found[-1])

    monkeypatch.setattr(_programs, "compiled", watched)
    return found


class Guarded:
    def __init__(self, program):
        self.program = program

    def __getattr__(self, name):
        return getattr(self.program, name)

    def __call__(self, *args):
        with jax.transfer_guard("disallow_explicit"):
            return self.program(*args)


@pytest.mark.parametrize("engine", ["jit", "pmap", "shard_map"])
def test_no_number_crosses_over_within_an_epoch(engine, programs, nothing_implicit):
    loss_fn, tx, start, _ = recipe()
    options = {"batch_size": 16, "chunk": 2, "devices": Placement(engine), "hooks": ()}
    _, history = train.fit(loss_fn, tx, start, dataset(), epochs=2, **options)
    assert len(history) == 2 and len(programs) >= 2  # training and validation
    assert not any(re.search("callback|infeed|outfeed|Send", p.as_text()) for p in programs)


def test_nor_within_one_of_a_population(programs):
    options = {"grid": {"learning_rate": [0.1, 0.2]}, "epochs": 1, "batch_size": 16}
    sweep.run(make_run, dataset(), **options)
    assert len(programs) >= 2


@pytest.mark.parametrize("engine", ["pmap", "shard_map"])
def test_nor_within_a_step(engine, nothing_implicit):
    loss_fn, tx, start, _ = recipe()
    mesh = parallel.data_mesh()
    step = train.make_step(loss_fn, tx, axis_name=parallel.AXIS)
    run = parallel.pmap_step(step) if engine == "pmap" else parallel.shard_map_step(step, mesh)
    batch = jax.device_put({name: x[:16] for name, x in dataset().train.items()})
    on_devices = parallel.replicate(start, mesh)
    run(on_devices, batch)  # compiles
    with jax.transfer_guard_host_to_device("disallow"):  # devices share the batch among them
        jax.block_until_ready(run(on_devices, batch))


def size(tree):
    return sum(x.nbytes for x in jax.tree.leaves(tree))


@pytest.mark.parametrize("engine", ["jit", "pmap", "shard_map"])
def test_a_train_state_that_is_given_away_is_in_memory_once(engine, programs):
    net, tx = layers.dense(5, 3000), optax.adam(1e-2)
    loss_fn = train.supervised(net, losses.cross_entropy)
    mesh = parallel.data_mesh(2)

    def memory(donate):
        start = parallel.replicate(train.init_state(net, tx, jax.random.key(0)), mesh)
        ends, devices = [], Placement(engine, mesh, donate=donate)
        options = {"epochs": 1, "batch_size": 16, "chunk": 2, "devices": devices}
        keep = lambda event: ends.append(event.train_state)
        end, _ = train.fit(
            loss_fn, tx, start, dataset()._replace(validation=None), hooks=(keep,), **options
        )
        learned = start.params, start.opt_state
        gone = [x.is_deleted() for ts in (start, ends[0]) for x in jax.tree.leaves(ts.params)]
        assert gone == [donate] * len(gone)
        assert not any(x.is_deleted() for x in jax.tree.leaves(end))
        return end, programs.pop().memory_analysis(), size(learned)

    (kept, before, learned), (given, after, _) = memory(False), memory(True)
    same_bits(kept, given)
    needs = lambda m: m.argument_size_in_bytes + m.output_size_in_bytes + m.temp_size_in_bytes
    assert before.alias_size_in_bytes == 0 and after.alias_size_in_bytes >= learned
    assert needs(after) - after.alias_size_in_bytes <= needs(before) - 0.99 * learned


def test_the_best_epoch_outlives_what_is_given_away():
    loss_fn, tx, start, _ = recipe()
    stopping = train.early_stopping(metric="loss", mode="max", patience=2)
    go = lambda donate: train.fit(
        loss_fn, tx, jax.tree.map(lambda x: x.copy(), start), dataset(), hooks=(),
        epochs=9, batch_size=16, early_stopping=stopping, devices=Placement(donate=donate),
    )  # fmt: skip
    (kept, rows), (given, history) = go(False), go(True)
    same_bits(kept, given)
    assert len(history) == len(rows) == 3


def test_a_number_that_is_not_finite_is_said_without_the_state_before():
    loss_fn, tx, start, _ = recipe(tx=optax.sgd(np.inf))
    with pytest.raises(
        train.NonFiniteError, match=r"epoch 1, at the latest at its step 1 .*donate"
    ):
        train.fit(loss_fn, tx, start, dataset(), epochs=1, batch_size=16, hooks=(),
                  devices=Placement(donate=True))  # fmt: skip
