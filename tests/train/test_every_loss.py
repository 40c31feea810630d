"""A law of every loss and metric: its mean, its gradient and its sums are one on every road.

Slow: ``pytest -m slow tests/train/test_every_loss.py``. Tokens and padding are in test_units.
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxdl import data, metrics, parallel, sweep, train
from jaxdl.types import Layer
from tables.batches import BATCHES, call
from test_metrics import SUMS, F

pytestmark = pytest.mark.slow
N, SGD = 16, optax.sgd(0.1)
MEET = {"circle", "info_nce"}  # losses of pairs of rows; test_units has one, with all_rows
TRAINED = {row.id: row for row in BATCHES if row.id not in MEET}
SCALES = {id: jnp.float32(1) for id in TRAINED}  # of predictions: a parameter for each loss
NET = Layer(lambda key: (SCALES, ()), lambda params, state, batch, **_: (batch, state))


@functools.cache
def everything():
    """Rows for every loss and metric, with weights, some of which are 0."""
    rng = np.random.RandomState(0)
    single = lambda x: x.astype(np.float32 if x.dtype.kind == "f" else np.int32)
    batch = {id: tuple(map(single, row.draw(rng, N))) for id, row in TRAINED.items()}
    weight = rng.uniform(0.2, 2, N).astype("float32")
    weight[[3, 11]] = 0
    return batch | {"of_metrics": {k: v[:N] for k, v in F.items()}, "weight": weight}


def rows_of(id, params, batch):
    """The loss of each row."""
    first, *rest = batch[id]
    rows = call(TRAINED[id], (params[id] * first, *rest), reduction="none")
    return rows.reshape(len(rows), -1).mean(axis=1)


def loss_fn(params, state, batch, *, key, train):
    """The sum of all losses; each is a metric too."""
    weight, given = batch["weight"], batch["of_metrics"]
    means = {id: metrics.mean(rows_of(id, params, batch), weight=weight) for id in TRAINED}
    sums = {k: fn(*(given[x] for x in arrays), weight=weight) for k, (fn, arrays) in SUMS.items()}
    total = sum(mean.total for mean in means.values())
    return metrics.Mean(total, weight.sum()), (state, means | sums)


@functools.cache
def expected():
    """The numbers and the gradient of the whole batch, by plain JAX."""
    batch = everything()

    def objective(params):
        loss, (_, found) = loss_fn(params, (), batch, key=None, train=True)
        return loss.total / loss.count, found

    (_, found), grads = jax.jit(jax.value_and_grad(objective, has_aux=True))(SCALES)
    return metrics.compute(found), {id: 1 - 0.1 * g for id, g in grads.items()}


def close(got, wanted):
    near = lambda name, a, b: np.testing.assert_allclose(a, b, 2e-5, 2e-5, err_msg=name)
    for name in wanted:
        mine, its = got[name], wanted[name]
        if name == "variation":  # sums around the centre of each part, of which the number is one
            mine, its = (metrics.r_squared(metrics.Variation(*x)) for x in (mine, its))
        near(name, np.asarray(mine), np.asarray(its))


ROADS = {
    "jit": {},
    "accumulate": {"accumulate": 3},
    "pmap": {"devices": parallel.Placement("pmap")},
    "shard_map": {"devices": parallel.Placement("shard_map")},
    "shard_map, accumulate": {"devices": parallel.Placement("shard_map"), "accumulate": 2},
}


@pytest.mark.parametrize("road", ROADS)
def test_training(road):
    numbers, params = expected()
    start = train.init_state(NET, SGD, jax.random.key(0))
    set_ = data.Dataset(everything())
    options = {"epochs": 1, "batch_size": N, "hooks": ()}
    end, history = train.fit(loss_fn, SGD, start, set_, **options, **ROADS[road])
    close(history[0], numbers)
    close(end.params, params)


def test_evaluation_in_batches():
    start = train.init_state(NET, SGD, jax.random.key(0))
    close(train.evaluate(loss_fn, start, everything(), batch_size=5), expected()[0])


def test_a_sweep():
    numbers, params = expected()
    make = lambda rate: sweep.Run(NET, loss_fn, optax.sgd(rate))
    result = sweep.run(
        make, data.Dataset(everything()), epochs=1, batch_size=N, grid={"rate": [0.3, 0.1]},
        hooks=(),
    )  # fmt: skip
    own = sweep.history(result, 1)[0]
    close(own, numbers)
    close(sweep.state(result, 1).params, params)
