"""The parts of a flat network: which layer computes what out of what, as functions to call."""

import itertools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
from jax.extend import core
from jax.extend.core import JaxprEqn

from jaxdl import _jaxprs
from jaxdl._paths import spell
from jaxdl._replay import bind, read
from jaxdl.explain._flat import Flat, flatten
from jaxdl.types import Array, Params, PyTree

Var: TypeAlias = Any  # core.Var, whose aval has no type


class Part(NamedTuple):
    """Operations of one layer call that stand together."""

    name: str  # of the layer, such as "dense(784, 128)"
    eqns: tuple[JaxprEqn, ...]
    inputs: tuple[Var, ...]  # what it needs from others
    outputs: tuple[Var, ...]  # what others need of it


class Dense(NamedTuple):
    """The variables of a dense layer."""

    x: Var
    kernel: Var
    bias: Var | None


class Graph(NamedTuple):
    """A network as parts in the order of computing."""

    parts: tuple[Part, ...]
    arguments: tuple[tuple[Var, ...], ...]  # a tuple per argument, as in ``paths``
    paths: dict[Var, str]  # of parameters, such as "0/kernel", and what loops slice from them
    data: frozenset[Var]  # what depends on the network's input
    learned: frozenset[Var]  # what depends on parameters
    constants: dict[Var, Array]
    results: tuple[Var, ...]


def graph_of(fn: Callable[..., PyTree], params: Params, x: object, *others: object) -> Graph:
    """Makes the graph of ``fn(params, x, *others)``; others count neither as data nor as learned.

    Example:
        >>> from jaxdl import activations, layers, serial
        >>> net = serial(layers.dense(2, 3), activations.relu)
        >>> params, state = net.init(jax.random.key(0))
        >>> graph = graph_of(lambda p, x: net.apply(p, state, x)[0], params, jnp.ones((5, 2)))
        >>> [part.name for part in graph.parts]
        ['dense(2, 3)', 'relu']
    """
    flat = flatten(fn, params, x, *others)
    jaxpr = flat.closed.jaxpr
    variables = iter(jaxpr.invars)
    arguments = tuple(
        tuple(itertools.islice(variables, len(jax.tree.leaves(arg))))
        for arg in (params, x, *others)
    )
    paths = _paths(flat, dict(zip(arguments[0], _names(params), strict=True)))
    constants = dict(zip(jaxpr.constvars, flat.closed.consts, strict=True))
    return Graph(
        _parts(flat),
        arguments,
        paths,
        _reached(flat, arguments[1]),
        _reached(flat, arguments[0]),
        constants,
        tuple(jaxpr.outvars),
    )


def start(graph: Graph, *args: object) -> dict[Var, Array]:
    """The values of the graph's arguments and constants."""
    leaves = (jnp.asarray(leaf) for leaf in jax.tree.leaves(args))
    return graph.constants | dict(zip(itertools.chain(*graph.arguments), leaves, strict=True))


def compute(part: Part, inputs: Sequence[Array]) -> list[Array]:
    """Computes the outputs of a part: one layer's share of the forward pass."""
    values = dict(zip(part.inputs, inputs, strict=True))
    for eqn in part.eqns:
        results = bind(eqn, [read(values, v) for v in eqn.invars])
        values.update(zip(eqn.outvars, results, strict=True))
    return [values[v] for v in part.outputs]


def forward(graph: Graph, *args: object) -> dict[Var, Array]:
    """Computes all that goes from part to part."""
    values = start(graph, *args)
    for part in graph.parts:
        values.update(
            zip(part.outputs, compute(part, [values[v] for v in part.inputs]), strict=True)
        )
    return values


def is_floating(v: Var) -> bool:
    """Whether a variable holds floating-point numbers."""
    return jnp.issubdtype(v.aval.dtype, jnp.floating)


def is_elementwise(part: Part) -> bool:
    """Whether a part is an activation: one array in, each number of it on its own, one out."""
    if len(part.inputs) != 1 or len(part.outputs) != 1 or not is_floating(part.inputs[0]):
        return False
    shape = part.inputs[0].aval.shape
    return part.outputs[0].aval.shape == shape and all(_keeps(eqn, shape) for eqn in part.eqns)


