"""Activations: the values of PyTorch, the laws of every function, and what only one does."""

import functools
import inspect
import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import laws
from golden import compare
from jaxdl import activations as A
from jaxdl._checks import ShapeError
from tables import make_table
from tables.activations import CASES

TWINS = [case for case in CASES if case.torch]
PUBLIC = {name: fn for name, fn in vars(A).items() if inspect.isfunction(fn)}
ELEMENTWISE = [case for case in CASES if case.id.endswith("-edges") and case.arrays[0].ndim == 1]
X = jnp.array([[-2.0, 0.5, 3.0], [1.0, -0.5, 0.0]])


@pytest.mark.parametrize(("cases", "dtype"), laws.in_dtypes(TWINS))
def test_equals_pytorch(cases, dtype):
    compare.check_all("activations", cases, dtype)


@pytest.mark.parametrize(("law", "case"), laws.rows(CASES))
def test_law(law, case):
    law(case)


def test_every_function_has_a_row_and_the_table_in_the_docstring_is_up_to_date():
    assert {case.fn.__name__ for case in CASES} == set(PUBLIC)
    assert make_table.path("activations").read_text() == make_table.written("activations")


def test_golden_files_stay_small():
    assert sum(path.stat().st_size for path in compare.FOLDER.glob("*.npz")) < 5e6


@pytest.mark.parametrize("fn", PUBLIC.values(), ids=PUBLIC)
def test_options_are_by_keyword(fn):
    kinds = [p.kind for p in inspect.signature(fn).parameters.values()]
    learned = fn is A.prelu  # its weight is an array, not an option
    assert set(kinds[1 + learned :]) <= {inspect.Parameter.KEYWORD_ONLY}


@pytest.mark.parametrize("case", ELEMENTWISE, ids=lambda case: case.id)
def test_elementwise_nan_stays_nan_and_any_shape_is_kept(case):
    x, nothing = np.asarray(X), np.zeros((0, 3), "float32")
    fn = jax.jit(lambda *arrays: [case.fn(x, **case.options) for x in arrays])
    whole, other, number, nan, empty = jax.device_get(
        fn(x, x.reshape(3, 2), x[0, 1], np.float32(np.nan), nothing)
    )
    assert np.isnan(nan) and empty.shape == (0, 3)
    np.testing.assert_allclose(other, whole.reshape(3, 2), rtol=1e-6)
    np.testing.assert_allclose(number, whole[0, 1], rtol=1e-6)


@pytest.mark.parametrize("name", sorted(set(PUBLIC) - {"identity"}))
def test_integers_are_refused_by_name(name):
    needed: dict[str, dict] = {"threshold": {"threshold": 0, "value": 0}, "maxout": {"pieces": 2}}
    needed |= {"gumbel_softmax": {"key": jax.random.key(0)}}
    arrays = (np.arange(4, dtype=np.int32), 0.25)[: 1 + (name == "prelu")]
    with pytest.raises(TypeError, match=rf"{name}: x is int32\[4\]; it must be floating point"):
        PUBLIC[name](*arrays, **needed.get(name, {}))


def test_shapes_raise_the_error_that_serial_adds_a_path_to():
    with pytest.raises(ShapeError):
        A.glu(X)


@pytest.mark.parametrize("dtype", [jnp.float16, jnp.bfloat16, jnp.float32])
def test_numbers_of_any_kind_as_options_keep_the_dtype(dtype):
    x = X.astype(dtype)
    for number in (2, np.float64(2), jnp.float32(2)):
        y = A.elu(x, alpha=number), A.leaky_relu(x, negative_slope=number), A.swish(x, beta=number)
        assert [v.dtype for v in y] == [dtype] * 3


def test_options_can_be_swept():
    alphas = jnp.array([0.5, 1.0, 2.0])
    swept = jax.vmap(lambda alpha: A.elu(X, alpha=alpha))(alphas)
    np.testing.assert_allclose(swept, [A.elu(X, alpha=a) for a in alphas], rtol=1e-6)


def test_bounds_of_slopes_can_be_swept(key):
    lows = jnp.array([0.1, 0.2])
    for train in (False, True):
        draw = lambda low, train=train: A.rrelu(X, lower=low, upper=0.5, key=key, train=train)
        np.testing.assert_allclose(jax.vmap(draw)(lows), [draw(0.1), draw(0.2)], rtol=1e-6)


