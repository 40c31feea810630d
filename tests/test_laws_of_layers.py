"""What holds for every Layer; a new one is a row of the zoo, and meets all of it.

Compiling is what these tests take their time for, so that each law's calls are one program, and
what isn't a law (indexing, comparing) is left to NumPy.
"""

import functools
import gc
import pickle

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import quick_random
from jaxdl import checkpoint, layers
from jaxdl.combinators import compute_in
from jaxdl.train import TrainState
from jaxdl.types import Layer
from zoo import ZOO, equations, example

EVERY = pytest.mark.parametrize("row", ZOO, ids=lambda row: row.name)
EVERY_PART = pytest.mark.parametrize(
    "row",
    [pytest.param(row, marks=pytest.mark.slow if row.composed else ()) for row in ZOO],
    ids=lambda row: row.name,
)
"""What is made of layers computes operation by operation what these do: a slow test of the law."""

close = functools.partial(chex.assert_trees_all_close, rtol=1e-6, atol=1e-6)
equal = chex.assert_trees_all_equal


@functools.cache
def drawn(row):
    """What init draws for a key, and for an ensemble of this key twice and another; on NumPy."""
    init = row.layer.init
    keys = jnp.stack([quick_random.key(seed) for seed in (0, 0, 1)])
    run = jax.jit(lambda keys: (init(keys[0]), jax.vmap(init)(keys)))
    alone, ensemble = jax.device_get(run(keys))
    return alone, [jax.tree.map(lambda x, i=i: x[i], ensemble) for i in range(3)]


def made(row, seed=0):
    return drawn(row)[1][2] if seed else drawn(row)[0]


def astype(tree, dtype):
    return jax.tree.map(lambda x: np.asarray(x).astype(dtype), tree)


@pytest.fixture
def key():
    return quick_random.key()


@functools.cache
def applied(row):
    """One program with a Layer's evaluation and training, in each way to call them, on NumPy.

    With the number of times that a second call, with other parameters, has traced it.
    """
    traces = []

    @jax.jit
    def run(params, state, x, rows, key):
        traces.append(1)
        apply = functools.partial(row.layer.apply, params, state)
        return {
            "whole": apply(x),
            "mapped": jax.vmap(lambda x: apply(x)[0])(x),
            "one": apply(x[0, 0])[0],
            "rows": apply(rows),
            "train": apply(rows, key=key, train=True),
        }

    arguments = example(row, 3, 2), example(row, 4), quick_random.key()
    results = [jax.device_get(run(*made(row, seed), *arguments)) for seed in (1, 0, 0)]
    return results[1:], len(traces)


@EVERY_PART
def test_init_is_deterministic_and_the_same_under_jit_and_for_an_ensemble(row):
    alone, (first, second, other) = drawn(row)
    # What is made of layers has the init of these, operation by operation.
    if not row.composed:
        close(row.layer.init(quick_random.key()), alone)
    equal(first, second)
    close(first, alone)
    leaves = jax.tree.leaves(other[0])
    pairs = zip(leaves, jax.tree.leaves(first[0]), strict=True)
    assert not leaves or any((a != b).any() for a, b in pairs) or row.fixed_init


@EVERY_PART
def test_eager_is_jit_is_vmap_and_leading_axes_are_batch_axes_and_one_trace_does(row):
    (result, _), traces = applied(row)
    (y, state), x = result["whole"], example(row, 3, 2)
    assert traces == 1
    equal(state, made(row)[1])
    close(result["mapped"], y)
    close(result["one"], y[0, 0])
    if not row.composed:  # as with init
        close(row.layer.apply(*made(row), x), (y, state))


@EVERY_PART
def test_evaluation_needs_no_key_and_training_has_the_same_shapes(row):
    (result, again), _ = applied(row)
    (y, state), (trained, after) = result["rows"], result["train"]
    chex.assert_trees_all_equal_shapes_and_dtypes((y, state), (trained, after))
    differs = lambda a, b: bool((a != b).any())
    other = differs(trained, y) or any(jax.tree.leaves(jax.tree.map(differs, after, state)))
    assert (row.stochastic or row.across_rows) == other
    equal(result["train"], again["train"])
    if row.stochastic:
        with pytest.raises(ValueError, match=r"\w+\(.*\) needs a key"):
            row.layer.apply(*made(row), example(row, 4), train=True)


