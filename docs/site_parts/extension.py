"""What the site's build adds to Sphinx: formulas by KaTeX from files of the site's own."""

import html
import importlib
import inspect
import re
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.writers.html5 import HTML5Translator

SCRIPTS = ("katex.min.js", "auto-render.min.js", "render.js")


def setup(app: Sphinx) -> dict[str, Any]:
    """Called by Sphinx."""
    app.add_html_math_renderer("katex", (_inline, None), (_block, None))
    app.connect("html-page-context", _load_katex)
    app.connect("html-page-context", _describe)
    app.connect("html-page-context", _size_pictures)
    app.connect("viewcode-follow-imported", _source_of)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _source_of(app: Sphinx, module: str, name: str) -> str:
    """The file that ``[source]`` leads to: the private one in which a package defines a name."""
    value = getattr(importlib.import_module(module), name.partition(".")[0], None)
    home = getattr(inspect.unwrap(value) if callable(value) else value, "__module__", None) or ""
    return home if home.startswith(f"{module}.") and not isinstance(value, str) else module


def _inline(self: HTML5Translator, node: nodes.math) -> None:
    self.body.append(f'<span class="math">\\({self.encode(node.astext())}\\)</span>')
    raise nodes.SkipNode


def _block(self: HTML5Translator, node: nodes.math_block) -> None:
    text = self.encode(node.astext()).strip()
    aligned = (
        rf"\begin{{aligned}}{text}\end{{aligned}}"
        if "\\\\" in text and "\\begin" not in text
        else text
    )
    self.body.append(f'<div class="math">\\[{aligned}\\]</div>\n')
    raise nodes.SkipNode


def _load_katex(
    app: Sphinx, name: str, template: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """Loads KaTeX where a page has formulas."""
    if "body" in context:  # a list of arguments is no list of definitions
        context["body"] = context["body"].replace(
            "<dl>\n<dd><em", '<dl role="presentation">\n<dd><em'
        )
        hidden = ' aria-label="Toggle hidden content"'  # the summary says what it does itself
        context["body"] = context["body"].replace(hidden, "")
    if doctree is not None and any(True for _ in doctree.findall(_is_formula)):
        app.add_css_file("katex/katex.min.css")
        for script in SCRIPTS:
            app.add_js_file(f"katex/{script}", loading_method="defer")


def _describe(
    app: Sphinx, name: str, template: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """Says in a page's head what it is about: its first paragraph, for those who search the web."""
    first = next(doctree.findall(nodes.paragraph), None) if doctree is not None else None
    text = " ".join(first.astext().split()) if first is not None else f"{name} of jaxdl"
    content = html.escape(text if len(text) <= 160 else text[:159] + "…")
    context["metatags"] = (
        f'{context.get("metatags", "")}<meta name="description" content="{content}">'
    )


def _size_pictures(
    app: Sphinx, name: str, template: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """Gives pictures their sizes, so that nothing moves when they come, and lets them come late."""
    sources = {target: source for source, target in getattr(app.builder, "images", {}).items()}

    def sized(tag: re.Match[str]) -> str:
        source = sources.get(tag["name"])
        size = png_size(Path(app.srcdir) / source) if source else None
        given = re.search(r' width="(\d+)"', tag["rest"])
        if size is None:
            return f'<img loading="lazy" {tag["rest"]}>'
        width = int(given.group(1)) if given else size[0]
        rest = tag["rest"].replace(given.group(), "") if given else tag["rest"]
        return f'<img loading="lazy" width="{width}" height="{width * size[1] // size[0]}" {rest}>'

    if "body" in context:
        image = r'<img (?P<rest>[^>]*?src="[^"]*?(?P<name>[^"/]+)"[^>]*)>'
        context["body"] = re.sub(image, sized, context["body"])


def png_size(path: Path) -> tuple[int, int] | None:
    """Width and height of a PNG in pixels, from its header; None for other files."""
    head = path.read_bytes()[:24]
    if head[:8] != b"\x89PNG\r\n\x1a\n":
        return None
    return int.from_bytes(head[16:20]), int.from_bytes(head[20:24])


def _is_formula(node: nodes.Node) -> bool:
    return isinstance(node, nodes.math | nodes.math_block)
