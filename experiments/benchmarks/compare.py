"""Compares two files that a benchmark has written with --json; fails where the second is slower.

Command:  python experiments/benchmarks/compare.py before.json after.json [--allow 1.02]
Result:   a line for each figure of both files: medians, their ratio, that of the quickest repeats.
          The exit code is 1 if both ratios of a figure exceed what is allowed: the quickest repeats
          are what others on the machine disturb least.
"""

import argparse
import json
import statistics
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple


class Change(NamedTuple):
    """One figure before and after, in seconds."""

    name: str
    before: Sequence[float]
    after: Sequence[float]

    def __str__(self) -> str:
        """A line of the table."""
        medians = statistics.median(self.before), statistics.median(self.after)
        quickest = min(self.after) / min(self.before)
        numbers = f"{medians[0]:12.6f}{medians[1]:12.6f}{medians[1] / medians[0]:8.3f}"
        return f"{self.name:60}{numbers}{quickest:8.3f}"


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Change]:
    """The figures that both files have."""
    for name, seconds in before["seconds"].items():
        if name in after["seconds"]:
            yield Change(name, seconds, after["seconds"][name])


def slower(change: Change, allow: float) -> bool:
    """Whether the median and the quickest repeat both take longer than allowed."""
    median = statistics.median(change.after) / statistics.median(change.before)
    return min(median, min(change.after) / min(change.before)) > allow


def main() -> None:
    """Prints the table, and exits with 1 if something is slower than allowed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("before", type=Path)
    parser.add_argument("after", type=Path)
    parser.add_argument("--allow", type=float, default=1.02, help="ratio that is not yet slower")
    options = parser.parse_args()
    before, after = (json.loads(path.read_text()) for path in (options.before, options.after))
    both = list(changes(before, after))
    if not both:
        sys.exit("error: the files have no figure in common")
    for key in ("machine", "cores", "versions"):
        if before[key] != after[key]:
            print(f"note: {key} differs: {before[key]} and {after[key]}")
    print(f"{'':60}{'before, s':>12}{'after, s':>12}{'ratio':>8}{'of best':>8}")
    print(*both, sep="\n")
    worse = [change.name for change in both if slower(change, options.allow)]
    print(f"slower than {options.allow} x: {', '.join(worse) or 'none'}")
    sys.exit(bool(worse))


if __name__ == "__main__":
    main()
