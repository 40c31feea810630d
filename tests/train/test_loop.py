"""Programs see what functions compute now; the loop runs any step; contracts come first."""

import functools
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxdl import _contract, activations, combinators, data, layers, losses, serial, train
from jaxdl.train import _programs
from jaxdl.types import Layer
from train.recipes import close, dataset, recipe, same_bits
from train.test_fit import compilations

SGD = optax.sgd(0.1)
NET = layers.dense(5, 3)
ONCE = {"epochs": 1, "batch_size": 25, "hooks": ()}


def begun(net=NET, tx=SGD):
    return train.init_state(net, tx, jax.random.key(0))


def scaled(scale):
    """A loss that is new each time, and the same program where the scale is the same."""

    def loss_fn(params, state, batch, *, key, train):
        logits, state = NET.apply(params, state, batch["inputs"])
        rows = losses.cross_entropy(logits, batch["labels"])
        return scale * rows, (state, {})

    return loss_fn


TABLE = np.ones(3, "float32")
FACTOR = 1.0


def shifting(params, state, batch, *, key, train):
    logits, state = NET.apply(params, state, batch["inputs"])
    return FACTOR * losses.cross_entropy(logits * TABLE[None], batch["labels"]), (state, {})


def test_every_call_sees_what_the_loss_computes_now(monkeypatch):
    start = begun(tx=optax.sgd(0.0))
    fit = lambda: train.fit(shifting, optax.sgd(0.0), start, dataset(), **ONCE)[1][0]
    first = fit()
    monkeypatch.setitem(globals(), "FACTOR", 1000.0)
    row = fit()
    assert row["loss"] == pytest.approx(1000 * first["loss"], rel=1e-5)
    assert row["validation_loss"] == pytest.approx(1000 * first["validation_loss"], rel=1e-5)
    monkeypatch.setitem(globals(), "TABLE", np.zeros(3, "float32"))  # an array of another content
    assert fit()["loss"] == pytest.approx(1000 * np.log(3), rel=1e-5)
    TABLE[:] = 0.5  # and one that was written to
    assert fit()["loss"] != pytest.approx(1000 * np.log(3), rel=1e-5)


def squared(z):
    return FACTOR * (z**2).sum(axis=-1)


# JAX keeps what it traced of such functions, whatever globals they read by now.
REMEMBERED: dict[str, Callable[..., Any]] = {
    "scan": lambda z: jax.lax.scan(body, 0, z)[1],
    "cond": lambda z: jax.lax.cond(z.sum() < 1e9, squared, squared, z),
    "fori_loop": lambda z: jax.lax.fori_loop(0, 1, turn, z).sum(axis=-1),
    "jit": jax.jit(squared),
    "checkpoint": jax.checkpoint(squared),
}


def body(carry, row):
    return carry, squared(row)


def turn(i, z):
    return FACTOR * z**2


@pytest.mark.parametrize("name", REMEMBERED)
def test_and_what_functions_inside_it_compute(name, monkeypatch):
    def loss_fn(params, state, batch, *, key, train):
        return REMEMBERED[name](batch["inputs"] @ params["kernel"]).mean(), (state, {})

    start = begun(tx=optax.sgd(0.0))
    part = dataset().validation
    fit = lambda: train.fit(loss_fn, optax.sgd(0.0), start, dataset(), **ONCE)[1][0]
    first, before = fit(), train.evaluate(loss_fn, start, part)
    monkeypatch.setitem(globals(), "FACTOR", 1000.0)
    row = fit()
    assert row["loss"] == pytest.approx(1000 * first["loss"], rel=1e-5)
    assert row["validation_loss"] == pytest.approx(1000 * first["validation_loss"], rel=1e-5)
    found = train.evaluate(loss_fn, start, part)["loss"]
    assert found == pytest.approx(1000 * before["loss"], rel=1e-5)


def test_an_initialisation_inside_repeat_is_drawn_as_it_is_now(monkeypatch):
    drawn = Layer(lambda key: ({"w": jnp.full(2, FACTOR)}, ()), lambda p, s, x, **_: (x, s))
    net = combinators.repeat(drawn, 3)
    assert begun(net).params["w"].tolist() == [[1.0, 1.0]] * 3
    monkeypatch.setitem(globals(), "FACTOR", 5.0)
    assert begun(net).params["w"].tolist() == [[5.0, 5.0]] * 3


