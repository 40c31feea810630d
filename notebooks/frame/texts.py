"""Texts of lectures, cut into what fits on a slide, and how high that is."""

import math
import re
from collections.abc import Iterator

LETTERS = 470  # of a text on one slide
ROWS = 11  # of a table on one slide
DENSE = 0.7  # of a list's letters count: it's read more easily than a paragraph
BLOCKS = re.compile(r"<table.*?</table>|```.*?```", re.DOTALL)
FORMULAS = re.compile(r"\$\$.*?\$\$", re.DOTALL)
ENTRIES = re.compile(r"\n(?=[*-] |\d+\. )")


def sections(source: str) -> Iterator[tuple[str, str]]:
    """Yields headings and the texts below them; no heading where the one before goes on."""
    for part in re.split(r"^(?=##? )", source, flags=re.MULTILINE):
        heading = ""
        if part.startswith("## "):
            line, _, part = part.partition("\n")
            heading = line.removeprefix("## ")
        elif part.startswith("# "):
            part = re.sub(r"\A# .*\n\n\*(?:.|\n)+?\*(?:\n|\Z)", "", part)
        yield heading, part.strip()


def chunks(text: str) -> Iterator[str]:
    """Puts paragraphs together as long as they fit on a slide; lists that don't are cut.

    A formula stays with the paragraph that leads to it, and what goes on after it with both,
    whatever their length.
    """
    held: list[str] = []
    for paragraph in _paragraphs(text):
        letters = _letters(paragraph)
        goes_on = not letters or paragraph[0].islower()
        if held and not goes_on and sum(map(_letters, held)) + letters > LETTERS:
            yield "\n".join(held)
            held = []
        held.append(paragraph)
    if held:
        yield "\n".join(held)


def height(text: str) -> int:
    """Returns the pixels of a text's lines, formulas, code and rows of tables on a slide."""
    rows = [line for line in text.splitlines() if line.startswith("|")]
    formulas = FORMULAS.findall(text)
    plain = re.sub(r"^\|.*$", "", FORMULAS.sub("", BLOCKS.sub("", text)), flags=re.MULTILINE)
    lines = sum(math.ceil(len(p) / 88) for p in re.split(rf"\n\s*\n|{ENTRIES.pattern}", plain))
    pixels = 37 * lines + 40 * len(rows) + 24 * sum(map(_lines, BLOCKS.findall(text)))
    return pixels + sum(85 + 35 * f.count("\\\\") for f in formulas) + 24


def _lines(block: str) -> int:
    """The lines of a block of code, or of the longest of those side by side in a table."""
    return max(code.count("\n") for code in re.findall(r"```.*?```", block, re.DOTALL) or [block])


def _letters(paragraph: str) -> float:
    """The letters of a paragraph; code and formulas are taken in at a glance."""
    if paragraph.startswith(("```", "<table", "$$")):
        return 0
    return len(paragraph) * (DENSE if len(ENTRIES.split(f"\n{paragraph}")) > 1 else 1)


def _paragraphs(text: str) -> Iterator[str]:
    """Yields paragraphs, and parts of long lists and tables, each with the space that ends it."""
    whole = BLOCKS.sub(lambda block: re.sub(r"\n(?=\s*\n)", "\n\0", block[0]), text)
    for paragraph in filter(None, re.split(r"\n\s*\n", whole)):
        paragraph = paragraph.replace("\0", "")
        if paragraph.startswith("|"):
            yield from _tables(paragraph.splitlines())
            continue
        entries = ENTRIES.split(paragraph)
        fits = _letters(paragraph) <= LETTERS or len(entries) == 1
        yield from [f"{paragraph}\n"] if fits else [*entries[:-1], f"{entries[-1]}\n"]


def _tables(lines: list[str]) -> Iterator[str]:
    """Yields a table in parts that fit on a slide, each with its head."""
    head, rows = lines[:2], lines[2:]
    for begin in range(0, len(rows), ROWS):
        yield "\n".join([*head, *rows[begin : begin + ROWS]]) + "\n"
