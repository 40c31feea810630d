"""The public names of jaxdl, read from its packages and their source."""

import ast
import functools
import importlib
import inspect
import types
from pathlib import Path
from typing import Any, NamedTuple

import jaxdl

Definition = ast.FunctionDef | ast.ClassDef | ast.Assign | ast.AnnAssign


class Name(NamedTuple):
    """A public name, with the statement that defines it."""

    package: str  # as "losses"
    name: str
    value: Any
    node: Definition | None  # None for what comes from another library
    doc: str

    @property
    def path(self) -> str:
        """The name in full, as ``jaxdl.losses.dice``."""
        return f"jaxdl.{self.package}.{self.name}"

    @property
    def kind(self) -> str:
        """A function, a class or data, as Sphinx has it."""
        if isinstance(self.value, type) and not isinstance(self.value, types.GenericAlias):
            return "data" if isinstance(self.node, ast.AnnAssign | ast.Assign) else "class"
        return "function" if inspect.isroutine(self.value) else "data"


@functools.cache
def packages() -> tuple[str, ...]:
    """The public packages in alphabetical order."""
    return tuple(sorted({*jaxdl.__all__, "types"} - jaxdl._HOMES.keys()))


@functools.cache
def of(package: str) -> tuple[Name, ...]:
    """The public names of a package in alphabetical order."""
    module = importlib.import_module(f"jaxdl.{package}")
    listed = getattr(module, "__all__", None) or _types(Path(str(module.__file__)))
    return tuple(_name(package, name, getattr(module, name)) for name in listed)


def _types(file: Path) -> list[str]:
    """What ``types``, which has no ``__all__``, defines or passes on under its own name."""
    defined = _statements(file).keys() | {"assembly", "factory"}
    return sorted(name for name in defined if not name.startswith("_"))


def _name(package: str, name: str, value: Any) -> Name:
    node, doc = _definition(package, name, value)
    return Name(package, name, value, node, doc)


def _definition(package: str, name: str, value: Any) -> tuple[Definition | None, str]:
    """The statement that defines a name, and its docstring or the string below it."""
    inner = inspect.unwrap(value) if callable(value) else value
    module = getattr(inner, "__module__", "") or ""
    if inspect.isroutine(inner) or (isinstance(inner, type) and module.startswith("jaxdl")):
        node = (
            _statements(Path(inspect.getfile(inner))).get(inner.__name__, (None, ""))[0]
            if module.startswith("jaxdl")
            else None
        )
        return node, inspect.getdoc(value) or ""
    home = Path(str(importlib.import_module(f"jaxdl.{package}").__file__))
    files = [home] if home.name != "__init__.py" else sorted(home.parent.glob("*.py"))
    found = [_statements(file)[name] for file in files if name in _statements(file)]
    return found[0] if found else (None, "")


@functools.cache
def _statements(file: Path) -> dict[str, tuple[Definition, str]]:
    """The statements of a file's top level by the name they define, with the string below each."""
    body = ast.parse(file.read_text()).body
    found: dict[str, tuple[Definition, str]] = {}
    for node, after in zip(body, [*body[1:], None], strict=True):
        text = ""
        if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant):
            text = inspect.cleandoc(str(after.value.value))
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found[node.name] = node, ""
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            found[node.target.id] = node, text
        elif isinstance(node, ast.Assign):
            targets = [n for target in node.targets for n in ast.walk(target)]
            found |= {n.id: (node, text) for n in targets if isinstance(n, ast.Name)}
    return found


@functools.cache
def homes() -> dict[str, tuple[str, ...]]:
    """The packages that have a name, by the name."""
    found: dict[str, list[str]] = {}
    for package in packages():
        for entry in of(package):
            found.setdefault(entry.name, []).append(package)
    return {name: tuple(where) for name, where in found.items()}