def test_step_has_no_gradient():
    slope = jax.grad(lambda x: A.step(x).sum())
    np.testing.assert_array_equal(slope(jnp.array([-1.0, 0.0, 2.0])), 0)


def test_tanh_gelu_keeps_its_digits_in_the_tail():
    x = np.linspace(-5, -3, 100, dtype=np.float32)
    wide = x.astype(np.float64)
    exact = wide / (1 + np.exp(-np.sqrt(8 / np.pi) * (wide + 0.044715 * wide**3)))
    np.testing.assert_allclose(A.gelu(x, approximate="tanh"), exact, rtol=1e-5)


@pytest.mark.parametrize("dtype", [jnp.float16, jnp.bfloat16])
def test_softmax_in_half_precision_is_rounded_once(dtype, key):
    x = jax.random.normal(key, (2, 4096), dtype)
    few = jnp.array([1, 0.01], dtype)
    wide = A.sparsemax(few.astype(jnp.float32))
    np.testing.assert_array_equal(A.sparsemax(few), wide.astype(dtype))
    for fn in (A.softmax, A.log_softmax, A.softmin):
        np.testing.assert_array_equal(fn(x), fn(x.astype(jnp.float32)).astype(dtype))
        assert fn(x, dtype=jnp.float32).dtype == jnp.float32


def test_rrelu_draws_slopes_in_training_only(key):
    x = -jnp.ones(10_000)
    slopes = -A.rrelu(x, lower=0.2, upper=0.6, key=key, train=True)
    assert 0.2 <= slopes.min() < 0.201 and 0.599 < slopes.max() <= 0.6
    assert abs(slopes.mean() - 0.4) < 4 * 0.4 / math.sqrt(12 * 10_000)
    np.testing.assert_allclose(A.rrelu(x, lower=0.2, upper=0.6, key=key), -0.4, rtol=1e-6)
    np.testing.assert_array_equal(A.rrelu(-x, key=key, train=True), -x)


def test_gumbel_softmax_is_the_formula_on_the_noise_of_its_key(key):
    noise = np.asarray(jax.random.gumbel(key, X.shape), np.float64)
    powers = np.exp((np.asarray(X, np.float64) + noise) / 0.5)
    expected = powers / powers.sum(0)
    drawn = A.gumbel_softmax(X, key=key, tau=0.5, axis=0)
    np.testing.assert_allclose(drawn, expected, rtol=1e-5)


def test_hard_gumbel_softmax_is_one_hot_with_the_gradient_of_the_soft_one(key):
    soft, soft_pullback = jax.vjp(lambda x: A.gumbel_softmax(x, key=key), X)
    hard, hard_pullback = jax.vjp(lambda x: A.gumbel_softmax(x, key=key, hard=True), X)
    np.testing.assert_array_equal(hard, np.eye(3)[np.argmax(soft, -1)])
    np.testing.assert_array_equal(hard_pullback(X)[0], soft_pullback(X)[0])


def test_gumbel_softmax_draws_from_the_softmax(key):
    logits = jnp.log(jnp.array([0.1, 0.2, 0.7]))
    rows = jnp.tile(logits, (20_000, 1))
    share = A.gumbel_softmax(rows, key=key, hard=True).mean(0)
    np.testing.assert_allclose(share, [0.1, 0.2, 0.7], atol=4 * 0.5 / math.sqrt(20_000))


def projected(x):
    """The nearest point of the simplex, by bisection on the threshold."""
    low, high = x.max() - 1, x.max()
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if np.maximum(x - middle, 0).sum() > 1 else (low, middle)
    return np.maximum(x - low, 0)


@given(st.lists(st.floats(-50, 50, width=32), min_size=1, max_size=9))
@settings(max_examples=40, deadline=None)
def test_sparsemax_projects_on_the_simplex(row):
    padded = row + [-1e6] * (9 - len(row))  # one shape, so that nothing compiles again
    p = np.asarray(A.sparsemax(jnp.array(padded, jnp.float32)))
    np.testing.assert_allclose(p, projected(np.array(padded)), atol=2e-5)


def test_sparsemax_at_infinities():
    p = A.sparsemax(jnp.array([[-jnp.inf, 1.0, 1.5], [jnp.nan, 1.0, 1.5]]))
    np.testing.assert_allclose(p[0], [0, 0.25, 0.75])
    assert np.isnan(p[1]).all()


