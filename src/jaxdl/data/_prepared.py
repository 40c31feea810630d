"""Copies that TFDS prepared, read without TensorFlow whatever their file format."""

import functools
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from jaxdl.data import _features, _files, _tfrecord
from jaxdl.data._catalogue import ENTRIES, Source
from jaxdl.data._dataset import Dataset
from jaxdl.data._features import WHOLE, Shape
from jaxdl.data._files import Unreadable

NAME = re.compile(r"(?P<builder>\w+)(/(?P<config>[\w.+-]+))?(:(?P<version>\d+\.\d+\.\d+))?")
_VERSION = re.compile(r"\d+\.\d+\.\d+")


class _Wanted(NamedTuple):
    """The features that are read from each example."""

    inputs: dict[str, object]  # features by name
    label: str
    is_table: bool  # whether the inputs are columns, to be put side by side
    others: tuple[str, ...]  # columns that aren't numbers


def default_folder() -> Path:
    """Returns the folder of TFDS: ``$TFDS_DATA_DIR``, else ``~/tensorflow_datasets``."""
    default = os.path.join("~", "tensorflow_datasets")
    return Path(os.path.expanduser(os.environ.get("TFDS_DATA_DIR", default)))


def find(name: str, folder: Path | None, shape: Shape = WHOLE) -> Source | None:
    """Returns the newest copy of a dataset, ``"builder"``, ``"builder/config"``, ``"…:1.2.3"``."""
    match = NAME.fullmatch(name)
    if match is None:
        return None
    base = (folder or default_folder()) / match["builder"] / (match["config"] or "")
    wanted = [match["version"]] if match["version"] else _versions(base)
    for version in wanted:
        copy = base / version
        if (copy / "dataset_info.json").is_file() and (copy / "features.json").is_file():
            files = tuple(sorted(path for path in copy.iterdir() if path.is_file()))
            return Source(
                f"the copy prepared by TFDS in {copy}",
                files,
                functools.partial(read, name, copy, shape),
            )
    return None


def read(name: str, copy: Path, shape: Shape = WHOLE) -> Dataset:
    """Reads a dataset of inputs and labels from the folder that TFDS prepared.

    Args:
        name: the dataset's, as passed to ``load``.
        copy: the folder of a version, with dataset_info.json and features.json in it.
        shape: the size of images and texts.

    Returns:
        A Dataset; ``inputs`` as TFDS yields them, texts as bytes, uint8, columns of a table by
        name as float32; ``labels`` int32, or float32 (N, 1) if they aren't classes; rows in the
        order of the files, which TFDS shuffled once.

    Raises:
        ValueError: if TFDS doesn't define inputs and labels, they can't be arrays, a file is
            damaged or incomplete, or only TensorFlow can read the format.
    """
    import tensorflow_datasets as tfds

    with _files.reading("load", copy, "a copy prepared by TFDS"):
        builder = tfds.builder_from_directory(copy)
        wanted = _wanted(name, copy, builder.info)
        if "train" not in builder.info.splits:
            raise Unreadable(f"load: {name} in {copy} has no split named train")
        splits = {
            part: _arrays(name, builder, part, wanted, shape)
            for part in ("train", "validation", "test")
            if part in builder.info.splits
        }
        label = builder.info.features[wanted.label]
        classes = tuple(label.names) if isinstance(label, tfds.features.ClassLabel) else ()
        name = name.partition(":")[0]
        about = f"{name}: {builder.info.description.strip().partition(chr(10))[0]}"
    description = ENTRIES[name].description if name in ENTRIES else about
    return Dataset(**splits, classes=classes, description=description + _left_out(wanted))


def _versions(base: Path) -> list[str]:
    """Returns the versions in a folder, newest first; those half prepared have other names."""
    try:
        names = [path.name for path in base.iterdir() if _VERSION.fullmatch(path.name)]
    except OSError:
        return []
    return sorted(names, key=lambda name: [int(n) for n in name.split(".")], reverse=True)


