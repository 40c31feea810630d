"""Measures what comes in and goes out, and writes the table into jaxdl.interop's docstring.

It needs torch, jax2onnx, onnxruntime, and the packages of the extra [pretrained].

Command:  PYTHONPATH=tests:src python tests/interop/make_table.py
"""

from collections.abc import Iterator
from pathlib import Path

from interop.differences import SECTIONS
from jaxdl import interop

FACE = Path(interop.__file__)
BEGIN, END = "<!-- table of differences: begin -->", "<!-- table of differences: end -->"


def lines() -> Iterator[str]:
    """The table's lines, a header for each section."""
    for section, rows in SECTIONS.items():
        yield from (f"| {section} | largest difference |", "|---|---|")
        for title, measure in rows.items():
            found = measure()
            yield f"| {title} | {f'{found:.0e}' if found else '0'} |"
        yield ""


def table() -> dict[tuple[str, str], float]:
    """The differences that stand in the docstring, by section and title."""
    text = (interop.__doc__ or "").split(BEGIN)[1].split(END)[0]
    found, section = {}, ""
    for line in filter(lambda line: line.startswith("| "), text.splitlines()):
        title, value = line.removeprefix("| ").removesuffix(" |").split(" | ")
        if value == "largest difference":
            section = title
        else:
            found[section, title] = float(value)
    return found


def main() -> None:
    """Rewrites the table."""
    made = ""
    for line in lines():
        print(line, flush=True)
        made += line + "\n"
    made = made.rstrip()
    before, rest = FACE.read_text().split(BEGIN)  # as it is by now
    FACE.write_text(f"{before}{BEGIN}\n{made}\n{END}{rest.split(END)[1]}")


if __name__ == "__main__":
    main()