def test_predict_sees_a_network_as_it_is_now():
    factor = [2.0]
    net = serial(NET, lambda x: factor[0] * x)
    start = begun(net)
    x = dataset().train["inputs"]
    before = train.predict(net, start, x)
    factor[0] = 6.0
    np.testing.assert_allclose(train.predict(net, start, x), 3 * before, rtol=1e-5)


@pytest.mark.parametrize(("own", "traced"), [([], 1), ([lambda x: 2 * x], 3)])
def test_predict_traces_again_only_what_may_have_changed(own, traced, monkeypatch):
    net, applied, calls = serial(NET, activations.gelu, *own), _contract.applied, []
    start, x = begun(net), dataset().train["inputs"]

    def counted(layer, *args, **options):
        calls.extend([layer] if layer is net else [])
        return applied(layer, *args, **options)

    monkeypatch.setattr(_contract, "applied", counted)
    for rows in (x, x, x + 1):
        np.testing.assert_allclose(
            train.predict(net, start, rows), net.apply(start.params, start.state, rows)[0], 1e-5
        )
    assert len(calls) == traced


def test_equal_programs_compile_once_and_few_are_kept():
    start = begun()
    fit = lambda scale: train.fit(scaled(scale), SGD, start, dataset(), **ONCE)
    assert compilations(lambda: fit(1.5)) == 2
    assert compilations(lambda: (fit(1.5), fit(1.5))) == 0  # new functions, equal programs
    assert compilations(lambda: fit(2.5)) == 2
    assert len(_programs._kept) <= _programs.KEPT


def test_arrays_that_a_loss_needs_are_arguments():
    def distil(params, state, batch, *, key, train, teacher, beta):
        logits, state = NET.apply(params, state, batch["inputs"])
        target = NET.apply(teacher, (), batch["inputs"])[0]
        return beta * losses.mse_loss(logits, target), (state, {})

    start = begun(tx=optax.sgd(0.0))
    teachers = [begun()._replace().params, jax.tree.map(jnp.ones_like, start.params)]

    def fit(teacher, beta):
        bound = jax.tree_util.Partial(distil, teacher=teacher, beta=jnp.float32(beta))
        return train.fit(bound, optax.sgd(0.0), start, dataset(), **ONCE)[1][0]

    assert fit(teachers[0], 1.0)["loss"] == 0
    found: list[Any] = []
    run = lambda: found.extend(fit(teachers[1], beta) for beta in (1.0, 3.0))
    assert compilations(run) <= 1  # 3.0 is made into an array
    assert found[1]["loss"] == pytest.approx(3 * found[0]["loss"])
    assert found[1]["validation_loss"] == pytest.approx(3 * found[0]["validation_loss"])


class Two(NamedTuple):
    """Two networks, two optimizers, and a counter of their own."""

    step: jax.Array
    key: jax.Array
    players: Any
    opt_states: Any


def game(state, batch):
    """One learns to follow the data, the other to follow the first."""
    target, first = batch["inputs"].mean(), state.players[0]
    wanted = (target, first)
    loss = lambda p, t: (p - t) ** 2
    both = [jax.value_and_grad(loss)(p, t) for p, t in zip(state.players, wanted, strict=True)]
    moved = [SGD.update(g, o) for (_, g), o in zip(both, state.opt_states, strict=True)]
    players = tuple(p + u for p, (u, _) in zip(state.players, moved, strict=True))
    after = Two(state.step + 1, state.key, players, tuple(o for _, o in moved))
    return after, {"loss": both[0][0], "second": both[1][0]}


def two():
    players = jnp.float32(5), jnp.float32(-5)
    return Two(jnp.int32(0), jax.random.key(0), players, tuple(map(SGD.init, players)))


def test_the_loop_runs_any_step_and_continues_it():
    options = {"batch_size": 8, "hooks": (), "validate": lambda s: {"gap": float(s.players[0])}}
    end, history = train.loop(game, two(), dataset(), epochs=3, **options)
    state, rows, order = two(), [], np.arange(50)
    for epoch in range(3):
        key = jax.random.fold_in(jax.random.split(state.key)[0], epoch)
        order = np.asarray(train._order.shuffled(key, 50))
        seen = []
        for i in range(0, 50, 8):
            batch = {k: v[order[i : i + 8]] for k, v in dataset().train.items()}
            state, found = game(state, batch)
            seen.append((found["loss"], len(batch["labels"])))
        rows.append(sum(a * b for a, b in seen) / 50)
    close(end.players, state.players)
    assert [row["loss"] for row in history] == pytest.approx([float(x) for x in rows], rel=1e-5)
    assert [row["validation_gap"] for row in history][-1] == float(end.players[0])
    half, first = train.loop(game, two(), dataset(), epochs=2, **options)
    again, _ = train.loop(game, half, dataset(), epochs=3, history=first, **options)
    same_bits(again, end)


