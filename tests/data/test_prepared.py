"""Copies that TFDS prepared, in each of its formats, without TensorFlow."""

import io
import json
import re
import shutil
from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
import PIL.Image
import pytest
import tensorflow_datasets as tfds

from jaxdl import data
from jaxdl.data import _prepared

ROWS = {"train": 14, "validation": 4, "test": 5}
CLASSES = ("ant", "bee", "cod")


def image_of(split, i):
    return np.random.RandomState(100 * len(split) + i).randint(0, 256, (6, 5, 1), np.uint8)


def png(image):
    buffer = io.BytesIO()
    PIL.Image.fromarray(image[..., 0]).save(buffer, "PNG")
    return buffer.getvalue()


class Small(tfds.core.GeneratorBasedBuilder, skip_registration=True):
    """Twenty-three pictures."""

    name = "small"
    VERSION = tfds.core.Version("1.0.0")
    rows: Mapping[str, int] = ROWS
    shape: tuple[int | None, ...] = (6, 5, 1)
    keys: tuple[str, str] | None = ("image", "label")

    def _info(self):
        features = {
            "image": tfds.features.Image(shape=self.shape),
            "label": tfds.features.ClassLabel(names=CLASSES),
            "id": tfds.features.Scalar(np.int64),
        }
        return self.dataset_info_from_configs(
            features=tfds.features.FeaturesDict(features),
            supervised_keys=self.keys,
            description="Twenty-three pictures.\nOf animals.",
        )

    def _split_generators(self, dl_manager):
        return {split: self._generate_examples(split) for split in self.rows}

    def _generate_examples(self, split):
        for i in range(self.rows[split]):
            image = io.BytesIO(png(image_of(split, i)))
            yield i, {"image": image, "label": CLASSES[i % 3], "id": i}


class Tall(Small, skip_registration=True):
    """One picture of another size."""

    name = "small"
    shape = (None, 5, 1)

    def _generate_examples(self, split):
        yield from super()._generate_examples(split)
        yield 99, {"image": io.BytesIO(png(np.zeros((9, 5, 1), np.uint8))), "label": 0, "id": 99}


class Unsupervised(Small, skip_registration=True):
    """No image-classification set."""

    name = "small"
    keys = None


class Regression(Small, skip_registration=True):
    """No image-classification set."""

    name = "small"
    keys = ("image", "id")


class Larger(Small, skip_registration=True):
    """More than the first batch that TFDS writes in parquet."""

    name = "small"
    rows = MappingProxyType({"train": 250})


class Untrainable(Small, skip_registration=True):
    """Nothing to train on."""

    name = "small"
    rows = MappingProxyType({"test": 3})


@pytest.fixture(autouse=True)
def no_metadata_from_the_network(monkeypatch):
    monkeypatch.setattr(tfds.core.utils.gcs_utils, "gcs_dataset_info_files", lambda path: [])


def prepare(folder, *, builder=Small, file_format="array_record"):
    made = builder(data_dir=folder, file_format=file_format)
    made.download_and_prepare()
    return folder / "small" / "1.0.0"


