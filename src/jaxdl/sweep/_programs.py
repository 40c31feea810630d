"""The compiled programs of a group: many members at once, in lanes, on all devices."""

import functools
import math
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from jaxdl import parallel
from jaxdl.parallel import AXIS
from jaxdl.sweep import _member
from jaxdl.sweep._member import Members, Recipe, bare
from jaxdl.train._step import TrainState
from jaxdl.types import Array, Batch, Metrics

CACHE = 4 * 2**20
"""Bytes of TrainStates that a CPU's core trains side by side: about what stays in its cache."""

Program = Callable[..., Any]


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


def initial(recipe: Recipe, numbers: Mapping[str, np.ndarray], seeds: np.ndarray) -> TrainState:
    """The first TrainStates of members along a first axis, each that of ``train.init_state``.

    Their keys are their own; of one step counter there is no need for many.
    """

    def one(numbers: Mapping[str, Any], seed: Array) -> TrainState:
        return _member.initial(recipe, numbers, jax.random.key(seed))

    # Level 1, as for init_state: it runs once, and random numbers are slow to optimise.
    options = {"xla_backend_optimization_level": 1}
    made = jax.jit(jax.vmap(one), compiler_options=options)(numbers, seeds.astype(np.uint32))
    return made._replace(step=made.step[0])


def axes(shared: bool, split: Any = 0, whole: Any = None) -> TrainState:
    """What has an axis of members: all but the step, and the key where members share it."""
    return TrainState(whole, split, split, split, whole if shared else split)


def compile_programs(
    recipe: Recipe, layout: Layout, example: tuple[Any, TrainState], data: Batch, mesh: Mesh
) -> Programs:
    """Compiles the training of members.

    Args:
        recipe: of their group.
        layout: of the members.
        example: numbers and TrainStates of members, of which the shapes count.
        data: on the devices.
        mesh: the devices.

    Returns:
        The programs.
    """
    start = time.perf_counter()
    numbers, train_state = jax.tree.map(_shape, example)
    sized = lambda tree: jax.tree.map(
        lambda x: jax.ShapeDtypeStruct((math.prod(layout), *x.shape[1:]), x.dtype), tree
    )
    stretch = lambda ax, tree: tree if ax is None else sized(tree)
    train_state = TrainState(*map(stretch, axes(recipe.shared), train_state))
    zeros = _zeros(recipe, math.prod(layout), numbers, train_state, data)
    diverged = jax.ShapeDtypeStruct((math.prod(layout),), jnp.int32)
    members: Any = Members(train_state, zeros, diverged)  # type: ignore[arg-type]
    run = functools.partial(_spread, recipe, layout, mesh)
    lowered = jax.jit(run(_advance), donate_argnums=1).lower(
        sized(numbers), members, data, np.int32(0), np.int32(0)
    )
    compiled = lowered.compile()
    return Programs(layout, compiled, zeros, _bytes(compiled), time.perf_counter() - start)


@functools.lru_cache(maxsize=64)
def evaluation(recipe: Recipe, layout: Layout) -> Program:
    """The program ``(numbers, params, state, data) -> sums`` of many members."""
    mesh = parallel.data_mesh(layout.devices)

    def run(numbers: Any, params: Any, state: Any, data: Batch) -> Metrics:
        one = lambda numbers, params, state: _member.evaluate(recipe, data, numbers, params, state)
        return _in_rounds(layout, jax.vmap(one), (numbers, params, state))

    split = PartitionSpec(AXIS)
    return jax.jit(_mapped(run, mesh, (split, split, split, PartitionSpec()), split))


def place(tree: Any, mesh: Mesh, spec: PartitionSpec) -> Any:
    """Puts arrays on the devices of a mesh."""
    return parallel.put(tree, jax.tree.map(lambda _: NamedSharding(mesh, spec), tree))


def place_members(members: Members, mesh: Mesh, *, shared: bool) -> Members:
    """Puts members on the devices, those along the first axis spread over them."""
    specs = _specs(shared)
    put = lambda tree, spec: place(tree, mesh, spec)
    train_state = TrainState(*map(put, members.train_state, specs.train_state))
    return Members(train_state, put(members.sums, specs.sums), put(members.diverged, specs.sums))


