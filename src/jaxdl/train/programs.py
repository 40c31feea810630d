"""The compiled programs of training, evaluation and prediction, kept for when they come again."""

import functools
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np
import optax
from jax.sharding import NamedSharding, PartitionSpec

from jaxdl import parallel as parallel_lib
from jaxdl.parallel import Parallel
from jaxdl.train.epoch import make_chunk, make_epoch, make_evaluation
from jaxdl.train.step import BatchFn, Measure, TrainState, make_step
from jaxdl.types import Array, Batch, Layer, LossFn, Metrics

Program = Callable[..., Any]


class Recipe(NamedTuple):
    """All that decides what a training program computes; runs with equal ones share it."""

    loss_fn: LossFn
    tx: optax.GradientTransformation
    accumulate: int
    batch_fns: tuple[BatchFn, ...]
    log: tuple[tuple[str, Measure], ...]
    shuffle: bool
    engine: Parallel
    reproducible: bool


# Kept, so that a second fit or evaluation with the same functions and shapes doesn't compile
# again: several seeds in a loop, a run continued, validation and then test.
@functools.lru_cache(maxsize=64)
def training(recipe: Recipe, batch_size: int) -> tuple[Program, Program]:
    """The program of a chunk, and that of an epoch, of which only the shapes are asked."""
    mesh = parallel_lib.data_mesh()
    where = parallel_lib.placement(recipe.engine, mesh)
    step = make_step(
        recipe.loss_fn,
        recipe.tx,
        axis_name=where["axis_name"],
        accumulate=recipe.accumulate,
        batch_fns=recipe.batch_fns,
        log=dict(recipe.log),
    )
    options = {"batch_size": batch_size, "shuffle": recipe.shuffle, **where}
    chunk = parallel_lib.compile_replicated(make_chunk(step, **options), recipe.engine, mesh)
    epoch = parallel_lib.compile_replicated(make_epoch(step, **options), recipe.engine, mesh)
    return chunk, epoch


@functools.lru_cache(maxsize=64)
def evaluation(loss_fn: LossFn, batch_size: int, engine: Parallel) -> Callable[..., Metrics]:
    """The program of an evaluation."""
    mesh = parallel_lib.data_mesh()
    where = parallel_lib.placement(engine, mesh)
    evaluate = make_evaluation(loss_fn, batch_size=batch_size, **where)
    return parallel_lib.compile_replicated(evaluate, engine, mesh)


@functools.lru_cache(maxsize=64)
def prediction(net: Layer) -> Callable[..., Array]:
    """The program of a network in evaluation."""
    return jax.jit(lambda params, state, inputs: net.apply(params, state, inputs)[0])


def compile_chunk(
    recipe: Recipe, batch_size: int, train_state: TrainState, data: Batch
) -> tuple[Program, Metrics, float]:
    """Compiles a chunk for data of some shape.

    Returns:
        The program, its sums of no steps, and the seconds it took.
    """
    start = time.perf_counter()
    program, epoch = training(recipe, batch_size)
    shapes = jax.eval_shape(epoch, train_state, data)[1]
    # NumPy's zeros need no program of their own.
    zeros = jax.tree.map(lambda s: np.zeros(s.shape, s.dtype), shapes)
    zeros = placed(zeros)
    lowered = program.lower(train_state, zeros, data, np.int32(0), np.int32(0))  # type: ignore[attr-defined]
    compiled = lowered.compile(options(reproducible=recipe.reproducible))
    return compiled, zeros, time.perf_counter() - start


def placed(tree: Any) -> Any:
    """Puts arrays whole on every device; those that lie there stay. Nothing is ever donated."""
    everywhere = NamedSharding(parallel_lib.data_mesh(), PartitionSpec())
    return parallel_lib.put(tree, jax.tree.map(lambda _: everywhere, tree))


def options(*, reproducible: bool) -> dict[str, bool] | None:
    """What XLA must be told so that a program gives the same bits in every run.

    On a CPU and a TPU it does by itself; on a GPU some sums depend on which thread is first.
    """
    return {"xla_gpu_deterministic_ops": True} if reproducible and _on_gpu() else None


def _on_gpu() -> bool:
    return jax.default_backend() in ("gpu", "cuda", "rocm")
