"""Builds the site, checks it, and packs it as a zip that needs no network.

Command:  python docs/make.py            (the pages; the playground too, where there is npm)
Result:   docs/_build/html, to be opened at index.html, and docs/_build/jaxdl-docs.zip

Nothing is executed: pages come from docstrings, from the notebooks as they are stored, and from the
headers of the experiments. A warning of Sphinx, a public name without a docstring, a broken link,
anything loaded from the network and a lecture of more than 1.5 MB end the build with status 1.
"""

import importlib.util
import shutil
import subprocess
import sys
import time
from pathlib import Path

from sphinx.cmd.build import main as sphinx

DOCS = Path(__file__).parent
ROOT = DOCS.parent
BUILD = DOCS / "_build"
SOURCE = BUILD / "source"
HTML = BUILD / "html"
RENDER = """\
document.querySelectorAll(".math").forEach((place) => renderMathInElement(place, {
  delimiters: [
    {left: "\\\\(", right: "\\\\)", display: false},
    {left: "\\\\[", right: "\\\\]", display: true},
  ],
  output: "OUTPUT",
}));
"""

sys.path.insert(0, str(DOCS))
from site_parts import check, gallery, lectures, reference  # noqa: E402


def main() -> int:
    """Runs every part of the build; returns the exit status."""
    started = time.perf_counter()
    write_sources()
    copy_katex()
    shutil.rmtree(HTML, ignore_errors=True)
    options = ["-b", "html", "-c", str(DOCS), "-W", "--keep-going", "-q", "-E", "-j", "2"]
    status = sphinx([*options, "-d", str(BUILD / "doctrees"), str(SOURCE), str(HTML)])
    if not (HTML / "index.html").exists():
        return status or 1
    add_playground()
    faults = check.faults(HTML)
    print("\n".join(faults))
    archive = shutil.make_archive(str(BUILD / "jaxdl-docs"), "zip", HTML)
    print(f"{check.summary(HTML)}; {archive}; {time.perf_counter() - started:.0f} s")
    return 1 if status or faults else 0


def write_sources() -> None:
    """Puts the pages together: those written here, and those made from the repository."""
    wanted = {path.relative_to(DOCS): path.read_text() for path in written_here()}
    parts = (("reference", reference), ("lectures", lectures), ("experiments", gallery))
    for folder, part in parts:
        wanted |= {Path(folder) / name: text for name, text in part.pages().items()}
    wanted[Path("reference/index.md")] = reference.overview()
    wanted[Path("benchmarks.md")] = gallery.benchmarks()
    wanted[Path("changelog.md")] = (ROOT / "CHANGELOG.md").read_text()
    wanted[Path("playground.md")] = playground_page()
    for path in ROOT.glob("experiments/*.py"):
        wanted[Path("code") / path.relative_to(ROOT)] = path.read_text()
    for path, text in wanted.items():
        write(SOURCE / path, text)
    for folder, path in pictures():
        (SOURCE / folder).mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, SOURCE / folder / path.name)
    remove_others(SOURCE, set(wanted))


def written_here() -> list[Path]:
    """The pages that are written by hand."""
    pages = [*DOCS.glob("*.md"), *DOCS.glob("guides/*.md")]
    return [page for page in pages if page.name != "README.md"]


def pictures() -> list[tuple[str, Path]]:
    """Pictures of the notebooks and the experiments, with the folder of the site they go to."""
    found = [("lectures/pictures", path) for path in ROOT.glob("notebooks/pictures/*")]
    return found + [("experiments/pictures", path) for path in ROOT.glob("experiments/pictures/*")]


def write(path: Path, text: str) -> None:
    """Writes a file if it has changed, so that Sphinx reads only what is new."""
    if not path.exists() or path.read_text() != text:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def remove_others(folder: Path, wanted: set[Path]) -> None:
    """Removes pages of an earlier build that no longer exist."""
    for path in folder.rglob("*"):
        is_page = path.suffix in {".md", ".rst", ".ipynb"}
        if is_page and path.relative_to(folder) not in wanted:
            path.unlink()


def copy_katex() -> None:
    """Copies what sets formulas. Without npm there are no fonts, and browsers set MathML."""
    target = BUILD / "static" / "katex"
    shutil.rmtree(target, ignore_errors=True)
    (target / "fonts").mkdir(parents=True)
    if npm("ci", folder=DOCS, unless=DOCS / "node_modules" / "katex"):
        dist = DOCS / "node_modules" / "katex" / "dist"
        files = [dist / "katex.min.css", dist / "katex.min.js", dist / "contrib/auto-render.min.js"]
        for font in dist.glob("fonts/*.woff2"):
            shutil.copy2(font, target / "fonts")
    else:
        print("no npm: formulas are left to the browser's own MathML")
        found = importlib.util.find_spec("sphinxcontrib.katex")
        bundled = Path(str(found and found.origin)).parent
        files = [bundled / "katex.min.js", bundled / "auto-render.min.js"]
        (target / "katex.min.css").write_text("/* MathML needs no styles. */\n")
    for file in files:
        shutil.copy2(file, target)
    output = "htmlAndMathml" if len(files) == 3 else "mathml"
    (target / "render.js").write_text(RENDER.replace("OUTPUT", output))


def npm(*arguments: str, folder: Path, unless: Path | None = None) -> bool:
    """Runs npm, unless its result is there; False where npm or the folder's package is missing."""
    if unless and unless.exists():
        return True
    found = shutil.which("npm")
    if not found or not (folder / "package.json").exists():
        return False
    quiet = ["--no-audit", "--no-fund", "--loglevel", "error"]
    subprocess.run([found, *arguments, *quiet], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    return True


def playground_page() -> str:
    """The page that leads to the playground, or says why there is none."""
    if (DOCS / "playground" / "package.json").exists() and shutil.which("npm"):
        return (DOCS / "playground.md").read_text()
    return "# Playground\n\nThis copy of the site was built without npm, and so without it.\n"


def add_playground() -> None:
    """Builds the playground and puts it into the site."""
    folder = DOCS / "playground"
    if not npm("ci", folder=folder, unless=folder / "node_modules" / "vite"):
        print("no npm, or no playground: the site has none")
        return
    npm("run", "build", folder=folder)
    shutil.copytree(folder / "dist", HTML / "playground", dirs_exist_ok=True)


if __name__ == "__main__":
    raise SystemExit(main())
