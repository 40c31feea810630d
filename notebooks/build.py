"""Makes the executed twin of each notebook, its picture, and the table in README.md.

Command:  python notebooks/build.py            all of them
          python notebooks/build.py 03 07      only those
          python notebooks/build.py --check 03 runs it in a fresh kernel and writes nothing
Needs:    pip install -e ".[notebooks]"

NN_name.py (percent format) is the source; NN_name.ipynb is never edited by hand. What could differ
from run to run without a reason (cell ids, times, versions) is left out of it, so that a rebuild on
the same machine gives the same file.
"""

import argparse
import base64
import io
import os
import re
import resource
from collections.abc import Iterator, Sequence
from pathlib import Path

import jupytext
import nbclient
import nbformat
import numpy as np
from nbformat import NotebookNode
from PIL import Image

HERE = Path(__file__).parent
LIMIT = 400_000  # bytes of a twin
SECONDS = 60  # that a notebook may take on two cores
WIDTH = 560  # pixels of a picture in README.md's table, shown at half of that
WIDGET = "application/vnd.jupyter.widget-view+json"
BEGIN, END = "<!-- table: begin -->", "<!-- table: end -->"


def sources(numbers: Sequence[str] = ()) -> list[Path]:
    """Returns the notebooks' sources in their order: those of some numbers, or all."""
    found = sorted(HERE.glob("[0-9][0-9]_*.py"))
    return [path for path in found if not numbers or path.name[:2] in numbers]


def read(path: Path) -> NotebookNode:
    """Reads a source as a notebook without outputs, with ids that only depend on the order."""
    notebook = jupytext.read(path, fmt="py:percent")
    for number, cell in enumerate(notebook.cells):
        cell.id = f"cell-{number:02}"
        cell.metadata = {"tags": cell.metadata["tags"]} if "tags" in cell.metadata else {}
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    return notebook


def execute(path: Path) -> NotebookNode:
    """Runs a source in a fresh kernel; an error in a cell is an error here."""
    notebook = read(path)
    # Pictures and numbers of the twins are those of a CPU, whatever else the machine has.
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
    client = nbclient.NotebookClient(
        notebook,
        timeout=10 * SECONDS,
        kernel_name="python3",
        record_timing=False,
        coalesce_streams=True,
        resources={"metadata": {"path": str(HERE)}},
    )
    client.execute()
    for cell in notebook.cells:
        if "outputs" in cell:
            # A widget lives in its kernel: on a page that nobody runs it would be an error message.
            cell.outputs = [o for o in cell.outputs if WIDGET not in o.get("data", {})]
        for output in cell.get("outputs", ()):
            _tidy(path, output)
    notebook.metadata["language_info"] = {"name": "python"}
    return notebook


def timed(path: Path) -> tuple[NotebookNode, float]:
    """Runs a source; returns it with the time that two free cores need for what it computed."""
    used = lambda: sum(resource.getrusage(resource.RUSAGE_CHILDREN)[:2])
    before = used()
    notebook = execute(path)
    seconds = (used() - before) / 2
    if seconds > SECONDS:
        raise ValueError(f"{path.name} takes {seconds:.0f} s of two cores, more than {SECONDS}")
    return notebook, seconds


def _tidy(path: Path, output: NotebookNode) -> None:
    if output.get("name") == "stderr":
        raise ValueError(f"{path.name} writes to standard error, which no reader wants: {output}")
    data = output.get("data", {})
    if "image/png" in data:
        picture = Image.open(io.BytesIO(base64.b64decode(data["image/png"])))
        data["image/png"] = base64.b64encode(_png(picture)).decode()
        output["metadata"] = {}


