"""Runs notebooks in JupyterLab as a person would: opens each, runs all cells, looks at all of them.

Command:  python tests/notebooks/browser.py 01 17
Needs:    pip install -e ".[notebooks]" playwright, and a Chromium (``--chromium PATH``)

Not a test of pytest, because no registry of packages has a browser for every machine. For each
notebook it says how many cells ran and how many figures are shown, having scrolled to each; where
there are sliders it moves the last one and looks whether the picture beside it changes. An error in
a cell, a figure that isn't shown, or a slider that does nothing end it with exit status 1. With
``--pictures DIR`` it leaves a screenshot of each there.
"""

import argparse
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
COUNTS = """() => {
  const panel = window.jupyterapp.shell.currentWidget;
  const cells = panel.content.model.sharedModel.cells.filter(c => c.cell_type === "code");
  const outputs = cells.flatMap(c => c.outputs);
  return {
    cells: cells.length,
    ran: cells.filter(c => c.execution_count !== null).length,
    errors: outputs.filter(o => o.output_type === "error").map(o => o.ename + ": " + o.evalue),
    figures: outputs.filter(o => o.data && (o.data["image/png"] || o.data["image/gif"])).length,
    status: panel.sessionContext.kernelDisplayStatus,
  };
}"""
# JupyterLab draws a cell only when it comes into view.
WITH_OUTPUT = """kind => {
  const cells = window.jupyterapp.shell.currentWidget.content.model.sharedModel.cells;
  const has = o => Object.keys(o.data ?? {}).some(name => name.startsWith(kind));
  const count = cell => (cell.outputs ?? []).filter(has).length;
  return cells.map((cell, index) => [index, count(cell)]).filter(([index, n]) => n > 0);
}"""
SHOWN = """([index, n]) => {
  const content = window.jupyterapp.shell.currentWidget.content;
  content.scrollToItem(index);
  const images = [...content.widgets[index].node.querySelectorAll("img")];
  return images.filter(image => image.naturalWidth > 0).length >= n;
}"""
WIDGET = "application/vnd.jupyter.widget-view+json"
PICTURE = ".widget-output img"


def serve(folder: Path) -> tuple[subprocess.Popen, str]:
    """Starts JupyterLab on a free port and waits until it answers."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    token = secrets.token_hex(16)
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--expose-app-in-browser"]
    flags = [f"--ServerApp.port={port}", f"--IdentityProvider.token={token}", "--allow-root"]
    # With a workspace of its own, or it would open again what was open the last time.
    environment = os.environ | {"JUPYTERLAB_WORKSPACES_DIR": str(folder / "workspaces")}
    server = subprocess.Popen(
        [*command, *flags], cwd=folder, env=environment, stderr=subprocess.DEVNULL
    )
    for _ in range(240):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/api?token={token}")
            return server, f"http://127.0.0.1:{port}/lab/tree/NAME?reset&token={token}"
        except OSError:
            time.sleep(0.5)
    server.terminate()
    raise TimeoutError("JupyterLab did not start within two minutes")


def run_all(page: Any, address: str) -> dict:
    """Opens a notebook, clears it, runs all cells, and counts."""
    page.goto(address, timeout=120_000)
    page.wait_for_selector(".jp-NotebookPanel .jp-Cell", timeout=120_000)
    page.wait_for_function(
        "window.jupyterapp.shell.currentWidget.sessionContext.kernelDisplayStatus === 'idle'",
        timeout=120_000,
    )
    execute = "name => window.jupyterapp.commands.execute(name)"
    page.evaluate(execute, "editmenu:clear-all")
    assert page.evaluate(COUNTS)["figures"] == 0
    page.evaluate(execute, "runmenu:run-all")
    for _ in range(600):
        counts = page.evaluate(COUNTS)
        if counts["errors"] or (counts["ran"] == counts["cells"] and counts["status"] == "idle"):
            return counts
        time.sleep(0.5)
    raise TimeoutError(f"not all cells ran within five minutes: {counts}")


def look(page: Any) -> int:
    """Scrolls to every figure and film and waits until it is shown; returns how many are."""
    cells = page.evaluate(WITH_OUTPUT, "image/")
    for cell in cells:
        page.wait_for_function(SHOWN, arg=cell, timeout=20_000)
    return sum(n for _, n in cells)


def slide(page: Any) -> int:
    """Moves the last slider of each cell with widgets; the picture beside it has to change."""
    cells = page.evaluate(WITH_OUTPUT, WIDGET)
    for cell in cells:
        page.evaluate(SHOWN, cell)
        page.wait_for_selector(PICTURE, timeout=60_000)
        before = page.locator(PICTURE).first.get_attribute("src")
        page.locator(".widget-hslider .noUi-handle").last.focus()
        for _ in range(25):
            page.keyboard.press("ArrowLeft")
        changed = "([name, before]) => document.querySelector(name)?.src.trim() !== before.trim()"
        page.wait_for_function(changed, arg=[PICTURE, before], timeout=60_000)
    return len(cells)


def main() -> None:
    """Checks the notebooks that the command line names, or all."""
    # Here, so that the tests can read this file where playwright isn't installed.
    from playwright.sync_api import sync_playwright

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("numbers", nargs="*", help="such as 03; without any, all")
    parser.add_argument("--chromium", default=shutil.which("chromium"), help="its executable")
    parser.add_argument("--pictures", type=Path, help="where screenshots go")
    arguments = parser.parse_args()
    failed = False
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        for path in NOTEBOOKS.glob("[0-9][0-9]_*.ipynb"):  # copies: saving would change the twins
            shutil.copy(path, folder)
        server, address = serve(Path(folder))
        try:
            browser = playwright.chromium.launch(
                executable_path=arguments.chromium, args=["--no-sandbox"]
            )
            for path in sorted(Path(folder).glob("*.ipynb")):
                if arguments.numbers and path.name[:2] not in arguments.numbers:
                    continue
                page = browser.new_page(viewport={"width": 1300, "height": 2400})
                counts = run_all(page, address.replace("NAME", path.name))
                failed |= bool(counts["errors"]) or counts["figures"] == 0
                print(path.stem, counts, flush=True)
                if not failed:
                    print("  figures shown", look(page), "sliders moved", slide(page), flush=True)
                if arguments.pictures:
                    page.wait_for_timeout(1000)
                    page.screenshot(path=arguments.pictures / f"{path.stem}.png")
                page.close()
            browser.close()
        finally:
            server.terminate()
    sys.exit(int(failed))


if __name__ == "__main__":
    main()
