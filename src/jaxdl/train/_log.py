"""Numbers for the history: functions of the TrainState after a step and the step's gradient."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import optax
from jax.typing import ArrayLike

from jaxdl._precision import widen
from jaxdl.train._step import Measure, TrainState
from jaxdl.types import Array, Params


def gradient_norm(train_state: TrainState, grads: Params) -> Array:
    """The Euclidean norm of the gradient over all arrays, ‖g‖₂, before the optimizer sees it.

    Args:
        train_state: not used.
        grads: the gradient.

    Returns:
        A scalar, for ``fit(…, log={"gradient_norm": gradient_norm})``.

    Example:
        >>> ts = TrainState(jnp.int32(0), (), (), (), jax.random.key(0))
        >>> float(gradient_norm(ts, {"kernel": jnp.array([3.0, 4.0])}))
        5.0
    """
    return optax.tree.norm(jax.tree.map(widen, grads))


def learning_rate(schedule: Callable[[Array], ArrayLike] | None = None) -> Measure:
    """Reads the learning rate from a schedule or from ``optax.inject_hyperparams``.

    Args:
        schedule: the optimizer's schedule, a function of the number of steps taken before; None if
            the optimizer was made with ``optax.inject_hyperparams``.

    Returns:
        A function for ``fit(…, log={"learning_rate": learning_rate(schedule)})``; the history has
        its mean over an epoch's steps.

    Raises:
        ValueError: at trace time, if there is no schedule and the optimizer's state doesn't have
            exactly one learning rate.

    Example:
        >>> schedule = optax.linear_schedule(1.0, 0.0, 10)
        >>> ts = TrainState(jnp.int32(6), (), (), (), jax.random.key(0))
        >>> float(learning_rate(schedule)(ts, ()))
        0.5
    """

    def read(train_state: TrainState, grads: Params) -> Array:
        if schedule is not None:
            return jnp.asarray(schedule(train_state.step - 1), jnp.float32)
        named = optax.tree.get_all_with_path(train_state.opt_state, "learning_rate")
        found = [value for _, value in named if isinstance(value, jax.Array)]  # no nested states
        if len(found) != 1:
            raise ValueError(
                f"learning_rate found {len(found)} learning rates in the optimizer's state; it"
                " needs a schedule, or one made with optax.inject_hyperparams"
            )
        return found[0].astype(jnp.float32)

    return read
