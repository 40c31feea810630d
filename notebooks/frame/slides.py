"""A lecture as a deck of slides, from its executed notebook, with one idea a slide.

A heading begins a column of slides. A slide below it is at most a text, the code it speaks of, and
a picture, in this order, as far as they fit: what doesn't begins the next slide.
"""

import ast
import copy
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from nbconvert import SlidesExporter
from nbformat import NotebookNode, v4
from PIL import Image
from traitlets.config import Config

from frame import printed, texts
from frame.images import drawn
from frame.source import headline, tags

WIDTH, HEIGHT = 1280, 720  # of a slide, in its own pixels
ROOM = 590  # pixels below the heading
WIDE = 1160  # pixels from margin to margin
LINES = 24  # of code on one slide
SMALL = 36  # the same, in small letters
COLUMN = 68  # small letters of a line, where there are two columns
REST = 135  # pixels of what may stand below, where it ends a column of slides
LOWEST = 280  # pixels that a picture needs beside other things
SMALLEST = 0.7  # of the size that a picture has on a slide of its own
SKIPPED = {"generated", "setup", "solution", "check", "quiz"}
WHOLE = {"objectives", "recap"}  # on one slide, whatever their length
STYLE = f"""<style>
.reveal .slides {{ text-align: left; }}
.reveal .controls {{ font-size: min(6px, 0.42vw) !important; right: 5px !important;
  bottom: 5px !important; }}
.reveal .slides section {{ width: {WIDTH - 80}px; padding: 0 20px; }}
.reveal h1 {{ font-size: 64px !important; }}
.reveal h2 {{ font-size: 40px !important; margin: 0 0 14px !important; }}
.reveal h1, .reveal h2, .reveal h3 {{ text-transform: none; text-align: left; }}
.reveal .jp-RenderedHTMLCommon {{ font-size: 26px; line-height: 1.4; padding-right: 0; }}
.reveal .jp-RenderedHTMLCommon table {{ font-size: 22px; margin-left: 0; }}
.reveal .jp-InputPrompt, .reveal .jp-OutputPrompt {{ display: none; }}
.reveal pre {{ font-size: 18px !important; line-height: 23px !important; box-shadow: none;
  width: 100%; margin: 0; white-space: pre; }}
.reveal .jp-OutputArea-output pre {{ white-space: pre-wrap; overflow-wrap: anywhere; }}
.reveal .celltag_wide .jp-OutputArea-output pre,
.reveal .celltag_long pre {{ font-size: 14px !important; line-height: 17px !important; }}
.reveal .celltag_columns pre {{ column-count: 2; }}
.reveal .celltag_beside {{ float: right; width: max-content; }}
.reveal .celltag_beside .jp-OutputArea-child {{ width: auto; }}
{"".join(f".reveal .celltag_room-{w} {{ width: {w}px; }} " for w in range(480, 1120, 20))}
.reveal .jp-RenderedHTMLCommon code {{ font-size: 0.85em; }}
.reveal .jp-RenderedHTMLCommon pre code {{ font-size: inherit; }}
.reveal .jp-RenderedImage img {{ margin: 6px 0; max-height: none; max-width: none; }}
</style>"""
FORMATTED = re.compile(r"  # fmt: skip$", re.MULTILINE)
"""What is said to the formatter, and not to a reader."""

BROKEN = re.compile(r"linebreaks:\s*\{\s*automatic:\s*true\s*\}")
# Where a local copy of the parts of a deck lies, by their folders in node_modules.
LOCAL = {
    "reveal_url_prefix": "reveal.js",
    "mathjax_url": "mathjax/MathJax.js?config=TeX-AMS_CHTML-full,Safe",
    "require_js_url": "requirejs/require.js",
    "jquery_url": "jquery/dist/jquery.min.js",
}


class Part(NamedTuple):
    """Something that is shown on a slide: a text (0), code with its output (1), a picture (2)."""

    kind: int
    height: int  # that it needs
    cell: NotebookNode


def deck(notebook: NotebookNode) -> NotebookNode:
    """Returns a notebook whose cells say which slide they begin, for nbconvert's decks."""
    title, summary = headline(notebook)
    made = v4.new_notebook(metadata=notebook.metadata)
    number = notebook.cells[0].source.split(" · ")[0].removeprefix("# ")
    said = f"{STYLE}\n# {number} · {title}\n\n*{summary}*"
    made.cells = [_slide(v4.new_markdown_cell(said), "slide")]
    for heading, parts in _columns(notebook, title):
        for place, slide in enumerate(_packed(parts)):
            kind = "subslide" if place else "slide"
            made.cells.append(_slide(v4.new_markdown_cell(f"## {heading}"), kind))
            made.cells += [_slide(cell, "-") for cell in slide]
    for place, cell in enumerate(made.cells):
        cell.id = f"slide-{place:03}"
    return made