def test_maxout_gives_ties_to_the_first():
    slope = jax.grad(lambda x: A.maxout(x, pieces=3).sum())(jnp.array([1.0, 2.0, 2.0, 0, 0, 0]))
    np.testing.assert_array_equal(slope, [0, 1, 0, 1, 0, 0])


def test_maxout_is_convex_pieces_over_any_axis():
    x = np.random.RandomState(0).randn(4, 6, 3).astype(np.float32)
    expected = x.reshape(4, 3, 2, 3).max(2)
    np.testing.assert_array_equal(A.maxout(x, pieces=2, axis=1), expected)
    np.testing.assert_array_equal(A.maxout(x, pieces=2, axis=-2), expected)


def test_squareplus_neither_overflows_nor_cancels():
    x = np.array([-1e30, -1e4, -30, 0, 30, 1e30], np.float32)
    wide = x.astype(np.float64)
    exact = np.maximum(wide, 0) + 2 / (np.abs(wide) + np.hypot(wide, 2))
    np.testing.assert_allclose(A.squareplus(x), exact, rtol=1e-6)
    half = A.squareplus(jnp.array([-30, 300, 60_000], jnp.float16))
    np.testing.assert_allclose(half, [1 / 30, 300, 60_000], rtol=2e-3)


def test_gradients_at_infinity_are_the_limits():
    inf = jnp.array([jnp.inf, -jnp.inf])
    by_b = lambda b: A.squareplus(inf, b=b).sum()
    by_weight = lambda w: A.prelu(inf[:1], w)[0]
    by_beta = lambda beta: A.softplus(inf[:1], beta=beta)[0]
    assert [jax.grad(fn)(0.5) for fn in (by_b, by_weight, by_beta)] == [0, 0, 0]
    np.testing.assert_array_equal(jax.grad(lambda x: A.squareplus(x).sum())(inf), [1, 0])
    np.testing.assert_array_equal(jax.grad(lambda x: A.prelu(x, 0.25).sum())(inf), [1, 0.25])


def test_the_second_derivative_of_softsign_is_odd():
    second = jax.vmap(jax.grad(jax.grad(A.softsign)))(jnp.array([-1.0, 0.0, 1.0]))
    np.testing.assert_allclose(second, [0.25, 0, -0.25], rtol=1e-6)


HALF: list[Callable[..., jax.Array]] = [
    *(A.silu, A.mish, A.gelu, A.swish, A.tanh, A.sigmoid, A.softplus, A.logsigmoid, A.elu, A.selu),
    *(
        A.celu,
        A.softsign,
        A.squareplus,
        A.tanhshrink,
        functools.partial(A.gelu, approximate="tanh"),
    ),
]


@pytest.mark.parametrize(("dtype", "ulp"), [(jnp.bfloat16, 2**-8), (jnp.float16, 2**-11)])
def test_half_precision_is_rounded_once(dtype, ulp):
    """Values and gradients are float32's but for the last bit, and nothing wide is kept."""
    x = jnp.linspace(-6, 6, 2001, dtype=dtype)
    slopes = lambda x: [jax.vjp(fn, x)[1](jnp.ones_like(x))[0] for fn in HALF]
    run = jax.jit(lambda x: ([fn(x) for fn in HALF], slopes(x)))
    half, wide = run(x), run(x.astype(jnp.float32))
    for fn, got, exact in zip(HALF * 2, jax.tree.leaves(half), jax.tree.leaves(wide), strict=True):
        exact = np.asarray(exact, np.float64)
        error = np.abs(np.asarray(got, np.float64) - exact) / np.maximum(np.abs(exact), 2e-3)
        assert error.max() <= 1.01 * ulp, fn
    for fn in HALF:
        kept = jax.tree.leaves(jax.vjp(fn, x)[1])
        assert all(leaf.dtype == dtype for leaf in kept if jnp.ndim(leaf)), fn


def test_normalize_of_zeros_is_zeros_with_gradient_one_over_eps():
    value, pullback = jax.vjp(A.normalize, jnp.zeros(3))
    np.testing.assert_array_equal(value, 0)
    np.testing.assert_allclose(pullback(jnp.ones(3))[0], 1e12, rtol=1e-6)
