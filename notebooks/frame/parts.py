"""The cells that are the same in every lecture: navigation, badges, installation."""

import tomllib
from itertools import pairwise
from pathlib import Path
from urllib.parse import quote

import jupytext
from nbformat import NotebookNode, v4

from frame.source import headline, sources

PROJECT = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
REPOSITORY = PROJECT["urls"]["Repository"].removeprefix("https://github.com/")
"""Where the badges look for the lectures: owner/name on GitHub. Nothing is installed from there:
lectures install the released package."""

SETUP = """\
# Installs jaxdl where it is missing, as on Colab, and sets the size of pictures.
import importlib.util
import subprocess
import sys

import matplotlib.pyplot as plt

if importlib.util.find_spec("jaxdl") is None:
    package = "jaxdl-toolkit[notebooks]"
    subprocess.run([sys.executable, "-m", "pip", "install", "-q", package], check=True)
plt.rcParams.update(
    {"figure.dpi": 150, "font.size": 12, "figure.constrained_layout.use": True}
)"""


def complete(path: Path, notebook: NotebookNode) -> None:
    """Adds navigation and badges below the title and at the end, and the cell that installs."""
    first = next(i for i, cell in enumerate(notebook.cells) if cell.cell_type == "code")
    notebook.cells.insert(first, v4.new_code_cell(SETUP, metadata=_made("setup")))
    links = navigation(path)
    notebook.cells.insert(1, v4.new_markdown_cell(f"{badges(path)}\n\n{links}", metadata=_made()))
    notebook.cells.append(v4.new_markdown_cell(f"---\n{links}", metadata=_made()))


def navigation(path: Path) -> str:
    """Returns links to the lecture before, the index, and the lecture after."""
    before = {b.stem: a for a, b in pairwise(sources())}.get(path.stem)
    after = {a.stem: b for a, b in pairwise(sources())}.get(path.stem)
    links = [_link(before, "← {}")] if before else []
    links.append("[all lectures](README.md)")
    return " · ".join(links + ([_link(after, "{} →")] if after else []))


def badges(path: Path) -> str:
    """Returns the badges that open a lecture on Colab and on Binder."""
    name = f"notebooks/{path.stem}.ipynb"
    colab = f"https://colab.research.google.com/github/{REPOSITORY}/blob/main/{name}"
    binder = f"https://mybinder.org/v2/gh/{REPOSITORY}/main?labpath={quote(name, safe='')}"
    return (
        f"[![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)]({colab}) "
        f"[![Open in Binder](https://mybinder.org/badge_logo.svg)]({binder})"
    )


def _link(path: Path, text: str) -> str:
    title, _ = headline(jupytext.read(path, fmt="py:percent"))
    return f"[{text.format(f'{int(path.name[:2])} · {title}')}]({path.stem}.ipynb)"


def _made(*tags: str) -> dict:
    return {"tags": ["generated", *tags]}
