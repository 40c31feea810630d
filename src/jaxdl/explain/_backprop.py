"""The backward pass by the chain rule, layer by layer."""

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from jaxdl._checks import ShapeError, describe
from jaxdl.combinators import LayerLike, lift
from jaxdl.explain._lecture import formulas, steps
from jaxdl.explain._output import difference, written
from jaxdl.explain._parts import (
    Dense,
    Graph,
    Part,
    Var,
    compute,
    dense_of,
    forward,
    graph_of,
    is_floating,
)
from jaxdl.explain._stages import LOSS, Stage, stages_of, weights
from jaxdl.explain._text import raised
from jaxdl.explain._trace import slope
from jaxdl.types import Array, Key, Params, PyTree, State


class LayerGradient(NamedTuple):
    """One layer in the backward pass; arrays as in jaxdl, one example per row."""

    label: str  # unique in a network, such as "1 dense(784, 128)"
    symbol: str  # its number as a superscript, such as "¹"
    name: str
    activation: str  # "" if there is none
    inputs: Array
    z: Array
    a: Array
    delta: Array  # δ = ∂L/∂Z
    params: dict[str, Array]
    gradient: dict[str, Array]  # ∂L/∂p for each of the params: dW is "kernel", db is "bias"
    formulas: tuple[str, ...]  # for Z, a, δ and the gradients, in the lectures' notation
    is_dense: bool


class Backprop(NamedTuple):
    """The result of ``backprop``; ``print`` shows every step."""

    loss: Array
    loss_name: str
    layers: tuple[LayerGradient, ...]
    gradient: Params  # structured like params, as from jax.grad

    def __str__(self) -> str:
        return steps(self)


_Arrays: TypeAlias = tuple[Array, Array, Array, Array, dict[str, Array], dict[str, Array]]


def backprop(
    net: LayerLike,
    loss: Callable[[Array, PyTree], Array],
    params: Params,
    state: State,
    x: ArrayLike,
    labels: PyTree,
    *,
    key: Key | None = None,
    train: bool = False,
) -> Backprop:
    """Computes the gradient by the chain rule, step by step: δˡ = (Wˡ⁺¹)ᵀδˡ⁺¹ ∘ σ′(Zˡ).

    Going back from the loss, each layer sums ∂L/∂a over all consumers of its result and multiplies
    by σ′(Z), which yields δ = ∂L/∂Z. With one example per row, a dense layer then has dW = aᵀδ and
    db = Σδ, and passes δWᵀ back; other layers use their transposed Jacobian. The gradient comes
    from these steps alone.

    At the output the loss and the activation often cancel: if the numbers show it, the step is
    printed as δ = ŷ − y, divided by the number of examples if the loss is a mean over them.

    Args:
        net: any Layer, or a function of one array.
        loss: ``(predictions, labels) -> one number``, such as ``losses.mse_loss``.
        params: the network's parameters.
        state: its state.
        x: the network's input.
        labels: second argument of the loss.
        key: a random key, if the network needs one.
        train: whether to run the network as in training.

    Returns:
        A Backprop.

    Raises:
        ShapeError: if the loss isn't one number.

    Example:
        >>> from jaxdl import layers, losses
        >>> net, params = layers.dense(1, 1, bias=False), {"kernel": jnp.array([[3.0]])}
        >>> x, labels = jnp.array([[2.0]]), jnp.array([[0.0]])
        >>> steps = backprop(net, losses.mse_loss, params, (), x, labels)
        >>> steps.layers[0].delta, steps.gradient["kernel"]
        (Array([[12.]], dtype=float32), Array([[24.]], dtype=float32))

    Reference:
        Rumelhart, Hinton and Williams, "Learning representations by back-propagating errors", 1986.
    """
    layer, x, named = lift(net), jnp.asarray(x), jax.named_scope(LOSS)(loss)
    apply = lambda p, x, s, labels, key: named(
        layer.apply(p, s, x, key=key, train=train)[0], labels
    )
    others = (state, jax.tree.map(jnp.asarray, labels), key)
    graph = graph_of(apply, params, x, *others)
    result, stages = graph.results[0], stages_of(graph)
    if result.aval.shape != ():
        raise ShapeError(f"backprop: the loss returned {describe(result.aval)}, not one number")

    @jax.jit
    def run(*args: object) -> tuple[Array, list[_Arrays], Params]:
        values = forward(graph, *args)
        errors = _backward(graph, stages, values, result)
        rows = [_arrays(stage, graph, values, errors) for stage in stages]
        return values[result], rows, _gradient(graph, params, errors)

    value, arrays, gradient = run(params, x, *others)
    rows = tuple(_layer(s, stages, graph, row) for s, row in zip(stages, arrays, strict=True))
    rows = _cancelled(rows, labels)
    return Backprop(value, getattr(loss, "__name__", "loss"), rows, gradient)


