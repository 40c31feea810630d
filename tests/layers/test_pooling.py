"""Pooling and resampling: PyTorch's values and gradients, flax's layers, laws, and messages."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import laws
from golden import compare
from jaxdl import functional, layers
from tables.pooling import CASES


@pytest.mark.parametrize(("cases", "dtype"), laws.in_dtypes(CASES))
def test_equals_pytorch(cases, dtype):
    compare.check_all("pooling", cases, dtype)


# One row a function: the options have their golden values.
SMALL = {case.fn: case for case in reversed(CASES) if case.smooth}


@pytest.mark.parametrize(("law", "case"), laws.rows(SMALL.values()))
def test_law(law, case):
    law(case)


@pytest.mark.parametrize("padding", ["VALID", ((1, 1), (0, 1))])
def test_is_flax_pooling(padding):
    x = jnp.asarray(np.random.RandomState(0).randn(2, 7, 6, 3), jnp.float32)
    ours = {"stride": 2, "padding": 0 if padding == "VALID" else padding}
    theirs = {"window_shape": (3, 2), "strides": (2, 2), "padding": padding}
    pairs = [(functional.max_pool, nn.max_pool), (functional.avg_pool, nn.avg_pool)]
    for fn, twin in pairs:
        with jax.numpy_dtype_promotion("standard"):
            expected = twin(x, **theirs)
        np.testing.assert_allclose(fn(x, (3, 2), **ours), expected, 1e-6, 1e-6)


def test_max_pooling_gives_the_gradient_to_the_first_of_equal_entries():
    grad = jax.grad(lambda x, *window: functional.max_pool(x, *window, stride=1).sum())
    same = jnp.ones((2, 3, 1))
    np.testing.assert_array_equal(grad(same, (2, 2))[..., 0], [[1, 1, 0], [0, 0, 0]])
    whole = jax.grad(lambda x: functional.global_max_pool(x).sum())(same)
    np.testing.assert_array_equal(whole[..., 0], [[1, 0, 0], [0, 0, 0]])


def test_max_pooling_keeps_no_image_for_the_backward_pass():
    x = jnp.ones((4, 8, 8, 16))
    _, pullback = jax.vjp(lambda x: functional.max_pool(x, (2, 2)), x)
    kept = sum(leaf.nbytes for leaf in jax.tree.leaves(pullback))
    assert kept <= x.size / 4 + 64  # a byte a window


def test_windows_side_by_side_need_no_scatter_backwards():
    step = jax.jit(jax.grad(lambda x: functional.max_pool(x, (2, 2)).sum()))
    text = step.lower(jnp.ones((2, 8, 8, 3))).as_text()
    assert "scatter" not in text and "select_and_scatter" not in text


def test_pooling_over_everything_is_adaptive_pooling_to_one():
    x = jnp.asarray(np.random.RandomState(0).randn(2, 5, 4, 3), jnp.float32)
    one = functional.adaptive_avg_pool(x, (1, 1))[:, 0, 0]
    np.testing.assert_allclose(functional.global_avg_pool(x), one, 1e-6, 1e-6)
    one = functional.adaptive_max_pool(x, (1, 1))[:, 0, 0]
    np.testing.assert_array_equal(functional.global_max_pool(x), one)


def test_the_norm_of_nothing_has_no_gradient():
    grad = jax.grad(lambda x: functional.lp_pool(x, (2,)).sum())(jnp.zeros((4, 1)))
    np.testing.assert_array_equal(grad, 0)


@pytest.mark.parametrize("dtype", [jnp.float16, jnp.bfloat16])
def test_half_precision_sums_in_float32(dtype):
    x = 250 + jnp.asarray(np.random.RandomState(0).randn(2, 16, 16, 3), dtype)
    for fn in (functional.avg_pool, functional.lp_pool):
        # The sums and squares are beyond the largest float16.
        y = fn(x, (16, 8), stride=(16, 4))
        np.testing.assert_array_equal(
            y, fn(x.astype(jnp.float32), (16, 8), stride=(16, 4)).astype(dtype)
        )
        assert y.dtype == dtype and jnp.isfinite(y).all()


def test_no_images_and_no_leading_axes():
    assert functional.max_pool(jnp.ones((0, 4, 4, 2)), (2, 2)).shape == (0, 2, 2, 2)
    assert functional.avg_pool(jnp.ones((4, 4, 2)), (2, 2)).shape == (2, 2, 2)
    assert functional.upsample(jnp.ones((0, 4, 4, 2)), scale=2).shape == (0, 8, 8, 2)


def test_pixel_unshuffle_undoes_pixel_shuffle():
    x = jnp.arange(2 * 3 * 18.0).reshape(2, 3, 18)
    back = functional.pixel_unshuffle(functional.pixel_shuffle(x, 3), 3)
    np.testing.assert_array_equal(back, x)


X = np.ones((2, 4, 5, 3), "float32")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: functional.max_pool(X[0, 0], (2, 2)), r"max_pool got float32\[5,3\], and needs 2"),
        (lambda: functional.max_pool(X, (5, 2)), r"larger than the padded float32\[2,4,5,3\]"),
        (
            lambda: functional.max_pool(X, (8, 2), stride=2, ceil_mode=True),
            r"window of \(8, 2\) is larger than the padded float32\[2,4,5,3\]",
        ),
        (lambda: functional.max_pool(X, 2), r"max_pool: window is 2; .* as \(2, 2\) for images"),
        (lambda: functional.adaptive_avg_pool(X, 7), r"size is 7; it must be one number per axis"),
        (lambda: layers.max_pool(2), r"max_pool: window is 2; it must be one number per axis"),
        (lambda: layers.adaptive_max_pool(1), r"size is 1; it must be one number per axis"),
        (lambda: functional.max_pool(X, (2, 2), stride=0), "stride is 0"),
        (lambda: functional.max_pool(X, (2, 2), stride=1.5), "stride is 1.5; it must be a whole"),
        (lambda: functional.max_pool(X, (2, 2), padding=0.5), "padding is 0.5; it must be a whole"),
        (lambda: functional.max_pool(X, (2, 2), dilation=(1,)), r"dilation is \(1,\).* 2 of them"),
        (lambda: functional.max_pool(X, (2, 2.0)), r"window is \(2, 2.0\)"),
        (lambda: functional.max_pool(X, (2, 2), padding=2), "more than half of the window"),
        (lambda: functional.max_pool(X, (2, 2), padding=-1), "padding is -1"),
        (lambda: functional.max_pool(X.astype(int), (2, 2)), "must be floating point"),
        (lambda: functional.avg_pool(X, (2, 6)), "larger than the padded"),
        (lambda: functional.lp_pool(X, (2, 2), norm_type=0), "norm_type is 0"),
        (lambda: functional.adaptive_avg_pool(X, (0, 2)), r"size is \(0, 2\)"),
        (lambda: functional.adaptive_max_pool(X[0, 0], (2, 2)), "needs 2 spatial axes"),
        (lambda: functional.global_avg_pool(X[0, 0]), "needs 2 spatial axes"),
        (lambda: functional.upsample(X), "either scale or size"),
        (lambda: functional.upsample(X, scale=2, size=(2, 2)), "either scale or size"),
        (lambda: functional.upsample(X, scale=-1), "scale is -1"),
        (lambda: functional.upsample(X, scale=0.1), "leaves nothing of"),
        (lambda: functional.upsample(X, scale=(2, 2, 2)), "or 2 of them"),
        (lambda: functional.upsample(X, scale=2, method="lanczos"), "method is 'lanczos'"),
        (lambda: functional.upsample(X, scale=2, align_corners=True), "no meaning"),
        (lambda: functional.upsample(X[:, :0], scale=2), "empty image"),
        (lambda: functional.pixel_shuffle(X, 2), "doesn't divide the channels"),
        (lambda: functional.pixel_unshuffle(X, 2), "doesn't divide the sides"),
    ],
)
def test_wrong_calls_are_named(call, message):
    with pytest.raises((ValueError, TypeError), match=message):
        call()
