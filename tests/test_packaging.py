"""What ``pip`` sees: the licence, the data and the types travel, and the version has one place."""

import importlib.metadata
import importlib.resources
import tomllib
from pathlib import Path

import jaxdl

ROOT = Path(__file__).parent.parent


def test_the_version_stands_in_one_place():
    assert importlib.metadata.version("jaxdl") == jaxdl.__version__
    assert "version" in tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dynamic"]
    assert jaxdl.__version__ in (ROOT / "CHANGELOG.md").read_text()


def test_the_core_six_are_required():
    needed = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    names = {line.split(">=")[0] for line in needed}
    assert {"jax", "jaxlib", "optax", "flax", "chex", "tensorflow-datasets"} <= names
    assert all(">=" in line for line in needed)


def test_data_licence_and_type_marker_lie_in_the_package():
    package = importlib.resources.files("jaxdl")
    assert (package / "py.typed").is_file()
    assert "MIT" in (package / "data" / "animals.LICENSE").read_text()
    assert (package / "data" / "animals.npz").is_file()


def test_the_readme_is_short_and_its_first_screen_has_both_commands():
    lines = (ROOT / "README.md").read_text().splitlines()
    assert len(lines) <= 150
    first = "\n".join(lines[:30])
    assert 'pip install -e ".[experiments]" && python experiments/animals_mlp.py' in first
    assert 'pip install -e ".[test]" && pytest' in first
