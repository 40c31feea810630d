"""Evaluation and prediction."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np
from jax.sharding import NamedSharding, PartitionSpec

from jaxdl import _checks, _contract, metrics
from jaxdl import parallel as parallel_lib
from jaxdl._checks import ShapeError, describe
from jaxdl.data import Dataset
from jaxdl.data._stream import Batches, Stream, as_dict, batches_of
from jaxdl.parallel import Placement
from jaxdl.parallel._placement import EVERYWHERE, resolved
from jaxdl.train import _programs
from jaxdl.train._epoch import make_evaluation
from jaxdl.train._gradients import rows_of
from jaxdl.train._meeting import meet
from jaxdl.train._step import TrainState
from jaxdl.types import Batch, Layer, LossFn, Metrics, name_of


def evaluate(
    loss_fn: LossFn,
    train_state: TrainState,
    data: Batch | Batches,
    *,
    batch_size: int = 1000,
    devices: Placement = EVERYWHERE,
) -> dict[str, Any]:
    """Measures loss and metrics over data, as if in one batch, with nothing random.

    A TrainState that is split over devices stays split. With several processes all must call with
    the same data. To evaluate averaged parameters, pass ``train_state._replace(
    params=optim.averaged_params(train_state.opt_state, train_state.params))``.

    Args:
        loss_fn: see ``supervised``.
        train_state: supplies the parameters and the state.
        data: arrays by name, such as ``dataset.test``, or batches of them, such as a ``Stream``.
        batch_size: rows at a time. It bounds the memory and doesn't change the result, except for
            losses in which rows of a batch interact.
        devices: where to run. Defaults to ``jit`` over all devices.

    Returns:
        ``"loss"`` and each metric by name, as numbers.

    Raises:
        ValueError: if the data is empty.
        TypeError: if it is anything else, such as a whole Dataset.

    Example:
        >>> from jaxdl import layers, losses, train
        >>> import optax
        >>> net = layers.rescale(2.0)
        >>> start = train.init_state(net, optax.sgd(0.1), jax.random.key(0))
        >>> data = {"inputs": np.ones((10, 1), "f"), "labels": np.zeros((10, 1), "f")}
        >>> evaluate(train.supervised(net, losses.mse_loss), start, data)
        {'loss': 4.0}
    """
    _checks.positive_ints("evaluate", batch_size=batch_size)
    devices = resolved("evaluate", devices)
    return evaluator(loss_fn, batch_size=batch_size, devices=devices).measure(train_state, data)


class Evaluator(NamedTuple):
    """The evaluation of one loss, compiled once for each shape of data."""

    measure: Callable[[TrainState, Batch | Batches], dict[str, Any]]
    names: Callable[[TrainState, Batch], Sequence[str]]  # of what it measures


def evaluator(loss_fn: LossFn, *, batch_size: int, devices: Placement) -> Evaluator:
    """Makes an evaluation that can be run repeatedly; see ``evaluate``."""
    arrays, rebuild = _programs.unbound(loss_fn)

    def compiled(args: tuple[Any, ...], size: int, mesh: Any) -> _programs.Program:
        where = parallel_lib.placement(devices.engine, mesh)
        fn = lambda params, state, data, arrays: make_evaluation(
            rebuild(arrays), batch_size=size, **where
        )(params, state, data)
        program = parallel_lib.compile_replicated(fn, devices.engine, mesh)
        options = _programs.options(reproducible=devices.reproducible)
        return _programs.compiled(program, *args, options=options)

    known: dict[Any, _programs.Program] = {}

    def prepared(train_state: TrainState, data: Batch) -> tuple[_programs.Program, tuple[Any, ...]]:
        size = rows_of(data)
        if not size:
            raise ValueError("evaluate got data without rows")
        mesh = parallel_lib.mesh_under(train_state) or devices.mesh
        args = train_state.params, train_state.state, dict(data), arrays
        args = _programs.spread(args, mesh)
        leaves, structure = jax.tree.flatten(args)
        key = mesh, structure, tuple((x.shape, x.dtype, x.sharding) for x in leaves)
        if key not in known:
            known[key] = compiled(args, min(batch_size, size), mesh)
        return known[key], args

    def sums(train_state: TrainState, data: Batch) -> Metrics:
        program, args = prepared(train_state, data)
        return program(*args)

    def names(train_state: TrainState, data: Batch) -> Sequence[str]:
        program, _ = prepared(train_state, data)
        return tuple(program.out_info)  # type: ignore[attr-defined]

    return Evaluator(lambda train_state, data: _measured(sums, train_state, data), names)


def predict(net: Layer, train_state: TrainState, inputs: Any, *, batch_size: int = 1000) -> Any:
    """Computes a network's outputs for inputs, in batches, with nothing random.

    Args:
        net: a Layer.
        train_state: supplies the parameters and the state.
        inputs: shape (N, …), or any tree of such arrays that the network takes.
        batch_size: rows at a time; it bounds the memory on the device.

    Returns:
        NumPy arrays of shape (N, …), in the structure that the network returns.

    Raises:
        ValueError: if there are no inputs, they differ in length, or ``batch_size`` isn't a
            positive integer.
        ShapeError: if an output doesn't have an entry for each row.

    Example:
        >>> from jaxdl import layers, train
        >>> import optax
        >>> start = train.init_state(layers.rescale(2.0), optax.sgd(0.1), jax.random.key(0))
        >>> predict(layers.rescale(2.0), start, np.ones((3, 1), "f")).tolist()
        [[2.0], [2.0], [2.0]]
    """
    _checks.positive_ints("predict", batch_size=batch_size)
    inputs = jax.tree.map(np.asarray, inputs)
    lengths = {len(x) if x.ndim else 0 for x in jax.tree.leaves(inputs)}
    if lengths in (set(), {0}):
        raise ValueError("predict got inputs without rows")
    if len(lengths) > 1:
        raise ValueError(f"predict got inputs of different lengths: {sorted(lengths)}")
    size = lengths.pop()
    batch_size = min(batch_size, size)
    rows = lambda i, j: jax.tree.map(lambda x: x[i:j], inputs)
    run, rest = _network(net, train_state, rows(0, batch_size)), size % batch_size
    outputs = [run(rows(i, i + batch_size)) for i in range(0, size - rest, batch_size)]
    if rest and meet(lambda x: _applied(net, train_state, x), rows(0, batch_size)):
        last = rows(size - rest, size)
        outputs.append(_network(net, train_state, last)(last))
    elif rest:  # filled up with rows of the batch before, so that nothing compiles again
        filled = run(rows(size - batch_size, size))
        outputs.append(jax.tree.map(lambda y: y[batch_size - rest :], filled))
    return jax.tree.map(lambda *parts: np.concatenate(parts), *outputs)


def _network(net: Layer, train_state: TrainState, example: Any) -> Callable[[Any], Any]:
    """Compiles a network for batches like one; every process gets the whole result."""
    mesh = parallel_lib.mesh_under(train_state) if jax.process_count() > 1 else None
    params, state = train_state.params, train_state.state
    apply = lambda params, state, inputs: _contract.applied(
        net, params, state, inputs, key=None, train=False
    )[0]
    whole = None if mesh is None else NamedSharding(mesh, PartitionSpec())
    program = _programs.compiled(jax.jit(apply, out_shardings=whole), params, state, example)

    def run(inputs: Any) -> Any:
        outputs, n = jax.tree.map(np.asarray, program(params, state, inputs)), rows_of(inputs)
        for y in jax.tree.leaves(outputs):
            if y.shape[:1] != (n,):
                got = f"{name_of(net)} returned {describe(y)} for {n} rows"
                raise ShapeError(f"predict: {got}; expected an entry for each row")
        return outputs

    return run


def _applied(net: Layer, train_state: TrainState, inputs: Any) -> Any:
    return net.apply(train_state.params, train_state.state, inputs)[0]


def _measured(
    sums_of: Callable[[TrainState, Batch], Metrics],
    train_state: TrainState,
    data: Batch | Batches,
) -> dict[str, Any]:
    if isinstance(data, Mapping):
        return metrics.compute(sums_of(train_state, data))
    if data is None or isinstance(data, Dataset | Stream):
        raise TypeError(
            f"evaluate got a {type(data).__name__}; it needs a part of a dataset, as dataset.test,"
            " or batches"
        )
    batches = batches_of(data, 0)
    parts = [jax.device_get(sums_of(train_state, as_dict(batch))) for batch in batches]
    if not parts:
        raise ValueError("evaluate got no batches")
    return metrics.compute(jax.tree.map(lambda *x: np.sum(x, axis=0, dtype=x[0].dtype), *parts))