def _png(picture: Image.Image) -> bytes:
    """A picture in 256 colours, which takes a third of the bytes.

    The commonest 128 stay as they are, lines and areas that is; the others become tones near them.
    """
    pixels = np.asarray(picture.convert("RGB"))
    colours, places, counts = np.unique(
        pixels.reshape(-1, 3), axis=0, return_inverse=True, return_counts=True
    )
    order = np.argsort(-counts, kind="stable")
    palette, rest = colours[order[:128]], colours[order[128:]]
    if len(rest):
        tones = Image.fromarray(rest[None]).quantize(128, Image.Quantize.MEDIANCUT, kmeans=2)
        palette = np.concatenate([palette, np.reshape(tones.getpalette(), (-1, 3))[:128]])
    # Not Pillow's own search for the nearest, which takes white for a light grey.
    nearest = [np.abs(palette.astype(int) - colour).sum(axis=1).argmin() for colour in colours]
    indices = np.asarray(nearest, np.uint8)[places].reshape(pixels.shape[:2])
    image = Image.fromarray(indices, "P")
    image.putpalette(palette.astype(np.uint8).tobytes())
    file = io.BytesIO()
    image.save(file, "PNG", optimize=True)
    return file.getvalue()


def pictures(cell: NotebookNode) -> Iterator[Image.Image]:
    """Yields the pictures that a cell has drawn."""
    for output in cell.get("outputs", ()):
        if "image/png" in output.get("data", {}):
            yield Image.open(io.BytesIO(base64.b64decode(output.data["image/png"])))


def headline(notebook: NotebookNode) -> tuple[str, str]:
    """Returns title and summary: ``# 1 · Title`` and the line in italics below it."""
    match = re.match(r"# \d+ · (.+)\n\n\*(.+?)\*(?:\n|$)", notebook.cells[0].source, re.DOTALL)
    if match is None:
        raise ValueError("the first cell has to begin with '# 1 · Title' and '*one sentence*'")
    return match[1], " ".join(match[2].split())


def build(path: Path) -> None:
    """Writes the twin of a source and its picture."""
    notebook, seconds = timed(path)
    text = nbformat.writes(notebook) + "\n"
    drawn = [
        p for c in notebook.cells if "picture" in c.metadata.get("tags", ()) for p in pictures(c)
    ]
    problems = {
        f"{len(text)} bytes, and may have {LIMIT}": len(text) > LIMIT,
        f"{len(drawn)} pictures in cells with the tag 'picture', and needs 1": len(drawn) != 1,
    }
    if any(problems.values()):
        raise ValueError(f"{path.name}: {'; '.join(p for p, true in problems.items() if true)}")
    path.with_suffix(".ipynb").write_text(text)
    small = drawn[0].convert("RGB")
    small.thumbnail((WIDTH, WIDTH), Image.Resampling.LANCZOS)
    (HERE / "pictures" / path.with_suffix(".png").name).write_bytes(_png(small))
    print(f"{path.stem}: {seconds:.1f} s of two cores, {len(text) / 1000:.0f} kB")


def table() -> str:
    """Returns README.md's table, of all notebooks."""
    rows = ["| | notebook | what it shows |", "|---|---|---|"]
    for path in sources():
        (title, summary), stem = headline(read(path)), path.stem
        image = f'<img src="pictures/{stem}.png" width="{WIDTH // 2}" alt="{title}">'
        name = f"**{int(stem[:2])} · {title}**"
        rows.append(f"| [{image}]({stem}.ipynb) | [{name}]({stem}.ipynb) | {summary} |")
    return "\n".join(rows)


def with_table(readme: str) -> str:
    """Returns README.md's text with the table as it has to be."""
    before, rest = readme.split(BEGIN)
    return f"{before}{BEGIN}\n{table()}\n{END}{rest.split(END)[1]}"


def main() -> None:
    """Builds what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("numbers", nargs="*", help="such as 03; all unless given")
    parser.add_argument("--check", action="store_true", help="run, and write nothing")
    arguments = parser.parse_args()
    for path in sources(arguments.numbers):
        (timed if arguments.check else build)(path)
    if not arguments.check:
        readme = HERE / "README.md"
        readme.write_text(with_table(readme.read_text()))


if __name__ == "__main__":
    main()
