"""The step's options: accumulation, other dtypes, penalties, batch functions, what is logged."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxdl import layers, losses, metrics, models, optim, parallel, regularizers, serial, train
from jaxdl._checks import ShapeError
from train.recipes import close, dataset, recipe

SGD = optax.sgd(0.1)
NET = layers.dense(5, 3)  # one network for many tests: it is initialised by one program


def batch(n=24, weighted=False):
    rng = np.random.default_rng(3)
    rows = dict(dataset(n).train)
    return rows | {"weight": rng.uniform(0, 2, n).astype("float32")} if weighted else rows


@pytest.mark.parametrize(("parts", "weighted"), [(2, False), (5, True), (100, False)])
def test_accumulated_gradients_are_those_of_the_whole_batch(parts, weighted):
    loss_fn, tx, start, _ = recipe()
    once, sums = jax.jit(train.make_step(loss_fn, tx))(start, batch(weighted=weighted))
    step = jax.jit(train.make_step(loss_fn, tx, accumulate=parts))
    end, parted = step(start, batch(weighted=weighted))
    close(end.params, once.params)
    close(metrics.compute(parted), metrics.compute(sums))


@pytest.mark.parametrize("engine", ["jit", "pmap"])
def test_accumulation_on_devices_with_a_ragged_last_batch(engine):
    loss_fn, tx, start, _ = recipe()
    options = {"epochs": 1, "batch_size": 24, "devices": parallel.Placement(engine), "hooks": ()}
    once, rows = train.fit(loss_fn, tx, start, dataset(50), **options)
    parts, history = train.fit(loss_fn, tx, start, dataset(50), accumulate=2, **options)
    close(parts.params, once.params)
    assert history[0]["loss"] == pytest.approx(rows[0]["loss"], rel=1e-5)
    assert history[0]["accuracy"] == rows[0]["accuracy"]


def test_accumulation_goes_through_the_state_part_by_part(key):
    net = serial(layers.dense(5, 8), layers.batch_norm(8), layers.dense(8, 3))
    loss_fn = train.supervised(net, losses.cross_entropy)
    start = train.init_state(net, SGD, key)
    end, _ = jax.jit(train.make_step(loss_fn, SGD, accumulate=2))(start, batch())
    mean = start.state[1]["mean"]
    for part in (slice(0, None, 2), slice(1, None, 2)):
        x = batch()["inputs"][part]
        hidden = net.apply(start.params, start.state, x)[0]
        hidden = x @ start.params[0]["kernel"] + start.params[0]["bias"][None]
        mean = 0.9 * mean + 0.1 * hidden.mean(axis=0)
    np.testing.assert_allclose(end.state[1]["mean"], mean, rtol=1e-5, atol=1e-6)


def test_accumulate_must_be_a_number_of_parts():
    with pytest.raises(ValueError, match="make_step: accumulate is 0"):
        train.make_step(recipe()[0], SGD, accumulate=0)


@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float16])
def test_compute_dtype_is_that_of_the_network_and_of_nothing_else(key, dtype):
    seen = []

    def spy(x):
        seen.append(x.dtype)
        return x

    net = serial(layers.dense(5, 16), spy, layers.batch_norm(16), layers.dense(16, 3))
    plain = train.supervised(net, losses.cross_entropy)
    loss_fn = train.supervised(net, losses.cross_entropy, compute_dtype=dtype)
    start = train.init_state(net, SGD, key)
    end, sums = jax.jit(train.make_step(loss_fn, SGD))(start, batch())
    wide, expected = jax.jit(train.make_step(plain, SGD))(start, batch())
    assert seen[0] == dtype
    dtypes = {x.dtype for x in jax.tree.leaves((end.params, end.state, end.opt_state, sums))}
    assert dtypes == {jnp.dtype("float32")}
    close(end.params, wide.params, atol=0.01)
    assert metrics.compute(sums)["loss"] == pytest.approx(metrics.compute(expected)["loss"], 0.02)
    assert metrics.compute(sums)["loss"] != metrics.compute(expected)["loss"]


def test_tokens_stay_integers_in_another_compute_dtype(key):
    net = serial(layers.embedding(7, 4), lambda x: x.mean(axis=1), layers.dense(4, 3))
    loss_fn = train.supervised(net, losses.cross_entropy, compute_dtype=jnp.bfloat16)
    rows = {"inputs": np.arange(12).reshape(4, 3) % 7, "labels": np.array([0, 1, 2, 0])}
    end, _ = jax.jit(train.make_step(loss_fn, SGD))(train.init_state(net, SGD, key), rows)
    assert end.params[0]["embedding"].dtype == jnp.float32


@pytest.mark.parametrize("engine", ["jit", "pmap"])
def test_a_penalty_is_part_of_the_training_loss_once(key, engine):
    penalty = lambda params: 0.3 * regularizers.l2_penalty(params)
    loss_fn = train.supervised(NET, losses.cross_entropy, regularizer=penalty)
    plain = train.supervised(NET, losses.cross_entropy)
    start = train.init_state(NET, SGD, key)
    both = lambda p: plain(p, (), batch(), key=None, train=True)[0] + penalty(p)
    value, grads = jax.jit(jax.value_and_grad(both))(start.params)
    options = {"epochs": 1, "batch_size": 24, "devices": parallel.Placement(engine), "hooks": ()}
    end, history = train.fit(loss_fn, SGD, start, dataset(24), **options)
    close(end.params, jax.tree.map(lambda p, g: p - 0.1 * g, start.params, grads))
    assert history[0]["loss"] == pytest.approx(float(value), rel=1e-6)
    assert history[0]["penalty"] == pytest.approx(float(penalty(start.params)), rel=1e-6)
    measured = train.evaluate(loss_fn, start, batch())
    assert set(measured) == {"loss"}
    assert measured["loss"] == pytest.approx(train.evaluate(plain, start, batch())["loss"])


def test_a_class_without_a_weight_doesnt_get_that_of_another():
    batch = {"inputs": jnp.ones((3, 2)), "labels": jnp.array([0, 1, 2])}
    weight = train.class_weights([1.0, 5.0])(None, batch)["weight"]
    np.testing.assert_array_equal(weight, [1.0, 5.0, np.nan])


@pytest.mark.parametrize("engine", ["jit", "pmap"])
def test_class_weights_are_those_of_the_weighted_loss(key, engine):
    weights = np.array([1.0, 4.0, 0.5], "float32")
    loss_fn = train.supervised(NET, losses.cross_entropy)
    start = train.init_state(NET, SGD, key)

    def weighted(params):
        logits = NET.apply(params, (), batch()["inputs"])[0]
        return losses.cross_entropy(logits, batch()["labels"], weight=weights)

    value, grads = jax.jit(jax.value_and_grad(weighted))(start.params)
    end, history = train.fit(
        loss_fn, SGD, start, dataset(24), epochs=1, batch_size=24, hooks=(),
        devices=parallel.Placement(engine),
        batch_fns=(train.class_weights(weights),),
    )  # fmt: skip
    close(end.params, jax.tree.map(lambda p, g: p - 0.1 * g, start.params, grads))
    assert history[0]["loss"] == pytest.approx(float(value), rel=1e-6)


def test_label_smoothing_is_that_of_the_loss_and_leaves_the_metrics_alone(key):
    loss_fn = train.supervised(NET, losses.cross_entropy, metrics={"accuracy": metrics.accuracy})
    start = train.init_state(NET, SGD, key)
    smooth = train.make_step(loss_fn, SGD, batch_fns=(train.label_smoothing(0.2, classes=3),))
    _, sums = jax.jit(smooth)(start, batch())
    logits = NET.apply(start.params, (), batch()["inputs"])[0]
    expected = losses.cross_entropy(logits, batch()["labels"], label_smoothing=0.2)
    assert metrics.compute(sums)["loss"] == pytest.approx(float(expected), rel=1e-6)
    plain = train.evaluate(loss_fn, start, batch())["accuracy"]
    assert metrics.compute(sums)["accuracy"] == pytest.approx(plain)


def test_mixup_mixes_inputs_and_targets_alike_and_only_rows_that_count(key):
    n, real = 12, 8
    rows = {
        "inputs": np.eye(n, dtype="float32"),
        "labels": np.arange(n) % 4,
        "weight": np.array([1] * real + [0] * (n - real), "float32"),
    }
    mix = jax.jit(train.mixup(1.0, classes=4))
    shares = []
    for i in range(40):
        mixed = mix(jax.random.fold_in(key, i), rows)
        x = np.asarray(mixed["inputs"])[:real]
        assert (x[:, real:] == 0).all()  # nothing of the padding came in
        np.testing.assert_allclose(x.sum(1), 1, rtol=1e-6)
        assert (np.sort(x, axis=1)[:, :-2] == 0).all() and (np.diag(x) < 1).all()
        np.testing.assert_allclose(
            mixed["targets"][:real], x @ np.eye(4)[rows["labels"]], atol=1e-6
        )
        np.testing.assert_array_equal(mixed["labels"], rows["labels"])
        shares.append(x[0, 0])
    assert 0.3 < np.mean(shares) < 0.7 and np.std(shares) > 0.2  # Beta(1, 1) is uniform


def test_batch_functions_go_in_turn_and_bytes_become_numbers(key):
    rows = {"inputs": np.full((4, 2), 200, "uint8"), "labels": np.array([0, 1, 2, 2])}
    smooth, mix = train.label_smoothing(0.3, classes=3), train.mixup(0.4, classes=3)
    both = jax.jit(lambda rows: mix(key, smooth(key, rows)))(rows)
    assert both["inputs"].dtype == jnp.float32
    np.testing.assert_allclose(both["targets"].sum(1), 1, rtol=1e-6)
    assert float(both["targets"].min()) == pytest.approx(0.1)


def test_batch_functions_do_not_change_what_a_network_draws(key):
    net = models.mlp((5, 16, 3), rate=0.5)
    loss_fn = train.supervised(net, losses.cross_entropy)
    start, same = train.init_state(net, SGD, key), lambda key, batch: batch
    plain, _ = jax.jit(train.make_step(loss_fn, SGD))(start, batch())
    step = train.make_step(loss_fn, SGD, batch_fns=(same,))
    through, _ = jax.jit(step)(start, batch())
    jax.tree.map(np.testing.assert_array_equal, through.params, plain.params)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: train.label_smoothing(1.0, classes=3), "rate is 1.0"),
        (lambda: train.mixup(0.0, classes=3), "alpha is 0.0"),
        (lambda: train.mixup(0.3, classes=0), "classes is 0"),
        (lambda: train.class_weights([1.0, -1.0]), "needs a finite number of at least 0"),
        (lambda: train.class_weights([[1.0]]), "needs a finite number of at least 0"),
    ],
)
def test_batch_functions_with_options_out_of_range(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_batch_functions_on_batches_that_do_not_fit(key):
    floats = {"inputs": np.ones((2, 3)), "labels": np.ones(2)}
    with pytest.raises(TypeError, match=r"mixup: labels are float32\[2\]; it needs integers"):
        train.mixup(0.3, classes=2)(key, floats)
    made = {**floats, "targets": np.ones((2, 4))}
    with pytest.raises(ShapeError, match=r"classes is 3, targets are float32\[2,4\]"):
        train.label_smoothing(0.3, classes=3)(key, made)


def test_gradient_norm_and_learning_rate_are_in_the_history(key):
    schedule = optax.linear_schedule(0.5, 0.1, 4)
    plain = train.supervised(NET, losses.cross_entropy)
    log = {"gradient_norm": train.gradient_norm, "learning_rate": train.learning_rate(schedule)}
    start = train.init_state(NET, optax.sgd(schedule), key)
    _, history = train.fit(
        plain, optax.sgd(schedule), start, dataset(24), epochs=2, batch_size=24, log=log, hooks=()
    )
    loss = lambda p: plain(p, (), batch(), key=None, train=True)[0]
    grads = jax.jit(jax.grad(loss))(start.params)
    squares = sum(float((g**2).sum()) for g in jax.tree.leaves(grads))
    assert history[0]["gradient_norm"] == pytest.approx(squares**0.5, rel=1e-5)
    assert [row["learning_rate"] for row in history] == pytest.approx([0.5, 0.4])


def test_the_learning_rate_of_injected_hyperparameters(key):
    schedule = optax.linear_schedule(0.5, 0.1, 4)
    tx = optax.chain(optax.clip(1.0), optax.inject_hyperparams(optax.sgd)(learning_rate=schedule))
    loss_fn, start = train.supervised(NET, losses.cross_entropy), train.init_state(NET, tx, key)
    step = jax.jit(train.make_step(loss_fn, tx, log={"rate": train.learning_rate()}))
    rates = []
    for _ in range(3):
        start, sums = step(start, batch())
        rates.append(metrics.compute(sums)["rate"])
    assert rates == pytest.approx([0.5, 0.4, 0.3])
    lost = train.make_step(loss_fn, SGD, log={"rate": train.learning_rate()})
    with pytest.raises(ValueError, match="found 0 learning rates"):
        lost(train.init_state(NET, SGD, key), batch())


@pytest.mark.parametrize("engine", ["jit", "pmap"])
def test_an_optimizer_that_searches_a_line_is_told_the_loss_of_the_whole_batch(key, engine):
    loss_fn = train.supervised(NET, losses.cross_entropy)
    tx = optax.chain(
        optax.sgd(1.0), optax.scale_by_backtracking_linesearch(max_backtracking_steps=9)
    )
    start = train.init_state(NET, tx, key)
    options = {"epochs": 8, "batch_size": 24, "hooks": (), "devices": parallel.Placement(engine)}
    _, history = train.fit(loss_fn, tx, start, dataset(24), **options)
    values = [row["loss"] for row in history]
    assert all(b < a for a, b in itertools.pairwise(values))


def test_an_average_of_parameters_is_validated(key):
    tx = optax.chain(optax.sgd(0.5), optim.ema(0.9))
    loss_fn = train.supervised(NET, losses.cross_entropy)
    average = lambda ts: optim.averaged_params(ts.opt_state, ts.params)
    start = train.init_state(NET, tx, key)
    options = {"epochs": 2, "batch_size": 16, "hooks": ()}
    end, history = train.fit(loss_fn, tx, start, dataset(), validate=average, **options)
    measured = train.evaluate(loss_fn, end._replace(params=average(end)), dataset().validation)
    assert history[-1]["validation_loss"] == pytest.approx(measured["loss"])
    last = train.evaluate(loss_fn, end, dataset().validation)["loss"]
    assert history[-1]["validation_loss"] != pytest.approx(last)
    assert parallel.data_mesh().size == 8