def _wanted(name: str, copy: Path, info: Any) -> _Wanted:
    """Which features are the inputs, and which is the label."""
    import tensorflow_datasets as tfds

    keys: tuple[Any, ...] = info.supervised_keys or ()
    kinds = tfds.features.Tensor | tfds.features.Image | tfds.features.Text
    if len(keys) == 2 and isinstance(keys[1], str) and isinstance(info.features[keys[1]], kinds):
        x, label = keys
        if isinstance(x, str) and isinstance(info.features[x], kinds):
            return _Wanted({x: info.features[x]}, label, False, ())
        nested = {} if not isinstance(x, str) else _columns(info.features[x])
        table = nested if isinstance(x, str) else {k: info.features[k] for k in jax.tree.leaves(x)}
        # By name: TFDS reads a table's features from a map that has no order of its own.
        numbers = {k: f for k, f in sorted(table.items()) if _features.is_number(f)}
        if numbers:
            return _Wanted(numbers, label, True, tuple(k for k in table if k not in numbers))
    raise Unreadable(
        f"load: {name} in {copy} can't be read as inputs and labels: its supervised keys are "
        f"{info.supervised_keys}, its features {list(info.features)}; it needs two keys, one of "
        "images, texts, arrays or columns of numbers, and one of labels"
    )


def _columns(feature: Any) -> dict[str, object]:
    return dict(feature) if hasattr(feature, "keys") else {}


def _left_out(wanted: _Wanted) -> str:
    names = ", ".join(wanted.others)
    return f" (columns left out, not of numbers: {names})" if names else ""


def _examples(name: str, builder: Any, split: str) -> Iterator[dict[str, Any]]:
    """Yields the examples of a split, decoded."""
    for path in map(Path, builder.info.splits[split].filepaths):
        if path.exists():
            _files.check_regular("load", path)
    formats = {file_format.value for file_format in builder.info.available_file_formats()}
    if formats & {"array_record", "parquet"}:
        yield from builder.as_data_source(split)
    elif "tfrecord" in formats:
        decode = builder.info.features.deserialize_example_np
        for path in builder.info.splits[split].filepaths:
            yield from map(decode, _tfrecord.read(Path(path)))
    else:
        raise Unreadable(
            f"load: {name} in {builder.data_dir} was prepared as {', '.join(sorted(formats))}, "
            "which only TensorFlow reads; prepare it as array_record or tfrecord"
        )


def _arrays(
    name: str, builder: Any, split: str, wanted: _Wanted, shape: Shape
) -> dict[str, np.ndarray]:
    label = builder.info.features[wanted.label]
    taken: dict[str, list[object]] = {key: [] for key in wanted.inputs}
    labels = []
    for example in _examples(name, builder, split):
        row = _flat(example)
        labels.append(row[wanted.label])
        for key, feature in wanted.inputs.items():
            taken[key].append(_features.value(feature, row[key], shape))
    _check_complete(builder, split, len(labels))
    columns = [_features.column(name, f, taken[k], shape) for k, f in wanted.inputs.items()]
    y = _features.column(name, label, labels, shape)
    if _features.is_number(label) and not hasattr(label, "names"):
        y = y.astype(np.float32).reshape(len(y), -1)
    return {"inputs": _joined(columns) if wanted.is_table else columns[0], "labels": y}


def _flat(example: dict[str, Any]) -> dict[str, Any]:
    """An example with the columns of a nested table next to the rest."""
    inner = [x for x in example.values() if isinstance(x, dict)]
    outer = {name: x for name, x in example.items() if not isinstance(x, dict)}
    return {name: x for columns in inner for name, x in columns.items()} | outer


def _joined(columns: list[np.ndarray]) -> np.ndarray:
    flat = [x.astype(np.float32).reshape(len(x), -1) for x in columns]
    return np.concatenate(flat, axis=1)


def _check_complete(builder: Any, split: str, found: int) -> None:
    # TFDS 4.9.10 writes the first 100 examples in parquet, then leaves out ever more of the rest.
    recorded = builder.info.splits[split].num_examples
    if found != recorded or not found:
        raise Unreadable(
            f"load: the copy in {builder.data_dir} holds {found} of {recorded} {split} examples; "
            "delete it and prepare it again as array_record or tfrecord (parquet loses rows)"
        )
