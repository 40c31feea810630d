"""What ``pip`` sees: dependencies, licence, data and types are true, and all has one name."""

import ast
import importlib.metadata
import importlib.resources
import re
import sys
import tomllib
from pathlib import Path

import jaxdl

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
IMPORTED_AS = {
    "chex": "chex",
    "google-crc32c": "google_crc32c",
    "importlib-resources": "importlib_resources",
    "jaxlib": "jaxlib",
    "orbax-checkpoint": "orbax",
    "pillow": "PIL",
    "scikit-learn": "sklearn",
    "tensorboardx": "tensorboardX",
}
"""Distributions whose modules have another name than theirs with underscores."""

NOT_IMPORTED = {
    "jaxlib": "the compiled half of jax",
    "importlib-resources": "tensorflow-datasets imports it without asking for it",
    "jaxdl-toolkit": "this package, with another extra",
}
COMMANDS = {"coverage", "ipympl", "ipywidgets", "jupyterlab", "jupytext", "mypy", "pre-commit"}
COMMANDS |= {"pytest-timeout", "pytest-xdist", "ruff", "build"}


def declared(*extras: str) -> set[str]:
    """The distributions that the package asks for, with these extras or all."""
    options = PROJECT["optional-dependencies"]
    lists = [PROJECT["dependencies"], *(options[extra] for extra in extras or options)]
    names = (re.match(r"[\w.-]+", line) for lines in lists for line in lines)
    return {name.group().lower() for name in names if name}


def modules(distributions: set[str]) -> set[str]:
    return {IMPORTED_AS.get(name, name.replace("-", "_")) for name in distributions}


def imported(*folders: str) -> dict[str, set[str]]:
    """Module from elsewhere -> the files below these folders that import it, by any spelling."""
    found: dict[str, set[str]] = {}
    for path in (path for folder in folders for path in (ROOT / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            # A module whose import is left to a function is named in a call of it.
            call = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
            if call.endswith(("import_module", "_optional_import.module", "importorskip")):
                texts = [a.value for a in node.args if isinstance(a, ast.Constant)]
                names += [text for text in texts if re.fullmatch(r"[A-Za-z_][\w.]*", str(text))]
            for name in names:
                found.setdefault(name.split(".")[0], set()).add(str(path.relative_to(ROOT)))
    return {name: files for name, files in found.items() if name not in sys.stdlib_module_names}


def test_what_the_package_imports_is_declared_and_what_is_declared_is_imported():
    ours = {"jaxdl", ""}
    needed = imported("src")
    missing = {k: v for k, v in needed.items() if k not in modules(declared()) | ours}
    assert not missing, f"imported by src, and not among the dependencies: {missing}"
    whole = imported("src", "tests", "experiments", "notebooks")
    idle = declared() - set(NOT_IMPORTED) - COMMANDS
    assert not {name for name in idle if not modules({name}) & set(whole)}
    core = declared("files") - declared("notebooks") - set(NOT_IMPORTED)
    assert not {name for name in core if not modules({name}) & set(needed)}
