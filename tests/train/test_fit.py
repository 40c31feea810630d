"""The loop: compilations, continuation, interruption, bad input."""

import chex
import jax
import numpy as np
import optax
import pytest

from jaxdl import checkpoint, parallel, train
from jaxdl.train import _programs
from jaxdl.train._order import shuffled
from train.recipes import compilations, dataset, recipe, same_bits


@pytest.mark.parametrize(("n", "batch_size"), [(64, 16), (17, 16)])
def test_a_fit_compiles_once_for_training_and_once_for_evaluation(n, batch_size):
    loss_fn, tx, start, _ = recipe()
    _programs._kept.clear()
    go = lambda chunk=None: train.fit(
        loss_fn, tx, start, dataset(n), epochs=3, batch_size=batch_size, chunk=chunk
    )
    assert compilations(go) == 2
    assert compilations(go) == 0  # a second fit with the same functions compiles nothing
    assert compilations(lambda: go(chunk=1)) == 0


def test_it_learns_and_the_history_tells_how():
    loss_fn, tx, start, net = recipe()
    set_ = dataset(200)
    end, history = train.fit(loss_fn, tx, start, set_, epochs=30, batch_size=32)
    assert [row["epoch"] for row in history] == list(range(1, 31))
    assert history[-1]["step"] == int(end.step) == 30 * 7
    assert history[-1]["loss"] < 0.5 * history[0]["loss"]
    assert history[-1]["validation_accuracy"] > 0.85
    assert history[0]["compile_seconds"] > 0 and history[1]["compile_seconds"] == 0
    measured = train.evaluate(loss_fn, end, set_.test)
    predicted = train.predict(net, end, set_.test["inputs"], batch_size=7).argmax(1)
    hits = (predicted == set_.test["labels"]).mean()
    assert measured["accuracy"] == pytest.approx(hits, abs=1e-6)


def test_validation_takes_no_more_rows_at_once_than_fit_where_a_step_does():
    loss_fn, tx, start, _ = recipe()
    seen: dict[bool, set[int]] = {True: set(), False: set()}

    def watched(params, state, batch, *, key, train):
        seen[train].add(len(batch["labels"]))
        return loss_fn(params, state, batch, key=key, train=train)

    train.fit(watched, tx, start, dataset(validation=100), epochs=1, batch_size=8)
    assert seen == {True: {8, 2}, False: {32, 4}}


@pytest.mark.parametrize("batch_size", [1, 7, 30, 1000])
def test_evaluation_does_not_depend_on_its_batch_size(batch_size):
    loss_fn, _, start, _ = recipe()
    whole = train.evaluate(loss_fn, start, dataset().test)
    parts = train.evaluate(loss_fn, start, dataset().test, batch_size=batch_size)
    assert parts == pytest.approx(whole, rel=1e-6)


def test_the_first_train_state_stays_usable():
    loss_fn, tx, start, _ = recipe()
    before = jax.tree.map(np.array, start.params)
    train.fit(loss_fn, tx, start, dataset(), epochs=1, batch_size=16)
    jax.tree.map(np.testing.assert_array_equal, before, start.params)


def test_a_run_continued_is_the_run_uninterrupted_to_the_bit(tmp_path):
    loss_fn, tx, start, _ = recipe(rate=0.3, tx=optax.adam(1e-2))  # it counts its steps
    options = {"batch_size": 16}
    whole, rows = train.fit(loss_fn, tx, start, dataset(), epochs=4, **options)
    half, history = train.fit(loss_fn, tx, start, dataset(), epochs=2, **options)
    checkpoint.save(tmp_path, half, history)
    half, history = checkpoint.restore(tmp_path, start)
    again, history = train.fit(loss_fn, tx, half, dataset(), epochs=4, history=history, **options)
    jax.tree.map(np.testing.assert_array_equal, again.params, whole.params)
    jax.tree.map(np.testing.assert_array_equal, again.opt_state, whole.opt_state)
    assert [row["loss"] for row in history] == [row["loss"] for row in rows]


@pytest.mark.parametrize("engine", ["jit", "pmap", "shard_map"])
def test_every_engine_trains_alike(engine):
    loss_fn, tx, start, _ = recipe()
    end, _ = train.fit(
        loss_fn, tx, start, dataset(), epochs=2, batch_size=16, devices=parallel.Placement(engine)
    )
    step = jax.jit(train.make_step(loss_fn, tx))
    for epoch in range(2):  # by hand: the same order, one plain step a batch
        key = jax.random.fold_in(jax.random.split(start.key)[0], epoch)
        order = np.asarray(shuffled(key, 50))
        for i in range(0, 50, 16):
            batch = {k: v[order[i : i + 16]] for k, v in dataset().train.items()}
            start, _ = step(start, batch)
    close = lambda a, b: np.testing.assert_allclose(a, b, atol=1e-6)
    jax.tree.map(close, end.params, start.params)


