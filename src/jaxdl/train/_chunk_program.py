"""The program of a chunk of steps: a step of any training, on the devices of a run."""

import time
from typing import Any

import jax
import numpy as np

from jaxdl import _paths
from jaxdl import data as data_lib
from jaxdl import parallel as parallel_lib
from jaxdl.train import _programs
from jaxdl.train._chunks import Compiler, no_sums
from jaxdl.train._epoch import make_chunk, summed
from jaxdl.train._rows import Where
from jaxdl.train._run import AnyStep, Run
from jaxdl.train._sources import Part
from jaxdl.types import Batch, Metrics, PyTree


def compiler(run: Run) -> Compiler:
    """Returns a function that compiles the program of a part when its shape is new."""
    known: dict[Any, tuple[_programs.Program, Metrics]] = {}

    def compiled(train_state: PyTree, part: Part) -> tuple[_programs.Program, Metrics, float]:
        leaves, structure = jax.tree.flatten(part.data)
        shape = structure, part.batch_size, tuple((x.shape, x.dtype) for x in leaves)
        if shape in known:
            return *known[shape], 0.0
        began = time.perf_counter()
        known[shape] = _compiled(run, train_state, part)
        return *known[shape], time.perf_counter() - began

    return compiled


def _compiled(run: Run, train_state: PyTree, part: Part) -> tuple[_programs.Program, Metrics]:
    """The program of a chunk of a part's steps, and its sums of no steps."""
    mesh: Any = run.devices.mesh
    engine, rule, donate = run.devices.engine, run.devices.rule, run.devices.donate
    where = Where(**parallel_lib.placement(engine, mesh))
    shuffle = run.shuffle and isinstance(run.data, data_lib.Dataset)

    def step_of(train_state: PyTree, data: Batch, arrays: PyTree) -> tuple[AnyStep[Any], bool]:
        step, pad = run.make_step(arrays, train_state, data, part.batch_size, where)
        return (step if rule is None else parallel_lib.constrained(step, mesh, rule)), pad

    def chunk(
        train_state: PyTree, sums: Metrics, data: Batch, arrays: PyTree, *span: Any
    ) -> PyTree:
        step, pad = step_of(train_state, data, arrays)
        how = {"batch_size": part.batch_size, "shuffle": shuffle, "pad": pad, **where._asdict()}
        return make_chunk(step, **how)(train_state, sums, data, *span)

    def one(train_state: PyTree, data: Batch, arrays: PyTree) -> PyTree:
        step = summed(step_of(train_state, data, arrays)[0], where.axis_name)
        return step(train_state, jax.tree.map(lambda x: x[: part.batch_size], data))

    on_devices = lambda fn: parallel_lib.compile_replicated(fn, engine, mesh, donate=donate)
    shapes = _programs.trace(on_devices(one), train_state, part.data, run.arrays).out_info
    _check_structure(train_state, shapes[0])
    zeros = _programs.placed(no_sums(shapes[1]), mesh)
    donated = (0,) if donate else ()
    split = lambda fn: jax.jit(parallel_lib.constrained(fn, mesh, rule), donate_argnums=donated)
    program = (on_devices if rule is None else split)(chunk)
    options = _programs.options(run.devices)
    span = np.int32(0), np.int32(0)
    ready = _programs.compiled(
        program, train_state, zeros, part.data, run.arrays, *span, options=options
    )
    # Placed rather than passed as they are: a transfer guard that a user sets lets them through.
    return lambda ts, sums, data, *span: ready(
        ts, sums, data, run.arrays, *_programs.placed(span, mesh)
    ), zeros


def _check_structure(before: PyTree, after: PyTree) -> None:
    """A step must return a TrainState like the one it got, or no second step could follow."""
    named = jax.tree.leaves_with_path
    kinds = lambda tree: [(_paths.spell(p), x.shape, x.dtype) for p, x in named(tree)]
    for old, new in zip(kinds(before), kinds(after), strict=False):
        if old != new:
            raise ValueError(
                f"the step changes the TrainState: {old[0]} was {old[2]}{list(old[1])}, and after"
                f" it {new[0]} is {new[2]}{list(new[1])}; structure, shapes and dtypes must stay"
            )
    structures: list[Any] = [jax.tree.structure(tree) for tree in (before, after)]
    if structures[0] != structures[1]:
        raise ValueError("the step changes the structure of the TrainState; it must stay as it is")
