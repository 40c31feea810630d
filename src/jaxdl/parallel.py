"""One step on many devices: the same body under ``jit``, ``pmap`` and ``shard_map``.

A step made with ``make_step(loss_fn, tx)`` runs under ``jit``; one made with
``make_step(loss_fn, tx, axis_name="data")`` under ``pmap`` and ``shard_map``. All take the same
TrainState and the same global batch and give the same numbers.
"""

from collections.abc import Callable
from typing import Any, Literal, TypeAlias, get_args

import jax
import jax.numpy as jnp
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

from jaxdl.types import Batch, Metrics

AXIS = "data"
"""The name of the axis of devices over which batches are split."""

Parallel: TypeAlias = Literal["auto", "jit", "pmap", "shard_map"]


def data_mesh(devices: int | None = None) -> Mesh:
    """Lays devices out along one axis called ``"data"``.

    Args:
        devices: how many; all of them unless given.

    Returns:
        A mesh of one axis.

    Raises:
        ValueError: if there aren't as many.

    Example:
        >>> data_mesh(1).axis_names
        ('data',)
    """
    found = jax.devices()
    if devices is not None and not 1 <= devices <= len(found):
        raise ValueError(f"data_mesh({devices}): there are {len(found)} devices: {found}")
    count = len(found) if devices is None else devices
    return jax.make_mesh((count,), (AXIS,), axis_types=(AxisType.Auto,), devices=found[:count])


def shard_batch(batch: Batch, devices: int) -> Batch:
    """Pads a batch to a multiple of the devices with rows of weight 0, and stacks one part each.

    Args:
        batch: arrays of N rows; a ``"weight"`` is added where there is none.
        devices: D, how many parts.

    Returns:
        Arrays of shape (D, ⌈N/D⌉, …).

    Example:
        >>> parts = shard_batch({"inputs": jnp.ones((3, 5))}, 2)
        >>> parts["inputs"].shape, parts["weight"].tolist()
        ((2, 2, 5), [[1.0, 1.0], [1.0, 0.0]])
    """
    size = len(jax.tree.leaves(batch)[0])
    batch = {"weight": jnp.ones(size, jnp.float32), **batch}

    def part(x: Any) -> Any:
        x = jnp.asarray(x)
        # Padding repeats the last row: real numbers, which no loss can turn into nan.
        full = jnp.pad(x, [(0, -size % devices)] + [(0, 0)] * (x.ndim - 1), mode="edge")
        return full.reshape(devices, -1, *x.shape[1:])

    parts = {name: part(x) for name, x in batch.items()}
    real = jnp.arange(size + -size % devices).reshape(devices, -1) < size
    return {**parts, "weight": jnp.where(real, parts["weight"], 0)}


def pmap_step(step: Callable[..., Any], *, devices: int | None = None) -> Callable[..., Any]:
    """Runs a step on every device with ``jax.pmap``, each on its part of the batch.

    Args:
        step: from ``make_step(…, axis_name="data")``.
        devices: how many devices; all of them unless given.

    Returns:
        ``(train_state, batch) -> (train_state, metrics)`` of one TrainState, without a device
        axis, and a whole batch of any number of rows. Dropout draws differ with the number of
        devices, since each device draws its own.

    Example:
        >>> add = lambda s, b: (s + jax.lax.psum((b["inputs"] * b["weight"]).sum(), AXIS), {})
        >>> float(pmap_step(add)(0.0, {"inputs": jnp.ones(5)})[0])
        5.0
    """
    mesh = data_mesh(devices)
    run = jax.pmap(
        step, axis_name=AXIS, in_axes=(None, 0), out_axes=None, devices=mesh.devices.tolist()
    )
    return lambda train_state, batch: run(train_state, shard_batch(batch, mesh.size))


