"""``--seeds N``: each seed gets what it gets alone, side by side where one program serves all."""

import dataclasses
import json
import os
import re
import signal
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import harness
from experiments import tiny
from experiments.conftest import first_devices
from experiments.tiny import POINTS, Config, build, start
from harness import programs, seeds
from harness.config import of_each_seed
from jaxdl import checkpoint, data, layers, losses, serial, sweep, train

DIFFERENT = {
    "rates": ((0.1, 0.0), "another training step"),
    "weights": ((1.0, 3.0), "another training step"),
    "widths": ((4, 6), "another initialisation"),
    "rows": ((8, 7), "other data"),
    "captured": ((1.0, 2.0), "another training step"),
}


@pytest.fixture(scope="module")
def first_alone(tmp_path_factory):
    """Seed 0 has the defaults in every row above."""
    defaults = dataclasses.asdict(Config())
    assert all(defaults[name][0] == values[0] for name, (values, _) in DIFFERENT.items())
    with pytest.MonkeyPatch.context() as patch:
        first_devices(patch, 1)
        (end,) = start(tmp_path_factory.mktemp("first"))
    return end


@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize("name", DIFFERENT)
def test_a_seed_gets_what_it_gets_alone_whatever_depends_on_it(name, first_alone, tmp_path, capsys):
    values, reason = DIFFERENT[name]
    flags = (f"--{name}", *values)
    ends = start(tmp_path / "two", "--seeds", 2, *flags)
    expected = f"seeds one after another: seed 1 has {reason} than seed 0"
    assert expected in capsys.readouterr().out
    (second,) = start(tmp_path / "1", "--seed", 1, *flags)
    for end, alone in zip(ends, (first_alone, second), strict=True):
        jax.tree.map(lambda x, y: np.testing.assert_allclose(x, y, atol=1e-6), end, alone)


@pytest.mark.usefixtures("alone")
def test_seeds_of_one_program_train_together_as_each_does_alone(tmp_path, capsys, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(train, "fit", None)
        ends = start(tmp_path / "two", "--seeds", 2)
    assert "one after another" not in capsys.readouterr().out
    for seed, end in enumerate(ends):
        (alone,) = start(tmp_path / f"{seed}", "--seed", seed)
        jax.tree.map(lambda x, y: np.testing.assert_allclose(x, y, atol=1e-6), end, alone)


@pytest.mark.usefixtures("alone")
def test_a_picture_that_fails_in_one_seed_ends_no_other_seeds_numbers(
    tmp_path, capsys, monkeypatch
):
    draw, calls = tiny.draw, []

    def fails_once():
        calls.append(1)
        return draw() if len(calls) > 1 else 1 / 0

    monkeypatch.setattr(tiny, "draw", fails_once)
    with pytest.raises(SystemExit, match="1"):
        start(tmp_path, "--seeds", 2)
    error = capsys.readouterr().err.splitlines()[-1]
    assert re.match(r"error: .*seed_0/loss.png can't be drawn: ZeroDivisionError", error), error
    for seed in range(2):
        assert json.loads((tmp_path / f"seed_{seed}" / "result.json").read_text())["finished"]
    assert (tmp_path / "seed_1" / "loss.png").exists()
    assert json.loads((tmp_path / "seeds.json").read_text())["seeds"] == [0, 1]


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"early_stopping": train.early_stopping("loss")}, "a population has no early stopping"),
        ({"hooks": (print,)}, "a population has no hooks"),
        ({"start": ((), ())}, "a population starts from drawn parameters"),
        ({"parallel": "jit"}, "--parallel jit is for a single network"),
    ],
)
def test_what_only_fit_has_is_the_reason_to_train_alone(changed, reason, tmp_path, capsys):
    engine = changed.pop("parallel", "auto")
    config = Config(tmp_path, seeds=2, parallel=engine)
    configs = list(of_each_seed(config))
    every = [seeds.jobs(build(each)._replace(**changed)) for each in configs]
    assert seeds.together(tmp_path, configs, every) == {}
    assert f"seeds one after another: {reason}" in capsys.readouterr().out


