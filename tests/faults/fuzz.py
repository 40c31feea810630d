"""Readers against damaged files: each error names the file, and what is accepted is right.

Real files are mutated (bits, bytes, slices, numbers, ends). A reader must either raise a ValueError
or FileNotFoundError that names the file, or give what an independent reader gives, or what was
saved where jaxdl wrote it; no file may take more than some seconds.

Command:  python tests/faults/fuzz.py csv -n 5000   (0 of 5,000 files of each of the thirteen kinds
were read wrongly; minutes at most; torch and pickle need PyTorch)
          python tests/faults/fuzz.py parquet --independent   (and images: by DuckDB and OpenCV too;
0 of 5,000 differ, and for images 0 of 5,000 with the seeds 1 and 2 as well; one large image took
313 MB for a moment, and nothing is kept)
Both exit with 1 if a file was read wrongly.
"""

import argparse
import collections
import csv
import gc
import gzip
import importlib
import io
import json
import random
import re
import resource
import shutil
import struct
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from jaxdl import data
from jaxdl.data import _columns, _idx, _images, _tfrecord

SECONDS = 10.0  # that no file may take
RNG = np.random.default_rng(0)
Arrays = dict[str, np.ndarray]


class Reader(NamedTuple):
    """What reads files of a kind, and what they are compared with."""

    suffixes: tuple[str, ...]
    make: Callable[[Path], None]  # writes a real file
    read: Callable[[Path], Arrays]
    again: Callable[[Path], Arrays]  # by other code


def columns() -> dict[str, Any]:
    """A table of numbers and words, with holes."""
    return {
        "a": RNG.normal(size=30).round(3).tolist(),
        "b": [None if i % 9 == 4 else i * 3 for i in range(30)],
        "words, quoted": [("x", "y\u00e4", 'a "z"')[i % 3] for i in range(30)],
    }


def make_csv(path: Path) -> None:
    """Writes a table with quoted cells."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(columns())
        writer.writerows(zip(*columns().values(), strict=True))


def make_parquet(path: Path) -> None:
    """Writes a table with a dictionary, in compressed pages."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(
        pa.table(columns()), path, row_group_size=11, compression=RNG.choice(["snappy", "none"])
    )


def make_npz(path: Path) -> None:
    """Writes arrays of several kinds."""
    save = np.savez_compressed if RNG.random() < 0.5 else np.savez
    x = np.asfortranarray(RNG.normal(size=(20, 3)))
    save(path, x=x, y=np.arange(20), words=np.array(["u", "v"] * 10), z=np.zeros((20, 2, 2), "u1"))


def make_idx(path: Path) -> None:
    """Writes bytes of images."""
    body = bytes([0, 0, 8, 3]) + struct.pack(">3I", 7, 5, 4) + RNG.bytes(140)
    path.write_bytes(gzip.compress(body) if path.suffix == ".gz" else body)


def make_image(path: Path) -> None:
    """Writes an image with a note of how the camera was held."""
    import PIL.Image

    x = RNG.integers(0, 256, (9, 7, 3), np.uint8)
    image = PIL.Image.fromarray(x[..., 0] if path.suffix == ".pgm" else x)
    if path.suffix == ".gif":
        image = image.convert("P")
    exif = PIL.Image.Exif()
    exif[0x0112], exif[0x010F] = int(RNG.integers(1, 9)), "maker"
    image.save(path, **({"exif": exif} if path.suffix in (".jpg", ".png", ".webp", ".tif") else {}))


def make_tfrecord(path: Path) -> None:
    """Writes records."""
    from faults.frames import framed

    path.write_bytes(framed([RNG.bytes(n) for n in (5, 0, 60, 33)]))


def cells(path: Path) -> Arrays:
    """All columns of a table, by jaxdl."""
    opened = _columns.opened(path)
    return opened.read(opened.names)


