"""The population on the host: what training has made of it so far."""

import os
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxdl.sweep import _member, _programs
from jaxdl.sweep._member import Recipe, bare, build
from jaxdl.sweep._plan import Group
from jaxdl.train._step import TrainState, init_state

Row = dict[str, Any]
"""What some members measured in an epoch: ``members``, ``epoch``, and a list for each metric."""


class Stored(NamedTuple):
    """The members of a group along a first axis, in the host's memory."""

    train_state: TrainState  # each member has its own step; its key is one where it is shared
    diverged: np.ndarray


class Population(NamedTuple):
    """A tree that a checkpoint holds."""

    step: np.ndarray  # of all members together
    groups: tuple[Stored, ...]
    plan: np.ndarray  # a checksum of what its members are


def begin(recipe: Recipe, group: Group, key: jax.Array, memory: int) -> Stored:
    """Draws the first TrainStates of a group; where members share a key, it takes theirs' place."""
    n = len(group.places)
    if n == 1:
        run = build(recipe, plain(group, 0))
        one = init_state(run.net, run.tx, jax.random.key(group.seeds[0]))
        made = jax.tree.map(lambda x: x[None], one)._replace(step=one.step)
    else:
        slices = [
            _programs.initial(recipe, {k: x[at] for k, x in group.numbers.items()}, group.seeds[at])
            for at in np.array_split(np.arange(n), -(-n // _at_once(recipe, group, memory)))
        ]
        made = jax.tree.map(lambda *x: jnp.concatenate(x), *[bare(s, key=True) for s in slices])
    trained = jax.tree.map(np.array, bare(made))
    step = np.zeros(n, np.int32)
    train_state = trained._replace(step=step, key=key if recipe.shared else made.key)
    return Stored(train_state, np.full(n, -1, np.int32))


def shared_key(seed: int) -> jax.Array:
    """The key of training that ``init_state`` makes of a seed."""
    return jax.random.split(jax.random.key(seed))[1]


def plain(group: Group, at: int) -> dict[str, Any]:
    """A member's numbers as Python's, as one would write them into a script."""
    short = lambda x: float(str(x)) if np.issubdtype(x.dtype, np.floating) else x.item()
    return {name: short(x[at]) for name, x in group.numbers.items()}


def pick(stored: Stored, at: np.ndarray, *, shared: bool) -> TrainState:
    """The TrainStates of some members that have taken the same number of steps."""
    ts = stored.train_state
    some = lambda tree: jax.tree.map(lambda x: x[at], tree)
    step = np.asarray(ts.step)[at[0]]
    # A copy: programs use the memory of what they are given again.
    key = jax.device_put(ts.key, may_alias=False) if shared else ts.key[at]
    return TrainState(step, some(ts.params), some(ts.state), some(ts.opt_state), key)


def keep(stored: Stored, at: np.ndarray, trained: Any, diverged: Any, step: int) -> None:
    """Writes what training has made of some members, bare, over what was there."""

    def over(mine: np.ndarray, new: Any) -> None:
        mine[at] = np.asarray(new)[: len(at)]

    jax.tree.map(over, bare(stored.train_state), trained)
    np.asarray(stored.train_state.step)[at] = step
    over(stored.diverged, diverged)


def population(stored: Sequence[Stored], plan: int) -> Population:
    """All groups as one tree with a step, for a checkpoint."""
    total = sum(int(np.sum(group.train_state.step, dtype=np.int64)) for group in stored)
    return Population(np.asarray(total), tuple(stored), np.asarray(plan, np.uint32))


def bytes_of(stored: Stored) -> int:
    """The size of one member's TrainState."""
    leaves = jax.tree.leaves(bare(stored.train_state))
    return sum(x.nbytes // len(x) for x in leaves)


def lanes_of(stored: Stored) -> int | None:
    """How many members a device computes side by side; None where their size decides.

    On a CPU the convolutions of several members, whose kernels differ, take 1.4 times as long side
    by side as one after another (4 networks of 2 convolutions, 28×28).
    """
    kernels = [x for x in jax.tree.leaves(stored.train_state.params) if x.ndim - 1 >= 3]
    return 1 if kernels and jax.default_backend() == "cpu" else None


def memory_of(device: jax.Device) -> int:
    """Bytes that are free on a device; of a CPU's, its share of what the machine has left."""
    stats = device.memory_stats()
    if stats and "bytes_limit" in stats:
        return int(stats["bytes_limit"] - stats.get("bytes_in_use", 0))
    return int(_free_memory() // jax.local_device_count())


def _free_memory() -> int:
    """Bytes that the machine has left, half of all where it doesn't say, as macOS."""
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError):
        pass
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
    except (AttributeError, ValueError):
        return 4 * 2**30


def _at_once(recipe: Recipe, group: Group, memory: int) -> int:
    """How many members are drawn at a time: twice their bytes are needed, and some to spare."""
    one = jax.eval_shape(
        lambda numbers: _member.initial(recipe, numbers, jax.random.key(0)),
        {name: jax.ShapeDtypeStruct((), x.dtype) for name, x in group.numbers.items()},
    )
    leaves = jax.tree.leaves(bare(one))
    size = sum(x.size * x.dtype.itemsize for x in leaves)
    return max(1, min(len(group.places), memory // (4 * max(1, size))))
