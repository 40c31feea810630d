"""Copies that TFDS prepared, read without TensorFlow whatever their file format."""

import functools
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from jaxdl.data import tfrecord
from jaxdl.data.catalogue import ENTRIES, Source
from jaxdl.data.dataset import Dataset

NAME = re.compile(r"(?P<builder>\w+)(/(?P<config>[\w.+-]+))?(:(?P<version>\d+\.\d+\.\d+))?")
_VERSION = re.compile(r"\d+\.\d+\.\d+")


def default_folder() -> Path:
    """Returns the folder of TFDS: ``$TFDS_DATA_DIR``, else ``~/tensorflow_datasets``."""
    default = os.path.join("~", "tensorflow_datasets")
    return Path(os.path.expanduser(os.environ.get("TFDS_DATA_DIR", default)))


def find(name: str, folder: Path | None) -> Source | None:
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
                f"the copy prepared by TFDS in {copy}", files, functools.partial(read, name, copy)
            )
    return None


def read(name: str, copy: Path) -> Dataset:
    """Reads an image-classification dataset from the folder that TFDS prepared.

    Args:
        name: under which the dataset is asked for.
        copy: the folder of a version, with dataset_info.json and features.json in it.

    Returns:
        A Dataset; ``inputs`` as TFDS yields them, ``labels`` int32; rows in the order of the
        files, which TFDS shuffled once.

    Raises:
        ValueError: if the dataset isn't one image and one class an example, its images differ in
            size, a file is damaged or incomplete, or only TensorFlow can read the format.
    """
    import tensorflow_datasets as tfds

    builder = tfds.builder_from_directory(copy)
    image, label = _supervised_keys(name, builder.info)
    if "train" not in builder.info.splits:
        raise ValueError(f"load: {name} in {copy} has no split named train")
    splits = {
        part: _arrays(name, builder, part, image, label)
        for part in ("train", "validation", "test")
        if part in builder.info.splits
    }
    classes = tuple(builder.info.features[label].names)
    name = name.partition(":")[0]
    about = f"{name}: {builder.info.description.strip().partition(chr(10))[0]}"
    description = ENTRIES[name].description if name in ENTRIES else about
    return Dataset(**splits, classes=classes, description=description)


def _versions(base: Path) -> list[str]:
    """Returns the versions in a folder, newest first; those half prepared have other names."""
    try:
        names = [path.name for path in base.iterdir() if _VERSION.fullmatch(path.name)]
    except OSError:
        return []
    return sorted(names, key=lambda name: [int(n) for n in name.split(".")], reverse=True)


def _supervised_keys(name: str, info: Any) -> tuple[str, str]:
    import tensorflow_datasets as tfds

    keys = info.supervised_keys
    if keys is not None and len(keys) == 2 and all(isinstance(key, str) for key in keys):
        image, label = (info.features[key] for key in keys)
        if isinstance(image, tfds.features.Tensor | tfds.features.Image) and isinstance(
            label, tfds.features.ClassLabel
        ):
            return keys
    raise ValueError(
        f"load: {name} isn't an image-classification dataset: its supervised keys are {keys}, its "
        f"features {list(info.features)}; it needs an image and a class label"
    )


def _examples(name: str, builder: Any, split: str) -> Iterator[dict[str, Any]]:
    """Yields the examples of a split, decoded."""
    formats = {file_format.value for file_format in builder.info.available_file_formats()}
    if formats & {"array_record", "parquet"}:
        yield from builder.as_data_source(split)
    elif "tfrecord" in formats:
        decode = builder.info.features.deserialize_example_np
        for path in builder.info.splits[split].filepaths:
            yield from map(decode, tfrecord.read(Path(path)))
    else:
        raise ValueError(
            f"load: {name} in {builder.data_dir} was prepared as {', '.join(sorted(formats))}, "
            "which only TensorFlow reads; prepare it as array_record or tfrecord"
        )


def _arrays(name: str, builder: Any, split: str, image: str, label: str) -> dict[str, np.ndarray]:
    examples = _examples(name, builder, split)
    pairs = [(np.asarray(example[image]), example[label]) for example in examples]
    _check_complete(builder, split, len(pairs))
    shapes = {x.shape for x, _ in pairs}
    if len(shapes) > 1:
        smallest, largest = min(shapes), max(shapes)
        raise ValueError(
            f"load: the images of {name} differ in size, as {smallest} and {largest}; "
            "arrays need one size: resize them in a dataset of your own"
        )
    return {
        "inputs": np.stack([x for x, _ in pairs]),
        "labels": np.array([y for _, y in pairs], np.int32),
    }


def _check_complete(builder: Any, split: str, found: int) -> None:
    # TFDS 4.9.10 writes the first 100 examples in parquet, then leaves out ever more of the rest.
    recorded = builder.info.splits[split].num_examples
    if found != recorded or not found:
        raise ValueError(
            f"load: the copy in {builder.data_dir} holds {found} of {recorded} {split} examples; "
            "delete it and prepare it again as array_record or tfrecord (parquet loses rows)"
        )