@pytest.mark.usefixtures("alone")
def test_a_run_starts_from_what_was_learned_before(tmp_path):
    ones = lambda tree: jax.tree.map(jnp.ones_like, tree)

    def make(config):
        run = build(config)
        params, state = run.net.init(jax.random.key(0))
        return run._replace(start=(ones(params), state))

    flags = ("--seeds", 2, "--rates", 0.0, 0.0)
    for end in start(tmp_path, *flags, make=make):
        jax.tree.map(np.testing.assert_array_equal, end, ones(end))


def test_a_seed_that_trains_something_else_is_named(tmp_path, capsys):
    configs = list(of_each_seed(Config(tmp_path, seeds=2)))
    every = [{"one": build(configs[0])}, {"other": build(configs[1])}]
    assert seeds.together(tmp_path, configs, every) == {}
    assert "seed 1 trains something else than seed 0" in capsys.readouterr().out


def population(rate=0.1, **changed):
    def make_run(width, factor):
        net = layers.dense(5, 3) if width is None else serial(layers.dense(5, width), jnp.tanh)
        return sweep.Run(net, train.supervised(net, losses.cross_entropy), optax.sgd(rate * factor))

    grid = {"width": (3, None), "factor": (1.0, 2.0)}
    dataset = data.Dataset(POINTS)
    options = {"epochs": 1, "batch_size": 4, "grid": grid} | changed
    return harness.Population(dataset, make_run, **options)


def test_populations_are_compared_for_every_static_value():
    assert programs.difference(population(), population()) is None
    assert programs.difference(population(0.2), population()) == "another initialisation"
    assert programs.difference(population(epochs=2), population()) == "another epochs"
    grid = {"width": (3, None), "factor": (1.0, 3.0)}
    assert programs.difference(population(grid=grid), population()) == "another grid"


def test_a_callback_of_python_is_never_taken_for_another():
    def made(scale):
        host = lambda x: np.asarray(x) * scale
        net = serial(layers.dense(5, 3), lambda x: jax.pure_callback(host, x, x))
        tail = jax.lax.stop_gradient
        loss_fn = train.supervised(net, losses.cross_entropy)

        def without_gradient(params, *args, **options):
            return loss_fn(tail(params), *args, **options)

        return seeds._as_population(build(Config())._replace(net=net, loss_fn=without_gradient))

    assert programs.difference(made(2.0), made(1.0)) == "another training step"


@pytest.mark.usefixtures("alone")
def test_a_seed_that_diverges_says_where(tmp_path, capsys):
    def make(config):
        return build(config)._replace(tx=optax.sgd(np.nan))

    with pytest.raises(SystemExit, match="1"):
        start(tmp_path, "--seeds", 2, make=make)
    assert re.search(r"error: .* at step \d", capsys.readouterr().err)
    assert json.loads((tmp_path / "seed_0/result.json").read_text())["finished"] is False


