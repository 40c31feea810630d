"""How large activations, errors and gradients are from layer to layer."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from jaxdl.combinators import LayerLike
from jaxdl.explain._backprop import LayerGradient, backprop
from jaxdl.explain._text import table
from jaxdl.types import Array, Key, Params, PyTree, State


class LayerFlow(NamedTuple):
    """What passes through one layer, as means and root mean squares (rms)."""

    label: str
    a_mean: float
    a_std: float
    delta_rms: float  # of δ = ∂L/∂Z
    params_rms: float  # of all its parameters; nan if it has none
    gradient_rms: float
    ratio: float  # gradient_rms / params_rms: the relative change by a step of size 1


class GradientFlow(NamedTuple):
    """The result of ``gradient_flow``; ``print`` shows a table."""

    rows: tuple[LayerFlow, ...]

    def __str__(self) -> str:
        return _text(self)


def gradient_flow(
    net: LayerLike,
    loss: Callable[[Array, PyTree], Array],
    params: Params,
    state: State,
    x: ArrayLike,
    labels: PyTree,
    *,
    key: Key | None = None,
    train: bool = False,
) -> GradientFlow:
    """Measures the signals and gradients of each layer, to show where they vanish or explode.

    Args:
        net: any Layer, or a function of one array.
        loss: ``(predictions, labels) -> one number``.
        params: the network's parameters.
        state: its state.
        x: the network's input.
        labels: second argument of the loss.
        key: a random key, if the network needs one.
        train: whether to run the network as in training.

    Returns:
        A GradientFlow, starting with the first layer.

    Raises:
        ShapeError: if the loss isn't one number.

    Example:
        >>> from jaxdl import layers, losses
        >>> net, params = layers.dense(1, 1, bias=False), {"kernel": jnp.array([[3.0]])}
        >>> x, labels = jnp.array([[2.0]]), jnp.array([[0.0]])
        >>> flow = gradient_flow(net, losses.mse_loss, params, (), x, labels)
        >>> flow.rows[0].delta_rms, flow.rows[0].ratio
        (12.0, 8.0)

    Reference:
        Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural
        networks", 2010.
    """
    run = backprop(net, loss, params, state, x, labels, key=key, train=train)
    return GradientFlow(tuple(map(_row, run.layers)))


def _row(layer: LayerGradient) -> LayerFlow:
    size, gradient = _rms(layer.params), _rms(layer.gradient)
    a = layer.a.astype(jnp.float32)
    return LayerFlow(
        layer.label,
        float(a.mean()),
        float(a.std()),
        _rms(layer.delta),
        size,
        gradient,
        gradient / size if size else float("nan"),
    )


def _rms(tree: PyTree) -> float:
    leaves = jax.tree.leaves(tree)
    count = sum(leaf.size for leaf in leaves)
    total = sum(float(jnp.sum(jnp.square(leaf.astype(jnp.float32)))) for leaf in leaves)
    return (total / count) ** 0.5 if count else float("nan")


def _text(flow: GradientFlow) -> str:
    header = ["layer", "mean a", "sd a", "rms δ", "rms θ", "rms dθ", "dθ/θ"]
    numbers = [[f"{value:.3g}" for value in row[1:]] for row in flow.rows]
    return table(
        header, [[row.label, *cells] for row, cells in zip(flow.rows, numbers, strict=True)]
    )
