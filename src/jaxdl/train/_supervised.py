"""The loss function of a network that learns labels from inputs."""

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike

from jaxdl import metrics as metrics_lib
from jaxdl._checks import ShapeError, describe
from jaxdl.types import Array, Batch, Key, Layer, LossFn, Metrics, Params, State


def supervised(
    net: Layer,
    loss: Callable[..., Array],
    *,
    metrics: Mapping[str, Callable[..., Any]] | None = None,
    regularizer: Callable[[Params], Array] | None = None,
    compute_dtype: DTypeLike | None = None,
) -> LossFn:
    """Builds the loss function of a network that learns labels from inputs.

    loss = Σᵢ wᵢ·lᵢ / Σᵢ wᵢ over the rows i of a batch, where lᵢ is the loss of row i (its mean
    where the row has several values) and wᵢ is ``batch["weight"]``, 1 where there is none. In
    training, what ``regularizer`` gives is added, and what ``layers.activity_regularizer`` notes.

    Args:
        net: a Layer from ``batch["inputs"]`` to predictions.
        loss: ``(predictions, labels, reduction="none") -> one loss a row``, as in jaxdl.losses.
            Where the batch has ``"targets"``, as ``mixup`` makes them, it gets these as labels.
        metrics: by name, ``(predictions, labels, weight=…) -> sums``, as in jaxdl.metrics.
        regularizer: of the parameters, as ``lambda p: 1e-4 * optim.l2_penalty(p)``; its gradient
            goes through the optimizer, which weight decay of ``adamw`` doesn't.
        compute_dtype: of the network's forward and backward pass, as ``jnp.bfloat16``: parameters
            and floating-point inputs are cast to it, predictions, state, loss and gradients back.
            Parameters stay in float32, and so do updates.

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
        apply = lambda p, x: net.apply(p, state, x, key=key, train=train)
        predictions, after = _computed_in(compute_dtype, apply, params, batch["inputs"], state)
        labels, weight = batch["labels"], batch.get("weight")
        rows = loss(predictions, batch.get("targets", labels), reduction="none")
        if rows.shape[:1] != labels.shape[:1]:
            raise ShapeError(
                f"the loss gave {describe(rows)} for labels {describe(labels)}; it must give"
                ' at least a value a row when called with reduction="none"'
            )
        value = metrics_lib.mean(rows.reshape(len(rows), -1).mean(axis=1), weight=weight)
        sums = {name: m(predictions, labels, weight=weight) for name, m in measured.items()}
        mean = value.total / jnp.maximum(value.count, 1e-30)
        if train and regularizer is not None:
            mean = mean + regularizer(params)
        for penalty in _penalties(after) if train else ():
            mean = mean + penalty.astype(mean.dtype)
        return mean, (after, sums)

    return loss_fn


def _penalties(state: State) -> list[Array]:
    """The sums of all that layers call ``penalty`` in their state: several where they repeat."""
    named = jax.tree.leaves_with_path(state)
    return [jnp.sum(x) for path, x in named if path and getattr(path[-1], "key", "") == "penalty"]


def _computed_in(
    dtype: DTypeLike | None,
    apply: Callable[[Params, Array], tuple[Array, State]],
    params: Params,
    inputs: Array,
    state: State,
) -> tuple[Array, State]:
    """Computes a network in a dtype; what comes out has the dtypes that it has without one."""
    if dtype is None:
        return apply(params, inputs)
    predictions, after = apply(_cast(params, dtype), _cast(inputs, dtype))
    return _cast(predictions, jnp.float32), jax.tree.map(
        lambda new, old: new.astype(old.dtype), after, state
    )


def _cast(tree: Any, dtype: DTypeLike) -> Any:
    """Casts what is floating point; integers, such as tokens, and keys stay."""
    floating = lambda x: jnp.issubdtype(jnp.result_type(x), jnp.floating)
    return jax.tree.map(lambda x: jnp.asarray(x, dtype) if floating(x) else x, tree)
