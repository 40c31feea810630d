"""Texts, tables and images of many sizes that TFDS prepared, and names that nobody knows."""

import io

import numpy as np
import PIL.Image
import pytest
import tensorflow_datasets as tfds

from jaxdl import data
from jaxdl.data import _download

ROWS = {"train": 6, "test": 3}
TEXTS = [b"good", "sch\u00f6n".encode(), b"no", b"awful", b"", b"a long and winding review"]


class Made(tfds.core.GeneratorBasedBuilder, skip_registration=True):
    """What the builders below have in common."""

    VERSION = tfds.core.Version("1.0.0")
    keys: tuple = ("x", "label")

    def _info(self):
        return self.dataset_info_from_configs(
            features=tfds.features.FeaturesDict(self.features()),
            supervised_keys=self.keys,
            description="Made up.",
        )

    def _split_generators(self, dl_manager):
        return {split: self._generate_examples(n) for split, n in ROWS.items()}

    def _generate_examples(self, n):
        for i in range(n):
            yield i, self.example(i)


class Reviews(Made, skip_registration=True):
    """Texts with a class."""

    name = "reviews"

    def features(self):
        return {
            "x": tfds.features.Text(),
            "label": tfds.features.ClassLabel(names=("bad", "good")),
        }

    def example(self, i):
        return {"x": TEXTS[i], "label": i % 2}


class Sailors(Made, skip_registration=True):
    """A table with a column of words, as titanic has it."""

    name = "sailors"
    keys = ({"age": "age", "deck": "deck", "name": "name"}, "label")

    def features(self):
        return {
            "age": np.float32,
            "deck": tfds.features.ClassLabel(num_classes=3),
            "name": tfds.features.Text(),
            "label": tfds.features.ClassLabel(num_classes=2),
        }

    def example(self, i):
        return {"age": 20.5 + i, "deck": i % 3, "name": "Jim", "label": i % 2}


class Wines(Made, skip_registration=True):
    """A table in one feature, whose label is a number."""

    name = "wines"

    def features(self):
        columns = {"acid": np.float32, "sugar": np.int64}
        return {"x": tfds.features.FeaturesDict(columns), "label": np.float32}

    def example(self, i):
        return {"x": {"acid": i / 2, "sugar": i}, "label": 3.0 * i}


class Photos(Made, skip_registration=True):
    """Images of two sizes."""

    name = "photos"

    def features(self):
        return {
            "x": tfds.features.Image(shape=(None, None, 3)),
            "label": tfds.features.ClassLabel(num_classes=2),
        }

    def example(self, i):
        buffer = io.BytesIO()
        PIL.Image.new("RGB", (20 + 10 * (i % 2), 16), (i, 2, 3)).save(buffer, "PNG")
        return {"x": io.BytesIO(buffer.getvalue()), "label": i % 2}


@pytest.fixture(autouse=True)
def no_metadata_from_the_network(monkeypatch):
    monkeypatch.setattr(tfds.core.utils.gcs_utils, "gcs_dataset_info_files", lambda path: [])


@pytest.fixture
def prepared(tmp_path):
    for builder in (Reviews, Sailors, Wines, Photos):
        builder(data_dir=tmp_path / "d", file_format="array_record").download_and_prepare()
    return tmp_path / "d"


def test_every_kind(prepared):
    for _ in range(2):  # the second time from the cache
        texts = data.load("reviews", data_dir=prepared, text_length=6)
        table = data.load("sailors", data_dir=prepared)
        wines = data.load("wines", data_dir=prepared)
        photos = data.load("photos", data_dir=prepared, image_size=(8, 12))
    padded = {text[:6].ljust(6, b"\0"): i % 2 for i, text in enumerate(TEXTS)}
    rows = zip(texts.train["inputs"], texts.train["labels"], strict=True)
    assert {x.tobytes(): y for x, y in rows} == padded
    assert texts.classes == ("bad", "good") and texts.train["inputs"].dtype == np.uint8

    assert table.train["inputs"].shape == (6, 2) and table.train["inputs"].dtype == np.float32
    age, deck = table.train["inputs"].T
    np.testing.assert_array_equal(deck, (age - 20.5) % 3)
    np.testing.assert_array_equal(table.train["labels"], (age - 20.5) % 2)
    assert table.description.endswith("(columns left out, not of numbers: name)")

    assert wines.classes == () and wines.test and wines.test["labels"].shape == (3, 1)
    acid, sugar = wines.train["inputs"].T
    np.testing.assert_array_equal(2 * acid, sugar)
    np.testing.assert_array_equal(wines.train["labels"][:, 0], 3 * sugar)

    assert photos.train["inputs"].shape == (6, 8, 12, 3)
    red = photos.train["inputs"][:, 0, 0, 0]
    np.testing.assert_array_equal(photos.train["labels"], red % 2)
    for dataset in (texts, table, wines, photos):
        data.check(dataset)


def test_two_sizes_have_two_caches(prepared):
    for size in ((8, 12), (4, 4), (8, 12)):
        photos = data.load("photos", data_dir=prepared, image_size=size)
        assert photos.train["inputs"].shape[1:3] == size


def test_what_has_to_be_said_of_sizes(prepared):
    with pytest.raises(ValueError, match=r"texts of reviews have 0 to 25 bytes.*pass text_length"):
        data.load("reviews", data_dir=prepared)
    with pytest.raises(ValueError, match=r"images of photos differ in size.*pass image_size"):
        data.load("photos", data_dir=prepared)


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("cifar_10", "'cifar10'"),
        ("imdb_review", "'imdb_reviews'"),
        ("imagenete", "'imagenette'"),
        ("imagenette/160_px", ".*'imagenette/160px'"),
        ("imagenette/foo", ".*'imagenette'"),
    ],
)
def test_nearest_names_of_tfds(name, near):
    with pytest.raises(ValueError, match=f"no dataset '{name}'. Did you mean {near}.* TFDS"):
        data.load(name)


@pytest.mark.parametrize("name", ["imdb_reviews", "imagenette/160px-v2", "titanic:4.0.0"])
def test_any_set_of_tfds_can_be_asked_for(name, monkeypatch, tmp_path):
    asked = []
    monkeypatch.setattr(_download, "prepare", lambda name, folder: asked.append((name, folder)))
    with pytest.raises(FileNotFoundError, match=f"no usable copy of {name}") as caught:
        data.load(name, data_dir=tmp_path)
    assert asked == [(name, tmp_path)]
    assert "pip install tensorflow" in str(caught.value)
    assert "prepare it elsewhere with TFDS, and pass data_dir" in str(caught.value)


@pytest.mark.parametrize("name", ["cifar10", "imagenette/160px-v2"])
def test_offline_it_says_so_at_once(name, monkeypatch):
    asked = []
    monkeypatch.setattr(_download, "_has_tensorflow", lambda: True)

    def answers(url, seconds):
        asked.append(url)
        return False

    monkeypatch.setattr(_download, "answers", answers)
    with pytest.raises(FileNotFoundError, match=r"can't be reached \(given 5 s to answer\)"):
        data.load(name)
    assert asked[0].startswith("https://")
