"""Takes the pictures that experiments drew into their gallery, small enough for a page.

Command:  python docs/pictures.py runs    (after ``python experiments/<name>.py``, for any of them)
Needs:    pip install matplotlib pillow

``runs/<name>/<picture>.png`` becomes ``experiments/pictures/<name>_<picture>.png``, which the site
shows. A folder of seeds gives the picture of its first seed. What every run has, its history and
its confusions, is taken only where there is nothing else. Experiments that still have no picture
get bars of their results in the table of experiments/README.md.
"""

import argparse
import re
import sys
import textwrap
from pathlib import Path
from typing import NamedTuple

from PIL import Image

EXPERIMENTS = Path(__file__).parents[1] / "experiments"
sys.path.insert(0, str(EXPERIMENTS))
from harness import figures  # noqa: E402

PICTURES = EXPERIMENTS / "pictures"
COMMON = ("history", "confusion")
WIDTH = 1500  # pixels at most
COLOURS = 128  # enough for curves and maps, and a third of the bytes
LIMIT = 150_000  # bytes of a picture


def chosen(folder: Path) -> list[Path]:
    """The pictures of a run that say what came of it."""
    seeds = sorted(folder.glob("seed_*"))
    found = sorted((seeds[0] if seeds else folder).glob("*.png"))
    own = [path for path in found if path.stem not in COMMON]
    return own or found[-1:]


def taken(path: Path, target: Path, width: int = WIDTH) -> int:
    """Writes a picture with few colours, and as many pixels as fit; returns its bytes."""
    picture = Image.open(path).convert("RGB")
    if picture.width > width:
        picture = picture.resize((width, round(picture.height * width / picture.width)))
    picture.quantize(COLOURS, dither=Image.Dither.NONE).save(target, optimize=True)
    size = target.stat().st_size
    return size if size <= LIMIT else taken(path, target, round(0.85 * picture.width))


class Result(NamedTuple):
    """A row of the table of results."""

    label: str
    value: float
    deviation: float
    published: float | None


NUMBER = r"[\d.]+(?:e-\d+)?"
ROW = re.compile(
    rf"^\| `([^`]*)` \| ([^|]*) \| ({NUMBER})(?: ± ({NUMBER}))? \| ((?:{NUMBER})?)", re.MULTILINE
)


def recorded(table: str, name: str) -> list[Result]:
    """What the table of results says of an experiment.

    Example:
        >>> recorded("| `python experiments/a.py --large` | error | 0.2 ± 0.01 | 0.3 (b) |", "a")
        [Result(label='error (--large)', value=0.2, deviation=0.01, published=0.3)]
    """
    found = []
    for command, figure, value, deviation, published in ROW.findall(table):
        file, _, flags = command.removeprefix("python experiments/").partition(" ")
        if file == f"{name}.py":
            label = f"{figure} ({flags})" if flags else figure
            numbers = (float(value), float(deviation or 0), float(published) if published else None)
            found.append(Result(label, *numbers))
    return found


def bars(results: list[Result], target: Path) -> None:
    """Draws results beside each other, with what others published as black lines."""
    figure = figures.canvas(1, 1, width=8, height=1.2 + 0.5 * len(results))
    axes = figure.axes[0]
    for place, result in enumerate(results):
        axes.barh(place, result.value, xerr=result.deviation, height=0.6, color=figures.COLOURS[0])
        spread = f" ± {result.deviation:.2g}" if result.deviation else ""
        text = f"  {result.value:.4g}{spread}"
        axes.text(result.value + result.deviation, place, text, va="center")
        if result.published is not None:
            ends = (place - 0.38, place + 0.38)
            axes.vlines(result.published, *ends, color="black", linewidth=3)
    axes.set_yticks(range(len(results)), [textwrap.fill(r.label, 30) for r in results])
    axes.set(ylim=(len(results) - 0.4, -0.6), xlim=(0, 1.3 * max(r.value for r in results)))
    if any(result.published is not None for result in results):
        axes.set_title("black: as published", fontsize=11)
    figure.savefig(target)
    taken(target, target)


def main() -> None:
    """Takes all pictures below a folder of runs."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("runs", type=Path)
    names = {path.stem for path in EXPERIMENTS.glob("*.py")}
    for folder in sorted(parser.parse_args().runs.iterdir()):
        for path in chosen(folder) if folder.name in names else ():
            own = "" if path.stem == folder.name else f"_{path.stem}"
            target = PICTURES / f"{folder.name}{own}.png"
            (PICTURES / f"{folder.name}_results.png").unlink(missing_ok=True)
            print(f"{taken(path, target):8,} bytes  {target.name}")
    table = (EXPERIMENTS / "README.md").read_text()
    for name in sorted(names):
        results = recorded(table, name)
        if results and not list(PICTURES.glob(f"{name}*.png")):
            bars(results, PICTURES / f"{name}_results.png")
            print(f"from the table of results: {name}_results.png")


if __name__ == "__main__":
    main()
