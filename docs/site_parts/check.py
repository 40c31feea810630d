"""What must hold of the built site: links that lead somewhere, nothing from the network, weight."""

import html.parser
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from site_parts import names

FROM_NETWORK = re.compile(r"(?:url\(|@import )[\"']?((?:https?:)?//[^\"')]+)")
LECTURE_LIMIT = 1_500_000  # bytes of a lecture with all that it loads


class Page(NamedTuple):
    """What a page links to, what it loads, and the places in it that can be linked to."""

    links: tuple[str, ...]
    loads: tuple[str, ...]
    anchors: frozenset[str]


class _Reader(html.parser.HTMLParser):
    """Collects the links, the loaded files and the anchors of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.anchors: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Called for each tag."""
        values = {name: value for name, value in attrs if value is not None}
        self.anchors |= {values[name] for name in ("id", "name") if name in values}
        if tag == "a" and "href" in values:
            self.links.append(values["href"])
        if "src" in values:
            self.loads.append(values["src"])
        is_file = values.get("rel", "") in ("stylesheet", "icon", "preload", "modulepreload")
        if tag == "link" and "href" in values and is_file:
            self.loads.append(values["href"])


def read(path: Path) -> Page:
    """Reads a page."""
    reader = _Reader()
    reader.feed(path.read_text())
    return Page(tuple(reader.links), tuple(reader.loads), frozenset(reader.anchors))


def faults(folder: Path) -> list[str]:
    """What is wrong with a built site, one line each; empty if nothing is."""
    pages = {path.resolve(): read(path) for path in folder.rglob("*.html")}
    found = [fault for path, page in pages.items() for fault in _broken(path, page, pages)]
    found += list(_from_network(folder, pages))
    found += list(_undocumented(folder, pages))
    found += list(_heavy(folder, pages))
    return [line.replace(f"{folder.resolve()}/", "") for line in found]


def _broken(path: Path, page: Page, pages: dict[Path, Page]) -> Iterator[str]:
    for link in (*page.links, *page.loads):
        parts = urlsplit(link)
        if parts.scheme or parts.netloc or (not parts.path and not parts.fragment):
            continue
        target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
        if not target.is_file():
            yield f"broken link: {path} → {link}"
        elif parts.fragment and target in pages and target.parent.name != "playground":
            known = unquote(parts.fragment) in pages[target].anchors
            yield from () if known else (f"broken anchor: {path} → {link}",)


def _from_network(folder: Path, pages: dict[Path, Page]) -> Iterator[str]:
    for path, page in pages.items():
        yield from (f"from the network: {path} loads {u}" for u in page.loads if "//" in u[:8])
    for style in folder.rglob("*.css"):
        for address in re.findall(
            r"(?:url\(|@import )[\"']?((?:https?:)?//[^\"')]+)", style.read_text()
        ):
            yield f"from the network: {style.resolve()} loads {address}"


def _undocumented(folder: Path, pages: dict[Path, Page]) -> Iterator[str]:
    for package in names.packages():
        page = pages.get((folder / "reference" / f"{package}.html").resolve())
        for entry in names.of(package):
            if page is None or entry.path not in page.anchors:
                yield f"not in the reference: {entry.path}"


def _heavy(folder: Path, pages: dict[Path, Page]) -> Iterator[str]:
    for path in sorted(folder.glob("lectures/*.html")):
        size = weight(path.resolve(), pages[path.resolve()])
        if size > LECTURE_LIMIT:
            yield f"too heavy: {path.resolve()} and what it loads are {size / 1e6:.2f} MB"


def weight(path: Path, page: Page) -> int:
    """Bytes of a page, its scripts, styles and pictures, and all fonts of formulas."""
    files = {
        (path.parent / unquote(urlsplit(u).path)).resolve() for u in page.loads if ":" not in u
    }
    fonts = {
        font
        for file in files
        if file.name == "katex.min.css"
        for font in file.parent.glob("fonts/*")
    }
    return sum(file.stat().st_size for file in {path, *files, *fonts} if file.is_file())


def summary(folder: Path) -> str:
    """One line: how many pages, how large, and the heaviest lecture."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    total = sum(path.stat().st_size for path in files)
    lectures = {p.stem: weight(p.resolve(), read(p)) for p in folder.glob("lectures/*.html")}
    name, size = max(lectures.items(), key=lambda item: item[1])
    count = sum(path.suffix == ".html" for path in files)
    return f"{count} pages, {total / 1e6:.0f} MB; heaviest lecture: {name}, {size / 1e6:.2f} MB"