def dense_of(part: Part, graph: Graph) -> Dense | None:
    """The variables of a part that is x·W, or x·W + b, with one W and b for all examples."""
    sums = [eqn for eqn in part.eqns if eqn.primitive.name not in ("reshape", "broadcast_in_dim")]
    data = [v for v in part.inputs if v in graph.data]
    fixed = sorted((v for v in part.inputs if v not in graph.data), key=lambda v: -v.aval.ndim)
    if (len(data), len(part.outputs)) != (1, 1) or not sums or not fixed:
        return None
    product, kernel, bias = sums[0], fixed[0], fixed[1] if fixed[1:] else None
    is_one = (
        [eqn.primitive.name for eqn in sums] == ["dot_general", "add"][: len(fixed)]
        and [v.aval.ndim for v in fixed] == [2, 1][: len(fixed)]
        and product.invars[1] is kernel
        and product.params["dimension_numbers"] == (((1,), (0,)), ((), ()))
    )
    return Dense(data[0], kernel, bias) if is_one else None


# Of the operations that keep an array's shape, those that mix its numbers.
_MIXING = {
    "conv_general_dilated",
    "cumlogsumexp",
    "cummax",
    "cummin",
    "cumprod",
    "cumsum",
    "dot_general",
    "dynamic_update_slice",
    "fft",
    "gather",
    "rev",
    "scan",
    "scatter",
    "sort",
    "transpose",
    "while",
}


def _keeps(eqn: Any, shape: tuple[int, ...]) -> bool:
    """Whether an operation works on each number of an array of this shape on its own."""
    if eqn.primitive.name in _MIXING:
        return False
    takes = any(getattr(v.aval, "shape", None) == shape for v in eqn.invars)
    gives = all(v.aval.shape == shape for v in eqn.outvars)
    inner = map(_jaxprs.opened, _jaxprs.inside(eqn))
    inside = all(_keeps(e, shape) for jaxpr in inner for e in jaxpr.eqns)
    return inside and (gives or not takes)


def _parts(flat: Flat) -> tuple[Part, ...]:
    eqns, results = flat.closed.jaxpr.eqns, flat.closed.jaxpr.outvars
    pairs = zip(flat.layers, eqns, strict=True)
    groups = [(n, [e for _, e in run]) for n, run in itertools.groupby(pairs, lambda pair: pair[0])]
    needed, parts = {v for v in results if not isinstance(v, core.Literal)}, []
    for number, group in reversed(groups):
        made = dict.fromkeys(v for eqn in group for v in eqn.outvars)
        used = dict.fromkeys(
            v for eqn in group for v in eqn.invars if not isinstance(v, core.Literal)
        )
        inputs = tuple(v for v in used if v not in made)
        outputs = tuple(v for v in made if v in needed)
        if outputs:  # else nothing needs what these compute
            parts.append(
                Part(flat.names[number] if number >= 0 else "", tuple(group), inputs, outputs)
            )
            needed.update(inputs)
    return tuple(reversed(parts))


def _reached(flat: Flat, sources: Sequence[Var]) -> frozenset[Var]:
    """The variables that depend on any of the sources."""
    reached = set(sources)
    for eqn in flat.closed.jaxpr.eqns:
        if any(v in reached for v in eqn.invars if not isinstance(v, core.Literal)):
            reached.update(eqn.outvars)
    return frozenset(reached)


def _names(params: Params) -> list[str]:
    pairs = jax.tree.leaves_with_path(params)
    return [spell(path) for path, _ in pairs]


def _paths(flat: Flat, paths: dict[Var, str]) -> dict[Var, str]:
    """Names what a loop slices out of stacked parameters too, and what is only cast or frozen."""
    for number, eqn in zip(flat.layers, flat.closed.jaxpr.eqns, strict=True):
        if eqn.primitive.name not in ("slice", "squeeze", "stop_gradient", "convert_element_type"):
            continue
        name = None if isinstance(eqn.invars[0], core.Literal) else paths.get(eqn.invars[0])
        if name is not None:
            turn = f"[{-2 - number}]" if number < -1 and eqn.primitive.name == "squeeze" else ""
            paths[eqn.outvars[0]] = name + turn
    return paths
