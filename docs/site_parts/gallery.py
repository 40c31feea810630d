"""The experiments as a gallery: what each says in its header, its results, pictures and source."""

import ast
import re
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
EXPERIMENTS = ROOT / "experiments"
SPELLINGS = {
    word.lower().replace("-", ""): word
    for word in re.findall(
        r"\S+",
        "Adam CIFAR-10 CNN CREPE GP LM MAML MiniLM MLP MNIST MNIST-1D ReLU ResNet RNN SGD VAD VAE "
        "ViT WGAN",
    )
}
RESULTS = re.compile(r"<!-- results: begin -->\n(.*?)<!-- results: end -->", re.DOTALL)


class Experiment(NamedTuple):
    """The header of an experiment, in its parts."""

    name: str
    about: str
    text: str
    facts: dict[str, str]  # Command, Result, Time, Reference
    pictures: tuple[str, ...]


def experiments() -> list[Experiment]:
    """All experiments in alphabetical order."""
    files = sorted(path for path in EXPERIMENTS.glob("*.py") if path.name != "report.py")
    return [experiment(path) for path in files]


def experiment(path: Path) -> Experiment:
    """Splits the docstring of a file into its first line, its text and its facts."""
    doc = ast.get_docstring(ast.parse(path.read_text())) or ""
    about, _, rest = doc.partition("\n\n")
    text, facts = facts_of(rest)
    pictures = sorted((EXPERIMENTS / "pictures").glob(f"{path.stem}*.*"))
    return Experiment(path.stem, about, text, facts, tuple(p.name for p in pictures))


def facts_of(text: str) -> tuple[str, dict[str, str]]:
    r"""Splits a header into its prose and its facts, from ``Command:`` on.

    Example:
        >>> facts_of("Prose.\n\nCommand:  run me\nResult:   0.9\n          or more")
        ('Prose.', {'Command': 'run me', 'Result': '0.9\nor more'})
    """
    names = "Command|Needs|Result|Time|Hardware|Measured|Reference|Tried|Limits"
    names += "|Where the time goes"
    prose, *parts = re.split(rf"(?m)^({names}): *", text)
    facts = {
        name: re.sub(r"(?m)^ {10}", "", body.strip())
        for name, body in zip(parts[::2], parts[1::2], strict=True)
    }
    return prose.strip(), facts


def pages() -> dict[str, str]:
    """The overview and a page for each experiment, by file name."""
    found = experiments()
    return {"index.md": overview(found)} | {f"{entry.name}.md": page(entry) for entry in found}


def overview(found: list[Experiment]) -> str:
    """A line and a picture for each experiment, then what all of them share."""
    about = (EXPERIMENTS / "README.md").read_text()
    flags = re.search(r"(?ms)^## Flags\n.*?(?=^## )", about)
    measured = re.findall(r"(?m)^Mean ± .*$", about)
    lines = [
        "# Experiments\n",
        "Each experiment is one file to be read from top to bottom, and one command. Its page has "
        "what it shows, its measured result and its source.\n",
        "\n".join(["```{toctree}", ":hidden:", "", *(entry.name for entry in found), "```\n"]),
        "::::{container} gallery\n",
        *(_card(entry) for entry in found),
        "::::\n",
        flags.group() if flags else "",
        f"## Results\n\nThe tables of the pages: {measured[0][0].lower()}{measured[0][1:]}\n"
        if measured
        else "",
    ]
    return "\n".join(lines)


def _card(entry: Experiment) -> str:
    shown = (
        [f"![{_alt(entry)}](pictures/{entry.pictures[0]}){{.card-picture}}\n"]
        if entry.pictures
        else []
    )
    head = f":::{{container}} experiment\n[**{title(entry)}**]({entry.name}.md)\n"
    return "\n".join([head, *shown, f"{entry.about}\n", ":::\n"])


def title(entry: Experiment) -> str:
    """The name of the file in words.

    Example:
        >>> title(Experiment("animals_mlp", "", "", {}, ()))
        'Animals MLP'
    """
    words = entry.name.split("_")
    spelt = [SPELLINGS.get(word, word) for word in words]
    return spelt[0][0].upper() + " ".join(spelt)[1:]


def _alt(entry: Experiment) -> str:
    return (
        f"What {entry.name}.py draws: {entry.about}".replace("[", "(")
        .replace("]", ")")
        .replace("\n", " ")
    )


def page(entry: Experiment) -> str:
    """One experiment."""
    parts = [f"# {title(entry)}\n", entry.about + "\n", entry.text + "\n"]
    parts += [f"![{_alt(entry)}](pictures/{name})\n" for name in entry.pictures]
    parts += [_fact(name, value) for name, value in entry.facts.items()]
    table = table_of(entry.name)
    parts += [f"## Measured\n\n{table}\n"] if table else []
    source = f"../code/experiments/{entry.name}.py"
    parts += [f"## Source\n\n```{{literalinclude}} {source}\n:language: python\n```\n"]
    return "\n".join(parts)


def _fact(name: str, value: str) -> str:
    if name == "Command":
        return f"```sh\n{value}\n```\n"
    if re.search(r" {3,}", value):  # a table, set with spaces
        return f"**{name}**\n\n```text\n{value}\n```\n"
    return f"**{name}.** {' '.join(value.split())}\n"


def table_of(name: str) -> str:
    """The rows of the table of results that belong to an experiment."""
    table = RESULTS.search((EXPERIMENTS / "README.md").read_text())
    lines = table.group(1).split("\n") if table else []
    rows = [line for line in lines if f"experiments/{name}.py" in line]
    return "\n".join([*lines[:2], *rows]) if rows else ""


def benchmarks() -> str:
    """The page of the benchmarks: the header of each with its figures and their date."""
    parts = [
        "# Benchmarks\n",
        "What was measured, on which machine and when; each command repeats it. In every "
        "comparison the rivals take turns within one run, so that slow minutes of a shared "
        "machine hit all alike.\n",
    ]
    for path in sorted((EXPERIMENTS / "benchmarks").glob("*.py")):
        doc = ast.get_docstring(ast.parse(path.read_text())) or ""
        about, _, rest = doc.partition("\n\n")
        text, facts = facts_of(rest)
        if "Command" in facts and path.stem != "compare":
            heading = f"## {path.stem.replace('_', ' ').capitalize()}\n\n{about}\n\n{text}\n"
            parts += [heading, *(_fact(name, value) for name, value in facts.items())]
    return "\n".join(parts)
