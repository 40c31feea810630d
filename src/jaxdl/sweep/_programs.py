"""The compiled programs of a group: many members at once, in lanes, on all devices."""

import functools
import math
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from jaxdl import parallel
from jaxdl.parallel import AXIS
from jaxdl.sweep import _member
from jaxdl.sweep._member import Members, Numbers, Spec, bare
from jaxdl.train import _programs as compilation
from jaxdl.train._epoch import example
from jaxdl.types import Array, Batch, Metrics, PyTree

CACHE = 4 * 2**20
"""Bytes of TrainStates that a CPU's core trains side by side: about what stays in its cache."""

Program: TypeAlias = Callable[..., PyTree]


class Layout(NamedTuple):
    """How members lie: on each device ``rounds`` times, one after another, ``lanes`` at once."""

    devices: int
    rounds: int
    lanes: int


class Programs(NamedTuple):
    """What trains the members of one layout."""

    layout: Layout
    advance: Program  # (numbers, members, data, first, last) -> members
    zeros: Metrics  # sums of no steps
    bytes_needed: int  # on a device
    seconds: float  # of compilation


def layout_of(n: int, devices: int, bytes_of_member: int, lanes: int | None = None) -> Layout:
    """The layout of n members or a few more.

    One member after another leaves the units of a processor waiting between small kernels; all at
    once, the parameters leave its cache at every step. Other processors train all at once.

    Example:
        >>> layout_of(64, 2, 2**20)
        Layout(devices=2, rounds=8, lanes=4)
        >>> layout_of(10, 4, 2**20)
        Layout(devices=4, rounds=1, lanes=3)
    """
    own = -(-n // devices)
    if lanes is None:
        on_cpu = jax.default_backend() == "cpu"
        lanes = max(1, CACHE // max(1, bytes_of_member)) if on_cpu else own
    rounds = -(-own // lanes)
    return Layout(devices, rounds, -(-own // rounds))


def initial(spec: Spec, numbers: Mapping[str, np.ndarray], seeds: np.ndarray) -> PyTree:
    """The first TrainStates of members along a first axis, each that of ``train.init_state``.

    Each has its own key; all share one step counter.
    """

    def one(numbers: Numbers, seed: Array) -> PyTree:
        return _member.initial(spec, numbers, jax.random.key(seed))

    # Level 1, as for init_state: it runs once, and random numbers are slow to optimise.
    options = {"xla_backend_optimization_level": 1}
    args = jax.device_put((numbers, seeds.astype(np.uint32)))
    made = compilation.compiled(jax.jit(jax.vmap(one)), *args, options=options)(*args)
    return made._replace(step=made.step[0])


def axes(train_state: PyTree, shared: bool, split: object = 0, whole: object = None) -> PyTree:
    """What has an axis of members: all but the step, and the key where members share it."""
    every = type(train_state)(*[split] * len(train_state))
    return every._replace(step=whole, key=whole if shared else split)


def compile_programs(
    spec: Spec, layout: Layout, shapes: tuple[PyTree, PyTree], data: Batch, mesh: Mesh
) -> Programs:
    """Compiles the training of members.

    Args:
        spec: the Spec of their group.
        layout: the layout of the members.
        shapes: of numbers and TrainStates of members, whatever their number.
        data: on the devices.
        mesh: the devices.

    Returns:
        The programs.
    """
    start = time.perf_counter()
    numbers, members = _shapes_of(spec, math.prod(layout), shapes, data, mesh)
    split, whole = PartitionSpec(AXIS), PartitionSpec()
    own = _specs(members.train_state, spec.shared)
    body = functools.partial(_advance, spec, layout)
    run = _mapped(body, mesh, (split, own, whole, whole, whole), own)
    span = np.int32(0), np.int32(0)
    compiled: Any = compilation.compiled(
        jax.jit(run, donate_argnums=1), numbers, members, data, *span
    )
    zeros = jax.tree.map(lambda s: np.zeros(s.shape, s.dtype), members.sums)
    return Programs(layout, compiled, zeros, _bytes(compiled), time.perf_counter() - start)


def evaluator(spec: Spec, layout: Layout) -> Program:
    """Makes ``(numbers, train_state, data) -> sums`` of members, compiled when first called."""
    mesh = parallel.data_mesh(layout.devices)

    def run(numbers: object, train_state: PyTree, data: Batch) -> Metrics:
        whole = {"step": train_state.step} | ({"key": train_state.key} if spec.shared else {})
        one = lambda numbers, own: _member.evaluate(spec, data, numbers, own._replace(**whole))
        own = bare(train_state, key=not spec.shared)
        return _in_rounds(layout, jax.vmap(one), (numbers, own))

    def make(numbers: object, train_state: PyTree, data: Batch) -> Program:
        split, whole = PartitionSpec(AXIS), PartitionSpec()
        specs = (split, axes(train_state, spec.shared, split, whole), whole)
        return jax.jit(_mapped(run, mesh, specs, split))

    return compilation.compiler(make)


def place(tree: PyTree, mesh: Mesh, spec: PartitionSpec) -> PyTree:
    """Puts arrays on the devices of a mesh."""
    return parallel.put(tree, jax.tree.map(lambda _: NamedSharding(mesh, spec), tree))


def place_members(members: Members, mesh: Mesh, *, shared: bool) -> Members:
    """Puts members on the devices, those along the first axis spread over them."""
    own = _specs(members.train_state, shared)
    put = lambda tree, spec: place(tree, mesh, spec)
    train_state = type(members.train_state)(*map(put, members.train_state, own.train_state))
    return Members(train_state, put(members.sums, own.sums), put(members.diverged, own.sums))


def _specs(train_state: PyTree, shared: bool) -> PyTree:
    split: Any = PartitionSpec(AXIS)
    return Members(axes(train_state, shared, split, PartitionSpec()), split, split)


def _mapped(fn: Program, mesh: Mesh, in_specs: object, out_specs: object) -> Program:
    """Each device computes its own members and none waits for another."""
    if mesh.size == 1:
        return fn
    return jax.shard_map(fn, mesh=mesh, in_specs=in_specs, out_specs=out_specs, check_vma=False)


def _advance(
    spec: Spec,
    layout: Layout,
    numbers: Numbers,
    members: Members,
    data: Batch,
    first: Array,
    last: Array,
) -> Members:
    """A part of an epoch of the members of one device."""
    ts = members.train_state
    given = {"step": ts.step} | ({"key": ts.key} if spec.shared else {})
    fn = functools.partial(_member.advance, spec, data, (first, last))
    mapped: Any = Members(axes(ts, spec.shared), 0, 0)  # type: ignore[arg-type]
    many = jax.vmap(fn, in_axes=(0, mapped), out_axes=mapped)

    def some(numbers: Numbers, own: Members) -> tuple[Members, PyTree]:
        after = many(numbers, own._replace(train_state=own.train_state._replace(**given)))
        ts, rows = after.train_state, own.diverged.shape
        alike = {name: jnp.broadcast_to(getattr(ts, name), rows) for name in given}
        return _without_shared(after, shared=spec.shared), alike

    after, alike = _in_rounds(layout, some, (numbers, _without_shared(members, shared=spec.shared)))
    one = {name: x[0] for name, x in alike.items()}
    return after._replace(train_state=after.train_state._replace(**one))


def _without_shared(members: Members, *, shared: bool) -> Members:
    """Members without what has no axis of members."""
    left = bare(members.train_state, key=not shared)
    return members._replace(train_state=left)


def _in_rounds(layout: Layout, fn: Callable[..., PyTree], args: tuple[PyTree, ...]) -> PyTree:
    """Computes a function of members some lanes at a time."""
    if layout.rounds == 1:
        return fn(*args)
    cut = lambda x: x.reshape(layout.rounds, layout.lanes, *x.shape[1:])
    done = lax.map(lambda part: fn(*part), jax.tree.map(cut, args))
    return jax.tree.map(lambda x: x.reshape(-1, *x.shape[2:]), done)


def _shapes_of(
    spec: Spec, n: int, shapes: tuple[PyTree, PyTree], data: Batch, mesh: Mesh
) -> tuple[PyTree, Members]:
    """The shapes of n members, numbers and all, and where they lie."""
    numbers, ts = jax.tree.map(lambda x: jax.ShapeDtypeStruct(np.shape(x), x.dtype), shapes)
    one = lambda tree: jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape[1:], x.dtype), tree)
    where = lambda spec: NamedSharding(mesh, spec)
    many = lambda tree: jax.tree.map(
        lambda x: jax.ShapeDtypeStruct((n, *x.shape), x.dtype, sharding=where(PartitionSpec(AXIS))),
        tree,
    )
    alike = lambda tree: jax.tree.map(
        lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=where(PartitionSpec())), tree
    )
    per = axes(ts, spec.shared)
    of_one = type(ts)(*(x if ax is None else one(x) for ax, x in zip(per, ts, strict=True)))
    step = lambda numbers, ts, batch: _member.step_of(spec, numbers, ts, data)[0](ts, batch)
    sums = jax.eval_shape(step, one(numbers), of_one, example(data, spec.batch_size))[1]
    ts = type(ts)(*(alike(x) if a is None else many(x) for a, x in zip(per, of_one, strict=True)))
    diverged: Any = many(jax.ShapeDtypeStruct((), jnp.int32))
    return many(one(numbers)), Members(ts, many(sums), diverged)


def _bytes(compiled: Any) -> int:
    """What a program needs on a device; donated arguments count once."""
    m = compiled.memory_analysis()
    both = m.argument_size_in_bytes + m.output_size_in_bytes - m.alias_size_in_bytes
    return int(both + m.temp_size_in_bytes)
