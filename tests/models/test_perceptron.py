"""The neuron, Rosenblatt's rule and its theorem, and linear models against scikit-learn."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree
from sklearn.linear_model import LogisticRegression, Perceptron

from jaxdl import activations, losses, models
from jaxdl._checks import ShapeError

CORNERS = np.array([[0.0, 0], [0, 1], [1, 0], [1, 1]])


def blobs(gap, n=60, seed=0):
    """Two clouds with a band of width 2·gap between them, and the line's normal."""
    random = np.random.default_rng(seed)
    normal = np.array([0.6, 0.8])
    x = random.normal(size=(n, 2))
    labels = (x @ normal > 0).astype("int32")
    return x + gap * np.outer(2 * labels - 1, normal), labels, normal


def learn(x, labels, **options):
    params, _ = models.perceptron(x.shape[1]).init(jax.random.key(0))
    x = jnp.asarray(x, jnp.float32)
    return models.perceptron_learn(params, x, jnp.asarray(labels), **options)


@pytest.mark.parametrize(
    ("labels", "solvable"), [((0, 0, 0, 1), True), ((0, 1, 1, 1), True), ((0, 1, 1, 0), False)]
)
def test_and_and_or_are_learned_and_xor_never(labels, solvable):
    params, mistakes = learn(CORNERS, np.array(labels), epochs=50)
    y, _ = models.perceptron(2).apply(params, ((), (), ()), jnp.asarray(CORNERS, jnp.float32))
    assert (mistakes[-1] == 0) == solvable
    assert np.array_equal(y, labels) == solvable


def test_equals_scikit_learn():
    x, labels, _ = blobs(0.05)
    x, start = x.astype("float32"), np.array([0.3, -0.7])
    # From other weights than 0: there scikit-learn counts a score of 0 as a mistake for both.
    theirs = Perceptron(shuffle=False, tol=None, max_iter=7, eta0=0.5)
    theirs.fit(x, labels, coef_init=start[None], intercept_init=[0.1])
    params = ({"kernel": jnp.float32(start)[:, None], "bias": jnp.float32([0.1])}, (), ())
    ours, _ = models.perceptron_learn(params, x, labels, epochs=7, learning_rate=0.5)
    np.testing.assert_allclose(ours[0]["kernel"][:, 0], theirs.coef_[0], 1e-4)
    np.testing.assert_allclose(ours[0]["bias"], theirs.intercept_, 1e-4)


def test_mistakes_stay_below_novikoffs_bound():
    x, labels, normal = blobs(0.2)
    _, mistakes = learn(x, labels, epochs=100)
    margin = np.abs(x @ normal).min()
    radius = np.sqrt((x**2).sum(1).max() + 1)  # the bias sees an input of 1
    assert 0 < int(mistakes.sum()) <= (radius / margin) ** 2
    assert mistakes[-1] == 0


def test_the_rate_changes_no_decision_from_zero_weights():
    x, labels, _ = blobs(0.1)
    (one, few), (small, same) = (learn(x, labels, epochs=5, learning_rate=r) for r in (1.0, 0.125))
    np.testing.assert_array_equal(few, same)
    np.testing.assert_allclose(small[0]["kernel"], 0.125 * one[0]["kernel"], 1e-6)


def test_the_gradient_of_a_perceptron_is_zero_and_that_of_a_neuron_is_not(key):
    x = jax.random.normal(key, (5, 3))
    for net, learns in ((models.perceptron(3), False), (models.neuron(3), True)):
        params, state = net.init(key)
        grads = jax.grad(lambda p, f=net.apply, s=state: f(p, s, x)[0].sum())(params)
        assert any(bool(g.any()) for g in jax.tree.leaves(grads)) == learns


def test_a_neuron_is_its_formula(key):
    net = models.neuron(3, activation=jnp.tanh)
    params, state = net.init(key)
    x = jax.random.normal(key, (5, 3))
    expected = np.tanh(np.asarray(x) @ params[0]["kernel"][:, 0] + params[0]["bias"])
    np.testing.assert_allclose(net.apply(params, state, x)[0], expected, 1e-6)


def minimum(net, loss, x, labels, strength):
    """Parameters at the minimum of loss and L2 penalty on the kernel, by Newton's method."""
    params, state = net.init(jax.random.key(0))
    flat, unravel = ravel_pytree(jax.tree.map(lambda p: p.astype("float64"), params))

    def objective(flat):
        params = unravel(flat)
        kernel = next(p for p in jax.tree.leaves(params) if p.ndim == 2)
        data = loss(net.apply(params, state, x)[0], labels, reduction="sum")
        return data + strength * (kernel**2).sum() / 2

    def newton(flat, _):
        # A shift of all biases of a softmax changes nothing: keep it out of the inverse.
        curvature = jax.hessian(objective)(flat) + 1e-9 * jnp.eye(flat.size)
        return flat - jnp.linalg.solve(curvature, jax.grad(objective)(flat)), None

    solve = jax.jit(lambda flat: jax.lax.scan(newton, flat, length=20)[0])
    return jax.device_get(unravel(solve(flat)))


def test_logistic_regression_equals_scikit_learn():
    random = np.random.default_rng(0)
    x = random.normal(size=(80, 3))
    labels = (x @ [1.0, -2, 0.5] + random.normal(size=80) > 0).astype(float)
    with jax.enable_x64(True):
        net = models.logistic_regression(3)
        loss = losses.binary_cross_entropy_with_logits
        (dense, _, _) = minimum(net, loss, jnp.asarray(x), jnp.asarray(labels), 1.0)
    theirs = LogisticRegression(C=1.0, tol=1e-10).fit(x, labels)
    np.testing.assert_allclose(dense["kernel"][:, 0], theirs.coef_[0], 1e-4)
    np.testing.assert_allclose(dense["bias"], theirs.intercept_, 1e-4, 1e-5)


def test_softmax_regression_equals_scikit_learn():
    random = np.random.default_rng(0)
    x = random.normal(size=(90, 4))
    labels = (x @ random.normal(size=(4, 3)) + random.normal(size=(90, 3))).argmax(1)
    with jax.enable_x64(True):
        net = models.softmax_regression(4, 3)
        dense = minimum(net, losses.cross_entropy, jnp.asarray(x), jnp.asarray(labels), 1.0)
    theirs = LogisticRegression(C=1.0, tol=1e-10).fit(x, labels)
    np.testing.assert_allclose(dense["kernel"].T, theirs.coef_, 1e-3, 1e-4)
    np.testing.assert_allclose(
        dense["bias"] - dense["bias"].mean(), theirs.intercept_, 1e-3, 1e-4
    )  # a shift of all logits changes nothing


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: models.perceptron(0), "n_in is 0"),
        (lambda: learn(CORNERS, np.zeros((4, 1), int), epochs=1), r"labels of shape \(N,\)"),
        (lambda: learn(CORNERS, np.zeros(4, int), epochs=0), "epochs is 0"),
        (
            lambda: models.perceptron_rule(
                models.perceptron(2).init(jax.random.key(0))[0], jnp.ones((1, 2)), 1
            ),
            r"one example and its label.*float32\[1,2\]",
        ),
        (lambda: activations.step(1), "floating point"),
    ],
)
def test_wrong_arguments_are_named(call, message):
    with pytest.raises((ValueError, ShapeError, TypeError), match=message):
        call()
