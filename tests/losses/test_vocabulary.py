"""linear_cross_entropy: what cross_entropy of all logits gives, without ever holding them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from golden.compare import quick_jit
from jaxdl import losses as L

ROWS, FEATURES, CLASSES = 11, 6, 9
random = np.random.RandomState(0)
X = random.randn(ROWS, FEATURES).astype(np.float32)
KERNEL = random.randn(FEATURES, CLASSES).astype(np.float32)
BIAS = random.randn(CLASSES).astype(np.float32)
LABELS = random.randint(CLASSES, size=ROWS).astype(np.int32)
SHARES = random.dirichlet(np.ones(CLASSES), ROWS).astype(np.float32)
WEIGHT = random.uniform(0.2, 2, CLASSES).astype(np.float32)
WHERE = np.arange(ROWS) % 3 != 1


def whole(x, kernel, bias, labels, **options):
    return L.cross_entropy(x @ kernel + bias.reshape(*(1,) * (x.ndim - 1), -1), labels, **options)


def chunked(chunk_size):
    def loss(x, kernel, bias, labels, **options):
        return L.linear_cross_entropy(
            x, kernel, labels, bias=bias, chunk_size=chunk_size, **options
        )

    return loss


def value_and_gradients(loss, labels, options, x=X):
    """Of a weighted sum of what comes out, by inputs, kernel and bias."""

    def weighted(x, kernel, bias):
        values = loss(x, kernel, bias, labels, **options)
        return (jnp.linspace(1, 2, values.size).reshape(values.shape) * values).sum(), values

    return jax.device_get(quick_jit(jax.grad(weighted, (0, 1, 2), has_aux=True))(x, KERNEL, BIAS))


def assert_close(got, expected):
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, 2e-5, 2e-6), got, expected)


@pytest.mark.parametrize("chunk_size", [1, 4, 11, 256])
@pytest.mark.parametrize("labels", [LABELS, SHARES], ids=["indices", "shares"])
def test_equals_the_unchunked_form(labels, chunk_size):
    """Four doesn't divide eleven: the last chunk is filled up with rows that count for nothing."""
    options = {"label_smoothing": 0.1, "weight": WEIGHT, "where": WHERE}
    for reduction in ("none", "mean"):
        full = options | {"reduction": reduction}
        got = value_and_gradients(chunked(chunk_size), labels, full)
        assert_close(got, value_and_gradients(whole, labels, full))


def test_leading_axes_are_rows():
    deep = lambda x: x[:10].reshape(5, 2, *x.shape[1:])
    options = {"reduction": "none"}
    got = value_and_gradients(chunked(3), deep(LABELS), options, deep(X))
    assert got[1].shape == (5, 2)
    assert_close(got, value_and_gradients(whole, deep(LABELS), options, deep(X)))


@pytest.mark.parametrize("labels", [LABELS, SHARES], ids=["indices", "shares"])
def test_masked_rows_leave_the_kernel_alone_whatever_they_hold(labels):
    x, spoilt = X.copy(), labels.copy()
    x[~WHERE] = np.nan
    spoilt[~WHERE] = -1 if labels is LABELS else np.nan
    got = value_and_gradients(chunked(4), spoilt, {"where": WHERE}, x)
    assert_close(got, value_and_gradients(chunked(4), labels, {"where": WHERE}))


def test_no_rows_at_all():
    none = jnp.zeros((0, FEATURES))
    values = L.linear_cross_entropy(none, KERNEL, jnp.zeros(0, jnp.int32), reduction="none")
    assert values.shape == (0,)


@pytest.mark.parametrize("dtype", [jnp.float16, jnp.bfloat16])
def test_half_precision_sums_in_float32(dtype):
    """As rounding only the inputs would have it, and the result."""
    x, kernel = jnp.asarray(X, dtype), jnp.asarray(KERNEL, dtype)
    got, by_kernel = jax.value_and_grad(lambda k: L.linear_cross_entropy(x, k, LABELS))(kernel)
    exact = L.cross_entropy(x.astype(jnp.float32) @ kernel.astype(jnp.float32), LABELS)
    assert got.dtype == by_kernel.dtype == dtype
    np.testing.assert_array_equal(got, exact.astype(dtype))


def test_memory_is_far_below_that_of_the_logits():
    rows, features, classes, chunk = 4096, 32, 20_000, 64
    x, kernel = jnp.zeros((rows, features)), jnp.zeros((features, classes))
    labels = jnp.zeros(rows, jnp.int32)
    loss = lambda x, kernel: L.linear_cross_entropy(x, kernel, labels, chunk_size=chunk)
    logits = 4 * rows * classes
    for fn in (loss, jax.value_and_grad(loss, argnums=(0, 1))):
        memory = jax.jit(fn).lower(x, kernel).compile().memory_analysis()
        assert memory is not None
        # A few chunks of logits, and a few kernels.
        allowed = 4 * (4 * chunk * classes + 3 * features * classes + 3 * rows * features)
        assert memory.temp_size_in_bytes < allowed < logits / 8
