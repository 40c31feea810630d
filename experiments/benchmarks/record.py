"""Keeps what a benchmark measured as JSON, so that compare.py can compare it with another run."""

import argparse
import importlib.metadata
import json
import os
import platform
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import jaxdl

PACKAGES = ("jax", "jaxlib", "optax", "numpy")


def add_option(parser: argparse.ArgumentParser) -> None:
    """The option of all benchmarks that keep what they measure."""
    parser.add_argument("--json", type=Path, help="file that keeps the figures, for compare.py")


def write(path: Path | None, seconds: Mapping[str, Sequence[float]]) -> None:
    """Writes the repeats of every figure, in seconds, with where and on what they were measured."""
    if path is None:
        return
    commit = subprocess.run(
        ["git", "describe", "--always", "--dirty"],
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
    )
    versions = {name: importlib.metadata.version(name) for name in PACKAGES}
    about = {
        "commit": commit.stdout.strip() or None,
        "machine": platform.machine(),
        "cores": os.cpu_count(),
        "versions": {"jaxdl": jaxdl.__version__, "python": platform.python_version()} | versions,
    }
    kept = {name: list(map(float, repeats)) for name, repeats in seconds.items()}
    path.write_text(json.dumps(about | {"seconds": kept}, indent=1) + "\n")
