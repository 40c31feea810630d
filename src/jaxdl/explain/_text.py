"""Tables and numbers as text."""

from collections.abc import Sequence

import numpy as np

SUPERSCRIPTS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Aligns columns: the first to the left, the others to the right.

    Example:
        >>> print(table(["layer", "size"], [["dense", "12"]]))
        layer  size
        dense    12
    """
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    lines = [
        "  ".join(
            [cells[0].ljust(widths[0])]
            + [cell.rjust(width) for cell, width in zip(cells[1:], widths[1:], strict=True)]
        ).rstrip()
        for cells in (header, *rows)
    ]
    return "\n".join(lines)


def raised(number: str) -> str:
    """Writes the number of a layer as a superscript, as in the lectures."""
    return number.translate(SUPERSCRIPTS)


def scaled(value: float) -> str:
    """Writes a large number with k, M, G or T.

    Example:
        >>> scaled(101770), scaled(12)
        ('101.8 k', '12')
    """
    for power, letter in ((4, "T"), (3, "G"), (2, "M"), (1, "k")):
        if abs(value) >= 1000**power:
            return f"{value / 1000**power:.1f} {letter}"
    return f"{value:.0f}"


def matrix(x: np.ndarray, indent: str, *, most: int = 48) -> str:
    """Writes a small array in full, a large one as its shape and root mean square."""
    if x.size > most:
        rms = np.sqrt(np.mean(np.square(x, dtype=np.float64)))
        return f"{indent}{x.dtype}{list(x.shape)}, root mean square {rms:.4g}"
    text = np.array2string(x, precision=4, suppress_small=True, max_line_width=88)
    return "\n".join(indent + line for line in text.splitlines())
