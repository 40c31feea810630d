"""Readers against damaged files: each error names the file, and what is accepted is right.

Real files are mutated (bits, bytes, slices, numbers, ends). A reader must either raise a ValueError
or FileNotFoundError that names the file, or give what an independent reader gives, or what was
saved where jaxdl wrote it; no file may take more than some seconds.

Command:  PYTHONPATH=tests python -m faults.fuzz csv -n 5000   (0 of 5,000 files of each of the
thirteen kinds were read wrongly; minutes at most; torch and pickle need PyTorch)
          PYTHONPATH=tests python -m faults.fuzz parquet --independent   (and images: by DuckDB and
OpenCV too; 0 of 5,000 differ, and for images 0 of 5,000 with the seeds 1 and 2 as well; one large
image took 313 MB for a moment, and nothing is kept)
Both exit with 1 if a file was read wrongly.
"""

import argparse
import collections
import gc
import json
import random
import re
import resource
import shutil
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from faults import independent
from faults.damage import damage
from faults.readers import READERS, Arrays, Reader

SECONDS = 10.0  # that no file may take


def same(one: Arrays, other: Arrays) -> bool:
    """Whether two readers gave the same; None and nan are holes."""
    if list(one) != list(other):
        return False
    hole = lambda cell: cell is None or cell != cell
    alike = lambda a, b: (hole(a) and hole(b)) or a == b
    for name, x in one.items():
        y = other[name]
        pairs = zip(np.ravel(x).tolist(), np.ravel(y).tolist(), strict=False)
        if np.shape(x) != np.shape(y) or not all(alike(a, b) for a, b in pairs):
            return False
    return True


def outcome(reader: Reader, path: Path) -> str:
    """Reads a file; returns what came of it, which begins with BAD where it shouldn't have."""
    began = time.monotonic()
    try:
        got = reader.read(path)
    except (ValueError, FileNotFoundError) as error:
        if path.name not in str(error) and path.parent.name not in str(error):
            return f"BAD: an error that doesn't name the file: {error}"
        return "refused"
    except Exception as error:
        return f"BAD: {type(error).__module__}.{type(error).__name__}: {error}"
    finally:
        if time.monotonic() - began > SECONDS:
            return f"BAD: took {time.monotonic() - began:.1f} s"  # noqa: B012
    try:
        wanted = reader.again(path)
    except Exception as error:
        return f"BAD: accepted, and the other reader says {type(error).__name__}: {error}"
    return "accepted" if same(got, wanted) else "BAD: accepted, and the other reader differs"


def another(kind: str, path: Path, reader: Reader, real: Path | None = None) -> str:
    """What an independent reader says of an accepted file, which begins with BAD if it differs.

    A file that was damaged is right as well if it reads as the real one did: the damage is then
    where nothing is lost, and the other reader takes it differently.
    """
    if real is not None and path.suffix in independent.LOSSY:
        return "accepted"
    got = reader.read(path)
    if real is not None and same(got, reader.read(real)):
        return "as the file was before"
    try:
        wanted = independent.READERS[kind](path)
    except Exception:
        return "accepted"  # it stops at damage that changes no number
    right = independent.close(path, got["x"], wanted["x"]) if kind == "images" else None
    if right or (right is None and same(got, wanted)):
        return "equal to what the independent reader gives"
    return "BAD: accepted, and the independent reader differs"


def campaign(
    kind: str, n: int, seed: int = 0, keep: Path | None = None, independent: bool = False
) -> dict[str, Any]:
    """Reads ``n`` damaged files of a kind; returns what came of them, and the bad ones."""
    reader, draw, counts = READERS[kind], random.Random(seed), collections.Counter[str]()
    bad: list[str] = []
    folder = Path(tempfile.mkdtemp(prefix="fuzz-"))
    real = [folder / f"real{i}{suffix}" for i, suffix in enumerate(reader.suffixes * 3)]
    for path in real:
        reader.make(path)
        assert outcome(reader, path) == "accepted", (path, outcome(reader, path))
        if independent:
            said = another(kind, path, reader)
            assert not said.startswith("BAD"), (path, said)
    forget_peak()
    before, began = kilobytes(), time.process_time()
    for i in range(n):
        source = draw.choice(real)
        path = folder / f"case{i}{source.suffix}"
        (shutil.copytree if source.is_dir() else shutil.copy)(source, path)
        damage(path, draw)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            came = outcome(reader, path)
            if independent and came == "accepted":
                came = another(kind, path, reader, source)
        counts[came[:3]] += 1
        if came.startswith("BAD"):
            bad.append(f"{path.name}: {came[:300]}")
            if keep is not None:
                keep.mkdir(parents=True, exist_ok=True)
                (shutil.copytree if path.is_dir() else shutil.copy)(path, keep / path.name)
        (shutil.rmtree if path.is_dir() else Path.unlink)(path)
    shutil.rmtree(folder)
    gc.collect()
    most = peak() - before
    names = {"acc": "accepted", "ref": "refused", "BAD": "bad", "equ": "equal"}

    return {names[k]: c for k, c in counts.items()} | {
        "megabytes": max(0, most) // 1024,
        "megabytes kept": max(0, kilobytes() - before) // 1024,
        "CPU seconds": round(time.process_time() - began),
        "cases": bad,
    }


def forget_peak() -> None:
    """Lets the peak be that from here on; what ran before in this process may have needed more."""
    Path("/proc/self/clear_refs").write_text("5")


def peak() -> int:
    """The most kilobytes that this process has had in RAM."""
    (line,) = re.findall(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return int(line)


def kilobytes() -> int:
    """The memory that this process has now, in RAM."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() // 1024


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("reader", choices=READERS)
    parser.add_argument("-n", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, help="a folder for the files that are read wrongly")
    text = "compare with DuckDB or OpenCV too, which need to be installed; for parquet and images"
    parser.add_argument("--independent", action="store_true", help=text)
    options = parser.parse_args()
    found = campaign(options.reader, options.n, options.seed, options.keep, options.independent)
    print(json.dumps(found, indent=1))
    raise SystemExit(bool(found["cases"]))
