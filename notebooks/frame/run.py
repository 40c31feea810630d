"""Runs a lecture in a fresh kernel and tidies what it prints and draws."""

import os
import resource
from pathlib import Path

import nbclient
from nbformat import NotebookNode

from frame.images import tidy
from frame.source import HERE, read

SECONDS = 90
"""Of a CPU, that a lecture may take; on two quiet cores that is about a minute.

Not the minute itself, because a machine that has other work to do takes longer for it."""

WIDGET = "application/vnd.jupyter.widget-view+json"


def execute(path: Path) -> NotebookNode:
    """Runs a source in a fresh kernel; an error in a cell is an error here."""
    notebook = run(path.name, read(path))
    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            tidy(output)
    return notebook


def run(name: str, notebook: NotebookNode) -> NotebookNode:
    """Runs a notebook in place, in the folder of the lectures."""
    # Pictures and numbers of the twins are those of a CPU, whatever else the machine has.
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
    client = nbclient.NotebookClient(
        notebook,
        timeout=600,
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
            if output.get("name") == "stderr":
                raise ValueError(
                    f"{name} writes to standard error, which no reader wants: {output}"
                )
    notebook.metadata.pop("widgets", None)  # their state, pictures included
    notebook.metadata["language_info"] = {"name": "python"}
    return notebook


def timed(path: Path) -> tuple[NotebookNode, float]:
    """Runs a source; returns it with the seconds of a CPU that it took."""
    used = lambda: sum(resource.getrusage(resource.RUSAGE_CHILDREN)[:2])
    before = used()
    notebook = execute(path)
    seconds = used() - before
    if seconds > SECONDS:
        raise ValueError(f"{path.name} takes {seconds:.0f} s of a CPU, more than {SECONDS}")
    return notebook, seconds
