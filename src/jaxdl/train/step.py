"""One training step: a pure function from a TrainState and a batch to the next TrainState."""

import functools
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import optax

from jaxdl import metrics as metrics_lib
from jaxdl.checks import ShapeError, describe
from jaxdl.types import Array, Batch, Key, Layer, LossFn, Metrics, Params, State


class TrainState(NamedTuple):
    """All that a step changes; data only, the functions are closed over by the step."""

    step: Array  # int32, how many steps have been taken
    params: Params
    state: State
    opt_state: Any
    key: Key  # never changes: a step draws from fold_in(key, step)


Step: TypeAlias = Callable[[TrainState, Batch], tuple[TrainState, Metrics]]
"""Takes one step of training on one batch."""


# It runs once, and drawing random numbers is slow to optimise: level 1 compiles in half the time.
@functools.partial(
    jax.jit, static_argnums=(0, 1), compiler_options={"xla_backend_optimization_level": 1}
)
def init_state(net: Layer, tx: optax.GradientTransformation, key: Key) -> TrainState:
    """Draws the parameters of a network and starts its optimizer, in one compiled program.

    Args:
        net: a Layer.
        tx: an optax gradient transformation.
        key: what the initialisation and later the training draw from.

    Returns:
        The TrainState of step 0.

    Example:
        >>> from jaxdl import layers
        >>> train_state = init_state(layers.dense(2, 1), optax.sgd(0.1), jax.random.key(0))
        >>> int(train_state.step), train_state.params["kernel"].shape
        (0, (2, 1))
    """
    init_key, train_key = jax.random.split(key)
    params, state = net.init(init_key)
    return TrainState(jnp.int32(0), params, state, tx.init(params), train_key)


def supervised(
    net: Layer,
    loss: Callable[..., Array],
    *,
    metrics: Mapping[str, Callable[..., Any]] | None = None,
) -> LossFn:
    """Builds the loss function of a network that learns labels from inputs.

    loss = Σᵢ wᵢ·lᵢ / Σᵢ wᵢ over the rows i of a batch, where lᵢ is the loss of row i (its mean
    where the row has several values) and wᵢ is ``batch["weight"]``, 1 where there is none.

    Args:
        net: a Layer from ``batch["inputs"]`` to predictions.
        loss: ``(predictions, labels, reduction="none") -> one loss a row``, as in jaxdl.losses.
        metrics: by name, ``(predictions, labels, weight=…) -> sums``, as in jaxdl.metrics.

    Returns:
        A LossFn for ``make_step``, ``evaluate`` and ``fit``.

    Raises:
        ShapeError: at trace time, if the loss gives something else than a value or more a row.

    Example:
        >>> from jaxdl import layers, losses
        >>> loss_fn = supervised(layers.dense(2, 1, bias=False), losses.mse_loss)
        >>> batch = {"inputs": jnp.ones((4, 2)), "labels": jnp.zeros((4, 1))}
        >>> loss_fn({"kernel": jnp.ones((2, 1))}, (), batch, key=None, train=False)[0]
        Array(4., dtype=float32)
    """
    measured = dict(metrics or {})

    def loss_fn(
        params: Params, state: State, batch: Batch, *, key: Key | None, train: bool
    ) -> tuple[Array, tuple[State, Metrics]]:
        predictions, state = net.apply(params, state, batch["inputs"], key=key, train=train)
        labels, weight = batch["labels"], batch.get("weight")
        rows = loss(predictions, labels, reduction="none")
        if rows.shape[:1] != labels.shape[:1]:
            raise ShapeError(
                f"the loss gave {describe(rows)} for labels {describe(labels)}; it must give"
                ' at least a value a row when called with reduction="none"'
            )
        value = metrics_lib.mean(rows.reshape(len(rows), -1).mean(axis=1), weight=weight)
        sums = {name: m(predictions, labels, weight=weight) for name, m in measured.items()}
        return value.total / jnp.maximum(value.count, 1e-30), (state, sums)

    return loss_fn


def make_step(
    loss_fn: LossFn, tx: optax.GradientTransformation, *, axis_name: str | None = None
) -> Step:
    """Builds the step of gradient descent: g = ∇L(θ), then θ ← θ + tx(g).

    Args:
        loss_fn: gives the mean loss of a batch; see ``supervised`` and ``LossFn``.
        tx: an optax gradient transformation.
        axis_name: the axis of devices over which the batch is split, where the step runs under
            ``pmap`` or ``shard_map``. Loss, gradient and metrics are then those of the whole
            batch, however its rows and their weights fall on the devices.

    Returns:
        A pure function ``(train_state, batch) -> (train_state, metrics)``. The metrics are those
        of ``loss_fn`` and ``"loss"``, as sums that add up over steps.

    Example:
        >>> from jaxdl import layers, losses
        >>> net, tx = layers.dense(2, 1), optax.sgd(0.1)
        >>> step = make_step(supervised(net, losses.mse_loss), tx)
        >>> train_state = init_state(net, tx, jax.random.key(0))
        >>> batch = {"inputs": jnp.ones((4, 2)), "labels": jnp.zeros((4, 1))}
        >>> train_state, sums = jax.jit(step)(train_state, batch)
        >>> int(train_state.step), sorted(sums)
        (1, ['loss'])
    """

    def step(train_state: TrainState, batch: Batch) -> tuple[TrainState, Metrics]:
        key = jax.random.fold_in(train_state.key, train_state.step)
        count = row_count(batch)
        share: Array | float = 1.0
        if axis_name is not None:
            key = jax.random.fold_in(key, jax.lax.axis_index(axis_name))
            # Each device's mean counts by its share of the rows: a mean of means would not do.
            share = count / jax.lax.psum(count, axis_name)

        def objective(params: Params) -> tuple[Array, tuple[Array, State, Metrics]]:
            loss, (state, sums) = loss_fn(params, train_state.state, batch, key=key, train=True)
            return loss * share, (loss, state, sums)

        grads, (loss, state, sums) = jax.grad(objective, has_aux=True)(train_state.params)
        sums = {"loss": metrics_lib.Mean(loss * count, count), **sums}
        if axis_name is not None:
            grads, sums = jax.lax.psum((grads, sums), axis_name)
            state = jax.lax.pmean(state, axis_name)
        updates, opt_state = tx.update(grads, train_state.opt_state, train_state.params)
        params = optax.apply_updates(train_state.params, updates)
        return TrainState(train_state.step + 1, params, state, opt_state, train_state.key), sums

    return step


def row_count(batch: Batch) -> Array:
    """Returns how many rows a batch has, or the sum of their weights, as a float32 scalar."""
    if "weight" in batch:
        return jnp.sum(batch["weight"], dtype=jnp.float32)
    return jnp.float32(len(jax.tree.leaves(batch)[0]))
