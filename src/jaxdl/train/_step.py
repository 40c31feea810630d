"""One training step: a pure function from a TrainState and a batch to the next TrainState."""

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import optax

from jaxdl import _checks, _contract
from jaxdl import metrics as metrics_lib
from jaxdl._labels import label
from jaxdl._plain import plain_numbers
from jaxdl.combinators import LayerLike, lift
from jaxdl.train import _programs
from jaxdl.train._arguments import check_optimizer, check_recipe
from jaxdl.train._contract import (
    check_given,
    check_opt_state,
    check_params,
    name_of_function,
)
from jaxdl.train._gradients import batch_loss, gradient
from jaxdl.train._loss_scale import scale_of
from jaxdl.train._measured import TINY
from jaxdl.train._padding import fills_up
from jaxdl.train._weights import rows_of, with_weight
from jaxdl.types import Array, Batch, Key, Layer, LossFn, Metrics, Params, PyTree, State, name_of


class TrainState(NamedTuple):
    """Everything that a step changes: data only; the step closes over the functions."""

    step: Array  # int32, how many steps have been taken
    params: Params
    state: State
    opt_state: PyTree
    key: Key  # never changes: a step draws from fold_in(key, step)


Step: TypeAlias = Callable[[TrainState, Batch], tuple[TrainState, Metrics]]
"""Takes one step of training on one batch."""

BatchFn: TypeAlias = Callable[[Key, Batch], Batch]
"""Changes a batch before the loss sees it, in training only, as ``mixup`` does."""

Measure: TypeAlias = Callable[[TrainState, Params], Array]
"""Computes a number for the history from the TrainState after a step and the step's gradient."""


# It runs once, and random draws are slow to optimise: level 1 compiles in half the time.
QUICKLY = {"xla_backend_optimization_level": 1}


def init_state(
    net: LayerLike,
    tx: optax.GradientTransformation,
    key: Key,
    *,
    params: Params | None = None,
    state: State | None = None,
) -> TrainState:
    """Draws the parameters of a network and starts its optimizer, in one compiled program.

    It can itself be called under ``jit``, ``vmap`` and ``eval_shape``.

    Args:
        net: a Layer.
        tx: an optax gradient transformation.
        key: random key for the initialisation and, later, for training.
        params: parameters to start from, e.g. of an earlier run. Defaults to those of ``net.init``.
        state: the state to start from. Defaults to that of ``net.init``.

    Returns:
        The TrainState of step 0.

    Raises:
        TypeError: if an argument is of another kind, if ``net.init`` doesn't return
            ``(params, state)``, or if some parameters can't be learned, such as integers.
        ValueError: if ``params`` or ``state`` don't have the structure and shapes of the network's.

    Example:
        >>> from jaxdl import layers
        >>> train_state = init_state(layers.dense(2, 1), optax.sgd(0.1), jax.random.key(0))
        >>> int(train_state.step), train_state.params["kernel"].shape
        (0, (2, 1))
        >>> again = init_state(
        ...     layers.dense(2, 1), optax.adam(0.1), jax.random.key(1), params=train_state.params
        ... )
        >>> again.params["kernel"] is train_state.params["kernel"]
        True
    """
    check_optimizer("init_state", tx)
    if not isinstance(key, jax.core.Tracer):
        _checks.one_key("init_state", key)
    start: Callable[[Key], TrainState] = functools.partial(_start, lift(net), tx)
    if not isinstance(key, jax.core.Tracer):
        start = _programs.compiled(jax.jit(start), key, options=QUICKLY)
    train_state = start(key)
    if params is not None:
        check_given("init_state: params", params, train_state.params)
        train_state = train_state._replace(params=params, opt_state=tx.init(params))
    if state is None:
        return train_state
    check_given("init_state: state", state, train_state.state)
    return train_state._replace(state=state)


def _start(net: Layer, tx: optax.GradientTransformation, key: Key) -> TrainState:
    init_key, train_key = jax.random.split(key)
    params, state = _contract.initialised(net, init_key)
    check_params(f"init of {name_of(net)}", params)
    return TrainState(jnp.int32(0), params, state, tx.init(params), train_key)


