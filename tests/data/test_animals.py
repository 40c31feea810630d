"""The embedded set: the very same split for ever."""

import hashlib
import subprocess
import sys
import timeit

import numpy as np
import pytest

from jaxdl import data
from jaxdl.data import _animals


@pytest.fixture(scope="module")
def dataset():
    return data.load("animals")


def rows_of_parts():
    with np.load(_animals.__file__.replace("_animals.py", "animals.npz")) as file:
        labels = file["labels"]
    return labels, data.stratified_split(labels, _animals.FRACTIONS, seed=_animals.SEED)


def test_what_it_is(dataset):
    assert [len(part["labels"]) for part in dataset[:3]] == [7775, 968, 973]
    for part in dataset[:3]:
        assert part["inputs"].shape[1:] == (28, 28, 1) and part["inputs"].dtype == np.uint8
        assert part["labels"].dtype == np.int32
    assert dataset.classes == _animals.CLASSES and len(dataset.classes) == 10
    assert "\n" not in dataset.description


def test_the_split_never_drifts():
    labels, parts = rows_of_parts()
    np.testing.assert_array_equal(np.sort(np.concatenate(parts)), np.arange(9716))
    digest = hashlib.sha256(np.concatenate(parts).astype("<i8").tobytes()).hexdigest()
    assert digest == "c0d6323177a64788b5c30b26bc9ea7610f16493cd34d0ac3e8bf133bc98ad608"
    share = lambda rows: np.bincount(labels[rows]) / np.bincount(labels)
    for rows, fraction in zip(parts, _animals.FRACTIONS, strict=True):
        np.testing.assert_allclose(share(rows), fraction, rtol=0, atol=1 / 800)


def test_images_go_with_their_labels(dataset):
    _, parts = rows_of_parts()
    with np.load(_animals.__file__.replace("_animals.py", "animals.npz")) as file:
        images, labels = file["images"], file["labels"]
    np.testing.assert_array_equal(dataset.test["inputs"][..., 0], images[parts[2]])
    np.testing.assert_array_equal(dataset.test["labels"], labels[parts[2]])


def test_classes_are_mixed(dataset):
    head = np.bincount(dataset.train["labels"][:1000], minlength=10)
    assert head.min() > 60 and head.max() < 140


def test_selects_classes(dataset):
    pets = data.load("animals", classes=("dog", "cat"))
    assert pets.classes == ("dog", "cat")
    dogs = dataset.test["inputs"][dataset.test["labels"] == dataset.classes.index("dog")]
    np.testing.assert_array_equal(pets.test["inputs"][pets.test["labels"] == 0], dogs)


def test_quick():
    assert min(timeit.repeat(lambda: data.load("animals"), number=1)) < 0.15


def test_neither_tfds_nor_tensorflow_is_imported():
    code = (
        "import sys, jaxdl.data; jaxdl.data.load('animals');"
        "print([m for m in sys.modules if m in ('tensorflow_datasets', 'tensorflow', 'PIL')])"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert printed.stdout == "[]\n", printed.stderr
