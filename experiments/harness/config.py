"""The flags that every experiment takes, and the errors that a wrong one ends in."""

import dataclasses
import math
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TypeVar

from jaxdl.parallel import Parallel

MAY_BE_ZERO = ("seed", "shift")
"""Integer flags that may be 0; all others are 1 or more."""

T = TypeVar("T")
C = TypeVar("C", bound="Config")


@dataclasses.dataclass(frozen=True)
class Config:
    """The flags that every experiment takes."""

    output: Path = Path("runs")
    """folder for numbers, checkpoints and pictures"""
    seed: int = 0
    """of the initial parameters, the order of the data and dropout"""
    seeds: int = 1
    """how many seeds to train, from --seed on, each in a folder of its own"""
    epochs: int = 10
    """passes over the training part"""
    parallel: Parallel = "auto"
    """engine of one network on several devices; a population spreads its members over them"""
    resume: bool = False
    """continue from the newest checkpoint in the output folder"""
    smoke: bool = False
    """two epochs on a few rows: does everything run?"""
    cache: str = "auto"
    """folder that keeps compiled programs for later runs; auto for one of jaxdl's own, or off"""


class UserError(Exception):
    """Something that the user can mend; it ends in one ``error:`` line, without a traceback.

    Its ``code`` is the exit status: 2 for a wrong command line, 1 for what fails later.
    """

    def __init__(self, message: str, code: int = 2) -> None:
        super().__init__(message)
        self.code = code


def checked(config: C) -> C:
    """Checks the numbers, and applies what ``--smoke`` changes.

    Raises:
        UserError: if a number is negative or not finite, or 0 where that makes no sense.
    """
    for name, value in vars(config).items():
        for each in value if isinstance(value, tuple) else (value,):
            if isinstance(each, int) and not isinstance(each, bool):
                _check(name, each, least=0 if name in MAY_BE_ZERO else 1)
            elif isinstance(each, float):
                _check(name, each, least=0)
    if config.seed + config.seeds > 2**32:  # keys would repeat those of smaller seeds
        raise UserError(f"argument --seed: got {config.seed}; it needs less than 2**32")
    try:
        str(config.output).encode()
    except UnicodeEncodeError as error:  # Orbax can't write there
        text = f"argument --output: {str(config.output)!a} isn't UTF-8; choose another name"
        raise UserError(text) from error
    return dataclasses.replace(config, epochs=2) if config.smoke else config


def _check(name: str, value: float, least: int) -> None:
    if not least <= value < math.inf:
        raise UserError(f"argument {flag(name)}: got {value}; it needs {least} or more")


def of_each_seed(config: C) -> Iterator[C]:
    """The config of each seed: the given one, or one for every folder ``seed_N`` below it."""
    if config.seeds == 1:
        yield config
        return
    for seed in range(config.seed, config.seed + config.seeds):
        output = config.output / f"seed_{seed}"
        yield dataclasses.replace(config, seed=seed, seeds=1, output=output)


def some(config: Config, choices: Iterable[T]) -> list[T]:
    """All that an experiment compares, or the first and the last for ``--smoke``."""
    every = list(choices)
    return every[:: max(1, len(every) - 1)] if config.smoke else every


def flag(name: str) -> str:
    """How a field is written on the command line."""
    return f"--{name.replace('_', '-')}"
