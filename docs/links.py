"""Lists the links of the built site that lead elsewhere, by host; with ``--ask``, follows them.

Command:  python docs/links.py docs/_build/html          (a line for each; needs no network)
          python docs/links.py docs/_build/html --ask    (ends with status 1 if one is gone)

A written address can be wrong in ways that need no network to see: no host, a space, a scheme other
than https, an arXiv number of no known form. Those end the listing with status 1 too.
"""

import argparse
import collections
import re
import sys
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

sys.path.insert(0, str(Path(__file__).parent))
from site_parts import check

GONE = (404, 410)  # what else a host answers to programs says little about its page
ARXIV = re.compile(r"/(abs|pdf)/(\d{4}\.\d{4,5}|[a-z-]+/\d{7})(v\d+)?(\.pdf)?")


def external(folder: Path) -> dict[str, list[str]]:
    """Addresses outside the site, each with the pages that link to it."""
    found = collections.defaultdict(list)
    for path in sorted(folder.rglob("*.html")):
        for link in sorted(set(check.read(path).links)):
            if urlsplit(link).scheme not in ("", "data", "mailto", "javascript"):
                found[link].append(str(path.relative_to(folder)))
    return dict(found)


def malformed(link: str) -> str:
    """What is wrong with an address as it is written; empty if nothing is.

    Example:
        >>> malformed("https://arxiv.org/abs/1706.03762"), malformed("https://arxiv.org/abs/170603762")
        ('', 'no number of arXiv')
    """
    parts = urlsplit(link)
    if parts.scheme != "https":
        return f"{parts.scheme}, not https"
    if not re.fullmatch(r"[a-z0-9-]+(\.[a-z0-9-]+)+", parts.netloc):
        return "no host"
    if re.search(r"\s|[<>]", link):
        return "a space or a bracket in it"
    is_paper = parts.netloc == "arxiv.org" and not ARXIV.fullmatch(parts.path)
    return "no number of arXiv" if is_paper else ""


def answer(link: str) -> str:
    """What is wrong with an address as its host answers; empty if nothing is."""
    request = urllib.request.Request(link, headers={"User-Agent": "Mozilla/5.0 (link check)"})
    try:
        urllib.request.urlopen(request, timeout=30).close()
    except urllib.error.HTTPError as error:
        return f"status {error.code}" if error.code in GONE else ""
    except OSError as error:
        return str(error)
    return ""


def main() -> int:
    """Reads the command line; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--ask", action="store_true", help="ask each host for its page")
    options = parser.parse_args()
    found = external(options.folder)
    faults = {link: malformed(link) for link in found}
    if options.ask:
        with ThreadPoolExecutor(8) as pool:
            answers = dict(zip(found, pool.map(answer, found), strict=True))
        faults = {link: faults[link] or answers[link] for link in found}
    for link in sorted(found, key=lambda link: (urlsplit(link).netloc, link)):
        print(f"{faults[link] or 'ok':8} {link}  ({len(found[link])}: {found[link][0]})")
    hosts = {urlsplit(link).netloc for link in found}
    wrong = sum(map(bool, faults.values()))
    print(f"{len(hosts)} hosts, {len(found)} links, {wrong} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