@plain_numbers
def make_step(
    loss_fn: LossFn,
    tx: optax.GradientTransformation,
    *,
    axis_name: str | None = None,
    accumulate: int = 1,
    batch_fns: Sequence[BatchFn] = (),
    log: Mapping[str, Measure] | None = None,
) -> Step:
    """Builds the step of gradient descent: g = ∇L(θ), then θ ← θ + tx(g).

    Args:
        loss_fn: computes the loss of a batch; see ``jaxdl.train``. A batch without a ``"weight"``
            gets a weight of 1 per row.
        tx: an optax gradient transformation. If it takes ``value``, ``grad`` and ``value_fn`` (the
            loss of the whole batch), as line searches do, it gets them.
        axis_name: the device axis over which the batch is split, if the step runs under ``pmap``
            or ``shard_map``. Loss, gradient and metrics are those of the whole batch, however its
            rows and weights are distributed. Each device draws random numbers for its own rows,
            so they differ from those of a single device.
        accumulate: number of parts into which each device splits its rows; their gradients are
            added up one after another, in float32 or wider. Up to rounding, the step is that of
            the whole batch, in less memory, except for layers such as ``batch_norm`` that depend
            on the batch as a whole.
        batch_fns: functions ``(key, batch) -> batch``, applied in order; see ``mixup``.
        log: more metrics by name: functions of the TrainState and the gradient, averaged over
            steps; see ``gradient_norm`` and ``learning_rate``.

    Returns:
        A pure function ``(train_state, batch) -> (train_state, metrics)``. The metrics are those
        of ``loss_fn`` and ``"loss"``, as sums that add up over steps.

    Raises:
        ValueError: if ``accumulate`` isn't a positive integer, and at trace time if the loss
            function changes the structure of the state, or ``log`` and the loss have a name in
            common.
        TypeError: if an argument is of another kind, and at trace time if the loss function
            doesn't return ``(loss, (state, metrics))``, a batch function returns no batch, or
            params contain anything that can't be learned.

    Example:
        >>> from jaxdl import layers, losses, train
        >>> net, tx = layers.dense(2, 1), optax.sgd(0.1)
        >>> step = make_step(train.supervised(net, losses.mse_loss), tx)
        >>> train_state = init_state(net, tx, jax.random.key(0))
        >>> batch = {"inputs": jnp.ones((4, 2)), "labels": jnp.zeros((4, 1))}
        >>> train_state, sums = jax.jit(step)(train_state, batch)
        >>> int(train_state.step), sorted(sums)
        (1, ['loss'])
    """
    measures = check_recipe("make_step", loss_fn, tx, accumulate, batch_fns, log)
    tx = optax.with_extra_args_support(tx)

    def step(train_state: TrainState, batch: Batch) -> tuple[TrainState, Metrics]:
        key, batch = draws(train_state, batch, batch_fns, axis_name)
        options = {"key": key, "axis_name": axis_name}
        of = lambda fn, params, **more: fn(
            loss_fn, params, train_state.state, batch, **options, **more
        )
        how = {"accumulate": accumulate, "scale": scale_of(train_state.opt_state)}
        grads, state, sums = of(gradient, train_state.params, **how)
        if both := sums.keys() & measures.keys():
            raise ValueError(f"make_step: log has {min(both)!r}, which the loss measures too")
        extra = {
            "value": sums["loss"].total / jnp.maximum(sums["loss"].count, TINY),
            "grad": grads,
            "value_fn": lambda params: of(batch_loss, params),
        }
        try:
            with label("optimizer"):
                updates, opt_state = tx.update(
                    grads, train_state.opt_state, train_state.params, **extra
                )
        except Exception as error:
            check_opt_state(tx, train_state.params, train_state.opt_state, error)
            raise
        with label("optimizer"):
            params = optax.apply_updates(train_state.params, updates)
        after = TrainState(train_state.step + 1, params, state, opt_state, train_state.key)
        return after, sums | {k: metrics_lib.mean(m(after, grads)) for k, m in measures.items()}

    # For callers that split batches over devices and pad them with rows of weight 0.
    step.fills_up = functools.partial(fills_up, loss_fn, batch_fns)  # type: ignore[attr-defined]
    return step


def draws(
    train_state: TrainState,
    batch: Batch,
    batch_fns: Sequence[BatchFn],
    axis_name: str | None = None,
) -> tuple[Key, Batch]:
    """The key of a step's loss, and the batch as its batch functions leave it.

    Each device of an axis draws its own numbers, so that no two rows of a batch share theirs.

    Example:
        >>> ts = TrainState(jnp.int32(0), (), (), (), jax.random.key(0))
        >>> halve = lambda key, batch: {**batch, "inputs": batch["inputs"] / 2}
        >>> draws(ts, {"inputs": jnp.ones(2)}, (halve,))[1]["inputs"]
        Array([0.5, 0.5], dtype=float32)
    """
    key, batch = jax.random.fold_in(train_state.key, train_state.step), with_weight(batch)
    # Separate from the loss's key, so that a network draws the same with and without them.
    apart = jax.random.split(key)[1]
    if axis_name is not None:
        apart = jax.random.fold_in(apart, jax.lax.axis_index(axis_name))
    for i, batch_fn in enumerate(batch_fns):
        named, batch = isinstance(batch, Mapping), batch_fn(jax.random.fold_in(apart, i), batch)
        if rows_of(batch) is None or (named and not isinstance(batch, Mapping)):
            name, kind = name_of_function(batch_fn), type(batch).__name__
            raise TypeError(f"batch_fns[{i}], {name}, returned a {kind}; it must return the batch")
    return key, batch