@pytest.mark.usefixtures("alone")
def test_seeds_stop_continue_and_are_summarised(tmp_path, here, monkeypatch, capsys):
    flags = ("--smoke", "--hidden", 16)
    both = (*flags, "--seeds", 2, "--seed", 3, "--output", tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr("jaxdl.sweep._runs._asked", lambda *at: signal.SIGTERM)
        with pytest.raises(SystemExit, match=str(128 + signal.SIGTERM)):
            here("animals_mlp", *both)
    assert "stopped by SIGTERM at 2 of 4 epochs; --resume continues" in capsys.readouterr().err
    for seed in (3, 4):
        assert json.loads((tmp_path / f"seed_{seed}/result.json").read_text())["finished"] is False
    here("animals_mlp", *both, "--resume")
    printed = capsys.readouterr()
    results = [
        json.loads((tmp_path / f"seed_{seed}" / "result.json").read_text()) for seed in (3, 4)
    ]
    found = [result["test_loss"] for result in results]
    summary = json.loads((tmp_path / "seeds.json").read_text())
    assert found[0] != found[1] and summary["seeds"] == [3, 4]
    assert summary["test_loss"]["mean"] == pytest.approx(np.mean(found))
    assert summary["test_loss"]["standard_error"] == pytest.approx(abs(np.diff(found)[0]) / 2)
    assert "over 2 seeds" in printed.out and "2 runs: 1 combination x 2 seeds" in printed.err
    assert results[0]["seconds"] == results[1]["seconds"]
    # What the second leaves behind is what it leaves behind where it is trained alone.
    here("animals_mlp", *flags, "--seed", 4, "--output", tmp_path / "alone")
    for alone, mine in zip(*map(leavings, (tmp_path / "alone", tmp_path / "seed_4")), strict=True):
        assert alone.keys() == mine.keys()
        for name in alone.keys() - {"seconds", "examples_per_second", "compile_seconds"}:
            np.testing.assert_allclose(mine[name], alone[name], atol=1e-6, rtol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["universal_approximation", "optimizers_race", "lottery"])
@pytest.mark.usefixtures("alone")
def test_a_population_resumes_to_the_same_bits(name, idx, tmp_path, here, monkeypatch):
    flags = ("--smoke", *(("--data-dir", idx) if name == "optimizers_race" else ()))
    here(name, *flags, "--output", tmp_path / "whole")
    with monkeypatch.context() as patch:
        asked = iter([None, None, signal.SIGTERM])
        patch.setattr("jaxdl.sweep._runs._asked", lambda *at: next(asked))
        with pytest.raises(SystemExit, match=str(128 + signal.SIGTERM)):
            here(name, *flags, "--output", tmp_path / "part")
    here(name, *flags, "--output", tmp_path / "part", "--resume")
    same_runs(tmp_path / "whole", tmp_path / "part")


@pytest.mark.slow
@pytest.mark.parametrize(("name", "event"), [("wgan_gp", 1), ("maml", 1), ("maml", 6)])
@pytest.mark.usefixtures("alone")
def test_a_loop_that_ctrl_c_stops_resumes_to_the_same_bits(
    name, event, tmp_path, here, monkeypatch, capsys
):
    """In the first network of MAML's, and in the second, when the first is complete."""
    here(name, "--smoke", "--output", tmp_path / "whole")
    told = []

    def press(moment):
        told.append(moment)
        if len(told) == event:
            os.kill(os.getpid(), signal.SIGINT)

    with monkeypatch.context() as patch:
        patch.setattr(train, "progress", lambda: press)
        with pytest.raises(SystemExit, match=str(128 + signal.SIGINT)):
            here(name, "--smoke", "--output", tmp_path / "part")
    assert told[-1].kind == "interrupt"
    assert "stopped by SIGINT at " in capsys.readouterr().err
    here(name, "--smoke", "--output", tmp_path / "part", "--resume")
    same_runs(tmp_path / "whole", tmp_path / "part")


def same_runs(whole, part):
    """Asserts that the last checkpoints have the same bits, and the results the same numbers."""
    folders = [path.relative_to(whole) for path in whole.rglob("checkpoints")]
    assert folders
    equal = lambda x, y: np.testing.assert_array_equal(*map(bits, (x, y)))
    for folder in folders:
        ends = (checkpoint.load(run / folder)[0] for run in (part, whole))
        jax.tree.map(equal, *ends)
    results = [json.loads((run / "result.json").read_text()) for run in (whole, part)]
    times = {name for name in results[0] if "second" in name} | {"versions", "commit"}
    kept = [{k: run[k] for k in run.keys() - times} for run in results]
    assert kept[0] == kept[1] and results[0]["finished"]


def bits(x):
    return jax.random.key_data(x) if jax.dtypes.issubdtype(x.dtype, jax.dtypes.prng_key) else x


def leavings(folder: Path):
    """The parameters that a run has saved, and the rows of its history."""
    tree, history = checkpoint.load(folder / "checkpoints")
    rows = (folder / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(row) for row in rows] == history
    paths = jax.tree_util.tree_leaves_with_path(tree["params"])
    return [{jax.tree_util.keystr(path): x for path, x in paths}, *history]
