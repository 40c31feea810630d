"""Real files of every kind that data is read from, for ``fuzz.py`` to damage."""

import csv
import gzip
import struct
from pathlib import Path
from typing import Any

import numpy as np

from faults.frames import framed, prepared

RNG = np.random.default_rng(0)


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
    path.write_bytes(framed([RNG.bytes(n) for n in (5, 0, 60, 33)]))


def make_tfds(folder: Path) -> None:
    """Writes a copy that TFDS prepared, as TFRecord or array_record."""
    prepared(folder, tfrecord=bool(RNG.random() < 0.5))
