"""Several seeds of an experiment, side by side where one program serves them all."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

from harness.config import Config
from harness.programs import difference
from harness.run import (
    Built,
    Loop,
    Looped,
    Population,
    Run,
    Swept,
    Trained,
    alone,
    block,
    looped,
    population,
)
from jaxdl import checkpoint, sweep, train

Job: TypeAlias = Run | Loop | Population
Jobs: TypeAlias = Mapping[str, Job]
"""What one seed trains, by name; the name of a single one is empty."""
Done: TypeAlias = Trained | Looped | Swept


def jobs(built: Built) -> Jobs:
    """What one seed trains, by name."""
    return {"": built} if isinstance(built, Run | Loop | Population) else dict(built)


def together(
    folder: Path, configs: Sequence[Config], each: Sequence[Jobs]
) -> dict[str, sweep.Result]:
    """Trains what one program can train for all seeds; of the rest it says why not."""
    done: dict[str, sweep.Result] = {}
    if len(configs) == 1:
        return done
    for name in each[0]:
        reason = _why_apart(configs, [jobs.get(name) for jobs in each])
        if reason is not None:
            print(f"seeds one after another{f' ({name})' if name else ''}: {reason}")
            continue
        seeds, place = [config.seed for config in configs], folder / "together" / name
        first = _as_population(each[0][name])
        done[name] = population(first, place, seeds, again=configs[0].resume)
    return done


def train_one(config: Config, name: str, job: Job, together: Mapping[str, sweep.Result]) -> Done:
    """A seed's trained job: its part of what was trained together, or trained now."""
    folder = config.output / name
    if isinstance(job, Loop):
        return looped(config, folder, job)
    own = None
    if name in together:
        own = _part(together[name], block(_as_population(job), config.seed))
    if isinstance(job, Population):
        result = own or population(job, folder, [config.seed], again=config.resume)
        return Swept(job, result)
    if own is None or own.diverged[0] >= 0:  # alone, it says where
        return alone(config, folder, job)
    return _as_if_alone(folder, job, own)


def _part(result: sweep.Result, seeds: range) -> sweep.Result:
    return sweep.select(result, [i for i, x in enumerate(result.members) if x["seed"] in seeds])


def _as_if_alone(folder: Path, run: Run, own: sweep.Result) -> Trained:
    """A network trained alongside others, with the files of one that was trained alone."""
    train_state, history = sweep.state(own, 0), sweep.history(own, 0)
    checkpoint.save(folder / "checkpoints", train_state, history)
    newest = train.Event("epoch", train_state, history, run.epochs)
    train.jsonl(folder / "metrics.jsonl")(newest)
    return Trained(run, train_state, history)


def _as_population(job: Job) -> Population:
    if isinstance(job, Population):
        return job
    assert isinstance(job, Run)  # a Loop is never trained together with others
    made = sweep.Run(job.net, job.loss_fn, job.tx, job.batch_fns)
    return Population(job.data, lambda: made, job.epochs, job.batch_size, shuffle=job.shuffle)


def _why_apart(configs: Sequence[Config], jobs: Sequence[Job | None]) -> str | None:
    """The reason why several seeds can't train a job side by side, or None."""
    first = jobs[0]
    if isinstance(first, Loop):
        return "a step of its own is trained for one seed at a time"
    reasons = {
        "a population has no early stopping": isinstance(first, Run) and first.early_stopping,
        "a population has no hooks within the training": isinstance(first, Run) and first.hooks,
        "a population starts from drawn parameters": isinstance(first, Run) and first.start,
        "the members of a seed share their batches": isinstance(first, Population)
        and first.shared_order,
        f"--parallel {configs[0].parallel} is for a single network": isinstance(first, Run)
        and configs[0].parallel != "auto",
    }
    known = next((reason for reason, holds in reasons.items() if holds), None)
    if known is not None or first is None:
        return known
    for config, job in zip(configs[1:], jobs[1:], strict=True):
        if job is None or type(job) is not type(first):
            return f"seed {config.seed} trains something else than seed {configs[0].seed}"
        differs = difference(_as_population(job), _as_population(first))
        if differs is not None:
            return f"seed {config.seed} has {differs} than seed {configs[0].seed}"
    return None
