"""Devices laid out in a mesh, and arrays put on them."""

import functools
from collections.abc import Callable, Mapping

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

from jaxdl import _checks, _paths
from jaxdl._checked import checked
from jaxdl._plain import plain_numbers
from jaxdl.parallel._kept_programs import leave_programs_on_disk
from jaxdl.types import Array, Batch, PyTree

AXIS = "data"
"""The name of the axis of devices over which batches are split."""


@checked
def data_mesh(devices: int | None = None) -> Mesh:
    """Lays devices out along one axis called ``"data"``.

    Args:
        devices: number of devices. Defaults to all of them.

    Returns:
        A mesh with one axis.

    Raises:
        ValueError: if there aren't that many.

    Example:
        >>> data_mesh(1).axis_names
        ('data',)
    """
    found = jax.devices()
    if devices is not None and not 1 <= devices <= len(found):
        raise ValueError(f"data_mesh({devices}): there are {len(found)} devices: {found}")
    count = len(found) if devices is None else devices
    leave_programs_on_disk(found[:count])
    return jax.make_mesh((count,), (AXIS,), axis_types=(AxisType.Auto,), devices=found[:count])


def mesh_of(**axes: int) -> Mesh:
    """Lays all devices out along several axes, as in ``mesh_of(data=4, model=2)``.

    Args:
        **axes: number of devices along each axis, by name; their product must be the number of
            devices. One of them may be -1, to be inferred.

    Returns:
        A mesh with these axes, in order.

    Raises:
        ValueError: if the product isn't the number of devices.

    Example:
        >>> mesh_of(data=-1, model=1).axis_names
        ('data', 'model')
    """
    devices, sizes = jax.devices(), list(axes.values())
    if sizes.count(-1) == 1:
        sizes[sizes.index(-1)] = len(devices) // max(1, -int(np.prod(sizes)))
    if not sizes or min(sizes) < 1 or np.prod(sizes) != len(devices):
        shown = ", ".join(f"{name}={size}" for name, size in axes.items())
        raise ValueError(f"mesh_of({shown}): there are {len(devices)} devices")
    leave_programs_on_disk(devices)
    return jax.make_mesh(tuple(sizes), tuple(axes), axis_types=(AxisType.Auto,) * len(sizes))


@plain_numbers
def shard_batch(batch: Batch, devices: int) -> Batch:
    """Pads a batch with rows of weight 0 to a multiple of the devices, and stacks one part each.

    Args:
        batch: arrays of N rows; a dict gets a ``"weight"`` if it has none.
        devices: D, the number of parts.

    Returns:
        Arrays of shape (D, ⌈N/D⌉, …).

    Raises:
        ValueError: if ``devices`` isn't a positive integer, or doesn't divide a batch that isn't a
            dict, which has no place for weights.

    Example:
        >>> parts = shard_batch({"inputs": jnp.ones((3, 5))}, 2)
        >>> parts["inputs"].shape, parts["weight"].tolist()
        ((2, 2, 5), [[1.0, 1.0], [1.0, 0.0]])
    """
    _checks.positive_ints("shard_batch", devices=devices)
    return _parts(dict(batch) if isinstance(batch, Mapping) else batch, devices)


def check_weighted(batch: Batch) -> None:
    """Raises a ValueError unless a batch is a dict: no other has a place for its rows' weight.

    Example:
        >>> check_weighted({"inputs": jnp.ones(3)})
    """
    if not isinstance(batch, Mapping):
        raise ValueError(
            f"a batch of {len(jax.tree.leaves(batch)[0])} rows doesn't divide by the devices, and a"
            f" {type(batch).__name__} has no place for the rows' weight: make it a dict, choose a"
            ' batch size and a number of rows that the devices divide, or the engine "jit"'
        )


@functools.partial(jax.jit, static_argnums=1)  # one call to the device instead of one per operation
def _parts(batch: Batch, devices: int) -> Batch:
    size = len(jax.tree.leaves(batch)[0])
    if isinstance(batch, Mapping):
        batch = {"weight": jnp.ones(size, jnp.float32), **batch}
    elif size % devices:
        check_weighted(batch)

    def part(x: object) -> Array:
        x = jnp.asarray(x)
        # Padding repeats the last row: real numbers, which no loss can turn into nan.
        full = jnp.pad(x, [(0, -size % devices)] + [(0, 0)] * (x.ndim - 1), mode="edge")
        return full.reshape(devices, -1, *x.shape[1:])

    parts = jax.tree.map(part, batch)
    if not isinstance(batch, Mapping):
        return parts
    weight = parts["weight"]  # of each row, or of each of its labels
    real = jnp.arange(size + -size % devices) < size
    real = real.reshape(*weight.shape[:2], *[1] * (weight.ndim - 2))
    return {**parts, "weight": jnp.where(real, weight, 0)}


