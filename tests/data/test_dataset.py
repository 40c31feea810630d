"""Selecting classes keeps rows, order and every other array."""

import numpy as np
import pytest

from jaxdl import data


@pytest.fixture
def zoo():
    train = {"inputs": np.arange(6), "labels": np.array([0, 1, 2, 0, 1, 2]), "weight": np.ones(6)}
    test = {"inputs": np.arange(3), "labels": np.array([2, 2, 0])}
    return data.Dataset(train, None, test, ("bear", "cat", "dog"), "a zoo")


def test_selects_in_the_order_given(zoo):
    chosen = data.select_classes(zoo, ("dog", "bear"))
    np.testing.assert_array_equal(chosen.train["inputs"], [0, 2, 3, 5])
    np.testing.assert_array_equal(chosen.train["labels"], [1, 0, 1, 0])
    np.testing.assert_array_equal(chosen.test["labels"], [0, 0, 1])
    assert chosen.train["labels"].dtype == np.int32
    assert chosen.train["weight"].shape == (4,)
    assert chosen.classes == ("dog", "bear") and chosen.validation is None
    assert chosen.description == "a zoo"


def test_all_classes_in_their_order_change_nothing(zoo):
    same = data.select_classes(zoo, zoo.classes)
    np.testing.assert_array_equal(same.train["labels"], zoo.train["labels"])


def test_unknown_class_lists_the_names(zoo):
    with pytest.raises(ValueError, match=r"no class 'cow'; the dataset's are: bear, cat, dog"):
        data.select_classes(zoo, ("cat", "cow"))


@pytest.mark.parametrize("classes", [("cat", "cat"), ()])
def test_classes_once_and_one_at_least(zoo, classes):
    with pytest.raises(ValueError, match="one or more names, each once"):
        data.select_classes(zoo, classes)


def test_a_string_is_not_a_tuple_of_names(zoo):
    with pytest.raises(TypeError, match="classes is 'cat'; it must be a tuple of names"):
        data.select_classes(zoo, "cat")


def test_a_dataset_without_class_names():
    with pytest.raises(ValueError, match="no class 'cat'; the dataset's are: none"):
        data.select_classes(data.Dataset({"labels": np.zeros(2, int)}), ("cat",))
