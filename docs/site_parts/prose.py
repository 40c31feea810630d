"""Docstrings as reStructuredText: what stands in them for ``help``, made ready for Sphinx.

The docstrings are written in Google's style, with code in double backticks, formulas in Unicode and
Markdown's tables. Here code that names something public becomes a link, formulas become LaTeX,
tables become list tables, and signs that mean something to reStructuredText are escaped.
"""

import re
import textwrap
from collections.abc import Callable, Iterator

from site_parts import formulas

Resolve = Callable[[str], str | None]
"""From code, as ``losses.cross_entropy``, to the role that links it, or None."""

CODE = re.compile(r"(``.+?``|(?<!`)`[^`\n]+`(?!`)(?!_))", re.DOTALL)
LIST_ITEM = re.compile(r"\s*(?:- |\* |\d+\. )")
SIMPLE_TABLE = re.compile(r"^ *=+( +=+)+ *$", re.MULTILINE)


def restructured(docstring: str, resolve: Resolve) -> str:
    r"""Translates a docstring, block by block; doctests and literal blocks stay as they are.

    Example:
        >>> print(restructured("The mean of |x| as in ``f_``: l = |x|²/2.", lambda code: None))
        The mean of \|x\| as in ``f_``: :math:`l = |x|^{2}/2`.
    """
    blocks = re.split(r"(\n(?: *\n)+)", textwrap.dedent(docstring).strip("\n"))
    literal: int | None = None
    out = []
    for block in blocks:
        depth = len(block) - len(block.lstrip())
        if not block.strip():
            out.append(block)
            continue
        if literal is not None and depth > literal:
            out.append(block)
            continue
        literal = depth if block.rstrip().endswith("::") else None
        out.append(_block(block, resolve))
    return "".join(out)


def _block(block: str, resolve: Resolve) -> str:
    """One paragraph, table, list or doctest, with the heading that may stand above it."""
    lines = block.split("\n")
    doctest = next((n for n, line in enumerate(lines) if line.lstrip().startswith(">>>")), None)
    if doctest is not None:
        head = inline("\n".join(lines[:doctest]), resolve) + "\n" if doctest else ""
        return head + "\n".join(lines[doctest:])
    if SIMPLE_TABLE.search(block):
        return block
    table = next((n for n, line in enumerate(lines) if re.match(r"\s*\|.*\|$", line)), None)
    if table is not None:
        head = inline("\n".join(lines[:table]), resolve) + "\n\n" if table else ""
        return head + list_table(lines[table:], resolve)
    return inline("\n".join(_spaced(lines)), resolve)


def _spaced(lines: list[str]) -> Iterator[str]:
    """The lines, with an empty one before the first item of a list."""
    before = ""
    for line in lines:
        indented = len(before) - len(before.lstrip())
        same = len(line) - len(line.lstrip()) == indented
        if LIST_ITEM.match(line) and before.strip() and not LIST_ITEM.match(before) and same:
            yield ""
        yield line
        before = line


def list_table(lines: list[str], resolve: Resolve) -> str:
    """A Markdown table as a list table; the bars of code don't part cells."""
    rows = [_cells(line) for line in lines if not re.match(r"\s*\|[-:| ]+\|$", line)]
    body = [".. list-table::", "   :header-rows: 1", ""]
    for row in rows:
        for number, cell in enumerate(row):
            body.append(f"   {'* -' if number == 0 else '  -'} {inline(cell, resolve)}".rstrip())
    indent = " " * (len(lines[0]) - len(lines[0].lstrip()))
    return "\n".join(indent + line if line else line for line in body)


def _cells(line: str) -> list[str]:
    masked = CODE.sub(lambda match: match.group().replace("|", "\0"), line.strip().strip("|"))
    return [cell.strip().replace("\0", "|") for cell in masked.split("|")]


def inline(text: str, resolve: Resolve) -> str:
    """Running text: code is linked, formulas are set, the rest is escaped."""
    out = []
    for number, part in enumerate(CODE.split(text)):
        if number % 2:
            out.append((_code(part, resolve), True))
        else:
            out += _words(part)
    return _joined(out)


def _words(text: str) -> Iterator[tuple[str, bool]]:
    """Words and formulas; a name at the start of a line, as in ``T_0: …``, is an argument."""
    for number, part in enumerate(re.split(r"(?m)^( *\**[A-Za-z]\w*:)(?= )", text)):
        if number % 2:
            yield part, False
            continue
        for words, formula in formulas.pieces(part):
            yield (f":math:`{formulas.latex(words)}`", True) if formula else (words, False)


def _code(part: str, resolve: Resolve) -> str:
    code = re.sub(r"\s+", " ", part.strip("`"))
    role = resolve(code)
    return role if role else f"``{code}``"


def _joined(parts: list[tuple[str, bool]]) -> str:
    """Puts marked and plain parts side by side, with empty escapes where they touch."""
    out, after_mark = "", False
    for text, marked in parts:
        piece = text if marked else escaped(text)
        opens = marked and not re.search(r"[\s(\[{<\-/'\"]$", out)
        closes = after_mark and not marked and not re.match(r"[\s.,:;!?\-)\]}/'\">\\]", piece)
        out += r"\ " if out and (opens or closes) else ""
        out += piece
        after_mark = marked
    return out


def escaped(text: str) -> str:
    """Escapes what reStructuredText would take for markup; **bold** and list items stay."""
    text = text.replace("\\", "\\\\").replace("|", r"\|").replace("`", r"\`")
    text = re.sub(r"(?<=\w)_(?=\W|$)", r"\\_", text)
    bold = re.split(r"(\*\*\w[^*\n]*\*\*)", text)
    return "".join(part if n % 2 else _stars(part) for n, part in enumerate(bold))


def _stars(text: str) -> str:
    return re.sub(r"(?m)(?<!^)(?<!\n)\*(?! )|(?<=\w)\*|^(\s*)\*(?=\*?\w)", _star, text)


def _star(match: re.Match[str]) -> str:
    return (match.group(1) or "") + r"\*"