def _backward(
    graph: Graph, stages: Sequence[Stage], values: dict[Var, Array], result: Var
) -> dict[Var, Array]:
    """Returns ∂L/∂v for every variable between parts that the loss depends on."""
    errors = {result: jnp.ones_like(values[result])}
    activations = [stage.after for stage in stages]
    for part in reversed(graph.parts):
        if not any(v in errors for v in part.outputs):
            continue
        dense = dense_of(part, graph)
        if dense is not None:
            shares = _through_dense(dense, values, errors[part.outputs[0]])
        elif any(part is activation for activation in activations):
            shares = _through_activation(part, values, errors[part.outputs[0]])
        else:
            shares = _through_any(part, graph, values, errors)
        for v, share in shares.items():
            errors[v] = errors[v] + share if v in errors else share
    return errors


def _through_dense(dense: Dense, values: dict[Var, Array], delta: Array) -> dict[Var, Array]:
    """∂L/∂x = δWᵀ, dW = xᵀδ, and db = Σδ over examples."""
    x, kernel = values[dense.x], values[dense.kernel]
    rows, deltas = x.reshape(-1, kernel.shape[0]), delta.reshape(-1, kernel.shape[1])
    shares = {dense.x: (deltas @ kernel.T).reshape(x.shape), dense.kernel: rows.T @ deltas}
    return shares if dense.bias is None else {**shares, dense.bias: deltas.sum(axis=0)}


def _through_activation(part: Part, values: dict[Var, Array], error: Array) -> dict[Var, Array]:
    """∂L/∂Z = ∂L/∂a ∘ σ′(Z)."""
    (z,) = part.inputs
    return {z: error * slope(part, values[z])}


def _through_any(
    part: Part, graph: Graph, values: dict[Var, Array], errors: dict[Var, Array]
) -> dict[Var, Array]:
    """∂L/∂v = Σ (∂y/∂v)ᵀ·∂L/∂y over the outputs y, by the part's transposed Jacobian."""
    inputs = [v for v in part.inputs if is_floating(v) and v in graph.data | graph.learned]
    outputs = [i for i, v in enumerate(part.outputs) if v in errors]

    def outcome(*chosen: Array) -> list[Array]:
        known = values | dict(zip(inputs, chosen, strict=True))
        results = compute(part, [known[v] for v in part.inputs])
        return [results[i] for i in outputs]

    _, back = jax.vjp(outcome, *(values[v] for v in inputs))
    return dict(zip(inputs, back([errors[part.outputs[i]] for i in outputs]), strict=True))


def _gradient(graph: Graph, params: Params, errors: dict[Var, Array]) -> Params:
    leaves = [
        errors[v] if v in errors else jnp.zeros_like(leaf)
        for v, leaf in zip(graph.arguments[0], jax.tree.leaves(params), strict=True)
    ]
    return jax.tree.unflatten(jax.tree.structure(params), leaves)


def _arrays(
    stage: Stage, graph: Graph, values: dict[Var, Array], errors: dict[Var, Array]
) -> _Arrays:
    """The input, Z, a, δ, the parameters, and their gradients."""
    learned = {name: v for name, v in weights(stage.main, graph).items() if v in errors}
    z = values[stage.z]
    return (
        values[stage.enters],
        z,
        values[stage.a],
        errors.get(stage.z, jnp.zeros_like(z)),
        {name: values[v] for name, v in learned.items()},
        {name: errors[v] for name, v in learned.items()},
    )


def _cancelled(rows: tuple[LayerGradient, ...], labels: PyTree) -> tuple[LayerGradient, ...]:
    """Writes δ = ŷ − y for the last layer that learns, if its numbers are just that."""
    learning = [i for i, row in enumerate(rows) if row.params]
    if not learning:
        return rows
    i = learning[-1]
    found = difference(rows[i].z, rows[-1].a, rows[i].delta, labels)
    if found is None:
        return rows
    z, a, _, *others = rows[i].formulas
    row = rows[i]._replace(formulas=(z, a, written(found, rows[i].symbol), *others))
    return (*rows[:i], row, *rows[i + 1 :])


def _layer(stage: Stage, stages: Sequence[Stage], graph: Graph, arrays: _Arrays) -> LayerGradient:
    inputs, z, a, delta, params, gradient = arrays
    names = [name for name in weights(stage.main, graph) if name in gradient]
    return LayerGradient(
        stage.label,
        raised(stage.number),
        stage.name,
        stage.activation,
        inputs,
        z,
        a,
        delta,
        {name: params[name] for name in names},  # jit sorts them; the lectures put W first
        {name: gradient[name] for name in names},
        formulas(stage, stages, graph, names),
        dense_of(stage.main, graph) is not None,
    )
