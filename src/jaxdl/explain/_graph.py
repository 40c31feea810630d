"""Which layer feeds which, according to the traced operations of a network."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike

from jaxdl._checked import checked
from jaxdl.combinators import LayerLike, lift
from jaxdl.explain._parts import Graph, Part, graph_of
from jaxdl.types import Shape

INPUT = -1
"""Stands for the network's input among the inputs of a ``Node``."""


class Node(NamedTuple):
    """A layer, or a sum or product that joins the results of several layers."""

    name: str  # such as "dense(784, 128)", or "+" and "×" where branches join
    inputs: tuple[int, ...]  # the nodes that feed it; −1 is the network's input
    shape: Shape  # of its result
    params: int


@checked
def graph(
    net: LayerLike, input_shape: Shape, *, dtype: DTypeLike = jnp.float32
) -> tuple[Node, ...]:
    """Lists the layers of a network in the order of computation, with the inputs of each.

    The network is only traced, not run: skip connections, branches and shared layers appear as they
    really are.

    Args:
        net: any Layer, or a function of one array.
        input_shape: shape of the input, including batch axes.
        dtype: dtype of the input; an integer dtype for tokens.

    Returns:
        A tuple of Nodes.

    Raises:
        ShapeError: if the network doesn't accept this shape.

    Example:
        >>> from jaxdl import layers
        >>> from jaxdl.combinators import residual, serial
        >>> net = serial(layers.dense(3, 4), residual(serial(layers.dense(4, 4), jnp.tanh)))
        >>> for number, node in enumerate(graph(net, (1, 3))):
        ...     print(number, node.name, node.inputs)
        0 dense(3, 4) (-1,)
        1 dense(4, 4) (0,)
        2 tanh (1,)
        3 + (0, 2)
    """
    layer = lift(net)
    x = jax.ShapeDtypeStruct(tuple(input_shape), jnp.dtype(dtype))
    params, state = jax.eval_shape(layer.init, jax.random.key(0))
    whole = graph_of(lambda p, x, s: layer.apply(p, s, x)[0], params, x, state)
    return tuple(_nodes(whole, _calls(whole)))


def _calls(graph: Graph) -> list[list[Part]]:
    """Groups the parts of one layer call, which inner products and reshapes split."""
    calls: list[list[Part]] = []
    names: list[str] = []
    for part in graph.parts:
        if not any(v in graph.data for v in part.outputs):
            continue  # what depends only on parameters gets no arrow
        if names and (part.name.startswith("...") or part.name == names[-1] != ""):
            calls[-1].append(part)
        else:
            calls.append([part])
            names.append(part.name)
    return calls


def _nodes(graph: Graph, calls: list[list[Part]]) -> list[Node]:
    source: dict[object, int] = dict.fromkeys(graph.arguments[1], INPUT)
    nodes: list[Node] = []
    for call in calls:
        own = {v for part in call for v in part.outputs}
        fed = {v: None for part in call for v in part.inputs if v not in own}
        inputs = tuple(sorted({source[v] for v in fed if v in source}))
        size = sum(v.aval.size for v in fed if v in graph.learned and v not in graph.data)
        last = call[-1].outputs[-1].aval.shape
        nodes.append(Node(_name(call, len(inputs)), inputs, last, size))
        source |= dict.fromkeys(own, len(nodes) - 1)
    return nodes


def _name(call: list[Part], n_inputs: int) -> str:
    """A join is named after its operation, a layer by its name."""
    kinds = {eqn.primitive.name for part in call for eqn in part.eqns}
    if n_inputs > 1 and kinds <= {"add", "add_any"}:
        return "+"
    if n_inputs > 1 and kinds <= {"mul"}:
        return "×"
    return call[0].name or ", ".join(sorted(kinds))
