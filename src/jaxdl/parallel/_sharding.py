"""Models larger than one device: parameters and optimizer state split over a mesh by a rule."""

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from jaxdl.parallel._devices import AXIS, put
from jaxdl.types import Batch, Metrics, Shape

Rule: TypeAlias = Callable[[str, Shape], PartitionSpec]
"""From the path of an array, as ``".params[0]['kernel']"``, and its shape to how it is split."""


def fully_sharded(mesh: Mesh, *, axis: str = AXIS, least: int = 1024) -> Rule:
    """A rule that splits every large array along its longest axis that divides by the devices.

    Each device keeps 1/D of parameters and optimizer state, gathers a layer's kernel when it
    computes with it, and adds up only its own part of the gradient (FSDP, or ZeRO stage 3).

    Args:
        mesh: the devices.
        axis: the axis of the mesh over which arrays are split; the batch is split over it too.
        least: arrays with fewer entries stay whole on every device.

    Returns:
        A Rule.

    Raises:
        ValueError: if the mesh has no such axis.

    Example:
        >>> from jaxdl.parallel import data_mesh
        >>> tuple(fully_sharded(data_mesh())(".params['kernel']", (512, 1024)))
        (None, 'data')

    Reference:
        Rajbhandari et al., "ZeRO: memory optimizations toward training trillion parameter models",
        2020.
    """
    devices = mesh.shape[known_axis(mesh, axis)]

    def rule(path: str, shape: Shape) -> PartitionSpec:
        size = 1
        for n in shape:
            size *= n
        fitting = [i for i, n in enumerate(shape) if n % devices == 0]
        if size < least or not fitting:
            return PartitionSpec()
        longest = max(fitting, key=lambda i: (shape[i], i))
        return PartitionSpec(*[axis if i == longest else None for i in range(longest + 1)])

    return rule


def by_path(
    *parts: tuple[str, PartitionSpec], otherwise: Rule = lambda path, shape: PartitionSpec()
) -> Rule:
    """A rule by the paths of arrays, as for a mesh of two axes, data × model.

    Args:
        *parts: pairs of a piece of a path and how arrays below it are split, counted from their
            first axis; the first piece that a path holds decides. Arrays with fewer axes than
            that stay whole.
        otherwise: the rule for all others.

    Returns:
        A Rule.

    Example:
        >>> split = by_path(("up", PartitionSpec(None, "model")), ("down", PartitionSpec("model")))
        >>> tuple(split(".params['up']['kernel']", (128, 512)))
        (None, 'model')
    """

    def rule(path: str, shape: Shape) -> PartitionSpec:
        for piece, spec in parts:
            if piece in path and len(shape) >= len(spec):
                return spec
        return otherwise(path, shape)

    return rule


def shardings(tree: Any, mesh: Mesh, rule: Rule | None = None) -> Any:
    """Says for each array of a tree how a rule splits it over a mesh.

    Args:
        tree: arrays or their shapes, as a TrainState or ``jax.eval_shape`` of ``init_state``.
        mesh: the devices.
        rule: see ``fully_sharded`` and ``by_path``; without one all lie whole everywhere.

    Returns:
        The tree with a ``NamedSharding`` for each array, for ``jax.device_put`` or ``jax.jit``.

    Raises:
        ValueError: if the rule names an axis that the mesh hasn't, or one that doesn't divide.

    Example:
        >>> from jaxdl.parallel import data_mesh
        >>> mesh = data_mesh()
        >>> split = shardings({"kernel": jax.numpy.ones((64, 64))}, mesh, fully_sharded(mesh))
        >>> tuple(split["kernel"].spec)
        (None, 'data')
    """

    def one(path: Any, x: Any) -> NamedSharding:
        name = jax.tree_util.keystr(path)
        spec = PartitionSpec() if rule is None else rule(name, np.shape(x))
        for n, axes in zip(np.shape(x), spec, strict=False):
            _check_split(name, n, axes, mesh)
        return NamedSharding(mesh, spec)

    return jax.tree_util.tree_map_with_path(one, tree)


def jit_step(
    step: Callable[..., Any], mesh: Mesh, *, rule: Rule | None = None, axis: str = AXIS
) -> Callable[..., tuple[Any, Metrics]]:
    """Compiles a step for a mesh: the batch is split over one axis, the TrainState by a rule.

    The numbers are those of one device, dropout included. The TrainState's memory is reused for
    the result.

    Args:
        step: from ``make_step(loss_fn, tx)``, without an axis name.
        mesh: the devices.
        rule: how parameters and optimizer state are split; without one they lie whole everywhere.
        axis: the axis of the mesh over which the batch is split.

    Returns:
        ``(train_state, batch) -> (train_state, metrics)``. The batch has a multiple of the axis's
        devices as rows; a TrainState that lies elsewhere is moved first.

    Raises:
        ValueError: if the mesh has no such axis, or the rule doesn't fit it.

    Example:
        >>> from jaxdl.parallel import data_mesh
        >>> add = lambda s, b: (s + b["inputs"].sum(), {})
        >>> run = jit_step(add, data_mesh())
        >>> float(run(jax.numpy.float32(1), {"inputs": jax.numpy.ones(8)})[0])
        9.0
    """
    rows = NamedSharding(mesh, PartitionSpec(known_axis(mesh, axis)))
    compiled = jax.jit(constrained(step, mesh, rule), donate_argnums=0)

    def run(train_state: Any, batch: Batch) -> tuple[Any, Metrics]:
        train_state = put(train_state, shardings(train_state, mesh, rule))
        return compiled(train_state, put(batch, jax.tree.map(lambda _: rows, batch)))

    return run


def constrained(fn: Callable[..., Any], mesh: Mesh, rule: Rule | None) -> Callable[..., Any]:
    """Splits the first result of a function by a rule; the others lie whole everywhere.

    The compiler may else leave a TrainState split in another way than it came in.

    Example:
        >>> from jaxdl.parallel import data_mesh
        >>> step = constrained(lambda s, b: (s + 1, {}), data_mesh(), None)
        >>> float(jax.jit(step)(jax.numpy.float32(1), {})[0])
        2.0
    """

    def run(*arguments: Any) -> tuple[Any, ...]:
        first, *others = fn(*arguments)
        split = shardings(first, mesh, rule), *shardings(others, mesh)
        return jax.lax.with_sharding_constraint((first, *others), split)

    return run


def known_axis(mesh: Mesh, axis: str) -> str:
    """Returns the name of an axis, and raises a ValueError if a mesh has none of that name.

    Example:
        >>> from jaxdl.parallel import data_mesh
        >>> known_axis(data_mesh(), "data")
        'data'
    """
    if axis not in mesh.axis_names:
        raise ValueError(f"the mesh has no axis {axis!r}; its axes are {mesh.axis_names}")
    return axis


def _check_split(name: str, n: int, axes: str | Sequence[str] | None, mesh: Mesh) -> None:
    devices = 1
    for axis in (axes,) if isinstance(axes, str) else axes or ():
        devices *= mesh.shape[known_axis(mesh, axis)]
    if n % devices:
        raise ValueError(f"{name or 'the array'}: {n} entries don't divide by {devices} devices")