def _spread(
    recipe: Recipe, layout: Layout, mesh: Mesh, fn: Callable[..., Members]
) -> Callable[..., Members]:
    members, split, whole = _specs(recipe.shared), PartitionSpec(AXIS), PartitionSpec()
    body = functools.partial(fn, recipe, layout)
    return _mapped(body, mesh, (split, members, whole, whole, whole), members)


def _specs(shared: bool) -> Members:
    split = PartitionSpec(AXIS)
    return Members(axes(shared, split, PartitionSpec()), split, split)  # type: ignore[arg-type]


def _mapped(fn: Program, mesh: Mesh, in_specs: Any, out_specs: Any) -> Program:
    """Each device computes its own members and none waits for another."""
    if mesh.size == 1:
        return fn
    return jax.shard_map(fn, mesh=mesh, in_specs=in_specs, out_specs=out_specs, check_vma=False)


def _advance(
    recipe: Recipe,
    layout: Layout,
    numbers: Any,
    members: Members,
    data: Batch,
    first: Array,
    last: Array,
) -> Members:
    """A part of an epoch of the members of one device."""
    step, shared_key = members.train_state.step, members.train_state.key
    order = None
    if recipe.shared:
        order = _member.order_of(recipe, members.train_state, len(jax.tree.leaves(data)[0]))
    fn = functools.partial(_member.advance, recipe, data, (first, last), order)
    mapped: Any = Members(axes(recipe.shared), 0, 0)  # type: ignore[arg-type]
    many = jax.vmap(fn, in_axes=(0, mapped), out_axes=mapped)

    def some(numbers: Any, own: Members) -> tuple[Members, Array]:
        given = {"step": step} | ({"key": shared_key} if recipe.shared else {})
        after = many(numbers, own._replace(train_state=own.train_state._replace(**given)))
        left = _without_shared(after, shared=recipe.shared)
        return left, jnp.full(own.diverged.shape, after.train_state.step)

    own = _without_shared(members, shared=recipe.shared)
    after, steps = _in_rounds(layout, some, (numbers, own))
    key = shared_key if recipe.shared else after.train_state.key
    return after._replace(train_state=after.train_state._replace(step=steps[0], key=key))


def _without_shared(members: Members, *, shared: bool) -> Members:
    """Members without what has no axis of members."""
    left = bare(members.train_state, key=not shared)
    return members._replace(train_state=left)


def _in_rounds(layout: Layout, fn: Callable[..., Any], args: tuple[Any, ...]) -> Any:
    """Computes a function of members some lanes at a time."""
    if layout.rounds == 1:
        return fn(*args)
    cut = lambda x: x.reshape(layout.rounds, layout.lanes, *x.shape[1:])
    done = lax.map(lambda part: fn(*part), jax.tree.map(cut, args))
    return jax.tree.map(lambda x: x.reshape(-1, *x.shape[2:]), done)


def _zeros(recipe: Recipe, n: int, numbers: Any, train_state: TrainState, data: Batch) -> Metrics:
    """Sums of no steps, for n members."""
    first = lambda x: jax.ShapeDtypeStruct(x.shape[1:], x.dtype)
    take = lambda ax, tree: tree if ax is None else jax.tree.map(first, tree)
    one = TrainState(*map(take, axes(recipe.shared), train_state))
    batch = jax.tree.map(
        lambda x: jax.ShapeDtypeStruct((recipe.batch_size, *x.shape[1:]), x.dtype), dict(data)
    )
    step = lambda numbers, train_state, batch: _member.step_of(recipe, numbers)(train_state, batch)
    sums = jax.eval_shape(step, jax.tree.map(first, numbers), one, batch)[1]
    return jax.tree.map(lambda s: np.zeros((n, *s.shape), s.dtype), sums)


def _shape(x: Any) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(np.shape(x), x.dtype)


def _bytes(compiled: Any) -> int:
    """What a program needs on a device; donated arguments count once."""
    m = compiled.memory_analysis()
    both = m.argument_size_in_bytes + m.output_size_in_bytes - m.alias_size_in_bytes
    return int(both + m.temp_size_in_bytes)
