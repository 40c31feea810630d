"""Models larger than one device: parameters and optimizer state split over a mesh by a rule."""

import functools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from jax.typing import ArrayLike

from jaxdl import _checks, _paths
from jaxdl._checked import checked
from jaxdl._warnings import warn
from jaxdl.parallel._devices import AXIS, put
from jaxdl.parallel._kept_programs import leave_programs_on_disk
from jaxdl.types import Array, Batch, Metrics, PyTree, Shape

Rule: TypeAlias = Callable[[str, Shape], PartitionSpec]
"""From the path of a parameter, such as ``"0/kernel"``, and its shape to how it is split.

What an optimizer keeps of a parameter, such as its momentum, has the parameter's path.
"""


@checked
def fully_sharded(mesh: Mesh, *, axis: str = AXIS, least: int = 1024) -> Rule:
    """A rule that splits every large array along its longest axis that divides by the devices.

    Each device keeps 1/D of the parameters and optimizer state, gathers a layer's kernel to compute
    with it, and reduces only its own part of the gradient (FSDP, or ZeRO stage 3). An array with no
    divisible axis is replicated; if such arrays are more than a twentieth of all, a warning names
    the share. Widths that are multiples of D avoid it.

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
        >>> tuple(fully_sharded(data_mesh())("0/kernel", (512, 1024)))
        (None, 'data')

    Reference:
        Rajbhandari et al., "ZeRO: memory optimizations toward training trillion parameter models",
        2020.
    """
    devices = mesh.shape[known_axis(mesh, axis)]
    return functools.partial(_longest_axis, devices=devices, axis=axis, least=least)


def _longest_axis(path: str, shape: Shape, *, devices: int, axis: str, least: int) -> PartitionSpec:
    fitting = [i for i, n in enumerate(shape) if n % devices == 0]
    if math.prod(shape) < least or not fitting:
        return PartitionSpec()
    longest = max(fitting, key=lambda i: (shape[i], i))
    return PartitionSpec(*[axis if i == longest else None for i in range(longest + 1)])


def by_path(label: Callable[[str], str], parts: Mapping[str, PartitionSpec | Rule]) -> Rule:
    """Gives each part of the parameters its own rule, e.g. for a mesh with axes data × model.

    It is to shardings what ``optim.by_path`` is to optimizers, and takes the same labels.

    Args:
        label: maps the path of a parameter, e.g. ``"encoder/0/kernel"``, to the name of a part.
            Arrays that belong to no parameter, e.g. ``"step"``, are looked up by their path in the
            TrainState.
        parts: the split of each part's arrays, from their first axis on, or a rule such as
            ``fully_sharded(mesh)``. Arrays with fewer axes are replicated.

    Returns:
        A Rule. It raises a ValueError if a label isn't the name of a part.

    Raises:
        TypeError: if an argument is of another kind.

    Example:
        >>> part = lambda path: path.split("/")[0] if "kernel" in path else "rest"
        >>> columns, rows = PartitionSpec(None, "model"), PartitionSpec("model")
        >>> split = by_path(part, {"up": columns, "down": rows, "rest": PartitionSpec()})
        >>> tuple(split("up/kernel", (128, 512)))
        (None, 'model')
    """
    _checks.one_function("by_path", "label", label, "path")
    if not isinstance(parts, Mapping):
        raise TypeError(f"by_path: parts is {_checks.shown(parts)}; it must be a dict by name")
    for name, part in parts.items():
        if not isinstance(part, PartitionSpec):
            _checks.one_function("by_path", f"parts[{name!r}]", part, "path", "shape")

    def rule(path: str, shape: Shape) -> PartitionSpec:
        part = label(path)
        if part not in parts:
            raise ValueError(
                f"by_path: the label of {path!r} is {part!r}; it must be one of {sorted(parts)}"
            )
        spec = parts[part]
        if not isinstance(spec, PartitionSpec):
            return spec(path, shape)
        return spec if len(shape) >= len(spec) else PartitionSpec()

    return rule