def changed(**parts):
    """The training part with other arrays."""
    return dataset()._replace(train={**dataset().train, **parts})


def nan_at(row):
    x = dataset().train["inputs"].copy()
    x[row] = np.nan
    return changed(inputs=x)


@pytest.mark.parametrize(
    ("set_", "options", "message"),
    [
        (dataset(), {"batch_size": 0}, "batch_size is 0"),
        (dataset(), {"batch_size": 51}, "batch_size is 51, but there are only 50 rows"),
        (dataset(), {"batch_size": 16.0}, "batch_size is 16.0"),
        (dataset(), {"epochs": 0}, "epochs is 0"),
        (dataset(), {"devices": parallel.Placement("tpu")}, "parallel is 'tpu'.*pmap"),
        (dataset(0), {}, "train.*(no rows|empty)"),
        (nan_at(3), {}, "train.*inputs.*1 .*row.*3"),
        (changed(labels=np.full(50, 3, "int32")), {}, "labels.*3"),
        (changed(labels=np.full(50, -1, "int32")), {}, "labels.*-1"),
        (changed(labels=np.zeros(49, "int32")), {}, "49"),
        (changed(labels=np.zeros(50, "float32")), {}, "float32"),
    ],
)
def test_bad_input_is_named_before_any_compilation(set_, options, message):
    loss_fn, tx, start, _ = recipe()
    go = lambda: train.fit(loss_fn, tx, start, set_, **{"epochs": 2, "batch_size": 16, **options})

    def check():
        with pytest.raises((ValueError, TypeError), match=message):
            go()

    assert compilations(check) == 0


def test_evaluation_without_rows():
    loss_fn, _, start, _ = recipe()
    with pytest.raises(ValueError, match="without rows"):
        train.evaluate(loss_fn, start, dataset(0).train)


def test_reproducible_tells_xla_on_gpus_and_changes_nothing_on_cpus(monkeypatch):
    assert _programs.options(parallel.Placement(reproducible=True)) == {}  # here, on a CPU
    loss_fn, tx, start, _ = recipe()
    go = lambda: train.fit(
        loss_fn,
        tx,
        start,
        dataset(),
        epochs=2,
        batch_size=16,
        hooks=(),
        devices=parallel.Placement(reproducible=True),
    )[0]
    plain = go()
    monkeypatch.setattr(_programs, "_on_gpu", lambda: True)
    assert _programs.options(parallel.Placement(reproducible=True)) == {
        "xla_gpu_deterministic_ops": True
    }
    same_bits(go(), plain)  # and XLA knows the option, or it would have raised


def test_compiler_options_reach_xla_and_unknown_ones_are_refused():
    loss_fn, tx, start, _ = recipe()
    given = lambda **options: parallel.Placement(compiler_options=options)
    alone = dataset()._replace(validation=None)  # which evaluate's program would be for
    fitted = lambda devices: train.fit(
        loss_fn, tx, start, alone, epochs=1, batch_size=16, hooks=(), devices=devices
    )[0]
    known = fitted(given(xla_cpu_enable_fast_min_max=False)).params
    chex.assert_trees_all_close(known, fitted(parallel.Placement()).params, rtol=1e-5)
    for run in (
        fitted,
        lambda devices: train.evaluate(loss_fn, start, dataset().test, devices=devices),
    ):
        with pytest.raises(Exception, match="No such compile option: 'xla_cpu_fastest'"):
            run(given(xla_cpu_fastest=True))
    with pytest.raises(
        TypeError, match="fit: compiler_options is 'fast'; it must be a dict of XLA"
    ):
        fitted(parallel.Placement(compiler_options="fast"))


def test_a_run_goes_on_with_its_own_batch_size_only():
    loss_fn, tx, start, _ = recipe()
    go = lambda ts, **options: train.fit(loss_fn, tx, ts, dataset(), hooks=(), **options)
    end, history = go(start, epochs=2, batch_size=16)
    with pytest.raises(ValueError, match=r"ends with epoch 2, .* 25 of 50 rows .* past epoch 4:"):
        go(end, epochs=6, batch_size=25, history=history)


def test_what_is_no_dataset_is_named():
    loss_fn, tx, start, net = recipe()
    part = dataset().train
    with pytest.raises(TypeError, match="fit: dataset is a dict; it must be a Dataset or Stream"):
        train.fit(loss_fn, tx, start, part, epochs=1, batch_size=8)
    for wrong, message in (
        (dataset(), "evaluate got a Dataset; it needs a part"),
        (None, "evaluate got a NoneType; it needs a part"),
        ((part["inputs"], part["labels"]), "the batch is a tuple; it must be a dict"),
    ):
        with pytest.raises(TypeError, match=message):
            train.evaluate(loss_fn, start, wrong)
    for size in (0, -1):
        with pytest.raises(ValueError, match=f"predict: batch_size is {size}"):
            train.predict(net, start, part["inputs"], batch_size=size)
