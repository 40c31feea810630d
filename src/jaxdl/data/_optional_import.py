"""Packages that only some data needs, asked for where it is read."""

import importlib
from types import ModuleType


def module(function: str, name: str, package: str) -> ModuleType:
    """Imports a module, or raises the ImportError that says what to install.

    Example:
        >>> module("table", "json", "json").dumps([1])
        '[1]'
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ImportError(f"{function} needs {package}: pip install {package}") from error
