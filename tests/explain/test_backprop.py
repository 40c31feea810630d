"""The chain rule step by step, against jax.grad and against numpy."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from explain.networks import NAMES, case
from jaxdl import activations, explain, layers, losses, models, serial
from jaxdl._checks import ShapeError
from jaxdl.combinators import repeat
from zoo import ZOO, example


def assert_equal_trees(ours, theirs):
    chex.assert_trees_all_equal_structs(ours, theirs)
    leaves = jax.tree.leaves(theirs)
    # Of the largest: where terms cancel, as for the bias before batch_norm, only noise is left.
    size = max((float(np.abs(b).max(initial=0)) for b in leaves), default=0) or 1
    for a, b in zip(jax.tree.leaves(ours), leaves, strict=True):
        np.testing.assert_allclose(a / size, b / size, rtol=0, atol=1e-6)


@pytest.mark.parametrize(("name", "train"), [*((n, True) for n in NAMES), ("batch_norm", False)])
def test_gradient_is_that_of_jax_grad(name, train):
    net, params, state, x, labels, loss = case(name)
    key = jax.random.key(3)
    run = explain.backprop(net, loss, params, state, x, labels, key=key, train=train)
    of = lambda p: loss(net.apply(p, state, x, key=key, train=train)[0], labels)
    value, gradient = jax.jit(jax.value_and_grad(of))(params)
    np.testing.assert_allclose(run.loss, value, rtol=1e-6)
    assert_equal_trees(run.gradient, gradient)


@pytest.mark.slow
@pytest.mark.parametrize("row", [r for r in ZOO if r.gradient], ids=lambda r: r.name)
def test_gradient_and_output_of_every_layer(row):
    params, state = row.layer.init(jax.random.key(0))
    x, key = example(row, 2), jax.random.key(1)
    kwargs = {"key": key, "train": True}
    apply = lambda p: row.layer.apply(p, state, x, **kwargs)[0]
    loss = lambda y, _: jnp.sum(jnp.sin(y.astype(jnp.float32)))
    run = explain.backprop(row.layer, loss, params, state, x, (), **kwargs)
    assert_equal_trees(run.gradient, jax.grad(lambda p: loss(apply(p), ()))(params))
    output = explain.trace(row.layer, params, state, x, **kwargs).output
    np.testing.assert_allclose(output, apply(params), rtol=1e-5, atol=1e-5)


def test_each_step_by_hand():
    net = models.mlp((2, 3, 1), activation=activations.sigmoid)
    params, state = net.init(jax.random.key(0))
    x, y = np.array([[0.5, -1.0], [2.0, 0.3]], "float32"), np.array([[1.0], [0.0]], "float32")
    first, second = explain.backprop(net, losses.mse_loss, params, state, x, y).layers

    w1, b1, w2, b2 = (np.asarray(params[i][n]) for i in (0, 2) for n in ("kernel", "bias"))
    z1 = x @ w1 + b1
    a1 = 1 / (1 + np.exp(-z1))
    z2 = a1 @ w2 + b2
    delta2 = 2 * (z2 - y) / z2.size
    delta1 = delta2 @ w2.T * a1 * (1 - a1)
    for ours, theirs in [
        (first.inputs, x), (first.z, z1), (first.a, a1), (second.inputs, a1), (second.z, z2),
        (second.a, z2), (second.delta, delta2), (first.delta, delta1),
        (second.gradient["kernel"], a1.T @ delta2), (second.gradient["bias"], delta2.sum(axis=0)),
        (first.gradient["kernel"], x.T @ delta1), (first.gradient["bias"], delta1.sum(axis=0)),
        (first.params["kernel"], w1), (second.params["bias"], b2),
    ]:  # fmt: skip
        np.testing.assert_allclose(ours, theirs, rtol=2e-6, atol=1e-7)


def test_formulas_are_those_of_the_lectures():
    net = models.mlp((2, 3, 1), activation=activations.tanh)
    params, state = net.init(jax.random.key(0))
    run = explain.backprop(net, losses.mse_loss, params, state, jnp.ones((4, 2)), jnp.ones((4, 1)))
    assert run.layers[0].formulas == (
        "Z¹ = W¹·x + b¹",
        "a¹ = tanh(Z¹)",
        "δ¹ = (W²)ᵀ·δ² ∘ tanh′(Z¹)",
        "dW¹ = δ¹·xᵀ",
        "db¹ = Σ δ¹ over the examples",
    )
    assert run.layers[1].formulas[2] == "δ² = 2·(ŷ − y)/4"
    said = str(run)
    assert said.index("Z¹ = ") < said.index("L = mse_loss(ŷ, y)") < said.index("δ² = ")
    assert said.index("δ² = ") < said.index("dW² = ") < said.index("δ¹ = ")


@pytest.mark.parametrize(
    ("end", "loss", "labels", "said"),
    [
        (activations.sigmoid, losses.binary_cross_entropy, "bits", "δ² = (ŷ − y)/6"),
        (activations.sigmoid, "sum", "bits", "δ² = ŷ − y"),
        (None, losses.binary_cross_entropy_with_logits, "bits", "δ² = (ŷ − y)/6, for ŷ = σ(Z²)"),
        (None, losses.cross_entropy, "classes", "δ² = (ŷ − y)/3, for ŷ = softmax(Z²)"),
        (None, losses.cross_entropy, "rows", "δ² = (ŷ − y)/3, for ŷ = softmax(Z²)"),
        (activations.sigmoid, losses.mse_loss, "bits", "δ² = ∂L/∂ŷ ∘ σ′(Z²)"),
        (activations.tanh, losses.l1_loss, "bits", "δ² = ∂L/∂ŷ ∘ tanh′(Z²)"),
        (None, losses.l1_loss, "bits", "δ² = ∂L/∂ŷ"),
    ],
)
def test_where_loss_and_output_cancel_the_difference_is_written(end, loss, labels, said):
    parts = (layers.dense(2, 4), activations.sigmoid, layers.dense(4, 2))
    net = serial(*parts, *([] if end is None else [end]))
    params, state = net.init(jax.random.key(0))
    x = jax.random.normal(jax.random.key(1), (3, 2))
    bits = jnp.array([[0.0, 1.0], [1.0, 1.0], [0.0, 0.0]])
    y = {"bits": bits, "classes": jnp.array([0, 1, 1]), "rows": jnp.eye(2)[jnp.array([0, 1, 1])]}
    summed = lambda p, t: losses.binary_cross_entropy(p, t, reduction="sum")
    run = explain.backprop(net, summed if loss == "sum" else loss, params, state, x, y[labels])
    assert run.layers[1].formulas[2] == said
    assert run.layers[1].formulas[1].startswith("ŷ = ")
    assert run.layers[0].formulas[2] == "δ¹ = (W²)ᵀ·δ² ∘ σ′(Z¹)"


def test_printed_numbers_have_an_example_a_column():
    net, params = layers.dense(2, 1), {"kernel": jnp.array([[3.0], [5.0]]), "bias": jnp.zeros(1)}
    x = jnp.array([[1.0, 0.0], [0.0, 1.0], [0.0, 2.0]])
    run = explain.backprop(net, losses.mse_loss, params, (), x, jnp.zeros((3, 1)))
    assert "Z¹ = W¹·x + b¹\n    [[ 3.  5. 10.]]" in str(run)


def test_where_a_result_goes_two_ways_both_errors_are_added():
    net, params, state, x, labels, loss = case("residual")
    formulas = [
        row.formulas for row in explain.backprop(net, loss, params, state, x, labels).layers
    ]
    assert [f[0].split(" = ")[0] for f in formulas] == ["Z¹", "Z²", "Z²′"]
    assert formulas[0][2] == "δ¹ = (W²)ᵀ·δ²"
    assert formulas[1][2] == "δ² = (∂Z²′/∂a²)ᵀ·δ²′ ∘ relu′(Z²)"
    dense = layers.dense
    both = serial(dense(2, 2), jnp.tanh, lambda x: x + 0 * x)
    assert len(explain.trace(both, *both.init(jax.random.key(0)), jnp.ones((1, 2))).layers) == 2


def test_layers_of_a_loop_have_their_own_slices():
    net = repeat(layers.dense(2, 2), 3)
    params, state = net.init(jax.random.key(0))
    x = jnp.ones((4, 2))
    run = explain.backprop(net, losses.mse_loss, params, state, x, jnp.zeros((4, 2)))
    assert [row.label for row in run.layers] == ["1 dense(2, 2)", "2 dense(2, 2)", "3 dense(2, 2)"]
    for i, row in enumerate(run.layers):
        np.testing.assert_array_equal(row.params["kernel"], params["kernel"][i])
        np.testing.assert_array_equal(row.gradient["kernel"], run.gradient["kernel"][i])


def test_a_loss_of_many_numbers():
    net = layers.dense(2, 1)
    params, state = net.init(jax.random.key(0))
    with pytest.raises(ShapeError, match=r"the loss returned float32\[3,1\], not one number"):
        explain.backprop(net, lambda y, t: (y - t) ** 2, params, state, jnp.ones((3, 2)), 0.0)


def test_gradient_flow_shows_where_it_vanishes():
    net = models.mlp((4, *[16] * 5, 1), activation=activations.sigmoid)
    params, state = net.init(jax.random.key(0))
    x, y = jax.random.normal(jax.random.key(1), (32, 4)), jnp.ones((32, 1))
    flow = explain.gradient_flow(net, losses.mse_loss, params, state, x, y)
    deltas = [row.delta_rms for row in flow.rows]
    assert deltas == sorted(deltas)
    assert deltas[0] < 1e-3 * deltas[-1]
    gradient = jax.grad(lambda p: losses.mse_loss(net.apply(p, state, x)[0], y))(params)[0]
    numbers = np.concatenate([np.ravel(g) for g in gradient.values()])
    np.testing.assert_allclose(flow.rows[0].gradient_rms, np.sqrt(np.mean(numbers**2)), rtol=1e-4)
    assert str(flow).splitlines()[0].split()[0] == "layer"