def replicate(tree: PyTree, mesh: Mesh) -> PyTree:
    """Puts a copy of every array on every device; the originals are left unchanged.

    Example:
        >>> replicate(jnp.ones(3), data_mesh()).is_fully_replicated
        True
    """
    leave_programs_on_disk(mesh.devices.flat)
    everywhere = NamedSharding(mesh, PartitionSpec())
    if jax.process_count() > 1:
        return put(tree, jax.tree.map(lambda _: everywhere, tree))
    # The replica on an array's own device would be the array itself, so it is copied first.
    return jax.device_put(jax.device_put(tree, may_alias=False), everywhere)


def put(tree: PyTree, shardings: object) -> PyTree:
    """Places arrays by their shardings, also on devices of other processes.

    Args:
        tree: arrays that each process has in full, or that are on all devices already.
        shardings: a tree of the same structure.

    Returns:
        The arrays, placed by ``shardings``.

    Example:
        >>> whole = NamedSharding(data_mesh(), PartitionSpec())
        >>> put(np.ones(3), whole).is_fully_replicated
        True
    """
    return jax.tree.map(_put, tree, shardings)


def _put(x: Array | np.ndarray, sharding: NamedSharding) -> jax.Array:
    leave_programs_on_disk(sharding.device_set)
    if getattr(x, "sharding", None) == sharding or sharding.is_fully_addressable:
        return jax.device_put(x, sharding)
    if _checks.is_key(x):
        words = _put(jax.random.key_data(x), sharding)
        return jax.random.wrap_key_data(words, impl=jax.random.key_impl(x))
    if isinstance(x, jax.Array) and not x.is_fully_addressable:
        # One after another: processes that begin with different ones would wait for each other.
        return jax.block_until_ready(_moving(sharding)(x))
    own = np.asarray(x)
    return jax.make_array_from_callback(own.shape, sharding, lambda index: own[index])


@functools.lru_cache(maxsize=64)  # a new function would compile again
def _moving(sharding: NamedSharding) -> Callable[[Array], Array]:
    return jax.jit(lambda x: x, out_shardings=sharding)


def unreplicate(tree: PyTree) -> PyTree:
    """Returns this process's own copy of replicated arrays.

    Args:
        tree: replicated arrays, e.g. from ``replicate`` or a step.

    Returns:
        The same arrays on one device. Nothing is gathered from the others.

    Raises:
        ValueError: if an array is split over devices.

    Example:
        >>> unreplicate(replicate(jnp.ones(3), data_mesh())).sharding.num_devices
        1
    """

    def own(path: tuple[object, ...], x: jax.Array) -> jax.Array:
        if not x.is_fully_replicated:
            name = _paths.spell(path)
            raise ValueError(f"unreplicate: {name or 'the array'} is split as {x.sharding}")
        return x.addressable_shards[0].data

    return jax.tree_util.tree_map_with_path(own, tree)


def local(tree: PyTree) -> PyTree:
    """Gathers arrays that are spread over several processes on a device of this one.

    Args:
        tree: arrays. If one is split, all processes must call with the same tree; split arrays are
            gathered one after another.

    Returns:
        The same arrays; those of this process alone stay where they are.

    Example:
        >>> local({"kernel": replicate(jnp.ones(3), data_mesh())})["kernel"].is_fully_addressable
        True
    """

    def own(x: object) -> PyTree:
        if not isinstance(x, jax.Array) or x.is_fully_addressable:
            return x
        if not x.is_fully_replicated:
            x = _put(x, NamedSharding(mesh_under(x) or data_mesh(), PartitionSpec()))
        return x.addressable_shards[0].data

    return jax.tree.map(own, tree)


def mesh_under(tree: PyTree) -> Mesh | None:
    """Returns the mesh that arrays are spread over; None if each is on one device.

    Example:
        >>> mesh_under(jnp.ones(3)) is None
        True
    """
    for x in jax.tree.leaves(tree):
        sharding = getattr(x, "sharding", None)
        mesh = getattr(sharding, "mesh", None)
        if isinstance(mesh, Mesh) and mesh.size > 1:
            return mesh
    return None


def assert_replicas_equal(tree: PyTree) -> None:
    """Checks that the copies of each array are the same to the bit on this process's devices.

    Diverged copies point to a missing average over devices, or to faulty hardware. ``pmap`` with
    ``out_axes=None`` doesn't check, and returns one of them.

    Args:
        tree: replicated arrays; of keys and split arrays, repeated parts are compared.

    Raises:
        AssertionError: with the path of the first array whose copies differ, and by how much.

    Example:
        >>> assert_replicas_equal({"kernel": replicate(jnp.ones(3), data_mesh())})
    """
    for path, x in jax.tree_util.tree_flatten_with_path(tree)[0]:
        if _checks.is_key(x):
            x = jax.random.key_data(x)
        first: dict[str, np.ndarray] = {}
        for shard in x.addressable_shards:
            here = np.asarray(shard.data)
            same = first.setdefault(str(shard.index), here)
            if here.tobytes() != same.tobytes():
                apart = np.abs(here.astype(np.float64) - same.astype(np.float64)).max()
                name = _paths.spell(path) or "the array"
                raise AssertionError(f"{name} differs on {shard.device} by up to {apart:.3g}")
