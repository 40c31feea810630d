"""Repeating a layer, and recomputing it in the backward pass."""

import functools
from collections.abc import Callable, Iterable

import jax
import jax.numpy as jnp
from jax import lax

from jaxdl import _checks
from jaxdl._checked import checked
from jaxdl._checks import ShapeError, describe
from jaxdl._contract import applied, initialised
from jaxdl._forward_mode import looked_through
from jaxdl._portable import is_portable
from jaxdl.types import (
    Array,
    Key,
    Layer,
    Params,
    PyTree,
    State,
    factory,
    name_of,
    named,
)


@jax.tree_util.register_pytree_node_class
class Unstacked(tuple[State, ...]):
    """States of a repeated layer that aren't stacked: then its loop is written out.

    A loop would copy each state out of the stack and back; alone, it is written in place.
    """

    __slots__ = ()

    def tree_flatten(self) -> tuple[tuple[State, ...], None]:
        """The states, as JAX asks for them."""
        return tuple(self), None

    @classmethod
    def tree_unflatten(cls, _: None, states: Iterable[State]) -> "Unstacked":
        """The same of other states."""
        return cls(states)


@factory
@checked
def repeat(layer: Layer, n: int, *, unroll: int = 1) -> Layer:
    """Applies a layer n times, each time with its own parameters, compiled once.

    It computes ``serial(layer, …, layer)`` as a ``lax.scan`` over parameters stacked along a new
    first axis, so a program with 48 blocks is no longer than with one.

    Args:
        layer: a Layer whose output has the shape and dtype of its input.
        n: the number of repetitions.
        unroll: number of repetitions per loop iteration; more take longer to compile, and run a
            few percent faster on CPUs.

    Returns:
        A Layer whose params and state are those of ``layer`` with n entries along a first axis.
        Like a part of ``serial``, the i-th draws from ``fold_in(key, i)``.

    Raises:
        ValueError: if a number isn't a positive integer.
        ShapeError: at trace time, if the layer changes shape or dtype.

    Example:
        >>> from jaxdl import layers
        >>> params, state = repeat(layers.dense(8, 8), 48).init(jax.random.key(0))
        >>> params["kernel"].shape
        (48, 8, 8)
    """
    name = f"repeat({name_of(layer)}, {n})"
    _checks.positive_ints(name, n=n, unroll=unroll)

    def draw(key: Key) -> tuple[Params, State]:
        return jax.vmap(lambda i: initialised(layer, jax.random.fold_in(key, i)))(jnp.arange(n))

    jitted = jax.jit(draw)  # vectorised random draws take seconds to compile op by op

    def init_fn(key: Key) -> tuple[Params, State]:
        # In a program that is traced again, what jit has seen before would be out of date.
        return draw(key) if isinstance(key, jax.core.Tracer) else jitted(key)

    def apply_fn(
        params: Params, state: State, x: PyTree, *, key: Key | None = None, train: bool = False
    ) -> tuple[PyTree, State]:
        def body(x: PyTree, part: tuple[Params, State, Array]) -> tuple[PyTree, State]:
            own, own_state, i = part
            own_key = None if key is None else jax.random.fold_in(key, i)
            y, own_state = applied(layer, own, own_state, x, key=own_key, train=train)
            made, of = jax.tree.map(describe, y), jax.tree.map(describe, x)
            if made != of:
                raise ShapeError(f"{name} made {made} of {of}; it must keep shapes and dtypes")
            return y, own_state

        start = jax.tree.map(jnp.asarray, x)
        each = n if is_portable() else unroll
        with looked_through(params, x):
            if isinstance(state, Unstacked):
                if len(state) != n:
                    raise ShapeError(f"{name} got {len(state)} states; it needs {n}")
                return _written_out(body, start, params, state)
            return lax.scan(body, start, (params, state, jnp.arange(n)), unroll=each)

    return named(name, init_fn, apply_fn)


def _written_out(
    body: Callable[..., tuple[PyTree, State]], x: PyTree, params: Params, state: Unstacked
) -> tuple[PyTree, Unstacked]:
    """What a scan does, without one."""
    states = []
    for i, own_state in enumerate(state):
        own = jax.tree.map(lambda p, i=i: p[i], params)
        x, own_state = body(x, (own, own_state, jnp.int32(i)))
        states.append(own_state)
    return x, Unstacked(states)


@factory
def remat(layer: Layer, *, policy: Callable[..., bool] | None = None) -> Layer:
    """Recomputes a layer in the backward pass instead of keeping its results in memory.

    Args:
        layer: a Layer.
        policy: which results to keep nevertheless; see ``jax.checkpoint_policies``.

    Returns:
        A Layer that computes the same, with the same params and state.

    Example:
        >>> from jaxdl import layers, serial
        >>> deep = repeat(remat(serial(layers.dense(8, 8), jax.numpy.tanh)), 48)
    """

    def apply_fn(
        params: Params, state: State, x: PyTree, *, key: Key | None = None, train: bool = False
    ) -> tuple[PyTree, State]:
        again = jax.checkpoint(functools.partial(layer.apply, train=train), policy=policy)
        with looked_through(params, x):
            return again(params, state, x, key=key)

    return named(f"remat({name_of(layer)})", layer.init, apply_fn)