def shard_map_step(step: Callable[..., Any], mesh: Mesh) -> Callable[..., Any]:
    """Runs a step on every device of a mesh with ``jax.shard_map``; else as ``pmap_step``.

    Args:
        step: from ``make_step(…, axis_name="data")``.
        mesh: from ``data_mesh``.

    Returns:
        ``(train_state, batch) -> (train_state, metrics)``, compiled.

    Example:
        >>> add = lambda s, b: (s + jax.lax.psum((b["inputs"] * b["weight"]).sum(), AXIS), {})
        >>> float(shard_map_step(add, data_mesh())(0.0, {"inputs": jnp.ones(5)})[0])
        5.0
    """

    def body(train_state: Any, parts: Batch) -> tuple[Any, Metrics]:
        return step(train_state, jax.tree.map(lambda x: x[0], parts))

    specs = (PartitionSpec(), PartitionSpec(AXIS))
    # The step sums its own gradients over the axis; with check_vma=True they'd be summed twice.
    mapped = jax.shard_map(
        body, mesh=mesh, in_specs=specs, out_specs=PartitionSpec(), check_vma=False
    )
    run = jax.jit(mapped)
    return lambda train_state, batch: run(train_state, shard_batch(batch, mesh.size))


def resolve(parallel: Parallel) -> Parallel:
    """Returns the engine that a choice means: ``"auto"`` is ``"jit"``, on one device or many.

    Raises:
        ValueError: if there is no such choice.

    Example:
        >>> resolve("auto")
        'jit'
    """
    if parallel not in get_args(Parallel):
        raise ValueError(f"parallel is {parallel!r}; it must be one of {get_args(Parallel)}")
    return "jit" if parallel == "auto" else parallel


def placement(engine: Parallel, mesh: Mesh) -> dict[str, Any]:
    """Returns how ``make_epoch`` and ``make_evaluation`` split their batches under an engine.

    Example:
        >>> placement("pmap", data_mesh())
        {'axis_name': 'data', 'mesh': None}
    """
    if engine == "jit":
        return {"axis_name": None, "mesh": mesh if mesh.size > 1 else None}
    return {"axis_name": AXIS, "mesh": None}


def compile_replicated(
    fn: Callable[..., Any], engine: Parallel, mesh: Mesh, *, donate: bool = False
) -> Callable[..., Any]:
    """Compiles a function whose arguments and results lie whole on every device.

    Args:
        fn: a function that splits its own work, as those of ``make_epoch`` and
            ``make_evaluation`` do when made with the engine's ``placement``.
        engine: what runs it on the devices.
        mesh: the devices.
        donate: whether the memory of the first argument may be used for the result.

    Returns:
        The mapped function, with ``lower`` as jit has it.

    Example:
        >>> total = lambda x: jax.lax.psum(x, AXIS) / jax.lax.axis_size(AXIS)
        >>> float(compile_replicated(total, "shard_map", data_mesh())(jnp.float32(3)))
        3.0
    """
    donated = (0,) if donate else ()
    everywhere = PartitionSpec()
    if engine == "pmap":
        # pmap needs an argument with a device axis; jit around it replicates all others.
        number = jnp.arange(mesh.size)
        mapped = jax.pmap(
            lambda _, args: fn(*args),
            axis_name=AXIS,
            in_axes=(0, None),
            out_axes=None,
            devices=mesh.devices.tolist(),
        )
        return jax.jit(
            lambda *args: mapped(number, args),
            donate_argnums=donated,
            out_shardings=NamedSharding(mesh, everywhere),
        )
    if engine == "shard_map":
        fn = jax.shard_map(
            fn, mesh=mesh, in_specs=everywhere, out_specs=everywhere, check_vma=False
        )
    return jax.jit(fn, donate_argnums=donated, out_shardings=NamedSharding(mesh, everywhere))


def replicate(tree: Any, mesh: Mesh) -> Any:
    """Puts a copy of every array on every device; the arrays given stay as they are.

    Example:
        >>> replicate(jnp.ones(3), data_mesh()).is_fully_replicated
        True
    """
    # The replica on an array's own device would be the array itself: a copy goes ahead.
    own = jax.device_put(tree, may_alias=False)
    return jax.device_put(own, NamedSharding(mesh, PartitionSpec()))