def csv_again(path: Path) -> Arrays:
    """A CSV file, by Arrow."""
    import pyarrow as pa
    from pyarrow import csv as reader

    text = path.read_bytes()
    names = next(csv.reader(io.StringIO(text.decode("utf-8-sig"), newline="")))
    kinds = reader.ConvertOptions(
        column_types={str(i): pa.string() for i in range(len(names))}, strings_can_be_null=False
    )
    options = reader.ReadOptions(block_size=1 << 20, column_names=[*map(str, range(len(names)))])
    parse = reader.ParseOptions(newlines_in_values=True)
    table = reader.read_csv(
        io.BytesIO(text), read_options=options, convert_options=kinds, parse_options=parse
    )
    rows = [[cell.strip() for cell in column] for column in table.to_pydict().values()]
    return {column[0]: np.array(column[1:], object) for column in rows}


def parquet_again(path: Path) -> Arrays:
    """A Parquet file, through Python's own objects."""
    import pyarrow.parquet as pq

    rows = pq.ParquetFile(path, memory_map=True).read().to_pydict()
    return {name: np.array(column, object) for name, column in rows.items()}


def npz_again(path: Path) -> Arrays:
    """An NPZ file, by NumPy."""
    with np.load(path, allow_pickle=False) as file:
        return {name: file[name] for name in file.files}


def idx_again(path: Path) -> Arrays:
    """An IDX file, taken apart."""
    body = path.read_bytes()
    body = gzip.decompress(body) if path.suffix == ".gz" else body
    shape = struct.unpack_from(f">{body[3]}I", body, 4)
    return {"x": np.array(list(body[4 + 4 * body[3] :]), np.uint8).reshape(shape)}


def image_again(path: Path) -> Arrays:
    """An image, by Pillow's own functions."""
    import PIL.Image
    import PIL.ImageOps

    with PIL.Image.open(path) as file:
        exif = file.getexif()
        if isinstance(exif.get(0x0112), bytes):  # the orientation, which Pillow leaves alone then
            exif[0x0112] = exif[0x0112][0]
        turned = PIL.ImageOps.exif_transpose(file)
    return {"x": np.asarray(turned.convert("RGB"))}


def image(path: Path) -> Arrays:
    """An image, by jaxdl, whose reasons become errors."""
    x = _images.decoded(path, _images.Pixels())
    if isinstance(x, str):
        raise ValueError(f"{path}: {x}")
    return {"x": x}


def records(path: Path) -> Arrays:
    """A TFRecord file, by jaxdl."""
    return {str(i): np.frombuffer(r, np.uint8) for i, r in enumerate(_tfrecord.read(path))}


def records_again(path: Path) -> Arrays:
    """A TFRecord file, bit by bit."""
    from faults.frames import unframed

    return {str(i): np.frombuffer(r, np.uint8) for i, r in enumerate(unframed(path.read_bytes()))}


def make_tfds(folder: Path) -> None:
    """Writes a copy that TFDS prepared, as TFRecord or array_record."""
    from faults.frames import prepared

    prepared(folder, tfrecord=bool(RNG.random() < 0.5))


def flat(dataset: data.Dataset) -> Arrays:
    """All arrays of a dataset, and its classes."""
    parts = {"train": dataset.train, "test": dataset.test or {}}
    arrays = {f"{part}/{name}": x for part, rows in parts.items() for name, x in rows.items()}
    return arrays | {"classes": np.array(dataset.classes)}


def tfds(folder: Path) -> Arrays:
    """A copy that TFDS prepared, by jaxdl."""
    from jaxdl.data import _prepared

    source = _prepared.find("tiny", folder)
    if source is None:
        raise FileNotFoundError(f"{folder} has no copy")
    return flat(source.read())


