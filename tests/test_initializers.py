"""Initializers: moments, bounds and fans over large samples, and the structure of matrices."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats

from golden.compare import quick_jit
from jaxdl import initializers as I
from jaxdl._checks import ShapeError

SHAPE = (3, 3, 40, 80)  # fan_in 360, fan_out 720
FAN_IN, FAN_OUT = 360, 720
N = math.prod(SHAPE)
WIDTH = math.sqrt(12)

# By name: the initializer, the mean, the standard deviation, and the bounds, if it has any.
DRAWS = {
    "uniform": (I.uniform(), 0.5, 1 / WIDTH, (0, 1)),
    "uniform-ab": (I.uniform(a=-1, b=3), 1, 4 / WIDTH, (-1, 3)),
    "symmetric_uniform": (I.symmetric_uniform(0.2), 0, 0.4 / WIDTH, (-0.2, 0.2)),
    "normal": (I.normal(), 0, 1, None),
    "normal-mean": (I.normal(mean=2.0, std=0.5), 2, 0.5, None),
    # φ(2)·2·2 / (2Φ(2) - 1) is the variance that two standard deviations take away.
    "trunc_normal": (I.trunc_normal(), 0, 0.8796, (-2, 2)),
    "trunc_normal-absolute": (I.trunc_normal(std=0.02), 0, 0.02, None),
    "trunc_normal-half": (I.trunc_normal(a=0.0, b=9.0), 0.7979, 0.6028, (0, 5)),
    "truncated_normal": (I.truncated_normal(0.02), 0, 0.02 * 0.8796, (-0.04, 0.04)),
    "xavier_uniform": (I.xavier_uniform(), 0, math.sqrt(2 / 1080), math.sqrt(6 / 1080)),
    "xavier_uniform-gain": (I.xavier_uniform(gain=3), 0, 3 * math.sqrt(2 / 1080), None),
    "xavier_normal": (I.xavier_normal(), 0, math.sqrt(2 / 1080), None),
    "xavier_normal-gain": (I.xavier_normal(gain=3), 0, 3 * math.sqrt(2 / 1080), None),
    "glorot_uniform": (I.glorot_uniform(), 0, math.sqrt(2 / 1080), math.sqrt(6 / 1080)),
    "kaiming_uniform": (I.kaiming_uniform(), 0, math.sqrt(2 / FAN_IN), math.sqrt(6 / FAN_IN)),
    "kaiming_uniform-linear": (
        I.kaiming_uniform(nonlinearity="linear"), 0, math.sqrt(1 / FAN_IN), math.sqrt(3 / FAN_IN),
    ),
    "kaiming_normal": (I.kaiming_normal(), 0, math.sqrt(2 / FAN_IN), None),
    "kaiming_normal-out": (I.kaiming_normal(mode="fan_out"), 0, math.sqrt(2 / FAN_OUT), None),
    "kaiming_normal-a": (I.kaiming_normal(a=2.0), 0, math.sqrt(2 / 5 / FAN_IN), None),
    "kaiming_normal-tanh": (I.kaiming_normal(nonlinearity="tanh"), 0, 5 / 3 / FAN_IN**0.5, None),
    # What PyTorch's own layers do: kaiming_uniform(a=√5), which is U(±1/√fan_in).
    "kaiming_uniform-torch": (
        I.kaiming_uniform(a=math.sqrt(5)), 0, 1 / math.sqrt(3 * FAN_IN), 1 / math.sqrt(FAN_IN),
    ),
    "torch_default": (I.torch_default.kernel, 0, 1 / math.sqrt(3 * FAN_IN), 1 / FAN_IN**0.5),
    "torch_default-bias": (I.torch_default.bias(100), 0, 0.2 / WIDTH, 0.1),
    "torch_recurrent": (I.torch_recurrent_default(100).kernel, 0, 0.2 / WIDTH, 0.1),
    "torch_recurrent-bias": (I.torch_recurrent_default(100).bias(7), 0, 0.2 / WIDTH, 0.1),
    "keras_default": (I.keras_default.kernel, 0, math.sqrt(2 / 1080), math.sqrt(6 / 1080)),
    "he_default": (I.he_default.kernel, 0, math.sqrt(2 / FAN_IN), None),
}  # fmt: skip
MATRICES = {
    "eye": I.eye(gain=2.0),
    "sparse": I.sparse(sparsity=0.3),
    "orthogonal": I.orthogonal(),
}
ALL = {name: row[0] for name, row in DRAWS.items()} | MATRICES

TORCH = """calculate_gain constant dirac eye kaiming_normal kaiming_uniform normal ones orthogonal
    sparse trunc_normal uniform xavier_normal xavier_uniform zeros"""
KERAS = """constant glorot_normal glorot_uniform he_normal he_uniform lecun_normal
    lecun_uniform ones orthogonal  truncated_normal variance_scaling
    zeros"""
JAX = [name for name in dir(jax.nn.initializers) if name.islower() and name[0] != "_"]


@pytest.mark.parametrize("names", [TORCH, KERAS, " ".join(JAX)], ids=["torch", "keras", "jax"])
def test_every_name_is_there(names):
    assert [name for name in names.split() if not callable(getattr(I, name, None))] == []


@pytest.mark.parametrize("name", DRAWS)
def test_moments_and_bounds(name):
    draw, mean, std, bounds = DRAWS[name]
    x = np.asarray(draw(jax.random.key(1), SHAPE), np.float64)
    # Five standard errors; that of the standard deviation is largest for the normal distribution.
    assert abs(x.mean() - mean) < 5 * std / math.sqrt(N)
    assert abs(x.std() - std) < 5 * std / math.sqrt(2 * N)
    if bounds is not None:
        low, high = bounds if isinstance(bounds, tuple) else (-bounds, bounds)
        assert low <= x.min() * (1 + 1e-6) and x.max() <= high * (1 + 1e-6)
        near = x.max() > high - 0.01 * (high - low) and x.min() < low + 0.01 * (high - low)
        assert near or name == "trunc_normal-half"


@pytest.mark.parametrize(
    ("name", "truncated"),
    [
        ("normal", False),
        ("xavier_normal", False),
        ("kaiming_normal", False),
        ("trunc_normal-absolute", False),
        ("truncated_normal", True),
        ("he_default", True),
    ],
)
def test_which_normals_are_truncated(name, truncated):
    x = np.asarray(ALL[name](jax.random.key(1), SHAPE), np.float64)
    kurtosis = ((x - x.mean()) ** 4).mean() / x.var() ** 2
    assert kurtosis == pytest.approx(2.36 if truncated else 3.0, abs=0.06)
    assert (abs(x).max() > 3 * x.std()) != truncated


@pytest.mark.parametrize("name", ALL)
def test_a_key_gives_the_same_array_in_jit_and_another_key_another(name, key):
    shape = (6, 5)
    draw = lambda k: ALL[name](k, shape)
    x = draw(key)
    np.testing.assert_array_equal(x, draw(key))
    np.testing.assert_allclose(quick_jit(draw)(key), x, rtol=1e-5, atol=1e-7)
    assert name == "eye" or (draw(jax.random.key(1)) != x).any()


@pytest.mark.parametrize("dtype", [jnp.float16, jnp.bfloat16, jnp.float32, jnp.float64])
@pytest.mark.parametrize("name", ALL)
def test_dtype_is_the_one_asked_for(name, dtype, key):
    with jax.enable_x64(dtype == jnp.float64):
        x = ALL[name](key, (6, 5), dtype)
        assert x.dtype == dtype and jnp.isfinite(x).all()


@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float32])
def test_numbers_of_numpy_keep_the_dtype(dtype, key):
    one = np.sqrt(np.float64(1))  # as np.sqrt(2 / n_in) is: a float, but not to JAX
    made = [
        I.normal(mean=one, std=one),
        I.trunc_normal(mean=one, std=one),
        I.trunc_normal(a=-one, b=one),
        I.uniform(a=-one, b=one),
        I.eye(gain=one),
        I.orthogonal(gain=one),
        I.sparse(sparsity=0.5, std=one),
        I.xavier_normal(gain=one),
    ]
    with jax.enable_x64(True):
        assert {draw(key, (6, 5), dtype).dtype for draw in made} == {jnp.dtype(dtype)}


def test_default_dtype_is_float32(key):
    assert all(draw(key, (6, 5)).dtype == jnp.float32 for draw in ALL.values())


def test_biases_of_keras_and_he_are_zero(key):
    for init in (I.keras_default, I.he_default):
        np.testing.assert_array_equal(init.bias(7)(key, (4,)), 0)


@pytest.mark.parametrize("shape", [(5, 3), (3, 5), (4, 4), (3, 2, 4, 7)])
def test_orthogonal_rows_or_columns(shape, key):
    x = np.asarray(I.orthogonal(gain=2.0)(key, shape)).reshape(-1, shape[-1])
    gram = x.T @ x if x.shape[0] >= x.shape[1] else x @ x.T
    np.testing.assert_allclose(gram, 4 * np.eye(len(gram)), atol=1e-5)


def test_eye_passes_on_the_input(key):
    x = jnp.arange(6.0).reshape(2, 3)
    np.testing.assert_array_equal(x @ I.eye(gain=2.0)(key, (3, 3)), 2 * x)


@pytest.mark.parametrize("window", [(3,), (3, 5), (3, 3, 3)])
@pytest.mark.parametrize(("groups", "n_out"), [(1, 4), (1, 2), (1, 6), (2, 4), (2, 8)])
def test_dirac_passes_on_channels(window, groups, n_out, key):
    """Each group of inputs arrives at its group of outputs, as far as there are outputs."""
    n_in, axes = 4, "DHW"[-len(window) :]
    kernel = I.dirac(groups=groups)(key, (*window, n_in // groups, n_out))
    x = jax.random.normal(key, (2, *(6,) * len(window), n_in))
    layout = (f"N{axes}C", f"{axes}IO", f"N{axes}C")
    convolve = lambda x, kernel: jax.lax.conv_general_dilated(
        x, kernel, (1,) * len(window), "SAME", dimension_numbers=layout, feature_group_count=groups
    )
    y, x = np.asarray(quick_jit(convolve)(x, kernel)), np.asarray(x)
    share, width = n_in // groups, n_out // groups
    for g in range(groups):
        kept = min(share, width)
        here = y[..., g * width : (g + 1) * width]
        np.testing.assert_allclose(here[..., :kept], x[..., g * share : g * share + kept])
        np.testing.assert_array_equal(here[..., kept:], 0)


def test_sparse_zeros_the_same_number_behind_every_input(key):
    x = np.asarray(I.sparse(sparsity=0.25, std=2.0)(key, (300, 401)))
    np.testing.assert_array_equal((x == 0).sum(1), 101)
    assert x[x != 0].std() == pytest.approx(2, rel=0.02)
    share = (x == 0).mean(0)  # every place is as likely
    assert abs(share - 0.25).max() < 6 * math.sqrt(0.25 * 0.75 / 300)


def test_sparse_of_everything_and_of_nothing(key):
    assert (I.sparse(sparsity=1.0)(key, (3, 4)) == 0).all()
    assert (I.sparse(sparsity=0.0)(key, (3, 4)) != 0).all()


def test_gains_are_those_of_pytorch():
    gains = {"linear": 1, "conv2d": 1, "conv_transpose3d": 1, "sigmoid": 1, "tanh": 5 / 3}
    gains |= {"relu": 2**0.5, "selu": 0.75, "leaky_relu": (2 / (1 + 0.01**2)) ** 0.5}
    for nonlinearity, gain in gains.items():
        assert I.calculate_gain(nonlinearity) == pytest.approx(gain, rel=1e-12)
    assert I.calculate_gain("leaky_relu", param=0.0) == pytest.approx(2**0.5)


def test_shape_errors_are_shape_errors(key):
    with pytest.raises(ShapeError):
        I.eye()(key, (2,))


@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float16, jnp.float32])
def test_narrow_dtypes_are_drawn_in_float32_and_rounded(dtype, key):
    """Moments and tails are those of float32, whatever the dtype."""
    for make in (
        I.normal(std=0.02),
        I.trunc_normal(std=0.02),
        I.kaiming_normal(),
        I.he_normal(),
        I.glorot_uniform(),
        I.lecun_normal(dtype=jnp.bfloat16),
        I.orthogonal(),
        I.delta_orthogonal(),
    ):
        shape = (1, 64, 64)
        wide = make(key, shape, jnp.float32)
        np.testing.assert_array_equal(make(key, shape, dtype), wide.astype(dtype))
    assert I.lecun_normal(dtype=jnp.bfloat16)(key, (4, 4)).dtype == jnp.bfloat16


def test_truncated_normals_have_no_outliers_and_whole_tails():
    draw = lambda n=200_000, **options: np.asarray(
        I.trunc_normal(**options)(jax.random.key(3), (n,)), np.float64
    )
    x = draw(4_000_000, std=0.02)
    assert abs(x).max() < 0.02 * 5.6 and abs(x.std() - 0.02) < 1e-4
    # Mean and number of values of tails: φ(a)-weighted, by SciPy's truncnorm.
    for a, b in [(6.0, 7.0), (-7.0, -6.0), (3.0, np.inf), (13.0, 20.0), (-1.0, 9.0), (-0.5, 0.25)]:
        x = draw(a=a, b=b)
        exact = scipy.stats.truncnorm(a, b)
        assert a <= x.min() and x.max() <= b and len(np.unique(x)) > 50_000
        assert abs(x.mean() - exact.mean()) < 6 * exact.std() / math.sqrt(len(x)) + 1e-3 * (a > 12)


def test_shapes_without_entries_and_fans_of_0(key):
    for name, make in ALL.items():
        shape = (0, 5)
        assert make(key, shape).shape == shape, name
    assert I.torch_default.bias(0)(key, (3,)).tolist() == [0, 0, 0]
