"""Packages that only an extra brings, imported where they are used."""

import importlib
from types import ModuleType


def needs(function: str, module: str, extra: str) -> ModuleType:
    """Imports a module, or raises the ImportError that names the extra to install.

    If the package is installed but its import fails, the message says why.

    Example:
        >>> needs("export", "json", "interop").dumps([1])
        '[1]'
        >>> needs("to_onnx", "no_such_module", "onnx")
        Traceback (most recent call last):
        ...
        ImportError: interop.to_onnx needs no_such_module: pip install "jaxdl-toolkit[onnx]"
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        absent = getattr(error, "name", None) in (module, module.partition(".")[0])
        why = "" if absent else f", whose import fails ({error})"
        raise ImportError(
            f'interop.{function} needs {module}{why}: pip install "jaxdl-toolkit[{extra}]"'
        ) from error
