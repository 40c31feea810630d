"""What an experiment builds, traced instead of run."""

import importlib
import sys
from functools import partial

import chex
import jax

from harness import cli, seeds
from harness.config import checked
from harness.run import Run
from jaxdl import train


def trace(name, flags, monkeypatch):
    """Traces a training step of all networks that an experiment builds from a command line."""
    module = importlib.import_module(name)
    monkeypatch.setattr(sys, "argv", [f"{name}.py", "--smoke", *map(str, flags)])
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        for run in seeds.jobs(module.build(checked(cli.parse(module.Config, "")))).values():
            if isinstance(run, Run):
                _step(run)


def _step(run):
    step = train.make_step(run.loss_fn, run.tx)
    batch = {name: x[: run.batch_size] for name, x in run.data.train.items()}
    for fn in run.batch_fns:
        batch = jax.eval_shape(fn, jax.random.key(0), batch)
    start = jax.eval_shape(partial(train.init_state, run.net, run.tx), jax.random.key(0))
    after, metrics = jax.eval_shape(step, start, batch)
    chex.assert_trees_all_equal_structs(after, start)
    assert "loss" in metrics
