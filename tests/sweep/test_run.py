"""Each member is what ``fit`` makes of it alone, whatever becomes of the others."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl import activations, checkpoint, sweep, train
from jaxdl.sweep import _loop, _memory, _programs
from sweep.population import DATASET, OPTIONS, make_run, scaled

GRID = {"learning_rate": [1e-2, 3e-2], "rate": [0.1, 0.5], "smoothing": [0.0, 0.1]}


def alone(member, result, i, make=make_run, **options):
    """A member trained by ``fit``, on the same batches."""
    seed = member.pop("seed")
    run = make(**member)
    start = train.init_state(run.net, run.tx, jax.random.key(seed))
    start = start._replace(key=sweep.state(result, i).key)
    return train.fit(
        run.loss_fn, run.tx, start, DATASET, batch_fns=run.batch_fns, hooks=(),
        **OPTIONS | options,
    )  # fmt: skip


@pytest.fixture(scope="module")
def shared():
    with jax.numpy_dtype_promotion("strict"), jax.numpy_rank_promotion("raise"):
        return sweep.run(make_run, DATASET, seeds=2, grid=GRID, **OPTIONS)


def close(a, b):
    jax.tree.map(lambda x, y: np.testing.assert_allclose(x, y, atol=1e-6, rtol=1e-5), a, b)


def test_a_member_is_what_fit_makes_of_it(shared):
    i = 13
    end, history = alone(dict(shared.members[i]), shared, i)
    close(sweep.state(shared, i).params, end.params)
    close(sweep.state(shared, i).opt_state, end.opt_state)
    assert int(sweep.state(shared, i).step) == int(end.step)
    for name in ("loss", "accuracy", "validation_loss", "validation_accuracy"):
        np.testing.assert_allclose(shared.history[name][i], [row[name] for row in history], 1e-5)


def test_members_share_batches_unless_told_otherwise(shared):
    own = sweep.run(make_run, DATASET, seeds=[3, 5], order="own", **OPTIONS)
    keys = [jax.random.key_data(sweep.state(own, i).key).tolist() for i in (0, 1)]
    assert keys[0] != keys[1]
    assert (sweep.state(shared, 0).key == sweep.state(shared, 1).key).all()
    run = make_run()
    start = train.init_state(run.net, run.tx, jax.random.key(5))
    end, _ = train.fit(run.loss_fn, run.tx, start, DATASET, hooks=(), **OPTIONS)
    close(sweep.state(own, 1).params, end.params)


def test_validation_takes_as_many_rows_at_once_as_that_of_fit():
    seen: dict[bool, set[int]] = {True: set(), False: set()}

    def watched():
        run = make_run()

        def loss_fn(params, state, batch, *, key, train):
            seen[train].add(len(batch["labels"]))
            return run.loss_fn(params, state, batch, key=key, train=train)

        return run._replace(loss_fn=loss_fn)

    sweep.run(watched, DATASET, seeds=2, epochs=1, batch_size=4)
    # The rows that are left are a batch of their own, as in fit.
    assert seen == {True: {4, 2}, False: {16, 5}}


def test_a_population_of_one_is_fit_to_the_bit():
    result = sweep.run(make_run, DATASET, seeds=[4], grid={"learning_rate": [0.013]}, **OPTIONS)
    end, history = alone({"learning_rate": 0.013, "seed": 4}, result, 0)
    jax.tree.map(np.testing.assert_array_equal, sweep.state(result, 0).params, end.params)
    assert result.history["loss"][0].tolist() == [row["loss"] for row in history]


def test_nan_stays_in_its_member():
    rates = [0.01, 1e30, 0.1]
    result = sweep.run(make_run, DATASET, grid={"learning_rate": rates}, **OPTIONS)
    good = sweep.run(make_run, DATASET, grid={"learning_rate": [0.01, 0.1]}, **OPTIONS)
    close(sweep.state(result, 0).params, sweep.state(good, 0).params)
    close(sweep.state(result, 2).params, sweep.state(good, 1).params)
    assert (result.diverged >= 0).tolist() == [False, True, False]
    with pytest.raises(train.NonFiniteError) as error:
        alone({"learning_rate": 1e30, "seed": 0}, result, 1)
    # ``fit`` tells of parameters at once, a population of them where the loss has come to see.
    assert int(error.value.train_state.step) in (result.diverged[1], result.diverged[1] - 1)
    assert [row["diverged"] for row in sweep.table(result)] == [0, 1, 0]
    assert sweep.best(result, "loss")["learning_rate"] == 0.1


def test_one_that_diverges_alone_is_reported():
    result = sweep.run(make_run, DATASET, grid={"learning_rate": [1e30]}, **OPTIONS)
    assert result.diverged[0] >= 0
    with pytest.raises(ValueError, match="every member diverged"):
        sweep.best(result, "loss")


def test_what_changes_shapes_is_grouped_and_listed(capsys):
    grid = {"width": [4, 8], "activation": [activations.relu, jnp.tanh], "rate": [0.0, 0.5]}
    made = []

    def make(**names):
        made.append(names["width"])
        return make_run(**names)

    options = OPTIONS | {"epochs": 1}
    result = sweep.run(make, DATASET, seeds=1, grid=grid, static=["width"], **options)
    told = capsys.readouterr().err
    assert "8 runs: 8 combinations x 1 seed, in 4 groups" in told
    assert "width=4, activation=relu: 2 runs" in told
    assert sweep.state(result, 7).params[0]["kernel"].shape == (5, 8)
    assert sweep.state(result, 0).params[0]["kernel"].shape == (5, 4)
    assert np.isfinite(result.history["loss"]).all()


def test_initialisation_is_swept():
    result = sweep.run(scaled, DATASET, grid={"scale": [0.5, 2.0]}, epochs=1, batch_size=16)
    end, _ = alone({"scale": 2.0, "seed": 0}, result, 1, scaled, epochs=1)
    close(sweep.state(result, 1).params, end.params)


def test_lanes_and_devices_change_no_member():
    n = 11
    grid = {"learning_rate": np.linspace(0.01, 0.03, n).tolist()}
    some = sweep.run(make_run, DATASET, grid=grid, lanes=1, **OPTIONS | {"epochs": 1})
    end, _ = alone({"learning_rate": 0.03, "seed": 0}, some, n - 1, epochs=1)
    close(sweep.state(some, n - 1).params, end.params)


def test_more_members_than_memory_holds_are_trained_in_parts(monkeypatch):
    sizes, compile_programs = [], _programs.compile_programs

    def compiled(*args):
        made = compile_programs(*args)
        size = int(np.prod(made.layout))
        sizes.append(size)
        return made._replace(bytes_needed=size * 10_000 + 10_000)

    monkeypatch.setattr(_loop._programs, "compile_programs", compiled)
    whole = dict(seeds=24, grid={"rate": [0.5]}, **OPTIONS | {"epochs": 2})
    result = sweep.run(make_run, DATASET, memory=90_000, **whole)
    assert sizes[-1] < 24 and sizes[-1] * 10_000 + 10_000 <= 90_000
    end, _ = alone({"rate": 0.5, "seed": 23}, result, 23, epochs=2)
    close(sweep.state(result, 23).params, end.params)
    assert result.history["loss"].shape == (24, 2) and np.isfinite(result.history["loss"]).all()


def test_a_run_goes_on_where_it_was_stopped(tmp_path, monkeypatch):
    options = dict(seeds=3, grid={"rate": [0.1, 0.5]}, chunk=1, **OPTIONS)
    whole = sweep.run(make_run, DATASET, **options)
    asked = []

    def stops(step):
        asked.append(step)
        return 15 if len(asked) == 6 else None

    with monkeypatch.context() as patch:
        patch.setattr("jaxdl.sweep._runs._asked", lambda should_stop, n, moment: stops(n))
        with pytest.raises(sweep.Interrupted) as stopped:
            sweep.run(make_run, DATASET, checkpoints=tmp_path, **options)
    part = stopped.value.result
    assert stopped.value.code == 143 and len(part.members) == 6
    assert int(sweep.state(part, 0).step) == 6
    assert [row["step"] for row in sweep.history(part, 0)] == [4]  # of epochs that are complete
    again = sweep.run(make_run, DATASET, checkpoints=tmp_path, resume=True, **options)
    jax.tree.map(
        np.testing.assert_array_equal, sweep.state(again, 5).params, sweep.state(whole, 5).params
    )
    np.testing.assert_array_equal(again.history["loss"][:, 2], whole.history["loss"][:, 2])
    assert checkpoint.load(tmp_path)[0]["step"] == 6 * 12


@pytest.mark.parametrize(
    "changed", [{"grid": {"rate": [0.1, 0.4]}}, {"seeds": [4, 5]}, {"batch_size": 25}]
)
def test_it_does_not_go_on_with_another_population(tmp_path, changed):
    options = dict(seeds=2, grid={"rate": [0.1, 0.5]}, **OPTIONS) | {"epochs": 1}
    sweep.run(make_run, DATASET, checkpoints=tmp_path, **options)
    with pytest.raises(ValueError, match="has other hyperparameters, seeds or batch size"):
        sweep.run(make_run, DATASET, checkpoints=tmp_path, resume=True, **options | changed)


def test_a_machine_that_does_not_tell_its_free_memory(monkeypatch):
    def sysconf(name):  # as on macOS
        known = {"SC_PHYS_PAGES": 1000, "SC_PAGE_SIZE": 4096}
        if name not in known:
            raise ValueError("unrecognized configuration name")
        return known[name]

    monkeypatch.setattr("os.sysconf", sysconf)
    assert _memory.memory_of(jax.devices("cpu")[0]) == 500 * 4096 // jax.local_device_count()
    monkeypatch.delattr("os.sysconf")
    assert _memory.memory_of(jax.devices("cpu")[0]) > 0


def test_progress_tells_runs_per_second():
    seen: list[sweep.Progress] = []
    options = OPTIONS | {"chunk": 2}
    sweep.run(make_run, DATASET, seeds=2, hooks=(seen.append,), **options)
    assert seen[-1].done == seen[-1].total == 6
    assert [at.done for at in seen] == sorted(at.done for at in seen)
    assert "runs 2.0/2" in sweep.progress_line(seen[-1])


def no_use(learning_rate, momentum):
    return make_run(learning_rate)


@pytest.mark.parametrize(
    ("make", "options", "message"),
    [
        (make_run, {"grid": {"decay": [0.1]}}, "'decay' is swept, but make_run takes learning_"),
        (no_use, {"grid": {"learning_rate": [0.1], "momentum": [0.9]}}, "'momentum'.*depend on"),
        (make_run, {"points": {"rate": [0.1], "smoothing": [0, 1]}}, "rate has 1, smoothing has 2"),
        (make_run, {"seeds": 0}, "seeds is 0"),
        (make_run, {"seeds": []}, "seeds is empty"),
        (make_run, {"seeds": [1, 1]}, "each may appear once"),
        (make_run, {"grid": {"rate": []}}, "rate is .*one value or more"),
        (make_run, {"grid": {"rate": 0.5}}, "rate is 0.5.*list"),
        (make_run, {"grid": {"rate": [[0.5]]}}, "rate is .*hashable"),
        (make_run, {"seeds": 101, "grid": {"rate": np.linspace(0, 0.9, 100)}}, "10,100 .*many"),
        (make_run, {"grid": {"width": [4, 8]}}, "sizes is"),
        (make_run, {"static": ["width"]}, "static names 'width'"),
        (make_run, {"grid": {"rate": [0.1]}, "points": {"rate": [0.1]}}, "either grid or points"),
        (make_run, {"batch_size": 51}, "batch_size is 51.*50"),
        (make_run, {"order": "any"}, "order is 'any'"),
        (make_run, {"resume": True}, "resume needs checkpoints"),
        (make_run, {"seeds": 1.5}, "seeds is 1.5; it must be a number or a list"),
        (make_run, {"lanes": 0}, "lanes is 0"),
        (make_run, {"memory": -1}, "memory is -1"),
        (make_run, {"hooks": print}, "hooks is <built-in .*sequence of functions"),
        (make_run, {"checkpoints": 3}, "checkpoints is 3; it must be a folder's path"),
        (make_run, {"grid": {"rate": [0.1, float("nan")]}}, "nan is no value to try"),
        (lambda rate: None, {"grid": {"rate": [0.1]}}, "NoneType.*sweep.Run"),
    ],
)
def test_bad_input_is_named(make, options, message):
    with pytest.raises((ValueError, TypeError), match=message):
        sweep.run(make, DATASET, **OPTIONS | options)


def test_data_is_a_dataset():
    with pytest.raises(TypeError, match="data is a dict; it must be a Dataset"):
        sweep.run(make_run, DATASET.train, **OPTIONS)


def test_what_cannot_be_traced_is_explained():
    with pytest.raises(TypeError, match="mlp: sizes is traced") as error:
        sweep.run(make_run, DATASET, grid={"width": [4, 8]}, **OPTIONS)
    assert any("static=['width']" in note for note in error.value.__notes__)
