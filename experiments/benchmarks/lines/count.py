"""How many lines thirteen kinds of training take: jaxdl beside Equinox and Optax.

Command:  python experiments/benchmarks/lines/count.py [--readme]
Result:   a table; with --readme it replaces the one in experiments/README.md

The tasks are the sections of notebooks 21 and 23. Beside each stands the same in Equinox and Optax:
the same data, sizes of networks, numbers of steps, reports and assertions. What the sections of a
file share (imports, the loop over batches, evaluation), and the world of two agents, is counted on
its own. Counted are lines that are neither blank nor comments, without pictures, as ruff formats
both with one line length.
"""

import argparse
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).parent
NOTEBOOKS = HERE.parents[2] / "notebooks"
README = HERE.parents[1] / "README.md"
FILES = ("21_your_own_loss", "23_your_own_step")
SHARED = "shared by the sections above"
FURTHER = ("Exercises", "One more: which example taught what?")
"""Sections of the notebooks that aren't among the thirteen."""
BEGIN, END = "<!-- lines: begin -->\n", "<!-- lines: end -->"


def main() -> None:
    """Prints the table, and puts it into the README if asked to."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0], allow_abbrev=False)
    parser.add_argument("--readme", action="store_true", help="put it into experiments/README.md")
    text = table()
    print(text)
    if parser.parse_args().readme:
        before, rest = README.read_text().split(BEGIN)
        README.write_text(before + BEGIN + text + END + rest.split(END)[1])


def table() -> str:
    """The table in Markdown, a line a task."""
    lines = ["| task | jaxdl | Equinox + Optax |", "|---|---|---|"]
    counted = list(counts())
    lines += [f"| {task} | {ours} | {theirs} |" for task, ours, theirs in counted]
    sums = [sum(row[i] for row in counted) for i in (1, 2)]  # type: ignore[misc]
    return "\n".join([*lines, f"| all | {sums[0]} | {sums[1]} |"]) + "\n"


def counts() -> Iterator[tuple[str, int, int]]:
    """Yields each task with its number of lines in jaxdl and in Equinox."""
    for name in FILES:
        ours = sections((NOTEBOOKS / f"{name}.py").read_text())
        theirs = sections((HERE / f"equinox_{name}.py").read_text())
        ours = {task: code for task, code in ours.items() if code and task not in FURTHER}
        if missing := set(theirs) ^ set(ours):
            raise ValueError(f"{name}: {', '.join(missing)} is in one of the files only")
        for task in [*(task for task in theirs if task != SHARED), SHARED]:
            yield task, code_lines(ours[task]), code_lines(theirs[task])


def sections(text: str) -> dict[str, str]:
    """The code of each section of a notebook in the percent format, without its pictures."""
    code: dict[str, str] = {SHARED: ""}
    task = SHARED
    for cell in re.split(r"^# %%", text, flags=re.MULTILINE)[1:]:
        head, body = cell.split("\n", 1)
        if "[markdown]" in head:
            title = re.search(r"^# ## (.*)$", body, flags=re.MULTILINE)
            task = title[1] if title else task
        elif "picture" not in head and "plot" not in head:
            code[task] = code.get(task, "") + body
    return code


def code_lines(text: str) -> int:
    """How many lines hold code, and not only a comment."""
    rest = (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT)
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    spans = [range(t.start[0], t.end[0] + 1) for t in tokens if t.type not in rest]
    return len({n for span in spans[:-1] for n in span})  # the last one is the end of the file


if __name__ == "__main__":
    main()
