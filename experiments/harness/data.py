"""The data of an experiment, or a sentence on what is missing."""

from typing import Any

import jaxdl
from harness.config import Config, UserError
from jaxdl.data import Dataset
from jaxdl.types import Batch

FEW = 256
"""Rows of each part for ``--smoke``."""


def load(name: str, config: Config, **options: Any) -> Dataset:
    """Loads a dataset, and only a few rows of it for ``--smoke``.

    Raises:
        UserError: if there is no usable copy, or no such folder.
    """
    folder = options.get("data_dir")
    if folder is not None and not folder.expanduser().is_dir():  # else any other copy would do
        raise UserError(f"--data-dir {folder}: there is no such folder")
    try:
        dataset = jaxdl.data.load(name, **options)
    except (OSError, ValueError) as error:
        raise UserError(str(error)) from error
    return shortened(dataset, FEW) if config.smoke else dataset


def shortened(dataset: Dataset, rows: int) -> Dataset:
    """The first rows of each part."""
    few = lambda part: None if part is None else {name: x[:rows] for name, x in part.items()}
    return dataset._replace(
        train={name: x[:rows] for name, x in dataset.train.items()},
        validation=few(dataset.validation),
        test=few(dataset.test),
    )


def part_of(dataset: Dataset, name: str) -> Batch:
    """The ``"train"``, ``"validation"`` or ``"test"`` part of a dataset that has it."""
    part: Batch | None = getattr(dataset, name)
    if part is None:
        raise ValueError(f"the dataset has no {name} part")
    return part
