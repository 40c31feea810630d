"""jaxdl: deep learning as pure functions on JAX.

Functions first (``activations``, ``losses``, ``functional``), then layers and ``serial``, then
``train``: one pure step that ``jit``, ``scan``, ``vmap``, ``pmap`` and ``shard_map`` each run.

- arrays in, arrays out: ``activations``, ``losses``, ``functional``, ``initializers``, ``metrics``
- networks, each a ``Layer``: ``layers``, ``combinators``, ``models``
- training: ``data``, ``optim``, ``regularizers``, ``train``, ``checkpoint``, ``parallel``,
  ``sweep``
- looking inside: ``explain``, ``plots``
- from and to other libraries: ``interop``

A subpackage is loaded when first used. ``help(jaxdl.losses)`` lists its contents, one per line.
"""

import importlib
import os
import warnings
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jaxdl import (
        activations,
        checkpoint,
        combinators,
        data,
        explain,
        functional,
        initializers,
        interop,
        layers,
        losses,
        metrics,
        models,
        optim,
        parallel,
        plots,
        regularizers,
        sweep,
        train,
    )
    from jaxdl.combinators import serial
    from jaxdl.types import Layer

__version__ = "0.1.0"

__all__ = [
    "Layer",
    "activations",
    "checkpoint",
    "combinators",
    "data",
    "explain",
    "functional",
    "initializers",
    "interop",
    "layers",
    "losses",
    "metrics",
    "models",
    "optim",
    "parallel",
    "plots",
    "regularizers",
    "serial",
    "sweep",
    "train",
]

_HOMES = {"Layer": "jaxdl.types", "serial": "jaxdl.combinators"}


def __getattr__(name: str) -> Any:
    """Loads a subpackage when first used (PEP 562)."""
    if name not in __all__:
        raise AttributeError(f"module 'jaxdl' has no attribute {name!r}")
    if name in _HOMES:
        globals()[name] = getattr(importlib.import_module(_HOMES[name]), name)
        return globals()[name]
    return importlib.import_module(f"jaxdl.{name}")


def __dir__() -> list[str]:
    return [*__all__, "__version__"]


def _warn_of_another_distribution(folder: str) -> None:
    """Warns if files of another distribution with a module ``jaxdl`` are mixed with these."""
    parts = (entry.name for entry in os.scandir(folder) if entry.is_dir())
    foreign = sorted(name for name in parts if name[0] not in "_." and name not in __all__)
    if foreign:
        warnings.warn(
            f"{folder} also holds {', '.join(foreign)} of another distribution: the package index "
            "has one by the name of jaxdl, this one is jaxdl-toolkit. Mend it by `pip uninstall "
            "jaxdl jaxdl-toolkit`, then `pip install jaxdl-toolkit`",
            stacklevel=3,
        )


_warn_of_another_distribution(os.path.dirname(__file__))