def to_tfrecord(copy, framed):
    """Rewrites a copy in TFDS's default format, shard by shard, as TFDS lays it out."""
    builder = tfds.builder_from_directory(copy)
    raw = tfds.decode.DeserializeMethod.RAW_BYTES
    for split in builder.info.splits:
        records = list(builder.as_data_source(split, deserialize_method=raw))
        half = len(records) // 2
        for i, shard in enumerate((records[:half], records[half:])):
            path = copy / f"small-{split}.tfrecord-{i:05}-of-00002"
            path.write_bytes(framed([bytes(record) for record in shard]))
    for path in copy.glob("*.array_record*"):
        path.unlink()
    info = json.loads((copy / "dataset_info.json").read_text())
    info["fileFormat"] = "tfrecord"
    for split in info["splits"]:
        n = sum(int(length) for length in split["shardLengths"])
        split["shardLengths"] = [str(n // 2), str(n - n // 2)]
    (copy / "dataset_info.json").write_text(json.dumps(info))


def assert_small(dataset):
    for split, part in zip(ROWS, dataset[:3], strict=True):
        assert part["inputs"].dtype == np.uint8 and part["labels"].dtype == np.int32
        rows = {image_of(split, i).tobytes(): i % 3 for i in range(ROWS[split])}
        found = {x.tobytes(): y for x, y in zip(part["inputs"], part["labels"], strict=True)}
        assert part["inputs"].shape == (ROWS[split], 6, 5, 1) and found == rows
    assert dataset.classes == CLASSES
    assert dataset.description == "small: Twenty-three pictures."
    data.check(dataset)


@pytest.mark.parametrize("file_format", ["array_record", "parquet", "tfrecord"])
def test_every_format(tmp_path, file_format, framed):
    copy = prepare(tmp_path, file_format=file_format.replace("tfrecord", "array_record"))
    if file_format == "tfrecord":
        to_tfrecord(copy, framed)
    assert_small(data.load("small", data_dir=tmp_path))
    shutil.rmtree(copy)
    assert_small(data.load("small", data_dir=tmp_path))  # from the cache


def test_the_default_folder(tmp_path):
    prepare(tmp_path / "tfds")
    assert_small(data.load("small"))
    assert_small(data.load("small:1.0.0"))


def test_damaged_tfrecord(tmp_path, framed):
    copy = prepare(tmp_path)
    to_tfrecord(copy, framed)
    path = copy / "small-train.tfrecord-00001-of-00002"
    content = bytearray(path.read_bytes())
    content[50] ^= 4
    path.write_bytes(content)
    with pytest.raises(ValueError, match=rf"{path} is damaged: the content of record 0"):
        data.load("small", data_dir=tmp_path)


def test_incomplete_tfrecord(tmp_path, framed):
    copy = prepare(tmp_path)
    to_tfrecord(copy, framed)
    shutil.copy(
        copy / "small-test.tfrecord-00000-of-00002", copy / "small-train.tfrecord-00000-of-00002"
    )
    with pytest.raises(ValueError, match="holds 9 of 14 train examples"):
        data.load("small", data_dir=tmp_path)


def test_rows_that_tfds_loses_in_parquet_are_missed(tmp_path):
    prepare(tmp_path, builder=Larger, file_format="parquet")
    with pytest.raises(ValueError, match=r"holds \d+ of 250 train examples; .*parquet loses rows"):
        data.load("small", data_dir=tmp_path)


@pytest.mark.parametrize(
    ("builder", "complaint"),
    [
        (Tall, r"images of small differ in size, from \(6, 5, 1\) to \(9, 5, 1\)"),
        (Unsupervised, "can't be read as inputs and labels: its supervised keys are None"),
        (Untrainable, "has no split named train"),
    ],
)
def test_what_cannot_be_arrays(tmp_path, builder, complaint):
    prepare(tmp_path, builder=builder)
    with pytest.raises(ValueError, match=complaint):
        data.load("small", data_dir=tmp_path)


def test_a_format_that_only_tensorflow_reads(tmp_path):
    copy = prepare(tmp_path)
    info = json.loads((copy / "dataset_info.json").read_text())
    (copy / "dataset_info.json").write_text(json.dumps(info | {"fileFormat": "riegeli"}))
    with pytest.raises(ValueError, match="was prepared as riegeli, which only TensorFlow reads"):
        data.load("small", data_dir=tmp_path)


def test_the_newest_version_whole(tmp_path):
    base = tmp_path / "small" / "config"
    for version in ("1.0.0", "1.9.0", "1.10.0", "2.0.0", "incomplete.X_3.0.0"):
        (base / version).mkdir(parents=True)
        if not version.startswith("2"):
            (base / version / "dataset_info.json").touch()
            (base / version / "features.json").touch()
    for name, version in (("small/config", "1.10.0"), ("small/config:1.9.0", "1.9.0")):
        found = _prepared.find(name, tmp_path)
        assert found and found.files[0].parent == base / version
    assert _prepared.find("small/config:2.0.0", tmp_path) is None
    assert _prepared.find("small", tmp_path) is None


def test_a_prepared_copy_goes_before_the_files(tmp_path, write_idx):
    prepare(tmp_path)
    (tmp_path / "small").rename(tmp_path / "mnist")
    for path in (tmp_path / "mnist" / "1.0.0").iterdir():
        text = path.name.replace("small-", "mnist-")
        path.rename(path.with_name(text))
    info = tmp_path / "mnist" / "1.0.0" / "dataset_info.json"
    info.write_text(re.sub('"name": "small"', '"name": "mnist"', info.read_text()))
    write_idx(tmp_path)
    dataset = data.load("mnist", data_dir=tmp_path)
    assert dataset.train["inputs"].shape == (14, 6, 5, 1)
    assert dataset.description.startswith("mnist: 70,000")


def test_tfds_mock(tmp_path):
    copy = prepare(tmp_path)
    for path in copy.glob("*.array_record*"):
        path.unlink()  # the metadata suffices for a mock
    info = json.loads((copy / "dataset_info.json").read_text())
    info["splits"] = [split | {"shardLengths": ["8"]} for split in info["splits"]]
    (copy / "dataset_info.json").write_text(json.dumps(info))
    with tfds.testing.mock_data(num_examples=8, data_dir=str(copy)):
        dataset = _prepared.read("small", copy)
    assert dataset.test and dataset.test["labels"].shape == (8,) and dataset.classes == CLASSES


def test_a_download_is_converted(tmp_path, monkeypatch):
    from jaxdl.data import _download

    asked = []

    def prepare_it(name, folder):
        asked.append((name, folder))
        prepare(folder)
        (folder / "small").rename(folder / "titanic")

    monkeypatch.setattr(_download, "prepare", prepare_it)
    dataset = data.load("titanic", data_dir=tmp_path / "new")
    assert asked == [("titanic", tmp_path / "new")]
    assert_small(dataset._replace(description="small: Twenty-three pictures."))
    data.load("titanic", data_dir=tmp_path / "new")
    assert len(asked) == 1
