"""What reads each kind of file, and the independent code that it is compared with."""

import csv
import gzip
import importlib
import io
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from faults import real_files
from faults.frames import unframed
from jaxdl import data
from jaxdl.data import _columns, _idx, _images, _tfrecord

Arrays = dict[str, np.ndarray]


class Reader(NamedTuple):
    """What reads files of a kind, and what they are compared with."""

    suffixes: tuple[str, ...]
    make: Callable[[Path], None]  # writes a real file
    read: Callable[[Path], Arrays]
    again: Callable[[Path], Arrays]  # by other code


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


def idx(path: Path) -> Arrays:
    """An IDX file, by jaxdl."""
    return {"x": _idx.read_idx(path)}


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
    return {str(i): np.frombuffer(r, np.uint8) for i, r in enumerate(unframed(path.read_bytes()))}


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
    "csv": Reader((".csv",), real_files.make_csv, cells, csv_again),
    "parquet": Reader((".parquet",), real_files.make_parquet, cells, parquet_again),
    "npz": Reader((".npz",), real_files.make_npz, cells, npz_again),
    "idx": Reader((".idx", ".gz"), real_files.make_idx, idx, idx_again),
    "images": Reader(
        (".png", ".jpg", ".gif", ".bmp", ".tif", ".webp", ".pgm", ".jp2", ".avif"),
        real_files.make_image, image, image_again,
    ),
    "tfrecord": Reader((".tfrecord",), real_files.make_tfrecord, records, records_again),
    "tfds": Reader(("",), real_files.make_tfds, tfds, tfds_again),
    "checkpoint": own("checkpoint", ""),
    "weights": own("weights", ".safetensors", ".npz"),
    "program": own("program", ".jaxdl"),
    "torch": own("torch", ".pt", ".pth"),
    "pickle": Reader((".pkl",), saved("make_pickle"), saved("read_pickle"), saved("unpickled")),
    "onnx": Reader((".onnx",), saved("make_onnx"), saved("read_onnx"), saved("onnx_again")),
}  # fmt: skip
