"""What cells print, as lines on a slide."""

import copy
import math
from collections.abc import Iterator

from nbformat import NotebookNode

WIDE, WIDEST = 98, 124  # letters in a line of output, and of one in small letters


def text(output: NotebookNode) -> str:
    """Returns what an output says where nothing is drawn."""
    said = output.get("text", "") or output.get("data", {}).get("text/plain", "")
    return str(said).rstrip("\n")


def lines(output: NotebookNode) -> list[str]:
    """Returns the lines of an output, at least one."""
    return text(output).splitlines() or [""]


def rows(output: NotebookNode) -> int:
    """Returns the lines that an output takes, where long ones take several."""
    own = lines(output)
    wide = WIDEST if max(map(len, own)) <= WIDEST else WIDE
    return sum(max(1, math.ceil(len(line) / wide)) for line in own)


def cut(output: NotebookNode, most: int) -> Iterator[NotebookNode]:
    """Cuts what has too many lines near its middle, at an empty line where one is there."""
    own = lines(output)
    if len(own) <= most or "text" not in output:
        yield output
        return
    middle = len(own) // 2
    near = [i for i, line in enumerate(own) if not line and abs(i - middle) < middle / 2]
    place = min(near, key=lambda i: abs(i - middle), default=middle)
    for part in (own[:place], own[place:]):
        half = copy.deepcopy(output)
        half.text = "\n".join(part).strip("\n")
        yield from cut(half, most)
