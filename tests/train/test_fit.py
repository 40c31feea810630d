"""The loop: compilations, continuation, interruption, bad input."""

import io
import os
import signal

import jax
import numpy as np
import optax
import pytest

from jaxdl import checkpoint, data, losses, metrics, models, train

CLASSES = ("a", "b", "c")


def dataset(n=50, validation=21, seed=0, **changes):
    rng = np.random.default_rng(seed)

    def part(size):
        x = rng.normal(size=(size, 5)).astype("float32")
        return {"inputs": x, "labels": (x[:, :3].argmax(1)).astype("int32")}

    return data.Dataset(part(n), part(validation), part(30), CLASSES)._replace(**changes)


def recipe(rate=0.0, tx=None):
    net = models.mlp((5, 16, 3), rate=rate)
    measured = {"accuracy": metrics.accuracy}
    loss_fn = train.supervised(net, losses.cross_entropy, metrics=measured)
    tx = tx or optax.adam(1e-2)
    return loss_fn, tx, train.init_state(net, tx, jax.random.key(0)), net


class Terminal(io.StringIO):
    def isatty(self):
        return True


def compilations(run):
    """How many programs XLA compiles while ``run`` runs."""
    counted = []

    def listen(event, seconds, **_):
        if event == "/jax/core/compile/backend_compile_duration":
            counted.append(event)

    jax.monitoring.register_event_duration_secs_listener(listen)
    try:
        run()
    finally:
        jax.monitoring.unregister_event_duration_listener(listen)
    return len(counted)


@pytest.mark.parametrize(("n", "batch_size"), [(64, 16), (50, 16), (17, 16)])
def test_a_fit_compiles_once_for_training_and_once_for_evaluation(n, batch_size):
    loss_fn, tx, start, _ = recipe()
    go = lambda: train.fit(loss_fn, tx, start, dataset(n), epochs=3, batch_size=batch_size)
    assert compilations(go) == 2
    assert compilations(go) == 0  # a second fit with the same functions compiles nothing


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
    loss_fn, tx, start, _ = recipe(rate=0.3)
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
    end, _ = train.fit(loss_fn, tx, start, dataset(), epochs=2, batch_size=16, parallel=engine)
    for epoch in range(2):  # by hand: the same order, one plain step a batch
        key = jax.random.fold_in(jax.random.split(start.key)[0], epoch)
        order = np.asarray(train.order.shuffled(key, 50))
        step = jax.jit(train.make_step(loss_fn, tx))
        for i in range(0, 50, 16):
            batch = {k: v[order[i : i + 16]] for k, v in dataset().train.items()}
            start, _ = step(start, batch)
    close = lambda a, b: np.testing.assert_allclose(a, b, atol=1e-6)
    jax.tree.map(close, end.params, start.params)


def test_ctrl_c_keeps_what_there_is():
    loss_fn, tx, start, _ = recipe()
    kinds = []

    def press(event):
        kinds.append(event.kind)
        if len(kinds) == 2:
            os.kill(os.getpid(), signal.SIGINT)

    before = signal.getsignal(signal.SIGINT)
    end, history = train.fit(
        loss_fn, tx, start, dataset(), epochs=50, batch_size=16, hooks=(press,)
    )
    assert kinds == ["epoch", "epoch", "interrupt"]
    assert len(history) == 2 and int(end.step) == 8
    assert signal.getsignal(signal.SIGINT) is before


def test_a_second_ctrl_c_ends_at_once():
    loss_fn, tx, start, _ = recipe()

    def press(event):
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        train.fit(loss_fn, tx, start, dataset(), epochs=5, batch_size=16, hooks=(press,))


def test_progress_is_one_line_on_a_terminal_and_nothing_elsewhere():
    loss_fn, tx, start, _ = recipe()
    terminal, file = Terminal(), io.StringIO()
    hooks = (train.progress(terminal), train.progress(file))
    train.fit(loss_fn, tx, start, dataset(), epochs=3, batch_size=16, hooks=hooks)
    assert file.getvalue() == ""
    text = terminal.getvalue()
    assert text.count("\n") == 1 and text.count("\r") == 4
    for part in ("epoch 3/3", "loss 1.", "validation accuracy 0.", "examples/s", "0 s left"):
        assert part in text


def test_a_loss_that_is_no_number_stops_the_run_and_names_the_parameter():
    loss_fn, tx, start, _ = recipe(tx=optax.sgd(1e38))
    with pytest.raises(FloatingPointError, match=r"epoch 1, by step 4; params\[0\]\['bias'\]"):
        train.fit(loss_fn, tx, start, dataset(), epochs=3, batch_size=16)


def test_labels_beyond_the_outputs_of_the_network_stop_the_run():
    loss_fn, tx, start, _ = recipe()
    set_ = dataset(classes=("a", "b", "c", "d"))
    set_.train["labels"][7] = 3
    with pytest.raises(FloatingPointError, match=r"the loss is nan in epoch 1"):
        train.fit(loss_fn, tx, start, set_, epochs=3, batch_size=16)


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
        (dataset(), {"parallel": "tpu"}, "parallel is 'tpu'.*pmap"),
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
