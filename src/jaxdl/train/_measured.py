"""What a loss function returns for a batch: its loss, and its metrics as sums."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxdl.train._contract import check_sums, name_of_function, returned_by_loss
from jaxdl.train._weights import row_count, with_weight
from jaxdl.types import Array, Batch, Key, LossFn, Mean, Metrics, Params, PyTree, State

TINY = 1e-30
"""The least that a sum is divided by: the mean of nothing is 0, and so is its gradient."""


class Measured(NamedTuple):
    """The result of a loss function in a uniform form."""

    loss: Array  # the mean that is differentiated
    count: Array  # type: ignore[assignment]  # what it is a mean over: rows, tokens, weights
    state: State
    sums: Metrics  # with "loss"


def measured(
    loss_fn: LossFn, params: Params, state: State, batch: Batch, *, key: Key | None, train: bool
) -> Measured:
    """Calls a loss function on a batch, with its weight, and checks the result.

    Example:
        >>> square = lambda p, s, b, *, key, train: (((p * b["x"]) ** 2).mean(), (s, {}))
        >>> measured(square, 3.0, (), {"x": jnp.ones(4)}, key=None, train=False).count
        Array(4., dtype=float32)
    """
    batch = with_weight(batch)
    call = lambda batch: loss_fn(params, state, batch, key=key, train=train)
    loss, after, found = returned_by_loss(loss_fn, call(batch), state)
    check_sums(name_of_function(loss_fn), found, batch, lambda batch: call(batch)[1][1])
    rows, noted = row_count(batch), found.get("loss", None)
    if isinstance(loss, Mean):
        count = jax.lax.stop_gradient(jnp.asarray(loss.count, float))
        loss = loss.total / jnp.maximum(count, TINY).astype(jnp.result_type(loss.total))
    else:
        count = jnp.asarray(noted.count, float) if isinstance(noted, Mean) else rows
        count = jax.lax.stop_gradient(count)
    loss = jnp.asarray(loss)
    mean = Mean(loss.astype(count.dtype) * count, count)
    return Measured(loss, count, after, {**as_sums(found, rows), "loss": mean})


def as_sums(found: Metrics, rows: Array) -> Metrics:
    """Turns each metric that is one number into a mean over rows; sums are kept.

    Example:
        >>> as_sums({"kl": jnp.float32(2.0)}, jnp.float32(3))["kl"]
        Mean(total=Array(6., dtype=float32), count=Array(3., dtype=float32))
    """

    def each(x: PyTree) -> PyTree:
        if isinstance(x, dict):
            return {name: each(value) for name, value in x.items()}
        if isinstance(x, tuple) or jnp.ndim(x):
            return x
        return Mean(jnp.asarray(x).astype(rows.dtype) * rows, rows)

    return {name: each(x) for name, x in found.items()}
