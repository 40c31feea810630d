"""A lecture as a deck of slides, from its executed notebook, with one idea a slide.

A heading begins a column of slides; below it come, one a slide, its paragraphs, code and pictures.
"""

import copy
import re
from collections.abc import Iterator
from pathlib import Path

from nbconvert import SlidesExporter
from nbformat import NotebookNode, v4
from traitlets.config import Config

from frame.source import headline, tags

LETTERS = 620  # that fit on a slide beside a heading
SKIPPED = {"generated", "setup", "solution", "check", "quiz"}
STYLE = """<style>
.reveal { font-size: 26px; }
.reveal .slides { text-align: left; }
.reveal h1, .reveal h2, .reveal h3 { text-transform: none; text-align: left; }
.reveal .slides section { max-height: 100%; overflow-y: auto; }
.reveal .jp-RenderedImage img { max-height: 520px; width: auto !important; }
.reveal .jp-InputPrompt, .reveal .jp-OutputPrompt { display: none; }
.reveal pre { font-size: 15px; box-shadow: none; width: 100%; }
.reveal table { font-size: 20px; }
</style>"""
# Where a local copy of the parts of a deck lies, by their folders in node_modules.
LOCAL = {
    "reveal_url_prefix": "reveal.js",
    "mathjax_url": "mathjax/MathJax.js?config=TeX-AMS_CHTML-full,Safe",
    "require_js_url": "requirejs/require.js",
    "jquery_url": "jquery/dist/jquery.min.js",
}


def deck(notebook: NotebookNode) -> NotebookNode:
    """Returns a notebook whose cells say which slide they begin, for nbconvert's decks."""
    title, summary = headline(notebook)
    made = v4.new_notebook(metadata=notebook.metadata)
    number = notebook.cells[0].source.split(" · ")[0].removeprefix("# ")
    said = f"{STYLE}\n# {number} · {title}\n\n*{summary}*"
    made.cells = [_slide(v4.new_markdown_cell(said), "slide")]
    heading = ""
    for cell in notebook.cells:
        if SKIPPED & set(tags(cell)):
            continue
        if cell.cell_type == "code":
            made.cells += list(_code(cell, heading))
            continue
        for above, text, first in _sections(cell.source, heading):
            heading = above
            shown = f"## {heading}\n\n{text}" if heading else text
            made.cells.append(_slide(v4.new_markdown_cell(shown), "slide" if first else "subslide"))
    for number_, cell in enumerate(made.cells):
        cell.id = f"slide-{number_:03}"
    return made


def html(notebook: NotebookNode, assets: str | None = None) -> str:
    """Returns the deck as a page; its scripts come from a local folder, or from the network."""
    config = Config()
    config.SlidesExporter.reveal_transition = "none"
    config.SlidesExporter.exclude_input_prompt = True
    config.SlidesExporter.exclude_output_prompt = True
    config.TagRemovePreprocessor.enabled = True
    config.TagRemovePreprocessor.remove_input_tags = {"hidden"}
    for option, place in LOCAL.items() if assets else ():
        setattr(config.SlidesExporter, option, f"{assets}/{place}")
    body, _ = SlidesExporter(config=config).from_notebook_node(deck(notebook))
    return body


def write(path: Path, notebook: NotebookNode, assets: str | None = None) -> None:
    """Writes the deck of an executed notebook."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(html(notebook, assets))


def _sections(source: str, heading: str) -> Iterator[tuple[str, str, bool]]:
    """Yields heading, text and whether a new column of slides begins, one a slide."""
    for part in re.split(r"^(?=##? )", source, flags=re.MULTILINE):
        first = part.startswith("## ")
        if first:
            line, _, part = part.partition("\n")
            heading = line.removeprefix("## ")
        elif part.startswith("# "):
            part = re.sub(r"\A# .*\n\n\*(?:.|\n)+?\*(?:\n|\Z)", "", part)
        for text in _chunks(part.strip()):
            yield heading, text, first
            first = False


def _chunks(text: str) -> Iterator[str]:
    """Puts paragraphs together as long as they fit on a slide."""
    held: list[str] = []
    for paragraph in filter(None, re.split(r"\n\s*\n", text)):
        if held and sum(map(len, held)) + len(paragraph) > LETTERS:
            yield "\n\n".join(held)
            held = []
        held.append(paragraph)
    if held:
        yield "\n\n".join(held)


def _code(cell: NotebookNode, heading: str) -> Iterator[NotebookNode]:
    """Yields the slides of a code cell: what it says, then each of its pictures."""
    above = lambda: _slide(v4.new_markdown_cell(f"## {heading}"), "subslide")
    drawn = [o for o in cell.get("outputs", ()) if "image/png" in o.get("data", {})]
    others = [o for o in cell.get("outputs", ()) if o not in drawn]
    if "plot" not in tags(cell) or others:
        yield above()
        yield _slide(_with(cell, others, hidden="plot" in tags(cell)), "-")
    for output in drawn:
        yield above()
        yield _slide(_with(cell, [output], hidden=True), "-")


def _with(cell: NotebookNode, outputs: list[NotebookNode], hidden: bool = False) -> NotebookNode:
    made = copy.deepcopy(cell)
    made.outputs, made.metadata = outputs, {}
    if hidden:
        made.metadata = {"tags": ["hidden"]}
    return made


def _slide(cell: NotebookNode, kind: str) -> NotebookNode:
    cell.metadata["slideshow"] = {"slide_type": kind}
    return cell