def walk(state, batch):
    assert batch == {}
    noise = jax.random.normal(jax.random.fold_in(state.key, state.step))
    players = (state.players[0] + noise, state.players[1])
    return state._replace(step=state.step + 1, players=players), {"noise": noise}


def test_steps_without_data_and_rows_every_few_steps():
    told = []
    note = lambda event: told.append((event.kind, int(event.train_state.step)))
    options = {"max_steps": 25, "steps_per_epoch": 10}
    end, history = train.loop(walk, two(), hooks=(note,), **options)
    assert [(row["epoch"], row["step"]) for row in history] == [(1, 10), (2, 20), (2.5, 25)]
    assert [step for kind, step in told if kind == "epoch"] == [10, 20, 25]
    noise = [jax.random.normal(jax.random.fold_in(two().key, i)) for i in range(25)]
    expected = [np.mean(noise[a:b]) for a, b in ((0, 10), (10, 20), (20, 25))]
    np.testing.assert_allclose([row["noise"] for row in history], expected, rtol=1e-4, atol=1e-6)
    half, rows = train.loop(walk, two(), max_steps=14, steps_per_epoch=10, hooks=())
    again, _ = train.loop(walk, half, history=rows, hooks=(), **options)
    same_bits(again, end)


def test_messages_name_what_was_called():
    options = {"epochs": 2, "hooks": ()}
    with pytest.raises(ValueError, match=r"^loop: the stream has no batches in epoch 1"):
        train.loop(game, two(), data.Stream([]), **options)
    row = {"epoch": 1, "step": 9}
    with pytest.raises(ValueError, match=r"^loop: the history ends with step 9, but"):
        train.loop(game, two(), dataset(), batch_size=8, history=[row], **options)
    wrong = lambda state: 3
    with pytest.raises(TypeError, match=r"^loop: validate returned 3"):
        train.loop(game, two(), dataset(), batch_size=8, validate=wrong, **options)
    loss_fn, tx, start, _ = recipe()
    stream = data.Stream([dataset().train], lambda epoch: [])
    with pytest.raises(ValueError, match=r"^fit got no batches"):
        train.fit(loss_fn, tx, start, stream, **options)


def test_fit_without_data_draws_from_its_key():
    def loss_fn(params, state, batch, *, key, train):
        x = jax.random.uniform(key, (64,))
        return ((params["w"] * x - 3 * x) ** 2).mean(), (state, {})

    params = {"w": jnp.zeros(())}
    start = train.TrainState(jnp.int32(0), params, (), SGD.init(params), jax.random.key(0))
    end, history = train.fit(loss_fn, SGD, start, None, epochs=4, steps_per_epoch=25, hooks=())
    assert float(end.params["w"]) == pytest.approx(3, abs=1e-2) and len(history) == 4


def test_fit_takes_stock_every_few_steps_of_a_dataset_or_an_endless_stream():
    loss_fn, tx, start, _ = recipe()
    whole, _ = train.fit(loss_fn, tx, start, dataset(), epochs=3, batch_size=10, hooks=())
    end, history = train.fit(
        loss_fn, tx, start, dataset(), max_steps=15, steps_per_epoch=4, batch_size=10, hooks=()
    )
    same_bits(end, whole)
    assert [row["step"] for row in history] == [4, 8, 12, 15]
    assert all("validation_loss" in row for row in history)

    def forever(epoch):
        rng = np.random.default_rng(0)
        while True:
            x = rng.normal(size=(4, 5)).astype("float32")
            yield {"inputs": x, "labels": x[:, :3].argmax(1)}

    stream = data.Stream(forever)
    fit = lambda ts, epochs, rows=(): train.fit(
        loss_fn, tx, ts, stream, epochs=epochs, steps_per_epoch=5, hooks=(), history=rows, chunk=3
    )
    (end, history), (half, rows) = fit(start, 3), fit(start, 1)
    assert [row["step"] for row in history] == [5, 10, 15]
    same_bits(fit(half, 3, rows)[0], end)
    stream = data.Stream(lambda epoch: [next(forever(epoch))] * 2)  # passes of two steps
    half, rows = fit(start, 1)
    with pytest.raises(ValueError, match=r"after its first 5: .* as for a Dataset or a data"):
        fit(half, 3, rows)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({}, ValueError, "loop needs epochs, or max_steps"),
        ({"max_steps": 5}, ValueError, "without data, steps_per_epoch says how long"),
        ({"max_steps": 0, "steps_per_epoch": 5}, ValueError, "max_steps is 0"),
        ({"max_steps": 5, "steps_per_epoch": 5, "batch_size": 3}, ValueError, "batch_size is 3"),
        ({"max_steps": 5, "steps_per_epoch": 5, "devices": "pmap"}, TypeError, "Placement"),
    ],
)
def test_the_loop_with_what_makes_no_sense(options, error, message):
    with pytest.raises(error, match=message):
        train.loop(walk, two(), hooks=(), **options)


