"""Half precision: gradients are sums in float32, layers compute in the dtype of their params."""

import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl import functional

HALF = jnp.bfloat16
N = 10_000  # a sum of ones in bfloat16 would stop at 256


def total(y):
    return y.astype(jnp.float32).sum()


def ones(*shape):
    return jnp.ones(shape, HALF)


TOKENS = jnp.zeros(N, int)
SUMS: dict[str, tuple[Callable, dict[str, tuple[int, ...]]]] = {
    "dense": (lambda p: functional.dense(p, ones(N, 1)), {"kernel": (1, 1), "bias": (1,)}),
    "conv": (
        lambda p: functional.conv(p, ones(100, 10, 10, 1), padding=1),
        {"kernel": (3, 3, 1, 1), "bias": (1,)},
    ),
    "conv_relu_pool": (
        lambda p: functional.conv_relu_pool(p, ones(100, 10, 10, 1), pool=(1, 1)),
        {"kernel": (1, 1, 1, 1), "bias": (1,)},
    ),
    "conv_transpose": (
        lambda p: functional.conv_transpose(p, ones(100, 10, 10, 1)),
        {"kernel": (1, 1, 1, 1), "bias": (1,)},
    ),
    "bilinear": (
        lambda p: functional.bilinear(p, ones(N, 1), ones(N, 1)),
        {"kernel": (1, 1, 1), "bias": (1,)},
    ),
    "embedding": (lambda p: functional.embedding(p, TOKENS), {"embedding": (1, 1)}),
    "embedding_bag": (
        lambda p: functional.embedding_bag(p, TOKENS[:, None], reduction="sum"),
        {"embedding": (1, 1)},
    ),
    "learned_positions": (
        lambda p: functional.learned_positions(p, ones(N, 1, 1)),
        {"embedding": (1, 1)},
    ),
    "layer_norm": (lambda p: functional.layer_norm(p, ones(N, 1)), {"bias": (1,)}),
    "batch_norm": (
        lambda p: functional.batch_norm(
            p, {"mean": jnp.zeros(1), "variance": jnp.ones(1)}, ones(N, 1), train=True
        )[0],
        {"bias": (1,)},
    ),
}


@pytest.mark.parametrize("name", SUMS)
@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_gradients_are_summed_in_float32(name, dtype):
    fn, shapes = SUMS[name]
    params = {leaf: jnp.full(shape, 0.1, dtype) for leaf, shape in shapes.items()}
    gradient = jax.jit(jax.grad(lambda p: total(fn(p))))(params)
    leaf = "bias" if "bias" in shapes else "embedding"
    np.testing.assert_allclose(float(gradient[leaf].ravel()[0]), N, rtol=0.005)


@pytest.mark.parametrize(("name", "gates"), [("rnn", 1), ("gru", 3), ("lstm", 4)])
def test_recurrent_gradients_of_jax_are_those_of_the_fast_rules(name, gates):
    fn, key = getattr(functional, name), jax.random.key(0)
    draw = lambda i, *shape: jax.random.normal(jax.random.fold_in(key, i), shape).astype(HALF)
    params = {"kernel": draw(0, 1, gates), "recurrent_kernel": draw(1, 1, gates) / 4}
    params["bias"] = draw(2, gates)

    def gradient(derivatives, dtype):
        run = lambda p: total(fn(p, ones(50, 60, 1).astype(dtype), derivatives=derivatives)[0])
        return jax.jit(jax.grad(run))(jax.tree.map(lambda x: x.astype(dtype), params))

    right = gradient("lax", jnp.float32)
    for derivatives in ("lax", "fast"):
        got = gradient(derivatives, HALF)
        for leaf in params:
            size = float(jnp.abs(right[leaf]).max())
            error = jnp.abs(got[leaf].astype(jnp.float32) - right[leaf]).max()
            assert error < 0.03 * size, (derivatives, leaf, got[leaf], right[leaf])


def test_batch_norm_keeps_nan_of_masked_rows_out_of_the_gradient():
    state = {"mean": jnp.zeros(1), "variance": jnp.ones(1)}
    where, x = jnp.array([True, True, False]), jnp.array([[1.0], [3.0], [jnp.nan]])

    def loss(params, x):
        y, _ = functional.batch_norm(params, state, x, train=True, where=where)
        return (jnp.where(where[:, None], y, 0) ** 2).sum()

    params = {"scale": jnp.ones(1), "bias": jnp.zeros(1)}
    gradient, dx = jax.grad(loss, (0, 1))(params, x)
    np.testing.assert_allclose(gradient["scale"], 4, rtol=1e-4)
    assert np.isfinite(dx).all()


@pytest.mark.parametrize(
    ("p", "x", "right"),
    [
        (math.inf, [1.0, -3.0], 3.0),
        (2.3, [-1.0, 2.0], (1 + 2**2.3) ** (1 / 2.3)),
        (0.5, [1.0, 4.0], 9.0),
        (2, [3.0, -4.0], 5.0),
        (0.5, [0.0, 0.0], 0.0),
    ],
)
def test_lp_pool_of_any_norm(p, x, right):
    x = jnp.array(x).reshape(2, 1)
    value, dx = jax.value_and_grad(lambda x: functional.lp_pool(x, (2,), norm_type=p).sum())(x)
    np.testing.assert_allclose(value, right, rtol=1e-6)
    assert np.isfinite(dx).all() and (right or not dx.any())


def test_noise_in_half_precision_has_the_mean_and_the_tails_of_a_normal_one():
    key, zeros = jax.random.key(0), jnp.zeros(100_000, jnp.bfloat16)
    noise = functional.gaussian_noise(key, zeros, stddev=1.0)
    share = functional.gaussian_dropout(key, zeros + 1, rate=0.5)
    assert noise.dtype == share.dtype == jnp.bfloat16
    noise, share = (np.asarray(x, np.float64) for x in (noise, share))
    assert abs(noise.mean()) < 0.009 and noise.max() > 3.5  # 0.003 is the mean's standard error
    assert abs(share.mean() - 1) < 0.009 and share.max() > 4.5


def test_a_scale_may_be_numpys():
    y = functional.upsample(jnp.ones((2, 1)), axes=1, scale=np.int64(2))
    assert y.shape == (4, 1)
