"""Thresholds of any size, norms of any order, sure alignments: where a formula as written fails."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl import losses as L

D = jnp.array([2.0, -0.5, 0.0])


def value_and_slopes(loss, threshold):
    """By the error, and by the threshold, which is traced."""
    fn = lambda d, threshold: loss(d, jnp.zeros_like(d), threshold)
    return fn(D, threshold), *jax.grad(lambda *a: fn(*a).sum(), (0, 1))(D, threshold)


@pytest.mark.parametrize(
    ("delta", "values", "slopes"),
    [
        (np.inf, [2, 0.125, 0], [2, -0.5, 0]),
        (1e20, [2, 0.125, 0], [2, -0.5, 0]),  # whose square overflows
        (1e-20, [2e-20, 5e-21, 0], [1e-20, -1e-20, 0]),  # whose square is 0
        (0.5, [0.875, 0.125, 0], [0.5, -0.5, 0]),
    ],
)
def test_huber_loss_of_any_threshold(delta, values, slopes):
    loss = lambda x, t, delta: L.huber_loss(x, t, delta=delta, reduction="none")
    got = value_and_slopes(loss, delta)
    np.testing.assert_allclose(got[0], values, rtol=1e-6)
    np.testing.assert_allclose(got[1], slopes, rtol=1e-6)
    np.testing.assert_allclose(got[2], np.maximum(np.abs(D) - delta, 0).sum(), rtol=1e-6)


@pytest.mark.parametrize(
    ("beta", "values", "slopes"),
    [
        (np.inf, [0, 0, 0], [0, 0, 0]),
        (1e-20, [2, 0.5, 0], [1, -1, 0]),
        (0.0, [2, 0.5, 0], [1, -1, 0]),  # traced, too
        (1.0, [1.5, 0.125, 0], [1, -0.5, 0]),
    ],
)
def test_smooth_l1_loss_of_any_threshold(beta, values, slopes):
    loss = lambda x, t, beta: L.smooth_l1_loss(x, t, beta=beta, reduction="none")
    got = value_and_slopes(loss, beta)
    np.testing.assert_allclose(got[0], values, rtol=1e-6)
    np.testing.assert_allclose(got[1], slopes, rtol=1e-6)
    assert np.isfinite(got[2])
    np.testing.assert_allclose(L.smooth_l1_loss(jnp.float32(1e-21), 0.0, beta=1e-20), 5e-23, 1e-6)


@pytest.mark.parametrize(
    ("row", "p", "expected"),
    [
        ([5, 3, 2], -np.inf, 2),
        ([5, 3, 2], np.inf, 5),
        ([1, 2, 0], -1, 0),
        ([1, 2, 4], -1, 4 / 7),
        ([1, 2, 4], -2.5, (1 + 2**-2.5 + 4**-2.5) ** (-1 / 2.5)),
        ([1, 2, 0], 0.5, (1 + 2**0.5) ** 2),
        ([1, 2, 0], 0, 2),
    ],
)
def test_distances_of_any_order(row, p, expected):
    distance = lambda x: L.pairwise_distance(x, jnp.zeros(3), p=p, eps=0.0)
    value, slope = jax.value_and_grad(distance)(jnp.array(row, jnp.float32))
    np.testing.assert_allclose(value, expected, rtol=1e-6)
    assert np.isfinite(slope).all()


def test_sure_alignments_are_never_below_0():
    random = np.random.RandomState(0)
    labels = random.randint(1, 4, (64, 2))
    path = np.repeat(labels, 2, axis=1)  # each label for two of the four steps
    logits = np.where(np.eye(4)[path] == 1, random.uniform(15, 20, (64, 4, 1)), 0).astype("f")
    different = labels[:, 0] != labels[:, 1]
    lengths = (np.full(64, 4), np.full(64, 2))
    loss = jax.jit(lambda x: L.ctc_loss(x, labels, *lengths, reduction="none"))
    values = np.asarray(loss(logits))[different]
    assert (values >= 0).all() and (values < 1e-5).all()
    slope = jax.grad(lambda x: loss(x).sum())(logits)
    assert np.isfinite(slope[different]).all() and np.abs(slope[different]).max() > 0


def test_lengths_of_ctc_may_be_lists():
    got = L.ctc_loss([[[0.1, 0.2], [0.1, 0.3]]], [[1]], [2], [1])
    arrays = (np.array([[[0.1, 0.2], [0.1, 0.3]]], "f"), np.array([[1]]))
    assert got == L.ctc_loss(*arrays, np.array([2]), np.array([1]))


def test_numbers_of_numpy_do_not_widen_under_x64():
    one = jnp.ones(2, jnp.float32)
    with jax.enable_x64(True):
        slope = jax.grad(lambda v: L.gaussian_nll_loss(one, 0 * one, v, eps=np.float64(1e-3)))
        np.testing.assert_array_equal(slope(one), 0)
        assert L.dice(jnp.ones((2, 3)), jnp.ones((2, 3)), axis=np.int64(1)).shape == ()
        for loss, options in (
            (L.pairwise_distance, {"eps": np.float64(1e-6)}),
            (L.huber_loss, {"delta": np.float64(1)}),
            (L.binary_focal_cross_entropy, {"gamma": np.float64(1.5), "alpha": np.float64(0.3)}),
        ):
            text = str(jax.make_jaxpr(lambda x, loss=loss, o=options: loss(x, 0 * x, **o))(one))
            assert "f64" not in text, text
