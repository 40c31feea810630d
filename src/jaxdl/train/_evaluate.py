"""Measures a network on data, and computes with it."""

import functools
from collections.abc import Mapping
from typing import Any

import jax
import numpy as np
from jax.typing import ArrayLike

from jaxdl import _checks, metrics
from jaxdl import parallel as parallel_lib
from jaxdl.data import Dataset
from jaxdl.data._stream import Batches, Stream, as_dict, batches_of
from jaxdl.parallel import Parallel
from jaxdl.train import _programs
from jaxdl.train._step import TrainState
from jaxdl.types import Batch, Layer, LossFn, Metrics


def evaluate(
    loss_fn: LossFn,
    train_state: TrainState,
    data: Batch | Batches,
    *,
    batch_size: int = 1000,
    parallel: Parallel = "auto",
) -> dict[str, Any]:
    """Measures loss and metrics over data, as if in one batch, with nothing random.

    A TrainState that is split over devices stays so. With several processes all of them call, with
    the same data.

    An average of the parameters takes the place of the last ones with ``train_state._replace(
    params=optim.averaged_params(train_state.opt_state, train_state.params))``.

    Args:
        loss_fn: see ``supervised``.
        train_state: whose params and state are used.
        data: arrays by name, as ``dataset.test``, or batches of them, as of a ``Stream``.
        batch_size: rows at a time; it bounds the memory and changes nothing in the result.
        parallel: the engine on several devices.

    Returns:
        ``"loss"`` and each metric by name, as numbers.

    Raises:
        ValueError: if the data is empty.
        TypeError: if it is something else, as a whole Dataset.

    Example:
        >>> from jaxdl import layers, losses, train
        >>> import optax
        >>> net = layers.rescale(2.0)
        >>> start = train.init_state(net, optax.sgd(0.1), jax.random.key(0))
        >>> data = {"inputs": np.ones((10, 1), "f"), "labels": np.zeros((10, 1), "f")}
        >>> evaluate(train.supervised(net, losses.mse_loss), start, data)
        {'loss': 4.0}
    """
    engine = parallel_lib.resolve(parallel)
    sums_of = lambda batch: _sums(loss_fn, train_state, batch, batch_size, engine)
    if isinstance(data, Mapping):
        return metrics.compute(sums_of(data))
    if data is None or isinstance(data, Dataset | Stream):
        raise TypeError(
            f"evaluate got a {type(data).__name__}; it needs a part of a dataset, as dataset.test,"
            " or batches"
        )
    parts = [jax.device_get(sums_of(as_dict(batch))) for batch in batches_of(data, 0)]
    if not parts:
        raise ValueError("evaluate got no batches")
    return metrics.compute(jax.tree.map(lambda *x: np.sum(x, axis=0, dtype=x[0].dtype), *parts))


def predict(
    net: Layer, train_state: TrainState, inputs: ArrayLike, *, batch_size: int = 1000
) -> np.ndarray:
    """Computes what a network gives for inputs, some rows at a time, with nothing random.

    Args:
        net: a Layer.
        train_state: whose params and state are used.
        inputs: shape (N, …).
        batch_size: rows at a time; it bounds the memory on the device.

    Returns:
        The outputs, shape (N, …), on the host.

    Raises:
        ValueError: if there are no inputs, or ``batch_size`` isn't a positive integer.

    Example:
        >>> from jaxdl import layers, train
        >>> import optax
        >>> start = train.init_state(layers.rescale(2.0), optax.sgd(0.1), jax.random.key(0))
        >>> predict(layers.rescale(2.0), start, np.ones((3, 1), "f")).tolist()
        [[2.0], [2.0], [2.0]]
    """
    _checks.positive_ints("predict", batch_size=batch_size)
    inputs = np.asarray(inputs)
    if inputs.ndim == 0 or len(inputs) == 0:
        raise ValueError("predict got inputs without rows")
    batch_size = min(batch_size, len(inputs))
    # The last batch ends with the last row and overlaps with the one before: one shape for all.
    starts = [*range(0, len(inputs) - batch_size, batch_size), len(inputs) - batch_size]
    mesh = parallel_lib.mesh_under(train_state) if jax.process_count() > 1 else None
    run = functools.partial(_programs.prediction(net, mesh), train_state.params, train_state.state)
    outputs = [np.asarray(run(inputs[i : i + batch_size])) for i in starts]
    overlap = batch_size * len(starts) - len(inputs)
    return np.concatenate([*outputs[:-1], outputs[-1][overlap:]])


def _sums(
    loss_fn: LossFn, train_state: TrainState, data: Batch, batch_size: int, engine: Parallel
) -> Metrics:
    size = len(jax.tree.leaves(data)[0])
    if size == 0:
        raise ValueError("evaluate got data without rows")
    mesh = parallel_lib.mesh_under(train_state) or parallel_lib.data_mesh()
    run = _programs.evaluation(loss_fn, min(batch_size, size), engine, mesh)
    return run(*_programs.spread((train_state.params, train_state.state, dict(data)), mesh))
