"""The forward pass, layer by layer."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from jaxdl._replay import read
from jaxdl.combinators import LayerLike, lift
from jaxdl.explain._parts import Part, Var, compute, forward, graph_of
from jaxdl.explain._stages import Stage, stages_of, units
from jaxdl.explain._text import table
from jaxdl.types import Array, Key, Params, State


class LayerTrace(NamedTuple):
    """The results of one layer for an input."""

    label: str  # unique in a network, such as "1 dense(784, 128)"
    name: str
    activation: str  # "" if there is none
    inputs: Array
    z: Array  # the pre-activation
    a: Array  # z after the activation; z if there is none
    dead: Array  # for each unit (last axis), whether it passes no gradient


class Trace(NamedTuple):
    """The result of ``trace``; ``print`` shows a table."""

    layers: tuple[LayerTrace, ...]
    output: Array

    def __str__(self) -> str:
        return _text(self)


def trace(
    net: LayerLike,
    params: Params,
    state: State,
    x: ArrayLike,
    *,
    key: Key | None = None,
    train: bool = False,
) -> Trace:
    """Runs a network and keeps the results of each layer: Zˡ = fˡ(aˡ⁻¹) and aˡ = σ(Zˡ).

    An elementwise activation belongs to the layer before it. Layers that change nothing, such as
    dropout in evaluation, are left out. Nested layers are listed separately, in the order of
    computation; what a combinator adds to them, such as the sum in ``residual``, follows them under
    the combinator's name.

    Args:
        net: any Layer, or a function of one array.
        params: its parameters; ``()`` for a function.
        state: its state.
        x: the input, of any shape that the network accepts.
        key: a random key, if the network needs one.
        train: whether to run the network as in training.

    Returns:
        A Trace. A unit is dead if σ′(Z) = 0 at every example and position, so that it can't learn
        from them; without an activation, if its result is 0 everywhere.

    Example:
        >>> from jaxdl import activations, layers, serial
        >>> net = serial(layers.dense(1, 2), activations.relu)
        >>> params = ({"kernel": jnp.array([[1.0, -1.0]]), "bias": jnp.zeros(2)}, ())
        >>> print(trace(net, params, ((), ()), jnp.array([[1.0], [3.0]])))
        layer          activation  shape   mean Z  sd Z  mean a  sd a  dead
        1 dense(1, 2)  relu        (2, 2)       0  2.24       1  1.22   50%
    """
    layer, x = lift(net), jnp.asarray(x)
    apply = lambda p, x, s, key: layer.apply(p, s, x, key=key, train=train)[0]
    graph = graph_of(apply, params, x, state, key)
    stages = stages_of(graph)

    @jax.jit
    def run(*args: object) -> tuple[list[tuple[Array, ...]], Array]:
        values = forward(graph, *args)
        return [_arrays(stage, values, x) for stage in stages], read(values, graph.results[0])

    arrays, output = run(params, x, state, key)
    rows = [
        LayerTrace(s.label, s.name, s.activation, *a) for s, a in zip(stages, arrays, strict=True)
    ]
    return Trace(tuple(rows), output)


def dead_units(net: LayerLike, params: Params, state: State, x: ArrayLike) -> dict[str, Array]:
    """Finds the units that pass no gradient for any of the examples.

    Args:
        net: any Layer.
        params: its parameters.
        state: its state.
        x: examples; more of them make the result more certain.

    Returns:
        For each layer with an activation, a boolean mask over its units; see ``trace``.

    Example:
        >>> from jaxdl import activations, layers, serial
        >>> net = serial(layers.dense(1, 2), activations.relu)
        >>> params = ({"kernel": jnp.array([[1.0, -1.0]]), "bias": jnp.zeros(2)}, ())
        >>> dead_units(net, params, ((), ()), jnp.array([[1.0], [3.0]]))
        {'1 dense(1, 2)': Array([False,  True], dtype=bool)}
    """
    return {row.label: row.dead for row in trace(net, params, state, x).layers if row.activation}


def slope(part: Part, z: Array) -> Array:
    """The derivative σ′(z) of an activation."""
    value, back = jax.vjp(lambda z: compute(part, [z])[0], z)
    return back(jnp.ones_like(value))[0]


def _arrays(stage: Stage, values: dict[Var, Array], x: Array) -> tuple[Array, ...]:
    """The input, Z, a, and which units are dead."""
    z, a = values[stage.z], values[stage.a]
    still = a == 0 if stage.after is None else slope(stage.after, z) == 0
    return values[stage.enters], z, a, still.all(axis=units(stage, x))


def _text(trace: Trace) -> str:
    header = ["layer", "activation", "shape", "mean Z", "sd Z", "mean a", "sd a", "dead"]
    rows = [
        [
            row.label,
            row.activation,
            str(row.a.shape),
            *(f"{number:.3g}" for x in (row.z, row.a) for number in _moments(x)),
            f"{np.mean(row.dead):.0%}",
        ]
        for row in trace.layers
    ]
    return table(header, rows)


def _moments(x: Array) -> tuple[float, float]:
    numbers = np.asarray(x, np.float64)
    return float(numbers.mean()), float(numbers.std())
