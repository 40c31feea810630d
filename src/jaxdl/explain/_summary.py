"""Sizes of a network: shapes, parameters, operations and memory, without running it."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike

from jaxdl._checked import checked
from jaxdl.combinators import LayerLike, lift
from jaxdl.explain._parts import Graph, Part, compute, graph_of
from jaxdl.explain._stages import Stage, stages_of, weights
from jaxdl.explain._text import scaled, table
from jaxdl.types import Shape


class LayerSize(NamedTuple):
    """The size of one layer, including its activation."""

    label: str
    name: str
    activation: str
    output_shape: Shape
    params: int
    flops: float
    bytes: int  # of its result


class Summary(NamedTuple):
    """The result of ``summary``; ``print`` shows a table."""

    rows: tuple[LayerSize, ...]
    input_shape: Shape
    params: int
    flops: float  # of the whole forward pass, as compiled
    parameter_bytes: int
    temporary_bytes: int  # used by the compiled forward pass besides parameters and results

    def __str__(self) -> str:
        return _text(self)


@checked
def summary(net: LayerLike, input_shape: Shape, *, dtype: DTypeLike = jnp.float32) -> Summary:
    """Lists the layers of a network with shapes, parameters, and XLA's estimate of their cost.

    Nothing is run: parameters come from ``jax.eval_shape(net.init, key)``. XLA counts a layer's
    operations in a program of that layer alone; total operations and memory are those of the
    compiled forward pass, in which layers may be fused.

    Args:
        net: any Layer, or a function of one array.
        input_shape: shape of the input, including batch axes, such as ``(1, 28, 28, 1)``.
        dtype: dtype of the input; an integer dtype for tokens.

    Returns:
        A Summary.

    Raises:
        ValueError: if the shape isn't a sequence of positive integers.
        TypeError: if the network doesn't accept this dtype.
        ShapeError: if the network doesn't accept this shape.

    Example:
        >>> from jaxdl import models
        >>> print(summary(models.mlp((784, 128, 10)), (1, 784)))
        layer              activation     shape   params    FLOPs  memory
        1 dense(784, 128)        relu  (1, 128)  100,480  201.0 k   512 B
        2 dense(128, 10)                (1, 10)    1,290    2.6 k    40 B
        input (1, 784) · 101,770 parameters, 407.1 kB · 203.5 k FLOPs · ...
    """
    layer = lift(net)
    x = jax.ShapeDtypeStruct(tuple(input_shape), jnp.dtype(dtype))
    params, state = jax.eval_shape(layer.init, jax.random.key(0))
    apply = lambda p, x, s: layer.apply(p, s, x)[0]
    graph = graph_of(apply, params, x, state)
    rows = tuple(_size(stage, graph) for stage in stages_of(graph))
    whole = jax.jit(apply).lower(params, x, state).compile()
    leaves = jax.tree.leaves(params)
    return Summary(
        rows,
        x.shape,
        sum(leaf.size for leaf in leaves),
        _flops(whole),
        sum(leaf.size * leaf.dtype.itemsize for leaf in leaves),
        int(getattr(whole.memory_analysis(), "temp_size_in_bytes", 0)),
    )


def _size(stage: Stage, graph: Graph) -> LayerSize:
    parts = [part for part in (stage.main, stage.after) if part is not None]
    aval = stage.a.aval
    return LayerSize(
        stage.label,
        stage.name,
        stage.activation,
        aval.shape,
        sum(v.aval.size for v in weights(stage.main, graph).values()),
        sum(_flops(_lowered(part)) for part in parts),
        aval.size * aval.dtype.itemsize,
    )


def _lowered(part: Part) -> jax.stages.Lowered:
    avals = [jax.ShapeDtypeStruct(v.aval.shape, v.aval.dtype) for v in part.inputs]
    return jax.jit(lambda *inputs: compute(part, inputs)).lower(*avals)


def _flops(program: jax.stages.Lowered | jax.stages.Compiled) -> float:
    """Floating-point operations by XLA's count, which JAX versions wrap differently."""
    costs = program.cost_analysis() or {}
    costs = costs[0] if isinstance(costs, list) else costs
    return max(float(costs.get("flops", 0.0)), 0.0)


def _text(summary: Summary) -> str:
    header = ["layer", "activation", "shape", "params", "FLOPs", "memory"]
    rows = [
        [
            row.label,
            row.activation,
            str(row.output_shape),
            f"{row.params:,}" if row.params else "",
            scaled(row.flops),
            _bytes(row.bytes),
        ]
        for row in summary.rows
    ]
    sizes = [
        f"input {summary.input_shape}",
        f"{summary.params:,} parameters, {_bytes(summary.parameter_bytes)}",
        f"{scaled(summary.flops)} FLOPs",
        f"{_bytes(summary.temporary_bytes)} besides",
    ]
    return f"{table(header, rows)}\n{' · '.join(sizes)}"


def _bytes(count: int) -> str:
    return f"{scaled(count)}B" if count >= 1000 else f"{count} B"