def html(notebook: NotebookNode, assets: str | None = None) -> str:
    """Returns the deck as a page; its scripts come from a local folder, or from the network."""
    config = Config()
    config.SlidesExporter.reveal_transition = "none"
    config.SlidesExporter.reveal_width = str(WIDTH)
    config.SlidesExporter.reveal_height = str(HEIGHT)
    config.SlidesExporter.exclude_input_prompt = True
    config.SlidesExporter.exclude_output_prompt = True
    config.TagRemovePreprocessor.enabled = True
    config.TagRemovePreprocessor.remove_input_tags = {"hidden"}
    for option, place in LOCAL.items() if assets else ():
        setattr(config.SlidesExporter, option, f"{assets}/{place}")
    body, _ = SlidesExporter(config=config).from_notebook_node(deck(notebook))
    # A table on a slide that isn't shown yet has no width, by which formulas could be broken.
    return BROKEN.sub("linebreaks: { automatic: false }", body)


def write(path: Path, notebook: NotebookNode, assets: str | None = None) -> None:
    """Writes the deck of an executed notebook."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(html(notebook, assets))


def _columns(notebook: NotebookNode, title: str) -> Iterator[tuple[str, list[Part]]]:
    """Yields each heading with what comes below it."""
    heading, parts = title, list[Part]()
    for cell in notebook.cells:
        if SKIPPED & set(tags(cell)):
            continue
        if cell.cell_type == "code":
            parts += _code(cell)
            continue
        for own, text in texts.sections(cell.source):
            if own:
                yield from [(heading, parts)] if parts else []
                heading, parts = own, []
            whole = text and WHOLE & set(tags(cell))
            parts += [_text(chunk) for chunk in ([text] if whole else texts.chunks(text))]
    yield from [(heading, parts)] if parts else []


def _packed(parts: list[Part]) -> Iterator[list[NotebookNode]]:
    """Puts on each slide what belongs together and fits."""
    held: list[Part] = []
    for place, part in enumerate(parts):
        ends = place == len(parts) - 1 or _only_asserts(part.cell)
        rest = ends and part.height <= REST and bool(held) and held[-1].kind > 0
        follows = not held or part.kind > held[-1].kind or rest
        if held and not (follows and _fits([*held, part])):
            yield _fitted(held)
            held = []
        held.append(part)
    if held:
        yield _fitted(held)


def _only_asserts(cell: NotebookNode) -> bool:
    """Says whether a cell of code claims something about what was computed, and does no more."""
    body = ast.parse(cell.source).body if cell.cell_type == "code" else []
    claims = (s for part in body for s in (part.body if isinstance(part, ast.If) else [part]))
    return bool(body) and all(isinstance(claim, ast.Assert) for claim in claims)


def _fits(parts: list[Part]) -> bool:
    return sum(part.height for part in parts) <= ROOM or _beside(parts) > 0


def _beside(parts: list[Part]) -> int:
    """The pixels that are left beside a tall picture, or 0 where what is there needs more."""
    *others, picture = parts
    if picture.kind != 2 or not others or any(part.kind == 2 for part in others):
        return 0
    room = WIDE - 40 - max(round(p.width * ROOM / p.height) for _, p in _drawn(picture))
    room = room // 20 * 20
    codes = [line for part in others if part.kind == 1 for line in part.cell.source.splitlines()]
    if room < 480 or max(map(len, codes), default=0) * 10.84 + 20 > room:
        return 0
    high = sum(p.height * (WIDE / room if p.kind == 0 else 1) for p in others)
    return room if high <= ROOM else 0


def _drawn(part: Part) -> list[tuple[str, Image.Image]]:
    return list(drawn(part.cell.outputs[0])) if part.kind == 2 else []


def _fitted(parts: list[Part]) -> list[NotebookNode]:
    """The cells of a slide, a picture as large as what stands above or beside it allows."""
    room = _beside(parts)
    left = ROOM - (0 if room else sum(p.height for p in parts if p.kind < 2))
    for part in parts:
        for kind, picture in _drawn(part):
            scale = min(WIDE / picture.width, left / picture.height)
            _show(part.cell.outputs[0], kind, *(int(scale * n) for n in picture.size))
        if room:
            own = "beside" if part.kind == 2 else f"room-{room}"
            part.cell.metadata["tags"] = [*tags(part.cell), own]
    return [part.cell for part in (parts[-1:] + parts[:-1] if room else parts)]


def _show(output: NotebookNode, kind: str, width: int, height: int) -> None:
    """Sets the size of a picture; a film, for which nbconvert has no template, becomes HTML."""
    if kind == "image/gif":
        source = f"data:image/gif;base64,{output.data[kind]}"
        output.data = {"text/html": f'<img src="{source}" width="{width}" height="{height}">'}
    else:
        output["metadata"] = {kind: {"width": width, "height": height}}


def _text(text: str) -> Part:
    text = re.sub(r"\]\((\d\d_\w+)\.ipynb\)", r"](\1.html)", text)
    return Part(0, texts.height(text), v4.new_markdown_cell(text))


def _code(cell: NotebookNode) -> Iterator[Part]:
    """Yields what a code cell shows: its code with what it prints, then each of its pictures."""
    seen = [o for o in cell.get("outputs", ()) if any(drawn(o))]
    others = [o for o in cell.get("outputs", ()) if o not in seen]
    shown = sum(map(printed.rows, others))
    pieces = [] if "plot" in tags(cell) else list(_pieces(FORMATTED.sub("", cell.source)))
    for place, piece in enumerate(pieces):
        lines = piece.count("\n") + 1
        room = place == len(pieces) - 1 and lines + shown <= LINES
        yield _coded(cell, piece, others if room else [], lines + shown * room)
        others = [] if room else others
    if others and shown <= SMALL:
        yield _coded(cell, "", others, shown)
    elif others:
        cut = [part for output in others for part in printed.cut(output, SMALL)]
        yield from (_coded(cell, "", [part], printed.rows(part)) for part in cut)
    yield from (Part(2, _high(output), _with(cell, "", [output])) for output in seen)


def _high(output: NotebookNode) -> int:
    """The pixels that a picture needs beside other things."""
    alone = [p.height * min(WIDE / p.width, ROOM / p.height) for _, p in drawn(output)]
    return max(LOWEST, *(round(SMALLEST * height) for height in alone))


def _coded(cell: NotebookNode, source: str, outputs: list[NotebookNode], lines: int) -> Part:
    """Code and what it prints; in small letters and columns where a slide has too few lines."""
    made = _with(cell, source, outputs)
    written = "\n".join([source, *map(printed.text, outputs)]).splitlines()
    if lines > LINES:
        narrow = lines > SMALL and max(map(len, written)) <= COLUMN
        made.metadata["tags"] = [*tags(made), "long", *["columns"] * narrow]
    elif any(
        printed.WIDE < len(line) <= printed.WIDEST for o in outputs for line in printed.lines(o)
    ):
        made.metadata["tags"] = [*tags(made), "wide"]
    return Part(1, 23 * lines + 36, made)


def _pieces(source: str) -> Iterator[str]:
    """Cuts code between statements into pieces of about equal length that fit on a slide."""
    whole = source.count("\n") + 1
    most = min(LINES, math.ceil(whole / math.ceil(whole / LINES)) + 3)
    held: list[str] = []
    for statement in _statements(source):
        if held and len("\n".join([*held, *statement]).strip("\n").splitlines()) > most:
            yield "\n".join(held).strip("\n")
            held = []
        held += statement
    yield "\n".join(held).strip("\n")


def _statements(source: str) -> Iterator[list[str]]:
    """Yields the lines of each statement, with the comments and decorators above it."""
    lines, begin = source.splitlines(), 0
    body = ast.parse(source).body
    for i, node in enumerate(body):
        end = (node.end_lineno or 0) if i < len(body) - 1 else len(lines)
        yield lines[begin:end]
        begin = end


def _with(cell: NotebookNode, source: str, outputs: list[NotebookNode]) -> NotebookNode:
    made = copy.deepcopy(cell)
    made.source, made.outputs = source, copy.deepcopy(outputs)
    made.metadata = {} if source else {"tags": ["hidden"]}
    return made


def _slide(cell: NotebookNode, kind: str) -> NotebookNode:
    cell.metadata["slideshow"] = {"slide_type": kind}
    return cell
