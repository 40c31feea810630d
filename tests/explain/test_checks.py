"""Gradient checks, sizes, landscapes, attributions and neighbours."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl import activations, explain, layers, losses, models, serial
from jaxdl._checks import ShapeError

X = jnp.array([[0.3, -1.2], [0.7, 0.4], [-0.6, 0.9]])


@jax.custom_jvp
def wrong_square(x):
    return x * x


wrong_square.defjvp(lambda x, t: (x[0] * x[0], 2.02 * x[0] * t[0]))


def test_right_gradients_pass():
    net = models.mlp((2, 3, 1), activation=activations.tanh)
    params, state = net.init(jax.random.key(0))
    check = explain.gradient_check(lambda p: jnp.sum(net.apply(p, state, X)[0] ** 2), params)
    assert check.error < 1e-7
    assert {leaf.path for leaf in check.leaves} == {"0/kernel", "0/bias", "2/kernel", "2/bias"}
    assert jnp.ones(1).dtype == jnp.float32


def test_a_wrong_derivative_is_found_and_named():
    params = {"good": jnp.array([1.0, 2.0]), "wrong": jnp.array([3.0, 0.5])}
    check = explain.gradient_check(
        lambda p: jnp.sum(jnp.sin(p["good"])) + jnp.sum(wrong_square(p["wrong"])), params
    )
    assert check.worst == "wrong"
    np.testing.assert_allclose(check.error, 0.02 / 2.02, rtol=1e-6)
    worst = check.leaves[0]
    np.testing.assert_allclose(worst.autodiff / worst.difference, 1.01, rtol=1e-6)
    assert str(check).splitlines()[1].startswith("wrong")
    assert check.leaves[1].path == "good" and check.leaves[1].error < 1e-8


def test_a_derivative_that_is_nan_is_the_worst():
    f = lambda p: jnp.sum(wrong_square(p["a"])) + jnp.sum(jnp.sqrt(p["b"] * 0))
    check = explain.gradient_check(f, {"a": jnp.ones(2), "b": jnp.ones(2)})
    assert check.worst == "b" and np.isnan(check.error)


def test_gradient_check_of_wrong_arguments():
    with pytest.raises(ShapeError, match="it must return one number"):
        explain.gradient_check(lambda p: p * 2, jnp.ones(3))
    with pytest.raises(TypeError, match=r"params/n is int32\[3\]; it must be floating"):
        explain.gradient_check(lambda p: jnp.sum(p["n"]), {"n": jnp.arange(3)})
    with pytest.raises(ValueError, match="no leaves"):
        explain.gradient_check(lambda p: jnp.float32(0), ())


def test_first_nonfinite_of_a_layer_and_of_a_gradient():
    net = serial(layers.dense(2, 2), jnp.sqrt)
    params, state = ({"kernel": -jnp.eye(2), "bias": jnp.zeros(2)}, ()), ((), ())
    found = explain.first_nonfinite(net, params, state, jnp.ones((1, 2)))
    assert found and "in sqrt sqrt gives float32[1,2] with 2 nan" in found
    assert explain.first_nonfinite(net, params, state, -jnp.ones((1, 2))) is None
    assert explain.first_nonfinite(jax.grad(jnp.sqrt), jnp.float32(0)) is not None


def test_summary_of_lenet():
    sizes = explain.summary(models.lenet5(), (2, 28, 28, 1))
    assert sizes.params == 61706 == sum(row.params for row in sizes.rows)
    assert sizes.parameter_bytes == 4 * 61706
    assert [row.output_shape for row in sizes.rows][:2] == [(2, 28, 28, 6), (2, 14, 14, 6)]
    assert [row.activation for row in sizes.rows] == [
        "tanh",
        "",
        "tanh",
        "",
        "",
        "tanh",
        "tanh",
        "",
    ]
    dense = sizes.rows[-1]
    assert dense.label == "5 dense(84, 10)" and dense.bytes == 2 * 10 * 4
    assert dense.flops == pytest.approx(2 * 2 * 84 * 10, rel=0.02)  # and the bias
    assert sizes.rows[2].flops >= 2 * 2 * 10 * 10 * 16 * 5 * 5 * 6
    assert sizes.flops == pytest.approx(sum(row.flops for row in sizes.rows), rel=0.2)
    assert "61,706 parameters, 246.8 kB" in str(sizes)


def test_summary_computes_nothing():
    huge = models.mlp((10**6, 10**6))
    sizes = explain.summary(huge, (1, 10**6))  # 4 TB, if it did
    assert sizes.params == 10**12 + 10**6


def test_summary_of_a_shape_that_doesnt_fit():
    with pytest.raises(ShapeError, match="dense"):
        explain.summary(layers.dense(3, 2), (1, 4))


def test_summary_of_a_bare_number():
    with pytest.raises(ValueError, match="input_shape is 784; it must be a sequence of integers"):
        explain.summary(layers.dense(784, 2), 784)


def quadratic(p):
    return jnp.sum(p["kernel"] ** 2) + jnp.sum(p["bias"])


def test_landscape_is_the_loss_on_the_plane():
    params = {"kernel": jnp.array([[1.0, 2.0], [0.0, -1.0]]), "bias": jnp.array([0.5, 0.0])}
    plane = explain.landscape(quadratic, params, key=jax.random.key(0), size=5, span=0.5)
    np.testing.assert_allclose(plane.alpha, [-0.5, -0.25, 0, 0.25, 0.5])
    np.testing.assert_allclose(plane.loss[2, 2], quadratic(params), rtol=1e-6)
    first, second = plane.directions
    there = jax.tree.map(lambda p, a, b: p + 0.25 * a - 0.5 * b, params, first, second)
    np.testing.assert_allclose(plane.loss[3, 0], quadratic(there), rtol=1e-5)


def test_directions_have_the_norms_of_the_filters():
    params = {"kernel": jax.random.normal(jax.random.key(1), (3, 3, 2, 4)) * jnp.float32(7)}
    plane = explain.landscape(lambda p: jnp.sum(p["kernel"]), params, key=jax.random.key(0), size=1)
    norm = lambda k: np.sqrt(np.sum(np.square(k), axis=(0, 1, 2)))
    for direction in plane.directions:
        np.testing.assert_allclose(norm(direction["kernel"]), norm(params["kernel"]), rtol=1e-5)
    biases = {"bias": jnp.ones(3)}
    still = explain.landscape(lambda p: jnp.sum(p["bias"]), biases, key=jax.random.key(0), size=3)
    assert np.ptp(still.loss) == 0


def test_landscape_of_wrong_arguments():
    with pytest.raises(ValueError, match="needs a key"):
        explain.landscape(jnp.sum, jnp.ones(2))
    with pytest.raises(ShapeError, match="a direction has shapes"):
        explain.landscape(jnp.sum, jnp.ones(2), directions=(jnp.ones(2), jnp.ones(3)))
    with pytest.raises(ShapeError, match="one number"):
        explain.landscape(lambda p: p, jnp.ones(2), key=jax.random.key(0))
    with pytest.raises(TypeError, match=r"landscape: a leaf of params is int32\[3\]"):
        explain.landscape(jnp.sum, jnp.arange(3), key=jax.random.key(0))


def network(x):
    return jnp.tanh(x @ jnp.array([[1.0, -2.0, 0.5], [0.3, 0.7, -1.0]]))


def test_saliency_is_the_size_of_the_gradient():
    chosen = np.argmax(network(X), axis=1)
    for i, c in enumerate(chosen):
        row = jax.grad(lambda x, c=c: network(x[None])[0, c])(X[i])
        np.testing.assert_allclose(explain.saliency(network, X)[i], np.abs(row), rtol=1e-6)
    other = explain.saliency(network, X, targets=[0, 0, 0])
    row = jax.grad(lambda x: network(x[None])[0, 0])(X[1])
    np.testing.assert_allclose(other[1], np.abs(row), rtol=1e-6)


def test_integrated_gradients_add_up_to_the_difference():
    base = jnp.array([0.5, -0.5])
    shares = explain.integrated_gradients(network, X, baseline=base, targets=[0, 1, 2])
    there = np.asarray(network(X))[range(3), [0, 1, 2]]
    np.testing.assert_allclose(shares.sum(axis=1), there - network(base[None])[0], atol=1e-4)


def test_attributions_of_wrong_arguments():
    with pytest.raises(ShapeError, match=r"targets is .*\[2\]; it needs shape \(3,\)"):
        explain.saliency(network, X, targets=jnp.array([0, 1]))
    with pytest.raises(ShapeError, match="baseline"):
        explain.integrated_gradients(network, X, baseline=jnp.ones(3))
    with pytest.raises(TypeError, match="floating point"):
        explain.saliency(network, jnp.ones((3, 2), jnp.int32))
    with pytest.raises(ShapeError, match="logits"):
        explain.saliency(lambda x: x.sum(), X)
    with pytest.raises(ValueError, match="targets go from 0 to 3; f has 3 classes"):
        explain.saliency(network, X, targets=jnp.array([0, 1, 3]))
    with pytest.raises(ValueError, match="targets go from -1 to 1"):
        explain.integrated_gradients(network, X, targets=jnp.array([0, 1, -1]))
    with pytest.raises(TypeError, match="they must be integers"):
        explain.saliency(network, X, targets=jnp.array([0.0, 1.0, 2.0]))
    traced = jax.jit(lambda targets: explain.saliency(network, X, targets=targets))
    assert traced(jnp.array([0, 1, 2])).shape == X.shape


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_nearest_examples_are_those_of_sklearn(metric):
    from sklearn.neighbors import NearestNeighbors

    random = np.random.default_rng(0)
    examples = random.normal(size=(50, 2, 3)).astype("float32")
    queries = random.normal(size=(7, 2, 3)).astype("float32")
    found = explain.nearest_examples(queries, examples, k=4, metric=metric)
    oracle = NearestNeighbors(n_neighbors=4, metric=metric).fit(examples.reshape(50, -1))
    distances, indices = oracle.kneighbors(queries.reshape(7, -1))
    np.testing.assert_array_equal(found.indices, indices)
    np.testing.assert_allclose(found.distances, distances, rtol=1e-4)


def test_nearest_examples_by_features():
    found = explain.nearest_examples(X, -X, k=1, features=lambda x: x * x)
    assert found.indices[:, 0].tolist() == [0, 1, 2]
    np.testing.assert_allclose(found.distances, 0, atol=1e-7)
    with pytest.raises(ValueError, match="k is 4, but there are 3 examples"):
        explain.nearest_examples(X, X, k=4)
    with pytest.raises(ValueError, match="metric is 'dot'"):
        explain.nearest_examples(X, X, k=1, metric="dot")
    with pytest.raises(ShapeError, match="queries"):
        explain.nearest_examples(X, X[:, :1], k=1)


def test_what_is_zero_throughout_is_near_to_nothing():
    examples = jnp.array([[0.0, 0.0], [-1.0, 0.0], [0.0, 2.0], [3.0, 0.0]])
    found = explain.nearest_examples(jnp.array([[1.0, 0.0]]), examples, k=4, metric="cosine")
    assert found.indices.tolist() == [[3, 0, 2, 1]]
    np.testing.assert_allclose(found.distances, [[0, 1, 1, 2]], atol=1e-6)


def test_all_of_it_on_losses_with_options():
    net = layers.dense(2, 3)
    params, state = net.init(jax.random.key(0))
    loss = lambda y, t: losses.cross_entropy(y, t, label_smoothing=0.1)
    run = explain.backprop(net, loss, params, state, X, jnp.array([0, 1, 2]))
    p = jax.nn.softmax(run.layers[0].z)
    target = 0.9 * jnp.eye(3) + jnp.float32(0.1 / 3)
    np.testing.assert_allclose(run.layers[0].delta, (p - target) / 3, rtol=1e-5, atol=1e-7)
