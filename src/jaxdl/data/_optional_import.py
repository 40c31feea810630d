"""Packages that only some data needs, imported where it is read."""

import importlib
from types import ModuleType


class MissingPackage(ImportError):
    """A package isn't installed; the message says how to install it."""


def module(function: str, name: str, package: str) -> ModuleType:
    """Imports a module, or raises an ImportError that says what to install.

    Example:
        >>> module("table", "json", "json").dumps([1])
        '[1]'
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise MissingPackage(f"{function} needs {package}: pip install {package}") from error