@pytest.mark.parametrize(
    ("step", "message"),
    [
        (lambda s, b: (s, {"a": jnp.float32(0)}), "it must return step . 1"),
        (
            lambda s, b: (s._replace(players=(s.players[0], 2)), {}),
            r"players/1 was float32.* int32",
        ),
        (lambda s, b: (s._replace(players=s.players[:1]), {}), "changes the"),
        (lambda s, b: s, "<lambda> returned a Two; a step returns .train_state, metrics"),
        (lambda s, b: (s, [1.0]), "returned .a Two, a list.; a step returns"),
        (lambda s, b: (s, {"a": "b"}), "<lambda>: the metric a is 'b'; a metric is a number"),
        (lambda s, b: (s, {"epoch": 3.0}), "a metric is called 'epoch', which the history uses"),
        (lambda s, b: (s, {"validation_a": 3.0}), "a metric is called 'validation_a'"),
    ],
)
def test_a_step_that_breaks_its_contract(step, message):
    with pytest.raises((ValueError, TypeError), match=message):
        train.loop(step, two(), max_steps=3, steps_per_epoch=3, hooks=())


def test_a_validation_of_ones_own_gives_numbers_by_name():
    def step(train_state, batch):
        return train_state._replace(step=train_state.step + 1), {}

    numbers: Any = lambda train_state: 3.0
    with pytest.raises(TypeError, match=r"validate returned 3.0; it must return numbers by name"):
        train.loop(step, two(), max_steps=1, steps_per_epoch=1, hooks=(), validate=numbers)


class Foreign:
    """A module of who knows which library."""

    def init(self, key, x):
        return {}

    def apply(self, variables, x):
        return x

    def __call__(self, x):
        return x


class Keyless(NamedTuple):
    step: jax.Array


def test_a_state_without_a_key_shuffles_nothing():
    step = lambda s, b: (s._replace(step=s.step + 1), {"x": b["inputs"].mean()})
    options = {"epochs": 1, "batch_size": 25, "hooks": ()}
    with pytest.raises(TypeError, match=r"by the TrainState's key, and Keyless has none; give it"):
        train.loop(step, Keyless(jnp.int32(0)), dataset(), **options)
    end, _ = train.loop(step, Keyless(jnp.int32(0)), dataset(), shuffle=False, **options)
    assert int(end.step) == 2


def test_functions_are_networks_too_and_what_is_neither_is_named():
    batch = {"inputs": np.ones((3, 2), "f"), "labels": np.zeros((3, 2), "f")}
    twice = lambda x: 2 * x
    start = train.init_state(twice, SGD, jax.random.key(0))
    assert train.evaluate(train.supervised(twice, losses.mse_loss), start, batch)["loss"] == 4
    np.testing.assert_array_equal(train.predict(twice, start, batch["inputs"]), 2)
    for make in (train.rowwise, lambda net: train.supervised(net, losses.mse_loss)):
        with pytest.raises(TypeError, match=r"made of Layers and functions .*, not of .*Foreign"):
            make(Foreign())


def test_integers_that_jax_would_wrap_are_refused_outside_of_fit_too():
    net = serial(layers.embedding(4, 3))
    start, wide = begun(net), np.full(8, 2**32 + 1)
    inputs = np.zeros(8, "int32")
    loss_fn = train.supervised(net, losses.cross_entropy)
    for data_ in ({"inputs": wide, "labels": inputs}, {"inputs": inputs, "labels": wide}):
        for batches in (data_, [data_]):
            with pytest.raises(ValueError, match=r"evaluate: data\['\w+'\] .* int32 can't hold"):
                train.evaluate(loss_fn, start, batches)
    with pytest.raises(ValueError, match=r"predict: inputs.* holds 4294967297"):
        train.predict(net, start, wide)


