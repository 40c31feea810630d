"""The lectures as pages: the executed notebooks as they are, and an overview in their order."""

import json
import re
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parents[2]
NOTEBOOKS = ROOT / "notebooks"
BADGE = re.compile(r"\[!\[([^\]]*)\]\(https?:[^)]*\)\]\(([^)]*)\)")


class Lecture(NamedTuple):
    """What the overview says of a lecture, all of it read from its notebook."""

    name: str  # of its file, as "01_perceptron"
    title: str
    about: str
    objectives: str


def pages() -> dict[str, str]:
    """The overview and the notebooks, by file name."""
    notebooks = {
        path.name: json.loads(path.read_text()) for path in sorted(NOTEBOOKS.glob("*.ipynb"))
    }
    lectures = [lecture(name.removesuffix(".ipynb"), book) for name, book in notebooks.items()]
    texts = {name: json.dumps(_for_the_site(book)) for name, book in notebooks.items()}
    return {"index.md": overview(lectures), **texts}


def lecture(name: str, notebook: Any) -> Lecture:
    """Reads title and subtitle from the first cell, objectives from the cell with that tag."""
    first = "".join(notebook["cells"][0]["source"])
    title = re.search(r"(?m)^# (.+)$", first)
    about = re.search(r"(?m)^\*(?!\*)(.+?)\*$", first, re.DOTALL)
    if not title or not about:
        raise ValueError(f"{name}: its first cell needs a title, '# …', and a subtitle, '*…*'")
    return Lecture(name, title.group(1), " ".join(about.group(1).split()), _objectives(notebook))


def _objectives(notebook: Any) -> str:
    """The first paragraph of the cell tagged so: "**After this lecture you can** …"."""
    cells = [c for c in notebook["cells"] if "objectives" in c["metadata"].get("tags", ())]
    return "".join(cells[0]["source"]).strip().partition("\n\n")[0] if cells else ""


def overview(lectures: list[Lecture]) -> str:
    """The page that leads to all of them, with their objectives and pictures."""
    parts = [
        "# Lectures\n",
        "Each lecture presents one idea: first in words and a picture, then from scratch in "
        "`jax.numpy`, then with jaxdl, with a check that both agree. It ends with exercises and "
        "their solutions. The numbers and pictures are those of the notebooks as they ran; "
        'to run them yourself, `pip install -e ".[notebooks]" && jupyter lab notebooks` in a '
        "clone.\n",
        _contents([entry.name for entry in lectures]),
        *map(_entry, lectures),
    ]
    return "\n".join(parts)


def _contents(names: list[str]) -> str:
    return "\n".join(["```{toctree}", ":hidden:", "", *names, "```\n"])


def _entry(entry: Lecture) -> str:
    picture = f"![](pictures/{entry.name}.png){{.lecture-picture}}"
    parts = [f"## [{entry.title}]({entry.name}.ipynb)", picture, entry.about, entry.objectives]
    return "\n\n".join(filter(None, parts)) + "\n"


def _for_the_site(notebook: Any) -> Any:
    """The notebook with a text for each picture; solutions and the first cell are folded."""
    heading = ""
    for cell in notebook["cells"]:
        source = "".join(cell["source"])
        source = source.replace("](README.md)", "](index.md)")  # the site's overview
        source = BADGE.sub(r"[\1](\2)", source)  # their pictures would come from the network
        source = source.replace(") [Open in Binder]", ") · [Open in Binder]")
        cell["source"] = source
        if cell["cell_type"] == "markdown":
            found = re.findall(r"(?m)^#+ (.+)$", source)
            heading = found[-1] if found else heading
            continue
        tags = cell["metadata"].get("tags", [])
        if {"solution", "setup"} & set(tags):
            cell["metadata"]["tags"] = [*tags, "hide-input"]
        text = (
            cell["metadata"].get("alt")
            or f"Picture of “{_plain(heading)}”, drawn by the code above"
        )
        cell["metadata"].setdefault("mystnb", {}).setdefault("image", {}).setdefault("alt", text)
    return notebook


def _plain(markdown: str) -> str:
    return re.sub(r"[*`$\\_]", "", markdown)
