"""What holds for every Layer; a new one is a row of the zoo, and meets all of it."""

import functools
import pickle

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl import checkpoint
from jaxdl.combinators import compute_in
from jaxdl.train import TrainState
from zoo import ZOO, equations, example

EVERY = pytest.mark.parametrize("row", ZOO, ids=lambda row: row.name)


# Each program runs once: unoptimised machine code compiles in a third of the time.
jit = functools.partial(jax.jit, compiler_options={"xla_backend_optimization_level": 0})


@functools.cache
def made(row, seed=0):
    # The default generator takes most of a second to compile for each shape, this one nothing.
    return jit(row.layer.init)(jax.random.key(seed, impl="rbg"))


def equal(a, b):
    jax.tree.map(np.testing.assert_array_equal, a, b)


def close(a, b, bound=1e-6):
    jax.tree.map(lambda x, y: np.testing.assert_allclose(x, y, bound, bound), a, b)


@EVERY
def test_init_is_deterministic_and_the_same_under_jit_and_for_an_ensemble(row):
    keys = jnp.stack([jax.random.key(seed) for seed in (7, 7, 1)])
    compiled = jit(row.layer.init)(keys[0])
    # What is made of layers has the init of these, operation by operation.
    alone = compiled if row.composed else row.layer.init(keys[0])
    close(alone, compiled)
    ensemble = jit(jax.vmap(row.layer.init))(keys)
    first, second, other = (jax.tree.map(lambda x, i=i: x[i], ensemble) for i in range(3))
    equal(first, second)
    close(first, alone)
    leaves = jax.tree.leaves(other[0])
    pairs = zip(leaves, jax.tree.leaves(first[0]), strict=True)
    assert not leaves or any(bool((a != b).any()) for a, b in pairs) or row.fixed_init


@EVERY
def test_eager_is_jit_is_vmap_and_leading_axes_are_batch_axes_and_one_trace_does(row):
    traces = []

    def apply(params, state, x):
        traces.append(1)
        return row.layer.apply(params, state, x)

    (params, state), x = made(row), example(row, 3, 2)
    y, same = row.layer.apply(params, state, x)
    equal(state, same)
    run = jit(apply)
    close(run(params, state, x)[0], y)
    run(*made(row, seed=1), x)
    assert len(traces) == 1
    close(jit(jax.vmap(lambda x: row.layer.apply(params, state, x)[0]))(x), y)
    one = jit(lambda x: row.layer.apply(params, state, x)[0])
    close(jnp.stack([one(x[i, 0]) for i in range(2)]), y[:2, 0])


@EVERY
def test_evaluation_needs_no_key_and_training_has_the_same_shapes(row, key):
    (params, state), x = made(row), example(row, 4)
    y, _ = jit(row.layer.apply)(params, state, x)
    train = jit(functools.partial(row.layer.apply, train=True))
    trained, after = train(params, state, x, key=key)
    assert trained.shape == y.shape and trained.dtype == y.dtype
    shapes = lambda tree: jax.tree.map(lambda leaf: (leaf.shape, leaf.dtype), tree)
    assert shapes(after) == shapes(state)
    differs = lambda a, b: bool((a != b).any())
    other = differs(trained, y) or any(jax.tree.leaves(jax.tree.map(differs, after, state)))
    assert (row.stochastic or row.across_rows) == other
    if row.stochastic:
        equal(trained, train(params, state, x, key=key)[0])
        with pytest.raises(ValueError, match=r"\w+\(.*\) needs a key"):
            row.layer.apply(params, state, x, train=True)


@EVERY
def test_gradients_against_finite_differences(row, key):
    if not row.gradient:
        pytest.skip("finite differences don't tell its gradient")
    with jax.enable_x64(True):
        params, state = jax.tree.map(lambda p: np.asarray(p, "float64"), made(row))
        x = example(row, 3, dtype="float64")
        # What isn't differentiated, as token numbers, is held fixed.
        active = (params, x) if row.classes is None else (params,)
        apply = lambda params, x=x: row.layer.apply(params, state, x, key=key, train=True)[0]
        random = np.random.default_rng(1)
        weight = random.normal(size=jax.eval_shape(apply, *active).shape)
        objective = lambda *args: (weight * apply(*args)).sum()
        value = jit(objective)
        grads = jit(jax.grad(objective, argnums=tuple(range(len(active)))))(*active)
        direction = jax.tree.map(lambda p: random.normal(size=p.shape), active)
        at = lambda t: value(*jax.tree.map(lambda p, d: p + t * d, active, direction))
        numeric = (at(1e-6) - at(-1e-6)) / 2e-6
    exact = sum(jax.tree.leaves(jax.tree.map(np.vdot, grads, direction)))
    np.testing.assert_allclose(exact, numeric, 1e-6, 1e-6)


@EVERY
@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_half_precision_in_half_precision_out(row, key, dtype):
    params, state = made(row)
    params = jax.tree.map(lambda p: p.astype(dtype), params)
    train = jit(functools.partial(row.layer.apply, train=True))
    y, after = train(params, state, example(row, 4, dtype=dtype), key=key)
    assert y.dtype == (row.gives or dtype)
    assert jnp.isfinite(y).all()
    types = lambda tree: [leaf.dtype for leaf in jax.tree.leaves(tree)]
    assert types(after) == types(state)  # statistics stay float32


@EVERY
def test_no_tracer_leaks(row, key):
    params, state = made(row)
    with jax.checking_leaks():
        jax.make_jaxpr(row.layer.apply)(params, state, example(row, 4))


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


def test_what_is_saved_comes_back(tmp_path):
    params = {row.name: made(row) for row in ZOO}
    whole = TrainState(jnp.int32(3), params, (), (), jax.random.key(0))
    checkpoint.save(tmp_path, whole)
    again, _ = checkpoint.restore(
        tmp_path, whole._replace(params=jax.tree.map(jnp.zeros_like, params))
    )
    equal(again.params, params)
