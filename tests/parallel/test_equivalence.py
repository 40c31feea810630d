"""Twenty steps on one device, and the same on many with each engine: the same parameters."""

import itertools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import PartitionSpec

from jaxdl import layers, losses, models, optim, parallel, serial, train

STEPS = 20


class Recipe(NamedTuple):
    """What is trained, and how."""

    net: Any  # a function of the axis of devices
    shape: tuple[int, ...] = (6,)
    rows: int = 16
    tx: Any = staticmethod(lambda: optim.sgd(0.1, momentum=0.9))
    accumulate: int = 1
    engines: tuple[str, ...] = ("jit", "pmap", "shard_map", "shard_map-checked")


def mlp(axis_name=None):
    return models.mlp((6, 8, 3))


def convnet(axis_name=None):
    return serial(
        layers.conv(1, 4, (3, 3), padding=1, bias=False),
        layers.batch_norm(4, axis_name=axis_name),
        jax.nn.relu,
        layers.global_avg_pool(axes=2),
        layers.dense(4, 3),
    )


def adamw():
    # Its ε is large so that a gradient of 0 to rounding doesn't decide the sign of an update.
    return optim.adamw(0.01, eps=1e-3)


RECIPES = {
    "mlp-sgd": Recipe(mlp),
    "mlp-adamw": Recipe(mlp, tx=adamw),
    "mlp-ragged": Recipe(mlp, rows=13),
    "mlp-ragged-adamw": Recipe(mlp, rows=13, tx=adamw),
    "mlp-accumulated": Recipe(mlp, rows=32, accumulate=2),
    "convnet-sgd": Recipe(convnet, shape=(6, 6, 1)),
    "convnet-adamw": Recipe(convnet, shape=(6, 6, 1), tx=adamw),
    # Under pmap and shard_map each device draws its own, so only here are the numbers the same.
    "dropout": Recipe(lambda _=None: models.mlp((6, 8, 3), rate=0.5), engines=("jit",)),
}


def data(recipe, dtype):
    random = np.random.default_rng(0)
    inputs = random.normal(size=(recipe.rows, *recipe.shape)).astype(dtype)
    return {"inputs": inputs, "labels": random.integers(3, size=recipe.rows).astype("int32")}


def start(recipe, dtype):
    net, tx = recipe.net(), recipe.tx()
    cast = lambda x: x.astype(dtype) if jnp.issubdtype(x.dtype, jnp.floating) else x
    params, state = jax.tree.map(cast, net.init(jax.random.key(0)))
    return train.TrainState(jnp.int32(0), params, state, tx.init(params), jax.random.key(1))


def make(recipe, axis_name=None):
    net = recipe.net(axis_name)
    loss_fn = train.supervised(net, losses.cross_entropy)
    return train.make_step(loss_fn, recipe.tx(), axis_name=axis_name, accumulate=recipe.accumulate)


def runner(recipe, engine, devices):
    if engine == "one":
        return jax.jit(make(recipe))
    mesh = parallel.data_mesh(devices)
    if engine == "jit":
        split = PartitionSpec("data") if recipe.rows % devices == 0 else PartitionSpec()
        put = lambda batch: jax.device_put(batch, jax.NamedSharding(mesh, split))
        step = jax.jit(make(recipe))
        return lambda train_state, batch: step(train_state, put(batch))
    if engine == "pmap":
        return parallel.pmap_step(make(recipe, parallel.AXIS), devices=devices)
    checked = engine == "shard_map-checked"
    return parallel.shard_map_step(make(recipe, parallel.AXIS), mesh, check_vma=checked)


def after(recipe, engine, devices, dtype, steps=STEPS):
    step, train_state = runner(recipe, engine, devices), start(recipe, dtype)
    if engine == "jit":
        train_state = parallel.replicate(train_state, parallel.data_mesh(devices))
    seen = []
    for _ in range(steps):
        train_state, sums = step(train_state, data(recipe, dtype))
        seen.append(float(sums["loss"].total / sums["loss"].count))
    return jax.device_get((train_state.params, train_state.state)), seen


def check(name, engine, devices, dtype):
    with jax.enable_x64(dtype == "float64"):
        expected, losses_of_one = after(RECIPES[name], "one", 1, dtype)
        got, losses_here = after(RECIPES[name], engine, devices, dtype)
    bound = {"float32": 1e-6, "float64": 1e-13}[dtype]
    np.testing.assert_allclose(losses_here, losses_of_one, 10 * bound)  # of numbers near 1
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, bound, bound), got, expected)


CASES = [(name, engine) for name, recipe in RECIPES.items() for engine in recipe.engines]


CHOSEN = [
    *(("mlp-ragged-adamw", engine) for engine in RECIPES["mlp-ragged-adamw"].engines),
    ("mlp-accumulated", "pmap"),
    ("convnet-sgd", "jit"),
    ("convnet-adamw", "shard_map-checked"),
    ("dropout", "jit"),
]


@pytest.mark.parametrize(("name", "engine"), CHOSEN)
def test_eight_devices_take_the_steps_of_one(name, engine):
    check(name, engine, 8, "float64")


@pytest.mark.parametrize(("engine", "devices"), [("jit", 4), ("pmap", 1), ("shard_map", 2)])
def test_any_number_of_devices_takes_the_steps_of_one(engine, devices):
    check("mlp-ragged", engine, devices, "float32")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("case", "devices", "dtype"),
    list(itertools.product(CASES, [1, 2, 4, 8], ["float32", "float64"])),
)
def test_all_of_the_table(case, devices, dtype):
    name, engine = case
    check(name, engine, devices, dtype)


def test_the_usual_idiom_counts_each_row_as_often_as_there_are_devices():
    """What ``shard_map`` with its checks makes of ``pmean(grad(…))``, and make_step doesn't."""
    mesh, x = parallel.data_mesh(), jnp.arange(8.0)
    loss = lambda w, x: jnp.mean(w * x)
    same, rows = PartitionSpec(), PartitionSpec("data")
    idiom = lambda w, x: jax.lax.pmean(jax.grad(loss)(w, x), "data")
    mapped = jax.shard_map(idiom, mesh=mesh, in_specs=(same, rows), out_specs=same, check_vma=True)
    wrong = jax.jit(mapped)(jnp.float32(2), x)
    assert wrong == 8 * x.mean()

    ours = train.make_step(
        lambda w, s, b, *, key, train: (loss(w, b["x"]), (s, {})), optim.sgd(1.0), axis_name="data"
    )
    train_state = train.TrainState(jnp.int32(0), jnp.float32(2), (), (), jax.random.key(0))
    train_state = train_state._replace(opt_state=optim.sgd(1.0).init(train_state.params))
    step = parallel.shard_map_step(ours, mesh, check_vma=True)
    assert step(train_state, {"x": x})[0].params == 2 - x.mean()


@pytest.mark.parametrize(
    "engine",
    [
        "pmap",
        *(pytest.param(x, marks=pytest.mark.slow) for x in ("shard_map", "shard_map-checked")),
    ],
)
def test_a_line_search_sees_the_gradient_of_the_whole_batch(engine):
    recipe = Recipe(mlp, rows=13, tx=lambda: optim.lbfgs(line_search_fn="strong_wolfe"))
    with jax.enable_x64(True):
        expected, _ = after(recipe, "one", 1, "float64", steps=1)  # of up to 20 iterations
        got, _ = after(recipe, engine, 8, "float64", steps=1)
    # Every search amplifies the rounding of those before it.
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, 1e-8, 1e-8), got, expected)
