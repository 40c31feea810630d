"""The compiled programs of training, evaluation and prediction, kept for when they come again."""

import functools
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np
import optax
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from jaxdl import parallel as parallel_lib
from jaxdl.parallel import Parallel, Rule
from jaxdl.train._epoch import make_chunk, make_epoch, make_evaluation
from jaxdl.train._step import BatchFn, Measure, TrainState, make_step
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
    mesh: Mesh
    rule: Rule | None  # how the TrainState is split over the mesh, where it isn't whole everywhere


# Kept, so that a second fit or evaluation with the same functions and shapes doesn't compile
# again: several seeds in a loop, a run continued, validation and then test.
@functools.lru_cache(maxsize=64)
def training(recipe: Recipe, batch_size: int) -> tuple[Program, Program]:
    """The program of a chunk, and that of an epoch, of which only the shapes are asked."""
    where = parallel_lib.placement(recipe.engine, recipe.mesh)
    step = make_step(
        recipe.loss_fn,
        recipe.tx,
        axis_name=where["axis_name"],
        accumulate=recipe.accumulate,
        batch_fns=recipe.batch_fns,
        log=dict(recipe.log),
    )
    if recipe.rule is not None:
        step = parallel_lib.constrained(step, recipe.mesh, recipe.rule)
    options = {"batch_size": batch_size, "shuffle": recipe.shuffle, **where}
    chunk, epoch = make_chunk(step, **options), make_epoch(step, **options)
    if recipe.rule is not None:
        split = parallel_lib.constrained(chunk, recipe.mesh, recipe.rule)
        return jax.jit(split), jax.jit(epoch)
    compiled = functools.partial(
        parallel_lib.compile_replicated, engine=recipe.engine, mesh=recipe.mesh
    )
    return compiled(chunk), compiled(epoch)


@functools.lru_cache(maxsize=64)
def evaluation(
    loss_fn: LossFn, batch_size: int, engine: Parallel, mesh: Mesh
) -> Callable[..., Metrics]:
    """The program of an evaluation."""
    where = parallel_lib.placement(engine, mesh)
    evaluate = make_evaluation(loss_fn, batch_size=batch_size, **where)
    return parallel_lib.compile_replicated(evaluate, engine, mesh)


@functools.lru_cache(maxsize=64)
def prediction(net: Layer, mesh: Mesh | None) -> Callable[..., Array]:
    """The program of a network in evaluation; over processes, each gets the whole result."""
    whole = None if mesh is None else NamedSharding(mesh, PartitionSpec())
    apply = lambda params, state, inputs: net.apply(params, state, inputs)[0]
    return jax.jit(apply, out_shardings=whole)


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
    zeros = placed(zeros, recipe.mesh)
    lowered = program.lower(train_state, zeros, data, np.int32(0), np.int32(0))  # type: ignore[attr-defined]
    compiled = lowered.compile(options(reproducible=recipe.reproducible))
    return compiled, zeros, time.perf_counter() - start


def placed(tree: Any, mesh: Mesh, rule: Rule | None = None) -> Any:
    """Puts arrays on the devices of a mesh, whole on each or split by a rule.

    Those that lie there stay. Nothing is ever donated.
    """
    return parallel_lib.put(tree, parallel_lib.shardings(tree, mesh, rule))


def spread(tree: Any, mesh: Mesh) -> Any:
    """Puts arrays whole on every device of a mesh; those that lie there, split or not, stay."""
    devices = set(mesh.devices.flat)
    there = lambda x: isinstance(x, jax.Array) and x.sharding.device_set == devices
    return jax.tree.map(lambda x: x if there(x) else placed(x, mesh), tree)


def options(*, reproducible: bool) -> dict[str, bool] | None:
    """What XLA must be told so that a program gives the same bits in every run.

    On a CPU and a TPU it does by itself; on a GPU some sums depend on which thread is first.
    """
    return {"xla_gpu_deterministic_ops": True} if reproducible and _on_gpu() else None


def _on_gpu() -> bool:
    return jax.default_backend() in ("gpu", "cuda", "rocm")