def apply_alone(params, state, x, *, key=None, train=False):
    return x @ params["kernel"]


def grows(params, state, x, *, key=None, train=False):
    return x @ params["kernel"], {"n": jnp.float32(1)}


def pair(loss):
    return lambda p, s, b, *, key, train: loss


OF = lambda b: losses.cross_entropy(b["inputs"][:, :3], b["labels"])


@pytest.mark.parametrize(
    ("loss_fn", "error", "message"),
    [
        (train.supervised(Layer(NET.init, apply_alone), losses.cross_entropy), TypeError, "apply"),
        (train.supervised(Layer(NET.init, grows), losses.cross_entropy), TypeError, "state"),
        (
            lambda p, s, b, *, key, train: OF(b),
            TypeError,
            r"returned float32\[\]; a loss function r",
        ),
        (lambda p, s, b, *, key, train: (OF(b), {}), TypeError, "a loss function returns"),
        (
            lambda p, s, b, *, key, train: (b["inputs"], (s, {})),
            TypeError,
            r"the loss float32\[\d+,5",
        ),
        (
            lambda p, s, b, *, key, train: (OF(b), ({"n": 1}, {})),
            ValueError,
            "changed its state from",
        ),
        (
            lambda p, s, b, *, key, train: (OF(b) if train else "no", (s, {})),
            TypeError,
            "a loss function returns",
        ),
        (
            train.supervised(
                NET, losses.cross_entropy, metrics={"m": lambda z, y, *, weight: 1 / 0}
            ),
            ZeroDivisionError,
            "zero",
        ),
        (
            lambda p, s, b, *, key, train: (OF(b), (s, {"each": b["inputs"][:, 0]})),
            ValueError,
            r"<lambda>: the metric 'each' is float32\[\d+\], an entry for each row",
        ),
    ],
)
def test_a_broken_contract_is_named_before_any_compilation(loss_fn, error, message):
    start = begun()

    def run():
        with pytest.raises(error, match=message):
            train.fit(loss_fn, SGD, start, dataset(), **ONCE)

    assert compilations(run) <= 1


def test_what_can_not_learn_is_named():
    broken = Layer(lambda key: ({"w": jnp.ones(2), "i": jnp.arange(2)}, ()), NET.apply)
    with pytest.raises(TypeError, match=r"params/i is int32\[2\]; params are floating-point"):
        train.init_state(broken, SGD, jax.random.key(0))
    start = begun()._replace(params={"kernel": "text"})
    with pytest.raises(TypeError, match="fit: params/kernel is 'text'"):
        train.fit(scaled(1.0), SGD, start, dataset(), **ONCE)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"kernel": np.ones((5, 3), "f")}, "got kernel float32.5,3. where the network has bias"),
        ({"kernel": np.ones((5, 2)), "bias": np.ones(3)}, r"got kernel float\d\d.5,2. where the"),
        ((np.ones(3), np.ones((5, 3))), "got 0 float.* where the network has bias float32.3."),
    ],
)
def test_params_that_are_given_fit_the_network(params, message):
    with pytest.raises(ValueError, match=f"init_state: params: {message}"):
        train.init_state(NET, SGD, jax.random.key(0), params=params)


def test_a_run_that_is_complete_already_says_so():
    loss_fn, tx, start, net = recipe()
    end, history = train.fit(loss_fn, tx, start, dataset(), **ONCE)
    with pytest.warns(UserWarning, match="taken 2 steps already, and 1 epochs are counted from"):
        train.fit(loss_fn, tx, end, dataset(), **ONCE)
    train.fit(loss_fn, tx, end, dataset(), **ONCE, history=history)  # known to be complete
    anew = train.init_state(net, tx, jax.random.key(1), params=end.params, state=end.state)
    assert int(anew.step) == 0 and anew.params is end.params
    more, _ = train.fit(loss_fn, tx, anew, dataset(), **ONCE)
    assert int(more.step) == 2


