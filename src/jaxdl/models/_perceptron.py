"""The neuron, and the perceptron with its learning rule."""

import jax.numpy as jnp
from jax import lax
from jax.typing import ArrayLike

from jaxdl import _checks, activations, functional, initializers, layers
from jaxdl._checked import checked
from jaxdl._checks import ShapeError, describe
from jaxdl.combinators import LayerLike, serial
from jaxdl.types import Array, Init, Layer, Params, assembly

_FROM_ZERO = Init(kernel=initializers.zeros)


@assembly
@checked
def neuron(
    n_in: int,
    *,
    activation: LayerLike = activations.sigmoid,
    init: Init = initializers.torch_default,
) -> Layer:
    """A neuron: y = f(x·w + b), one number for each example.

    Args:
        n_in: inputs, on the last axis.
        activation: f.
        init: initializer of weights and bias.

    Returns:
        A Layer from (…, n_in) to (…), with the params of a dense layer with one output.

    Raises:
        ValueError: if ``n_in`` isn't a positive integer.

    Example:
        >>> params = {"kernel": jnp.array([[1.0], [2.0]]), "bias": jnp.array([-1.0])}
        >>> y, _ = neuron(2).apply((params, (), ()), ((), (), ()), jnp.array([[1.0, 0.0]]))
        >>> y
        Array([0.5], dtype=float32)
    """
    return serial(layers.dense(n_in, 1, init=init), squeeze, activation)


@assembly
@checked
def perceptron(n_in: int, *, init: Init = _FROM_ZERO) -> Layer:
    """A perceptron: y = 1 if x·w + b ≥ 0, else 0. Its gradient is 0: see ``perceptron_rule``.

    Args:
        n_in: inputs, on the last axis.
        init: initializer of weights and bias. Defaults to zeros.

    Returns:
        A Layer from (…, n_in) to (…).

    Raises:
        ValueError: if ``n_in`` isn't a positive integer.

    Example:
        >>> params = ({"kernel": jnp.ones((2, 1)), "bias": jnp.array([-1.5])}, (), ())
        >>> both = perceptron(2)  # with these weights, the logical and
        >>> both.apply(params, ((), (), ()), jnp.array([[0.0, 0], [0, 1], [1, 0], [1, 1]]))[0]
        Array([0., 0., 0., 1.], dtype=float32)

    Reference:
        Rosenblatt, "The perceptron: a probabilistic model for information storage and organization
        in the brain", 1958.
    """
    return neuron(n_in, activation=activations.step, init=init)


@checked
def perceptron_rule(
    params: Params, x: ArrayLike, label: ArrayLike, *, learning_rate: float | Array = 1.0
) -> Params:
    """Rosenblatt's rule for one example: w ← w + η(t - y)x and b ← b + η(t - y).

    If the perceptron is right, nothing changes; if it is wrong, the example is added to the weights
    or subtracted from them.

    Args:
        params: params of a ``perceptron``.
        x: one example, shape (n_in,).
        label: t, 0 or 1.
        learning_rate: η. Starting from zero weights it only scales them, which changes no decision.

    Returns:
        The next params.

    Raises:
        ShapeError: if ``x`` isn't one example, or ``label`` isn't one number.

    Example:
        >>> import jax
        >>> params, _ = perceptron(2).init(jax.random.key(0))
        >>> perceptron_rule(params, jnp.array([1.0, 2.0]), 0)[0]["kernel"].tolist()
        [[-1.0], [-2.0]]

    Reference:
        Rosenblatt, "Principles of neurodynamics", 1962.
    """
    x, label = _checks.floating("perceptron_rule", "x", x), jnp.asarray(label)
    if x.ndim != 1 or label.ndim != 0:
        raise ShapeError(
            "perceptron_rule takes one example and its label, of shapes (n_in,) and (), "
            f"and got {describe(x)} and {describe(label)}"
        )
    dense, *rest = params
    y = activations.step(squeeze(functional.dense(dense, x)))
    change = jnp.asarray(learning_rate, x.dtype) * (label.astype(x.dtype) - y)
    moved = {"kernel": dense["kernel"] + change * x[:, None], "bias": dense["bias"] + change}
    return (moved, *rest)


@checked
def perceptron_learn(
    params: Params,
    inputs: ArrayLike,
    labels: ArrayLike,
    *,
    epochs: int,
    learning_rate: float | Array = 1.0,
) -> tuple[Params, Array]:
    """Applies the perceptron's rule to all examples in order, for several epochs.

    If a line (a hyperplane) separates the classes with margin γ, and all examples lie within
    radius R, it makes at most (R/γ)² mistakes starting from zero weights, however long it runs.

    Args:
        params: params of a ``perceptron``.
        inputs: shape (N, n_in).
        labels: shape (N,), 0 or 1.
        epochs: passes over the examples.
        learning_rate: η.

    Returns:
        The last params, and the mistakes made in each epoch, int32 of shape (epochs,).

    Raises:
        ValueError: if ``epochs`` isn't a positive integer.
        ShapeError: if ``inputs`` and ``labels`` don't have shapes (N, n_in) and (N,).

    Example:
        >>> import jax
        >>> x = jnp.array([[0.0, 0], [0, 1], [1, 0], [1, 1]])
        >>> params, _ = perceptron(2).init(jax.random.key(0))
        >>> params, mistakes = perceptron_learn(params, x, jnp.array([0, 1, 1, 1]), epochs=5)
        >>> mistakes  # the logical or is learned after three passes
        Array([2, 2, 1, 0, 0], dtype=int32)

    Reference:
        Novikoff, "On convergence proofs on perceptrons", 1962.
    """
    _checks.positive_ints("perceptron_learn", epochs=epochs)
    inputs, labels = _checks.floating("perceptron_learn", "inputs", inputs), jnp.asarray(labels)
    if inputs.ndim != 2 or labels.shape != inputs.shape[:1]:
        raise ShapeError(
            "perceptron_learn takes inputs of shape (N, n_in) and labels of shape (N,), "
            f"and got {describe(inputs)} and {describe(labels)}"
        )

    def example(params: Params, pair: tuple[Array, Array]) -> tuple[Params, Array]:
        after = perceptron_rule(params, *pair, learning_rate=learning_rate)
        # Every mistake moves the bias, and nothing else does.
        return after, after[0]["bias"][0] != params[0]["bias"][0]

    def epoch(params: Params, _: None) -> tuple[Params, Array]:
        params, wrong = lax.scan(example, params, (inputs, labels))
        return params, wrong.sum(dtype=jnp.int32)

    return lax.scan(epoch, params, length=epochs)


def squeeze(x: Array) -> Array:
    return x[..., 0]
