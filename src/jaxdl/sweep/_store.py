"""The population on the host: what training has made of it so far."""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxdl.sweep import _member, _programs
from jaxdl.sweep._member import Spec, bare
from jaxdl.sweep._plan import Group, Point
from jaxdl.types import PyTree


class Stored(NamedTuple):
    """The members of a group along a first axis, in the host's memory."""

    train_state: PyTree  # each member has its own step; a shared key is one for all
    diverged: np.ndarray


class Population(NamedTuple):
    """A tree that a checkpoint holds."""

    step: np.ndarray  # of all members together
    groups: tuple[Stored, ...]
    plan: np.ndarray  # a checksum of what its members are


def begin(spec: Spec, group: Group, key: jax.Array, memory: int) -> Stored:
    """Draws the first TrainStates of a group; where members share a key, it takes theirs' place."""
    n = len(group.places)
    if n == 1:
        one = _member.initial(spec, plain(group, 0), jax.random.key(group.seeds[0]))
        made = jax.tree.map(lambda x: x[None], one)._replace(step=one.step)
    else:
        slices = [
            _programs.initial(
                spec, jax.tree.map(lambda x, at=at: x[at], group.numbers), group.seeds[at]
            )
            for at in np.array_split(np.arange(n), -(-n // _at_once(spec, group, memory)))
        ]
        made = jax.tree.map(lambda *x: jnp.concatenate(x), *[bare(s, key=True) for s in slices])
    trained = jax.tree.map(np.array, bare(made))
    step = np.zeros(n, np.int32)
    train_state = trained._replace(step=step, key=key if spec.shared else made.key)
    return Stored(train_state, np.full(n, -1, np.int32))


def shared_key(spec: Spec, group: Group) -> jax.Array:
    """The key in the first TrainState of the first member of a group."""
    first = lambda: _member.initial(spec, plain(group, 0), jax.random.key(group.seeds[0])).key
    return jax.jit(first)()  # of which XLA computes no parameters


def plain(group: Group, at: int) -> Point:
    """A member's numbers as Python's, as one would write them into a script, and its arrays."""
    short = lambda x: float(str(x)) if np.issubdtype(x.dtype, np.floating) else x.item()
    return jax.tree.map(
        lambda x: short(x[at]) if x.ndim == 1 else jnp.asarray(x[at]), group.numbers
    )


def pick(stored: Stored, at: np.ndarray, *, shared: bool) -> PyTree:
    """The TrainStates of some members that have taken the same number of steps."""
    ts = stored.train_state
    step = np.asarray(ts.step)[at[0]]
    # A copy: programs reuse the memory of what they are given.
    key = jax.device_put(ts.key, may_alias=False) if shared else ts.key[at]
    return jax.tree.map(lambda x: x[at], bare(ts))._replace(step=step, key=key)


def member(stored: Stored, at: int, *, shared: bool) -> PyTree:
    """The TrainState of one member, on a device."""
    ts = stored.train_state
    key = ts.key if shared else ts.key[at]
    one = jax.tree.map(lambda x: x[at], bare(ts)._replace(step=ts.step))
    return jax.device_put(one)._replace(key=key)


def keep(stored: Stored, at: np.ndarray, trained: object, diverged: object, step: int) -> None:
    """Writes what training has made of some members, bare, over what was there."""

    def over(mine: np.ndarray, new: object) -> None:
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


def _at_once(spec: Spec, group: Group, memory: int) -> int:
    """How many members are drawn at a time: twice their bytes are needed, and some to spare."""
    one = jax.eval_shape(
        lambda numbers: _member.initial(spec, numbers, jax.random.key(0)),
        jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape[1:], x.dtype), group.numbers),
    )
    leaves = jax.tree.leaves(bare(one))
    size = sum(x.size * x.dtype.itemsize for x in leaves)
    return max(1, min(len(group.places), memory // (4 * max(1, size))))