def test_early_stopping_returns_what_was_measured():
    tx = optax.sgd(0.5)
    half = lambda ts: jax.tree.map(lambda p: p / 2, ts.params)  # an average, as far as fit knows
    start = begun(tx=tx)
    loss_fn = train.supervised(NET, losses.cross_entropy)
    set_ = dataset(40)
    set_ = set_._replace(
        validation={**set_.validation, "labels": (set_.validation["labels"] + 1) % 3}
    )
    end, history = train.fit(
        loss_fn, tx, start, set_, epochs=9, batch_size=20, hooks=(), validate=half,
        early_stopping=train.early_stopping(patience=2),
    )  # fmt: skip
    best = min(row["validation_loss"] for row in history)
    assert train.evaluate(loss_fn, end, set_.validation)["loss"] == pytest.approx(best, rel=1e-6)


def test_an_unknown_metric_of_early_stopping_is_named_at_the_start():
    loss_fn, tx, start, _ = recipe()
    told: list[train.Event] = []
    with pytest.raises(ValueError, match="metric is 'validation_acuracy'; there are epoch"):
        train.fit(
            loss_fn, tx, start, dataset(), epochs=3, batch_size=5, chunk=1, hooks=(told.append,),
            early_stopping=train.early_stopping("validation_acuracy"),
        )  # fmt: skip
    assert told == []


SCRIPT = """
import os, signal, jax, optax
from jaxdl import train
from train.recipes import dataset, recipe
loss_fn, tx, start, _ = recipe()
press = lambda event: event.kind == "epoch" and os.kill(os.getpid(), signal.{0})
end, _ = train.fit(loss_fn, tx, start, dataset(), epochs=9, batch_size=25, hooks=(press,))
print("the end")
"""


def test_a_script_that_is_interrupted_does_not_end_as_if_it_were_done():
    env = dict(os.environ, PYTHONPATH=os.pathsep.join(p for p in sys.path if p))
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT.format("SIGTERM")], env=env, capture_output=True, text=True
    )
    assert done.returncode == 128 + signal.SIGTERM and "the end" not in done.stdout
    assert "stopped by signal 15 after step 2" in done.stderr


def test_small_gradients_come_through_in_float16():
    def loss_fn(params, state, batch, *, key, train, scale):
        rows = params.astype(jnp.float16) * batch["x"].astype(jnp.float16)
        return rows.mean(dtype=jnp.float32) * scale, (state, {})

    tiny, huge = (functools.partial(loss_fn, scale=scale) for scale in (1e-5, 1e9))
    batch = {"x": jnp.full((4,), 1e-3)}
    ends = {}
    for name, tx in (("plain", SGD), ("scaled", train.dynamic_loss_scale(SGD))):
        start = train.TrainState(
            jnp.int32(0), jnp.float32(0), (), tx.init(jnp.float32(0)), jax.random.key(0)
        )
        step = jax.jit(train.make_step(tiny, tx, accumulate=2))
        ends[name] = step(start, batch)[0]
    assert ends["plain"].params == 0
    assert float(ends["scaled"].params) == pytest.approx(-0.1 * 1e-8, rel=0.05)
    start = ends["scaled"]
    step = jax.jit(train.make_step(huge, train.dynamic_loss_scale(SGD)))
    after, _ = step(start, batch)  # overflows
    assert after.params == start.params and int(after.opt_state.skipped) == 1
    assert float(after.opt_state.scale) == 2.0**14 and int(after.step) == 2


def test_inputs_may_be_any_tree():
    both = serial(lambda d: jnp.concatenate([d["a"], d["b"][0]], -1), layers.dense(5, 3))
    x = dataset().train["inputs"]
    inputs = {"a": x[:, :2], "b": (x[:, 2:],)}
    loss_fn = train.supervised(both, losses.cross_entropy)
    start = begun(both)
    found = train.evaluate(loss_fn, start, {"inputs": inputs, "labels": dataset().train["labels"]})
    np.testing.assert_allclose(
        train.predict(both, start, inputs, batch_size=7),
        both.apply(start.params, start.state, inputs)[0], rtol=1e-5, atol=1e-6,
    )  # fmt: skip
    assert found["loss"] > 0


def test_the_rows_whose_labels_are_no_classes_are_named():
    loss_fn, tx, start, _ = recipe()
    set_ = dataset(classes=())
    set_.train["labels"][7] = 9
    with pytest.raises(
        train.NonFiniteError, match=r"with the labels 9 have a loss that isn't .* 0, 1, 2 don't"
    ):
        train.fit(loss_fn, tx, start, set_, **ONCE)
    few = train.class_weights([1.0, 5.0])
    with pytest.raises(
        train.NonFiniteError, match=r"labels 2 have a loss .* class weights that are too few"
    ):
        train.fit(loss_fn, tx, start, dataset(), **ONCE, batch_fns=(few,))
