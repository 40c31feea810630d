"""Makes what there is of each lecture: its executed notebook, its editions, its slides.

Command:  python notebooks/build.py            runs all of them, and writes twin, picture and table
          python notebooks/build.py 03 07      only those
          python notebooks/build.py --check 03 runs it in a fresh kernel and writes nothing
          python notebooks/build.py --prose 03 takes over text and tags, where no code has changed
          python notebooks/build.py --edition student 03   with stubs and hidden tests
          python notebooks/build.py --edition teacher 03   with open solutions
          python notebooks/build.py --slides 03            as a deck for the browser
Needs:    pip install -e ".[notebooks]"

NN_name.py (percent format) is the source; NN_name.ipynb is never edited by hand. What could differ
from run to run without a reason (cell ids, times, versions) is left out of it, so that a rebuild on
the same machine gives the same file. Editions and slides go to notebooks/made, which git ignores;
they are made from the stored twin, in a second.
"""

import argparse
from pathlib import Path

import nbformat
from frame import editions, slides
from frame.images import pictures, png
from frame.readme import WIDTH, with_table
from frame.run import timed
from frame.source import HERE, read, sources, tags
from PIL import Image

LIMIT = 1_000_000  # bytes of a twin
MADE = HERE / "made"


def build(path: Path) -> None:
    """Writes the twin of a source and its picture."""
    notebook, seconds = timed(path)
    text = nbformat.writes(notebook) + "\n"
    drawn = [p for c in notebook.cells if "picture" in tags(c) for p in pictures(c)]
    problems = {
        f"{len(text)} bytes, and may have {LIMIT}": len(text) > LIMIT,
        f"{len(drawn)} pictures in cells with the tag 'picture', and needs 1": len(drawn) != 1,
    }
    if any(problems.values()):
        raise ValueError(f"{path.name}: {'; '.join(p for p, true in problems.items() if true)}")
    path.with_suffix(".ipynb").write_text(text)
    small = drawn[0].convert("RGB")
    small.thumbnail((WIDTH, WIDTH), Image.Resampling.LANCZOS)
    (HERE / "pictures" / path.with_suffix(".png").name).write_bytes(png(small))
    print(f"{path.stem}: {seconds:.1f} s of a CPU, {len(text) / 1000:.0f} kB")


def prose(path: Path) -> None:
    """Writes the twin of a source of which only text and tags have changed, without running it."""
    notebook, twin = read(path), nbformat.read(path.with_suffix(".ipynb"), as_version=4)
    new, old = ([c for c in n.cells if c.cell_type == "code"] for n in (notebook, twin))
    if [cell.source for cell in new] != [cell.source for cell in old]:
        raise ValueError(f"{path.name}: the code has changed, too; build it without --prose")
    for cell, run in zip(new, old, strict=True):
        cell.outputs, cell.execution_count = run.outputs, run.execution_count
    path.with_suffix(".ipynb").write_text(nbformat.writes(notebook) + "\n")


def edition(path: Path, kind: str) -> Path:
    """Writes the students' or the teachers' edition of a lecture."""
    made = (
        editions.student(read(path))
        if kind == "student"
        else editions.teacher(nbformat.read(path.with_suffix(".ipynb"), as_version=4))
    )
    target = MADE / kind / path.with_suffix(".ipynb").name
    target.parent.mkdir(parents=True, exist_ok=True)
    (MADE / "jupytext.toml").write_text('formats = "ipynb"\n')  # these have no source beside them
    made.cells = [_moved(cell) for cell in made.cells]
    target.write_text(nbformat.writes(made) + "\n")
    return target


def _moved(cell: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Mends the links of a cell to what lies in the folder of the lectures."""
    if cell.cell_type == "markdown":
        cell.source = cell.source.replace("](README.md)", "](../../README.md)")
    return cell


def deck(path: Path, assets: str | None) -> Path:
    """Writes the slides of a lecture."""
    target = MADE / "slides" / path.with_suffix(".html").name
    slides.write(target, nbformat.read(path.with_suffix(".ipynb"), as_version=4), assets)
    return target


def main() -> None:
    """Builds what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("numbers", nargs="*", help="such as 03; without any, all")
    parser.add_argument("--check", action="store_true", help="run, and write nothing")
    parser.add_argument("--prose", action="store_true", help="only text and tags have changed")
    parser.add_argument("--edition", choices=("student", "teacher"), help="write this edition")
    parser.add_argument("--slides", action="store_true", help="write decks")
    parser.add_argument("--assets", help="node_modules with reveal.js, for decks without network")
    arguments = parser.parse_args()
    for path in sources(arguments.numbers):
        if arguments.edition:
            print(edition(path, arguments.edition))
        elif arguments.slides:
            print(deck(path, arguments.assets))
        else:
            (timed if arguments.check else prose if arguments.prose else build)(path)
    if not (arguments.check or arguments.edition or arguments.slides):
        readme = HERE / "README.md"
        readme.write_text(with_table(readme.read_text()))


if __name__ == "__main__":
    main()
