"""The same step under ``pmap`` and ``shard_map``, and whole programs under each engine."""

from collections.abc import Callable
from typing import Any, Literal, TypeAlias, get_args

import jax
import jax.numpy as jnp
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from jaxdl._checked import checked
from jaxdl.parallel._devices import AXIS, check_weighted, data_mesh, shard_batch
from jaxdl.parallel._kept_programs import leave_programs_on_disk
from jaxdl.types import Batch, Metrics, PyTree

Parallel: TypeAlias = Literal["auto", "jit", "pmap", "shard_map"]
"""What runs a step on several devices; ``"auto"`` is ``"jit"``."""

StepFn: TypeAlias = Callable[..., tuple[PyTree, Metrics]]


@checked
def pmap_step(step: StepFn, *, devices: int | None = None) -> StepFn:
    """Runs a step on every device with ``jax.pmap``, each on its part of the batch.

    Args:
        step: from ``make_step(…, axis_name="data")``.
        devices: number of devices. Defaults to all of them.

    Returns:
        ``(train_state, batch) -> (train_state, metrics)`` for one TrainState, without a device
        axis, and a whole batch of any number of rows. Each device draws its own dropout, so draws
        depend on the number of devices. With several processes, which all pass the whole batch, it
        is ``shard_map_step``, with the same bits.

    Raises:
        ValueError: at the first call, if the step was made for another axis, or has a loss that
            ignores ``batch["weight"]`` though the devices don't divide the batch.

    Example:
        >>> add = lambda s, b: (s + jax.lax.psum((b["inputs"] * b["weight"]).sum(), AXIS), {})
        >>> float(pmap_step(add)(0.0, {"inputs": jnp.ones(5)})[0])
        5.0
    """
    mesh = data_mesh(devices)
    if jax.process_count() > 1:
        return shard_map_step(step, mesh)
    body, chosen = _named(step), mesh.devices.tolist()
    run = jax.pmap(body, axis_name=AXIS, in_axes=(None, 0), out_axes=None, devices=chosen)
    return _split(step, run, mesh.size)


def shard_map_step(step: StepFn, mesh: Mesh, *, check_vma: bool = False) -> StepFn:
    """Runs a step on every device of a mesh with ``jax.shard_map``; otherwise like ``pmap_step``.

    Args:
        step: from ``make_step(…, axis_name="data")``.
        mesh: from ``data_mesh``.
        check_vma: have ``shard_map`` track which values differ between devices, and refuse results
            that do. The numbers are the same: ``make_step`` accounts for the sums that this setting
            adds to gradients.

    Returns:
        ``(train_state, batch) -> (train_state, metrics)``, compiled.

    Raises:
        ValueError: at the first call, if the step was made for another axis, or has a loss that
            ignores ``batch["weight"]`` though the devices don't divide the batch.

    Example:
        >>> add = lambda s, b: (s + jax.lax.psum((b["inputs"] * b["weight"]).sum(), AXIS), {})
        >>> float(shard_map_step(add, data_mesh())(0.0, {"inputs": jnp.ones(5)})[0])
        5.0
    """

    def body(train_state: PyTree, parts: Batch) -> tuple[PyTree, Metrics]:
        return _named(step)(train_state, jax.tree.map(lambda x: x[0], parts))

    leave_programs_on_disk(mesh.devices.flat)
    specs = (PartitionSpec(), PartitionSpec(AXIS))
    mapped = jax.shard_map(
        body, mesh=mesh, in_specs=specs, out_specs=PartitionSpec(), check_vma=check_vma
    )
    return _split(step, jax.jit(mapped), mesh.size)


def _split(step: StepFn, run: StepFn, devices: int) -> StepFn:
    """Splits each batch over the devices.

    A batch that doesn't divide evenly is filled up with rows of weight 0; where rows meet in the
    step's loss, as in batch_norm, each device computes the whole batch, and counts for its share.
    """
    fills_up = getattr(step, "fills_up", lambda train_state, batch, axis: True)
    known: dict[int, bool] = {}

    def split(train_state: PyTree, batch: Batch) -> PyTree:
        rows = len(jax.tree.leaves(batch)[0])
        if rows % devices and rows not in known:
            check_weighted(batch)
            known[rows] = fills_up(train_state, batch, (AXIS, devices))
        whole = rows % devices and not known[rows]
        parts = _whole(batch, rows, devices) if whole else shard_batch(batch, devices)
        return run(train_state, parts)

    return split


def _whole(batch: Batch, rows: int, devices: int) -> Batch:
    """A batch once for each device, with its weight divided among them."""
    weight = jnp.asarray(batch.get("weight", jnp.ones(rows, jnp.float32)))
    shared = {**batch, "weight": weight / devices}
    return jax.tree.map(lambda x: jnp.broadcast_to(x, (devices, *jnp.shape(x))), shared)


def _named(step: StepFn) -> StepFn:
    """Lets a step that was made for another axis say so."""

    def run(*arguments: object) -> tuple[PyTree, Metrics]:
        try:
            return step(*arguments)
        except NameError as error:
            raise ValueError(
                f"the step averages over an axis that isn't there ({error}); it must be made with"
                f" make_step(…, axis_name={AXIS!r})"
            ) from error

    return run


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
    fn: Callable[..., PyTree], engine: Parallel, mesh: Mesh, *, donate: bool = False
) -> Callable[..., PyTree]:
    """Compiles a function whose arguments and results are whole on every device.

    Args:
        fn: a function that splits its own work, like those of ``make_epoch`` and
            ``make_evaluation`` do when made with the engine's ``placement``.
        engine: what runs it on the devices. Over several processes ``"pmap"`` is ``"shard_map"``,
            which gives the same bits: pmap would take each process's arrays for parts.
        mesh: the devices.
        donate: whether the memory of the first argument may be used for the result.

    Returns:
        The mapped function, with ``lower`` as jit has it.

    Example:
        >>> total = lambda x: jax.lax.psum(x, AXIS) / jax.lax.axis_size(AXIS)
        >>> float(compile_replicated(total, "shard_map", data_mesh())(jnp.float32(3)))
        3.0
    """
    leave_programs_on_disk(mesh.devices.flat)
    donated = (0,) if donate else ()
    everywhere = PartitionSpec()
    if engine == "pmap" and jax.process_count() == 1:  # else shard_map: pmap knows one process
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
    if engine in ("pmap", "shard_map"):
        fn = jax.shard_map(
            fn, mesh=mesh, in_specs=everywhere, out_specs=everywhere, check_vma=False
        )
    return jax.jit(fn, donate_argnums=donated, out_shardings=NamedSharding(mesh, everywhere))
