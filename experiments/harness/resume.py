"""Where a run starts: in a folder prepared for it, at step 0 or at a checkpoint."""

import contextlib
import dataclasses
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from harness import folder as folders
from harness.config import C, Config, UserError, flag
from jaxdl import checkpoint, parallel, train

ANYWHERE = ("output", "seeds", "cache", "resume", "data_dir", "parallel")
"""Flags that say where and how a run is computed, but not what."""


def prepared(configs: Sequence[C], group: Path, names: Sequence[str]) -> list[C]:
    """Prepares the folders of all seeds, and decides whether they resume.

    Args:
        configs: of each seed.
        group: the folder of all seeds; with one seed, its own.
        names: of what each seed trains, ``[""]`` for a single network.

    Raises:
        UserError: if a folder can't be written to or holds what isn't ours, or a run would be
            resumed with other flags than it was started with.
    """
    several = len(configs) > 1
    try:
        each = [config.output / name for config in configs for name in names]
        each += [group / "together" / name for name in names] if several else []
        resume = _resumes(configs[0], group, each)
        reason = ""
        if parallel.is_primary():
            if several:
                group.mkdir(parents=True, exist_ok=True)
                _make_ready(group, ["together", "seeds.json"], resume=resume)
            for config in configs:
                _begin(config, names, resume=resume)
    except UserError as error:
        reason = str(error)
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the path, say
        reason = f"--output {group} can't be written: {getattr(error, 'strerror', None) or error}"
    if parallel.broadcast_from_primary(bool(reason)):  # all processes wait here for the first
        raise UserError(reason or f"--output {group}: process 0 says what is wrong")
    return [dataclasses.replace(config, resume=resume) for config in configs]


def saved(folder: Path) -> list[Path]:
    """The checkpoints of a run; none where it was killed before its first was whole."""
    return [path for path in (folder / "checkpoints").glob("[0-9]*[0-9]") if path.is_dir()]


def restored(
    folder: Path, like: train.TrainState, stopping: train.EarlyStopping | None
) -> tuple[train.TrainState, train.History, train.EarlyStopping | None]:
    """The newest checkpoint, and where a run may end with its best epoch, also that one."""
    checkpoints = folder / "checkpoints"
    try:
        train_state, history = checkpoint.restore(checkpoints, like)
        if stopping is not None:
            with contextlib.suppress(FileNotFoundError):  # no epoch is complete yet
                where = checkpoint.best(checkpoints, stopping.metric, stopping.mode)
                stopping = stopping._replace(best=checkpoint.restore(where, like)[0])
    except (OSError, ValueError) as error:
        raise UserError(f"--resume: {error}") from error
    return train_state, history, stopping


def _resumes(config: Config, group: Path, each: Sequence[Path]) -> bool:
    """Whether to continue an earlier run: if asked to, or if the launcher restarted this one."""
    found = bool(parallel.broadcast_from_primary(any(saved(folder) for folder in each)))
    if config.resume and not found:
        print(f"--resume: no checkpoint in {group} yet, so this starts from the beginning")
    return found and (config.resume or _started_again(each))


def _started_again(each: Sequence[Path]) -> bool:
    """Whether the launcher restarted this run, and an earlier start left a checkpoint."""
    launched = float(os.environ.get("JAXDL_LAUNCHED", "inf"))  # older checkpoints are another run's
    sums = [path / "SHA256SUMS" for folder in each for path in saved(folder)]
    again = os.environ.get("JAXDL_RESTART", "0") != "0"
    new = any(path.exists() and path.stat().st_mtime >= launched for path in sums)
    return bool(parallel.broadcast_from_primary(again and new))


def _begin(config: Config, names: Sequence[str], *, resume: bool) -> None:
    """Prepares the folder of one seed, with its config and an unfinished result."""
    folder = config.output
    folder.mkdir(parents=True, exist_ok=True)
    if resume:
        _check_alike(config)
    single = ["checkpoints", "metrics.jsonl"] if "" in names else []
    _make_ready(folder, ["config.json", folders.RESULT, *single, *filter(None, names)], resume)
    folders.write_json(folder / "config.json", dataclasses.asdict(config))
    if not folders.is_finished(folder):
        folders.write_json(folder / folders.RESULT, {"finished": False, "seed": config.seed})


def _make_ready(folder: Path, names: Sequence[str], resume: bool) -> None:
    """Moves an earlier run aside, except to resume it, and claims the names of the new one."""
    folders.check_ours(folder, names)  # before anything is moved
    known = folders.claimed(folder)
    if not resume and _has_work(folder, known):
        place = folders.move_aside(folder, known)
        print(f"the earlier run in {folder} is in {place} now")
    folders.claim(folder, names)


def _has_work(folder: Path, known: set[str]) -> bool:
    """Whether a run has left a checkpoint or a result, so that there is something to lose."""
    places = [folder, *(path for name in known for path in (folder / name).rglob("checkpoints"))]
    checkpoints = any(saved(path if path == folder else path.parent) for path in places)
    return checkpoints or folders.is_finished(folder) or (folder / "seeds.json").exists()


def _check_alike(config: Config) -> None:
    """Refuses to resume what was started with other flags; says so where only epochs differ."""
    try:
        before: dict[str, Any] = json.loads((config.output / "config.json").read_text())
    except FileNotFoundError:
        return
    except ValueError as error:
        text = f"--resume: {config.output / 'config.json'} is damaged: {error}"
        raise UserError(text) from error
    now = json.loads(json.dumps(dataclasses.asdict(config), default=str))
    changed = [k for k in now if k not in ANYWHERE and k in before and before[k] != now[k]]
    if wrong := [k for k in changed if k != "epochs"]:
        given = ", ".join(f"{flag(k)} {_shown(before[k])}, not {_shown(now[k])}" for k in wrong)
        raise UserError(
            f"--resume: the run in {config.output} was started with {given}; give the same flags,"
            " or another --output"
        )
    if changed:
        print(
            f"--resume: {now['epochs']} epochs instead of {before['epochs']}; what depends on their"
            " number, such as a schedule of the learning rate, follows the new one"
        )


def _shown(value: Any) -> str:
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)
