"""What all one-step algorithms share: count, learning rate, sign, weight decay and dtypes."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.typing import ArrayLike

from jaxdl import _paths, _ranges
from jaxdl._checks import describe
from jaxdl._precision import widen
from jaxdl.types import Array, Params, PyTree

Rate: TypeAlias = ArrayLike | optax.Schedule
"""A learning rate: a number, a traced scalar, or an optax schedule ``(count) -> number``."""

Number: TypeAlias = float | Array
"""A hyperparameter: a Python number, or an array in the dtype of the parameter."""

Rule: TypeAlias = Callable[[Array, Array, PyTree, Number, Array], tuple[Array, PyTree]]
"""``(g, θ, memory, η, t) -> (s, memory)`` for one array θ, which becomes θ − s; t counts from 1."""


class DescentState(NamedTuple):
    """What an optimizer carries from step to step."""

    count: Array  # type: ignore[assignment]  # int32, how many updates have been made
    memory: PyTree  # like the parameters, with what the algorithm remembers of each array


def descend(
    name: str,
    learning_rate: Rate,
    rule: Rule,
    remember: Callable[[Array], PyTree] = lambda p: (),
    *,
    weight_decay: ArrayLike = 0.0,
    decoupled: bool = False,
    needs_params: bool = False,
) -> optax.GradientTransformation:
    """Returns the transformation that applies a rule to every array of the parameters.

    g ← g + w·θ (unless decoupled), θ ← θ − s(g) (− η·w·θ if decoupled).

    Arrays narrower than float32 are widened for the rule and its memory, and the update is
    narrowed again: in bfloat16 a decay of 0.999 rounds to 1, which would freeze second moments.

    Args:
        name: the optimizer's name, for messages.
        learning_rate: η, a number or a schedule of the number of updates made so far.
        rule: see ``Rule``.
        remember: returns the rule's initial memory of an array.
        weight_decay: w.
        decoupled: whether the decay bypasses the rule, as in AdamW.
        needs_params: whether the rule reads θ.

    Returns:
        A gradient transformation with a ``DescentState``.
    """
    check_rate(name, learning_rate)
    _ranges.check(name, weight_decay=weight_decay)
    needs_params = needs_params or not off(weight_decay)

    def init(params: Params) -> DescentState:
        memory = jax.tree_util.tree_map_with_path(
            lambda path, p: remember(widen(floating_leaf(name, path, p))), params
        )
        return DescentState(jnp.zeros((), jnp.int32), memory)

    def update(grads: Params, state: DescentState, params: Params | None = None) -> PyTree:
        if params is None and needs_params:
            raise ValueError(f"{name}: update(grads, state, params) needs params, got None")
        count = optax.safe_increment(state.count)
        rate = learning_rate(state.count) if callable(learning_rate) else learning_rate
        tree: Any  # whose methods the type stubs don't know
        leaves, tree = jax.tree.flatten(grads)
        # A rule that doesn't need the parameters takes their dtype from the gradients.
        owners = leaves if params is None else tree.flatten_up_to(params)
        done = [
            one_array(g, p, memory, rate, count)
            for g, p, memory in zip(leaves, owners, tree.flatten_up_to(state.memory), strict=True)
        ]
        memory = tree.unflatten([memory for _, memory in done])
        return tree.unflatten([u for u, _ in done]), DescentState(count, memory)

    def one_array(g: Array, p: Array, memory: PyTree, rate: ArrayLike, count: Array) -> PyTree:
        p = widen(p)
        eta, t, w = like(p, rate), count.astype(p.dtype), like(p, weight_decay)
        x = g.astype(p.dtype)
        step, memory = rule(x if decoupled or off(w) else x + w * p, p, memory, eta, t)
        step = step + eta * w * p if decoupled and not off(w) else step
        return (-step).astype(g.dtype), memory

    return optax.GradientTransformation(init, update)


def like(x: Array, number: ArrayLike) -> Number:
    """Returns a hyperparameter in the dtype of ``x``; a Python number as it is, in double."""
    # np.float64 is a float too, but one that would widen what it meets.
    if isinstance(number, int | float):
        return float(number)
    return jnp.asarray(number).astype(x.dtype)


def off(number: object) -> bool:
    """Returns whether an option is a Python zero: an array, traced or not, may change."""
    return isinstance(number, int | float) and number == 0


def log(number: ArrayLike) -> Number:
    """Returns the logarithm, in double for a Python number: float32 rounds 0.999 to 0.99900001."""
    if isinstance(number, int | float):
        return math.log(number) if number > 0 else -math.inf
    return jnp.log(number)


def bias(decay: ArrayLike, t: Array) -> Array:
    """Returns 1 − decayᵗ, the weight of all gradients so far, to full precision in float32."""
    return -jnp.expm1(t * log(decay))


def lerp(old: Array, new: Array, weight: Number) -> Array:
    """Returns old + weight·(new − old), which is ``old`` at weight 0 and ``new`` at 1, exactly."""
    step = new - old
    near, far = old + weight * step, new - (1 - weight) * step
    return jnp.where(jnp.asarray(weight) < 0.5, near, far)


def floating_leaf(name: str, path: tuple[object, ...], p: Array) -> Array:
    """Returns a parameter, or raises a TypeError if it isn't floating point."""
    if not jnp.issubdtype(jnp.asarray(p).dtype, jnp.floating):
        where = _paths.spell(path)
        raise TypeError(f"{name}: parameter {where!r} is {describe(p)}; it must be floating point")
    return p


def check_rate(name: str, learning_rate: object) -> None:
    """Raises unless the learning rate is a number of at least 0, a scalar or a schedule."""
    if callable(learning_rate):
        return
    kinds = (int, float, np.ndarray, np.number, jax.Array)
    if isinstance(learning_rate, bool) or not isinstance(learning_rate, kinds):
        raise TypeError(
            f"{name}: learning_rate is {learning_rate!r}; it must be a number or a schedule"
        )
    if jnp.ndim(learning_rate) != 0:
        raise ValueError(
            f"{name}: learning_rate is {describe(learning_rate)}; it must be a scalar. For many"
            " rates at once, vmap over them"
        )
    _ranges.check(name, learning_rate=learning_rate)