def tfds_again(folder: Path) -> Arrays:
    """A copy that TFDS prepared, by TFDS; TFRecord's frames are taken apart bit by bit."""
    import tensorflow_datasets as tfds

    from faults.frames import unframed

    builder, arrays = tfds.builder_from_directory(folder / "tiny" / "1.0.0"), {}
    decode = builder.info.features.deserialize_example_np
    for part in ("train", "test"):
        if part not in builder.info.splits:
            continue
        paths = [Path(path) for path in builder.info.splits[part].filepaths]
        if all("tfrecord" in path.name for path in paths):
            rows = [decode(record) for path in paths for record in unframed(path.read_bytes())]
        else:
            rows = list(builder.as_data_source(part))
        arrays[f"{part}/inputs"] = np.stack([row["image"] for row in rows])
        arrays[f"{part}/labels"] = np.stack([row["label"] for row in rows])
    return arrays | {"classes": np.array(builder.info.features["label"].names)}


def saved(name: str) -> Callable[[Path], Any]:
    """A function of ``saved.py``, which imports what other readers don't need."""
    return lambda path: getattr(importlib.import_module("faults.saved"), name)(path)


def own(kind: str, *suffixes: str) -> Reader:
    """What jaxdl writes itself: compared with what was saved."""
    return Reader(suffixes, *(saved(f"{verb}_{kind}") for verb in ("make", "read", "saved")))


READERS = {
    "csv": Reader((".csv",), make_csv, cells, csv_again),
    "parquet": Reader((".parquet",), make_parquet, cells, parquet_again),
    "npz": Reader((".npz",), make_npz, cells, npz_again),
    "idx": Reader((".idx", ".gz"), make_idx, lambda p: {"x": _idx.read_idx(p)}, idx_again),
    "images": Reader(
        (".png", ".jpg", ".gif", ".bmp", ".tif", ".webp", ".pgm", ".jp2", ".avif"),
        make_image, image, image_again,
    ),
    "tfrecord": Reader((".tfrecord",), make_tfrecord, records, records_again),
    "tfds": Reader(("",), make_tfds, tfds, tfds_again),
    "checkpoint": own("checkpoint", ""),
    "weights": own("weights", ".safetensors", ".npz"),
    "program": own("program", ".jaxdl"),
    "torch": own("torch", ".pt", ".pth"),
    "pickle": Reader((".pkl",), saved("make_pickle"), saved("read_pickle"), saved("unpickled")),
    "onnx": Reader((".onnx",), saved("make_onnx"), saved("read_onnx"), saved("onnx_again")),
}  # fmt: skip


def mutated(content: bytes, draw: random.Random) -> bytes:
    """Damages a file in one to four places."""
    x = bytearray(content)
    for _ in range(draw.choice((1, 1, 1, 2, 4))):
        at = draw.randrange(len(x)) if x else 0
        size = draw.choice((1, 1, 2, 4, 8, 20))
        match draw.randrange(9) if x else 5:
            case 0 | 1:
                x[at] ^= 1 << draw.randrange(8)
            case 2:
                x[at] = draw.choice((0, 1, 10, 34, 44, 127, 128, 255, draw.randrange(256)))
            case 3:
                x[at:] = b""
            case 4:
                x[at : at + size] = b""
            case 5:
                x[at:at] = draw.randbytes(size)
            case 6:
                x[at:at] = x[at : at + 5 * size]
            case 7:
                number = draw.choice((0, 1, 2**31 - 1, 2**31, 2**32 - 1, draw.randrange(2**32)))
                x[at : at + 4] = struct.pack(draw.choice("<>") + "I", number)
            case 8:
                other = draw.randrange(len(x))
                x[at : at + size] = x[other : other + size]
    return bytes(x)


def damage(path: Path, draw: random.Random) -> None:
    """Damages a file, or one of a folder."""
    if path.is_dir():
        files = sorted(file for file in path.rglob("*") if file.is_file())
        path = draw.choice(files)
    path.write_bytes(mutated(path.read_bytes(), draw))


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
    from faults import independent

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
    if reason := independent.known(path):
        return f"known: {reason}"
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
    names |= {"as ": "unchanged", "kno": "known"}
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
    sys.path.insert(0, str(Path(__file__).parent.parent))  # for faults.frames, faults.saved
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
