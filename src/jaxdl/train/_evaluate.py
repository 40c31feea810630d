"""Evaluation and prediction."""

import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np
from jax.sharding import NamedSharding, PartitionSpec

from jaxdl import _checks, _contract, metrics
from jaxdl import parallel as parallel_lib
from jaxdl._checks import ShapeError, describe
from jaxdl._factory import fixed
from jaxdl._plain import plain_numbers
from jaxdl.combinators import LayerLike, lift
from jaxdl.data import Dataset
from jaxdl.data._dataset import at, leaves, plain
from jaxdl.data._stream import Batches, Stream, batches_of, is_batch
from jaxdl.data._validity import check_widths
from jaxdl.parallel import Placement
from jaxdl.parallel._placement import EVERYWHERE, resolved
from jaxdl.train import _programs
from jaxdl.train._arguments import check_train_state
from jaxdl.train._epoch import make_evaluation
from jaxdl.train._meeting import meet
from jaxdl.train._step import TrainState
from jaxdl.train._weights import rows_of
from jaxdl.types import Batch, Layer, LossFn, Metrics, Params, PyTree, Row, State, name_of


@plain_numbers
def evaluate(
    loss_fn: LossFn,
    train_state: TrainState,
    data: Batch | Batches,
    *,
    batch_size: int = 1000,
    devices: Placement = EVERYWHERE,
) -> Row:
    """Measures loss and metrics over data, as if in one batch, with nothing random.

    The loss leaves out the penalty of a ``regularizer``: it measures how well data is predicted.

    A TrainState that is split over devices stays split. With several processes, all must call this
    with the same data. To evaluate averaged parameters, pass ``train_state._replace(
    params=optim.averaged_params(train_state.opt_state, train_state.params))``.

    Args:
        loss_fn: see ``supervised``.
        train_state: supplies the parameters and the state.
        data: arrays by name, such as ``dataset.test``, or a tuple of arrays that your loss takes;
            or batches of them, such as a list or a ``data.Reader``.
        batch_size: rows at a time. It bounds the memory and doesn't change the result, except for
            losses in which rows of a batch interact.
        devices: where to run. Defaults to ``jit`` over all devices.

    Returns:
        ``"loss"`` and each metric by name, as numbers.

    Raises:
        ValueError: if the data is empty, or an integer doesn't fit the 32 bits that JAX keeps.
        TypeError: if it is anything else, such as a whole Dataset, or holds text; if the
            TrainState isn't one.

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
    check_train_state("evaluate", train_state, "params", "state")
    devices = resolved("evaluate", devices)
    run = evaluator("evaluate", loss_fn, batch_size=batch_size, devices=devices)
    return (run.measure if is_batch(data) else run.measure_all)(train_state, data)


class Evaluator(NamedTuple):
    """The evaluation of one loss, compiled once for each shape of data."""

    measure: Callable[[TrainState, Batch], Row]
    measure_all: Callable[[TrainState, Batches], Row]  # batches
    names: Callable[[TrainState, Batch], Sequence[str]]  # of what it measures


def evaluator(caller: str, loss_fn: LossFn, *, batch_size: int, devices: Placement) -> Evaluator:
    """Makes an evaluation that can be run repeatedly; see ``evaluate``."""
    arrays, rebuild = _programs.unbound(loss_fn)

    def compiled(args: tuple[PyTree, ...], size: int, mesh: Any) -> _programs.Program:
        where = parallel_lib.placement(devices.engine, mesh)
        fn = lambda params, state, data, arrays: make_evaluation(
            rebuild(arrays), batch_size=size, **where
        )(params, state, data)
        program = parallel_lib.compile_replicated(fn, devices.engine, mesh)
        options = _programs.options(devices)
        return _programs.compiled(program, *args, options=options)

    known: dict[object, _programs.Program] = {}

    def prepared(
        train_state: TrainState, data: Batch
    ) -> tuple[_programs.Program, tuple[PyTree, ...]]:
        for path, x in leaves(data):
            _checks.numeric(caller, at("data", path), x)
        size = rows_of(data)
        if not size:
            raise ValueError(f"{caller} got data without rows")
        check_widths(f"{caller}: data", data)
        mesh = parallel_lib.mesh_under(train_state) or devices.mesh
        args = train_state.params, train_state.state, data, arrays
        args = _programs.spread(args, mesh)
        given, structure = jax.tree.flatten(args)
        key = mesh, structure, tuple((x.shape, x.dtype, x.sharding) for x in given)
        if key not in known:
            known[key] = compiled(args, min(batch_size, size), mesh)
        return known[key], args

    def sums(train_state: TrainState, data: Batch) -> Metrics:
        program, args = prepared(train_state, plain(data))
        return program(*args)

    def names(train_state: TrainState, data: Batch) -> Sequence[str]:
        program, _ = prepared(train_state, plain(data))
        return tuple(program.out_info)  # type: ignore[attr-defined]

    return Evaluator(
        lambda train_state, data: metrics.compute(sums(train_state, data)),
        lambda train_state, data: _measured(caller, sums, train_state, data),
        names,
    )


@plain_numbers
def predict(
    net: LayerLike, train_state: TrainState, inputs: PyTree, *, batch_size: int = 1000
) -> PyTree:
    """Computes a network's outputs for inputs, in batches, with nothing random.

    Args:
        net: a Layer.
        train_state: supplies the parameters and the state.
        inputs: shape (N, …), or any tree of such arrays that the network takes.
        batch_size: rows at a time; it bounds the memory on the device.

    Returns:
        NumPy arrays of shape (N, …), in the structure that the network returns.

    Raises:
        ValueError: if there are no inputs, they differ in length, an integer doesn't fit the 32
            bits that JAX keeps, or ``batch_size`` isn't a positive integer.
        TypeError: if an argument is of another kind.
        ShapeError: if an output doesn't have an entry for each row.

    Example:
        >>> from jaxdl import layers, train
        >>> import optax
        >>> start = train.init_state(layers.rescale(2.0), optax.sgd(0.1), jax.random.key(0))
        >>> predict(layers.rescale(2.0), start, np.ones((3, 1), "f")).tolist()
        [[2.0], [2.0], [2.0]]
    """
    check_train_state("predict", train_state, "params", "state")
    _checks.positive_ints("predict", batch_size=batch_size)
    net, inputs = lift(net), jax.tree.map(np.asarray, inputs)
    for x in jax.tree.leaves(inputs):
        _checks.numeric("predict", "inputs", x)
    lengths = {len(x) if x.ndim else 0 for x in jax.tree.leaves(inputs)}
    if lengths in (set(), {0}):
        raise ValueError("predict got inputs without rows")
    if len(lengths) > 1:
        raise ValueError(f"predict got inputs of different lengths: {sorted(lengths)}")
    check_widths("predict: inputs", inputs)
    size = lengths.pop()
    batch_size = min(batch_size, size)
    rows = lambda i, j: jax.tree.map(lambda x: x[i:j], inputs)
    if batch_size == size:
        return _network(net, train_state, inputs)(inputs)
    run, rest = _network(net, train_state, rows(0, batch_size)), size % batch_size
    outputs = [run(rows(i, i + batch_size)) for i in range(0, size - rest, batch_size)]
    alone = functools.partial(_evaluated(net), train_state.params, train_state.state)
    if rest and meet(alone, rows(0, batch_size)):
        last = rows(size - rest, size)
        outputs.append(_network(net, train_state, last)(last))
    elif rest:  # filled up with rows of the batch before, so that nothing compiles again
        filled = run(rows(size - batch_size, size))
        outputs.append(jax.tree.map(lambda y: y[batch_size - rest :], filled))
    return jax.tree.map(lambda *parts: np.concatenate(parts), *outputs)


def _network(net: Layer, train_state: TrainState, example: PyTree) -> Callable[[PyTree], PyTree]:
    """Compiles a network for batches like one; every process gets the whole result."""
    params, state = train_state.params, train_state.state
    program = _kept(net) if jax.process_count() == 1 else None
    if program is None:
        mesh = parallel_lib.mesh_under(train_state) if jax.process_count() > 1 else None
        whole = None if mesh is None else NamedSharding(mesh, PartitionSpec())
        traced = jax.jit(_evaluated(net), out_shardings=whole)
        program = _programs.compiled(traced, params, state, example)

    def run(inputs: PyTree) -> PyTree:
        outputs, n = jax.tree.map(np.asarray, program(params, state, inputs)), rows_of(inputs)
        for y in jax.tree.leaves(outputs):
            if y.shape[:1] != (n,):
                got = f"{name_of(net)} returned {describe(y)} for {n} rows"
                raise ShapeError(f"predict: {got}; expected an entry for each row")
        return outputs

    return run


@functools.lru_cache(maxsize=32)
def _kept(net: Layer) -> Callable[..., PyTree] | None:
    """The program of a network that needn't be traced at every call, as nothing in it can change.

    Tracing takes a hundred times as long as computing one row.
    """
    return jax.jit(_evaluated(net)) if fixed(net) else None


def _evaluated(net: Layer) -> Callable[[Params, State, PyTree], PyTree]:
    apply = functools.partial(_contract.applied, net, key=None, train=False)
    return lambda params, state, x: apply(params, state, x)[0]


def _measured(
    caller: str,
    sums_of: Callable[[TrainState, Batch], Metrics],
    train_state: TrainState,
    data: Batches,
) -> Row:
    """Measures batches one by one."""
    if data is None or isinstance(data, Dataset | Stream):
        raise TypeError(
            f"{caller} got a {type(data).__name__}; it needs a part of a dataset, such as"
            " dataset.test, or batches"
        )
    batches = batches_of(data, 0)
    parts = [jax.device_get(sums_of(train_state, batch)) for batch in batches]
    if not parts:
        raise ValueError(f"{caller} got no batches")
    return metrics.compute(jax.tree.map(lambda *x: np.sum(x, axis=0, dtype=x[0].dtype), *parts))
