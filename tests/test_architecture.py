"""The floors of DESIGN: imports point down, importing is light, and few names stand on top."""

import ast
import importlib
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import jaxdl
from jaxdl import _face

SOURCE = Path(jaxdl.__file__).parent
FLOORS = [
    # On floor 0 too, like all with an underscore: what types and their checks need.
    {"_checks", "_jaxprs"},
    {"_plain", "_replay", "_warnings"},
    {"_factory"},
    {"types"},
    {
        "_forward_mode",
        "_face",
        "_labels",
        "_paths",
        "_portable",
        "_precision",
        "_varying",
    },
    {"_bilinear", "_contract", "_ranges"},
    {"_checked"},
    {"activations", "losses", "initializers", "metrics", "functional"},
    {"layers", "combinators"},
    {"models", "optim", "regularizers", "data", "parallel"},
    {"train", "checkpoint"},
    {"sweep", "explain", "interop"},
    {"plots"},
]
FLOOR = {name: number for number, names in enumerate(FLOORS) for name in names}
FACES = [name for name in jaxdl.__all__ if name not in ("Layer", "serial")]
HEAVY = ("flax", "orbax", "tensorflow_datasets", "tensorflow", "matplotlib", "chex")
MODULES = sorted(
    path for path in SOURCE.rglob("*.py") if path.parent != SOURCE or path.stem != "__init__"
)


def part_of(path):
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


def imported(path):
    """The parts of jaxdl that a module imports."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module == "jaxdl":
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.module[:6] == "jaxdl.":
            yield node.module.split(".")[1]
        elif isinstance(node, ast.Import):
            names = (alias.name.split(".") for alias in node.names)
            yield from (name[1] for name in names if name[0] == "jaxdl" and len(name) > 1)


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(SOURCE)))
def test_imports_point_to_lower_floors(path):
    here = part_of(path)
    for other in imported(path):
        assert other == here or FLOOR[other] < FLOOR[here], f"{here} may not import {other}"


def run(code):
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout


def test_importing_jaxdl_loads_nothing_heavy():
    loaded = run("import jaxdl, sys; print(*sys.modules)").split()
    # optax itself may import some; what jaxdl adds is what counts.
    already = set(run("import jax, optax, sys; print(*sys.modules)").split())
    assert [name for name in HEAVY if name in set(loaded) - already] == []


def seconds(imports):
    """CPU seconds of some imports, the least of a few new processes."""
    timed = "import time; t = time.process_time(); {}; print(time.process_time() - t)"
    return min(float(run(timed.format(imports))) for _ in range(5))


@pytest.mark.slow
def test_importing_costs_little_more_than_jax_and_optax():
    theirs = seconds("import jax, optax")
    assert seconds("import jaxdl") <= 1.15 * theirs
    most = "import jaxdl; jaxdl.data, jaxdl.layers, jaxdl.losses, jaxdl.models, jaxdl.train"
    assert seconds(f"import optax; {most}") <= 1.6 * theirs


def test_few_names_on_top():
    # In a new process: others import more of its modules.
    names = run("import jaxdl; print(*(name for name in vars(jaxdl) if name[0] != '_'))").split()
    assert set(names) - {"importlib", "os", "warnings", "Any", "TYPE_CHECKING"} == set()
    assert set(jaxdl.__all__) | {"__version__"} == set(dir(jaxdl))
    assert len(jaxdl.__all__) <= 20


def test_help_of_the_package_lists_its_parts_and_type_checkers_see_them():
    for part in FACES:
        assert f"``{part}``" in jaxdl.__doc__
    tree = ast.parse((SOURCE / "__init__.py").read_text())
    (guarded,) = (node.body for node in tree.body if isinstance(node, ast.If))
    imports = [node for node in guarded if isinstance(node, ast.ImportFrom)]
    assert {alias.name for node in imports for alias in node.names} == set(jaxdl.__all__)


@pytest.mark.parametrize("part", FACES)
def test_help_lists_every_public_name_with_a_line(part):
    face = importlib.import_module(f"jaxdl.{part}")
    assert sorted(face.__all__) == sorted(set(face.__all__))
    public = {name for name, value in vars(face).items() if name[0] != "_"}
    ours = {
        n
        for n in public
        if str(getattr(vars(face)[n], "__module__", "")).startswith(f"jaxdl.{part}")
    }
    assert ours <= set(face.__all__)
    for name in face.__all__:
        line = _face.first_line(getattr(face, name))
        assert face.__doc__ and line and f"\n{name} " in face.__doc__ and line in face.__doc__
        assert len(line) <= 120 and line[-1] in ".:]'})", f"{name}: {line}"


PUBLIC = [
    (name, function)
    for part in sorted({part_of(m) for m in MODULES} - set().union(*FLOORS[:6]))
    for name, function in vars(importlib.import_module(f"jaxdl.{part}")).items()
    if inspect.isfunction(inspect.unwrap(function))
    and inspect.unwrap(function).__module__.startswith(f"jaxdl.{part}")
    and not name.startswith("_")
]


@pytest.mark.parametrize("function", [f for _, f in PUBLIC], ids=[name for name, _ in PUBLIC])
def test_every_public_function_says_what_it_does_and_shows_it(function):
    text = inspect.getdoc(function) or ""
    assert "Example:" in text and ">>>" in text
    hints = inspect.signature(function)
    assert hints.return_annotation is not inspect.Signature.empty
    assert all(p.annotation is not p.empty for p in hints.parameters.values())