def shardings(tree: PyTree, mesh: Mesh, rule: Rule | None = None) -> PyTree:
    """Computes how a rule splits each array of a tree over a mesh.

    Args:
        tree: arrays or their shapes, e.g. a TrainState or ``jax.eval_shape`` of ``init_state``.
        mesh: the devices.
        rule: see ``fully_sharded`` and ``by_path``. Defaults to replicating all arrays.

    Returns:
        The tree with a ``NamedSharding`` for each array, for ``jax.device_put`` or ``jax.jit``.

    Raises:
        ValueError: if the rule names an axis that the mesh doesn't have, or that doesn't divide.

    Example:
        >>> from jaxdl.parallel import data_mesh
        >>> mesh = data_mesh()
        >>> split = shardings({"kernel": jax.numpy.ones((64, 64))}, mesh, fully_sharded(mesh))
        >>> tuple(split["kernel"].spec)
        (None, 'data')
    """
    pairs = jax.tree.leaves_with_path(getattr(tree, "params", ()))
    parameters = {_paths.parts(path): np.shape(x) for path, x in pairs}
    whole: dict[str, Array] = {}

    def one(path: tuple[object, ...], x: Array) -> NamedSharding:
        name, shape = _own_path(_paths.parts(path), np.shape(x), parameters), np.shape(x)
        spec = PartitionSpec() if rule is None else rule(name, shape)
        for n, axes in zip(shape, spec, strict=False):
            _check_split(name, n, axes, mesh)
        if not any(spec):
            whole[_paths.spell(path)] = x
        return NamedSharding(mesh, spec)

    split = jax.tree_util.tree_map_with_path(one, tree)
    if isinstance(rule, functools.partial) and rule.func is _longest_axis:
        _warn_of_whole(tree, whole, **rule.keywords)
    return split


def _own_path(
    path: tuple[str, ...], shape: Shape, parameters: Mapping[tuple[str, ...], Shape]
) -> str:
    """The path of the parameter to which an array belongs, or else its own."""
    tails = (path[i:] for i in range(len(path)))
    return _paths.join(next((t for t in tails if parameters.get(t) == shape), path))


def _warn_of_whole(
    tree: PyTree, whole: Mapping[str, Array], *, devices: int, axis: str, least: int
) -> None:
    """Warns which share of a tree is replicated on every device, and why."""
    total = sum(_size(x) for x in jax.tree.leaves(tree))
    odd = {name: x for name, x in whole.items() if _size(x) >= least}
    share = sum(map(_size, odd.values())) / max(1, total)
    if devices > 1 and share > 0.05:
        name, x = max(odd.items(), key=lambda item: _size(item[1]))
        others = f" and {len(odd) - 1} others" if len(odd) > 1 else ""
        warn(
            f"fully_sharded: {share:.0%} of all numbers stay whole on every device: no axis of"
            f" {name} {_checks.describe(x)}{others} divides by {devices} devices"
        )


def _size(x: ArrayLike) -> int:
    return math.prod(np.shape(x))


def jit_step(
    step: Callable[..., tuple[PyTree, Metrics]],
    mesh: Mesh,
    *,
    rule: Rule | None = None,
    axis: str = AXIS,
) -> Callable[..., tuple[PyTree, Metrics]]:
    """Compiles a step for a mesh: the batch is split over one axis, the TrainState by a rule.

    The numbers are those of one device, dropout included. The TrainState's memory is reused for
    the result.

    Args:
        step: from ``make_step(loss_fn, tx)``, without an axis name.
        mesh: the devices.
        rule: how parameters and optimizer state are split. Defaults to replicating them.
        axis: the axis of the mesh over which the batch is split.

    Returns:
        ``(train_state, batch) -> (train_state, metrics)``. The number of rows must be a multiple of
        the axis's devices; a TrainState that is elsewhere is moved first.

    Raises:
        ValueError: if the mesh has no such axis, or the rule doesn't fit it.

    Example:
        >>> from jaxdl.parallel import data_mesh
        >>> add = lambda s, b: (s + b["inputs"].sum(), {})
        >>> run = jit_step(add, data_mesh())
        >>> float(run(jax.numpy.float32(1), {"inputs": jax.numpy.ones(8)})[0])
        9.0
    """
    leave_programs_on_disk(mesh.devices.flat)
    rows = NamedSharding(mesh, PartitionSpec(known_axis(mesh, axis)))
    compiled = jax.jit(constrained(step, mesh, rule), donate_argnums=0)

    def run(train_state: PyTree, batch: Batch) -> tuple[PyTree, Metrics]:
        train_state = put(train_state, shardings(train_state, mesh, rule))
        return compiled(train_state, put(batch, jax.tree.map(lambda _: rows, batch)))

    return run


def constrained(
    fn: Callable[..., tuple[PyTree, ...]], mesh: Mesh, rule: Rule | None
) -> Callable[..., tuple[PyTree, ...]]:
    """Splits the first result of a function by a rule and replicates the others.

    Otherwise the compiler might return a TrainState split differently from the one it got.

    Example:
        >>> from jaxdl.parallel import data_mesh
        >>> step = constrained(lambda s, b: (s + 1, {}), data_mesh(), None)
        >>> float(jax.jit(step)(jax.numpy.float32(1), {})[0])
        2.0
    """

    def run(*arguments: object) -> tuple[PyTree, ...]:
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