@EVERY_PART
def test_gradients_against_finite_differences(row, key):
    if not row.gradient:
        pytest.skip("finite differences don't tell its gradient")
    with jax.enable_x64(True):
        params, state = astype(made(row), "float64")
        x = example(row, 3, dtype="float64")
        # What isn't differentiated, as token numbers, is held fixed.
        active = (params, x) if row.classes is None else (params,)
        apply = lambda params, x=x: row.layer.apply(params, state, x, key=key, train=True)[0]
        random = np.random.default_rng(1)
        weight = random.normal(size=jax.eval_shape(apply, *active).shape)
        objective = lambda active: (weight * apply(*active)).sum()
        direction = jax.tree.map(lambda p: random.normal(size=p.shape), active)
        beside = jax.tree.map(
            lambda p, d: np.stack([p + 1e-6 * d, p - 1e-6 * d]), active, direction
        )
        run = jax.jit(lambda here, at: (jax.grad(objective)(here), jax.lax.map(objective, at)))
        grads, (above, below) = jax.device_get(run(active, beside))
    exact = sum(jax.tree.leaves(jax.tree.map(np.vdot, grads, direction)))
    np.testing.assert_allclose(exact, (above - below) / 2e-6, 1e-6, 1e-6)


@EVERY_PART
def test_half_precision_in_half_precision_out(row, key):
    params, state = made(row)
    dtypes = ("bfloat16", "float16")
    train = lambda params, x: row.layer.apply(params, state, x, key=key, train=True)
    arguments = [(astype(params, each), example(row, 4, dtype=each)) for each in dtypes]
    results = jax.device_get(jax.jit(lambda pairs: [train(*pair) for pair in pairs])(arguments))
    for dtype, (y, after) in zip(dtypes, results, strict=True):
        assert y.dtype == (row.gives or dtype)
        assert np.isfinite(y.astype("float32")).all()
        chex.assert_trees_all_equal_dtypes(after, state)  # statistics stay float32


def tracers():
    """Every Tracer that is still alive, by its address; one pass over all objects."""
    gc.collect()
    return {id(x): x for x in gc.get_objects() if issubclass(type(x), jax.core.Tracer)}


def leaked(rows, key):
    """The Tracers that tracing these rows has left behind."""
    before = set(tracers())
    for row in rows:
        run = functools.partial(row.layer.apply, key=key, train=True)
        jax.make_jaxpr(run)(*jax.eval_shape(row.layer.init, key), example(row, 4))
    return [x for address, x in tracers().items() if address not in before]


def test_no_tracer_outlives_its_trace(key):
    """All rows at once, as ``jax.checking_leaks`` takes seconds for each."""
    assert not leaked(ZOO, key)
    kept: list[jax.Array] = []

    def keeps(params, state, x, **_):
        kept.append(x)
        return x, state

    leaky = ZOO[0]._replace(layer=Layer(lambda key: ((), ()), keeps))
    assert len(leaked([leaky], key)) == 1


@EVERY
def test_every_product_of_a_training_step_is_in_the_dtype_that_was_asked_for(row, key):
    """Matrix products and convolutions, forward and backward; spectral_norm's are statistics."""
    net, x = compute_in(row.layer, jnp.bfloat16), example(row, 2)
    learns = (0, 1) if row.classes is None else 0

    def step(params, state, x, key):
        loss = lambda p, x: net.apply(p, state, x, key=key, train=True)[0].sum()
        return jax.grad(loss, learns)(params, x)

    program = jax.make_jaxpr(step)(*jax.eval_shape(net.init, key), x, key)
    wide = [
        str(eqn)
        for eqn in equations(program.jaxpr)
        if eqn.primitive.name in ("dot_general", "conv_general_dilated")
        and {str(v.aval.dtype) for v in eqn.invars} != {"bfloat16"}
    ]
    assert not wide or row.name in ("spectral_norm", "compute_in")  # this one asks for another


def test_one_over_a_whole_number_prints_so():
    assert repr(layers.rescale(1 / 255)) == "rescale(1/255)"
    assert repr(layers.rescale(0.1234567891)) == "rescale(0.1234567891)"


@EVERY
def test_a_layer_prints_as_what_it_is_and_can_be_pickled(row):
    again = pickle.loads(pickle.dumps(row.layer))
    assert repr(again) == repr(row.layer)
    assert not {"<function", "<lambda>", "0x"} & set(repr(row.layer).split())
    key = jax.random.key(0)
    shapes = jax.eval_shape(row.layer.init, key)
    assert jax.eval_shape(again.init, key) == shapes
    apply = lambda net: str(jax.make_jaxpr(net.apply)(*shapes, example(row, 2)))
    assert apply(again) == apply(row.layer)


def test_what_is_saved_comes_back(tmp_path, key):
    random = np.random.default_rng(0)
    numbers = lambda p: (100 * random.normal(size=p.shape)).astype(p.dtype)
    shapes = {row.name: jax.eval_shape(row.layer.init, key) for row in ZOO}
    params = jax.tree.map(numbers, shapes)
    whole = TrainState(jnp.int32(3), params, (), (), jax.random.key(0))
    checkpoint.save(tmp_path, whole)
    blank = jax.tree.map(lambda p: np.zeros(p.shape, p.dtype), params)
    again, _ = checkpoint.restore(tmp_path, whole._replace(params=blank))
    equal(again.params, params)
