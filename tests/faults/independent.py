"""Readers of other makers, for files that jaxdl reads by the libraries that fuzz.py compares with.

Parquet by DuckDB, images by OpenCV, each with its own decoders: ``pip install duckdb
opencv-python-headless``. None of the tests needs them.
"""

import os
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np

LOSSY = (".jpg", ".webp", ".avif", ".jp2")
"""Two right decoders may differ by some levels in these, and each mends damage in its own way."""


def parquet(path: Path) -> dict[str, np.ndarray]:
    """A Parquet file, by DuckDB."""
    import duckdb

    with duckdb.connect() as connection:
        found = connection.execute("select * from read_parquet(?)", [str(path)])
        names = [column[0] for column in found.description]
        rows = found.fetchall()
    return {name: np.array([row[i] for row in rows], object) for i, name in enumerate(names)}


def image(path: Path) -> dict[str, np.ndarray]:
    """An image, by OpenCV, which turns it as its orientation says."""
    os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")
    import cv2

    content = path.read_bytes()
    if content.startswith(b"BM") and content[10:14] == bytes(4):
        # OpenCV takes the header as pixels; nothing but the header can stand before them.
        content = content[:10] + struct.pack("<I", 14 + content[14]) + content[14:]
    decoded = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR_RGB)
    if decoded is None:
        raise ValueError("OpenCV can't read it")
    return {"x": decoded}


READERS: dict[str, Callable[[Path], dict[str, np.ndarray]]] = {"parquet": parquet, "images": image}
"""By the kinds of fuzz.py."""


def close(path: Path, one: np.ndarray, other: np.ndarray) -> bool:
    """Whether two images are the same, up to what decoders of lossy formats may round."""
    if path.suffix not in LOSSY or one.shape != other.shape:
        return bool(np.array_equal(one, other))
    return float(np.abs(one.astype(float) - other).mean()) < 4
