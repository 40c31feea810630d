"""The learning rate at which a loss falls fastest, found in one short run."""

import contextlib
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import optax

from jaxdl import _checks
from jaxdl._checked import checked
from jaxdl.data import Dataset
from jaxdl.train._diagnosis import NonFiniteError
from jaxdl.train._fit import fit
from jaxdl.train._hooks import Event
from jaxdl.train._step import TrainState
from jaxdl.types import Array, LossFn, Row


class LearningRates(NamedTuple):
    """The result of ``find_learning_rate``."""

    rates: np.ndarray  # (n,), one per step, growing geometrically
    losses: np.ndarray  # (n,), of the step's batch, smoothed
    best: float  # where the loss falls fastest


@checked
def find_learning_rate(
    loss_fn: LossFn,
    make_tx: Callable[[Array], optax.GradientTransformation],
    train_state: TrainState,
    dataset: Dataset,
    *,
    batch_size: int,
    low: float = 1e-6,
    high: float = 10.0,
    steps: int = 100,
    decay: float = 0.9,
) -> LearningRates:
    """Trains with a growing learning rate and finds where the loss falls fastest.

    The rates are ηᵢ = low·(high/low)^(i/(n − 1)). The run stops when the loss isn't finite or
    exceeds four times its minimum.

    Args:
        loss_fn: see ``supervised``.
        make_tx: makes the optimizer for a learning rate, e.g. ``optax.adam``.
        train_state: where to start; it is left unchanged.
        dataset: the training data.
        batch_size: rows per step.
        low: the first rate.
        high: the last rate.
        steps: n.
        decay: decay of the moving average that smooths the losses, in [0, 1).

    Returns:
        The rates, the losses, and the rate at the steepest descent of the loss over log η.

    Raises:
        ValueError: if a number is out of range.

    Example:
        >>> import jax
        >>> from jaxdl import layers, losses, train
        >>> x = np.linspace(-1, 1, 64, dtype="f")[:, None]
        >>> net = layers.dense(1, 1)
        >>> start = train.init_state(net, optax.sgd(0.1), jax.random.key(0))
        >>> loss_fn = train.supervised(net, losses.mse_loss)
        >>> line = Dataset({"inputs": x, "labels": 3 * x + 1})
        >>> found = find_learning_rate(loss_fn, optax.sgd, start, line, batch_size=64)
        >>> 0.01 < found.best < 3
        True

    Reference:
        Smith, "Cyclical learning rates for training neural networks", 2017.
    """
    _checks.positive_ints("find_learning_rate", steps=steps)
    if not 0 < low < high or steps < 3:
        raise ValueError(
            f"find_learning_rate: low is {low}, high {high}, steps {steps}; it needs"
            " 0 < low < high and 3 steps or more"
        )
    rates = np.geomspace(low, high, steps)
    tx = make_tx(optax.exponential_decay(low, steps - 1, high / low))
    rows: list[Row] = []

    def note(event: Event) -> None:
        rows[:] = event.history

    opt_state = tx.init(train_state.params)
    start = train_state._replace(step=train_state.step * 0, opt_state=opt_state)
    with contextlib.suppress(NonFiniteError):  # beyond the largest rate that works
        fit(
            loss_fn, tx, start, Dataset(dataset.train), max_steps=steps, steps_per_epoch=1,
            batch_size=batch_size, hooks=(note,),
        )  # fmt: skip
    losses = _smoothed(np.array([row["loss"] for row in rows]), decay)
    ends = np.flatnonzero(losses > 4 * np.minimum.accumulate(losses))
    losses = losses[: ends[0]] if len(ends) else losses
    slopes = np.gradient(losses)
    return LearningRates(rates[: len(losses)], losses, float(rates[int(np.argmin(slopes))]))


def _smoothed(losses: np.ndarray, decay: float) -> np.ndarray:
    """The bias-corrected moving average of the losses."""
    weights = decay ** np.arange(len(losses))
    sums = np.convolve(losses, weights)[: len(losses)]
    return sums / np.cumsum(weights)
