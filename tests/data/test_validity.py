"""Each thing that can be wrong with a dataset has its sentence."""

import timeit

import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl import data


def dataset(classes=("a", "b", "c"), **arrays):
    arrays = {"inputs": np.zeros((4, 2), np.float32), "labels": np.array([0, 1, 2, 1])} | arrays
    return data.Dataset(train=arrays, classes=classes)


def message(broken):
    with pytest.raises(ValueError) as caught:
        data.check(broken)
    return str(caught.value)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64", "uint8", "int32"])
def test_sound(dtype):
    data.check(dataset(inputs=np.ones((4, 2), jnp.dtype(dtype))))
    data.check(dataset(inputs=jnp.ones((4, 2))))
    data.check(dataset(classes=(), labels=np.array([0.5, -3.0, 9.0, 7.0])))


def test_real_sets_are_sound():
    data.check(data.load("animals"))
    data.check(data.hold_out(data.load("animals")._replace(validation=None), 0.1))


def test_empty_part_is_named():
    empty = {"inputs": np.zeros((0, 2), np.float32), "labels": np.zeros(0, int)}
    assert message(data.Dataset(empty)) == (
        "dataset.train is empty: inputs float32[0,2], labels int64[0]; it needs one row or more"
    )
    assert message(dataset()._replace(test=empty)).startswith("dataset.test is empty")
    assert message(dataset()._replace(validation={})) == (
        "dataset.validation is empty: it has no arrays"
    )


def test_lengths_differ():
    assert message(dataset(labels=np.array([0, 1]))) == (
        "dataset.train holds arrays of different lengths: inputs float32[4,2], labels int64[2]"
    )


def test_no_axis_of_rows():
    assert "labels int64[]; each needs a first axis of rows" in message(
        dataset(labels=np.asarray(1))
    )


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
def test_not_finite(bad, dtype):
    inputs = np.zeros((4, 2, 3), jnp.dtype(dtype))
    inputs[2, 1, 0] = inputs[3] = bad
    assert message(dataset(inputs=inputs)) == (
        "dataset.train['inputs'] has 2 rows with nan or infinity, the first is row 2"
    )


def test_not_finite_targets():
    labels = np.array([0.0, np.nan, 1.0, 2.0])
    assert message(dataset(classes=(), labels=labels)) == (
        "dataset.train['labels'] has 1 row with nan or infinity, the first is row 1"
    )


def test_float_labels():
    assert message(dataset(labels=np.zeros(4, np.float32))) == (
        "dataset.train['labels'] is float32[4]; with 3 classes it must hold integers"
    )


@pytest.mark.parametrize("labels", [[0, 3, 1, 7], [0, -1, 7, 2]])
def test_labels_outside_the_classes(labels):
    text = message(dataset(labels=np.array(labels)))
    assert f"runs from {min(labels)} to {max(labels)}, and 2 of 4 labels lie outside" in text
    assert "the 3 classes 0 … 2" in text


def test_rows_of_two_shapes():
    test = {"inputs": np.zeros((2, 3), np.float32), "labels": np.zeros(2, int)}
    assert message(dataset()._replace(test=test)) == (
        "dataset.test['inputs'] has rows of shape (3,), and dataset.train of shape (2,)"
    )


def test_fast_on_integers():
    rows = {"inputs": np.zeros((60000, 784), np.uint8), "labels": np.zeros(60000, np.int32)}
    once = lambda: data.check(data.Dataset(rows, classes=("a",)))
    assert min(timeit.repeat(once, number=1)) < 0.01  # a scan of the images takes 0.03 s and more


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"inputs": [[1.0, 2.0]] * 4}, r"dataset.train\['inputs'\] is a list; it must be an array"),
        ({"labels": np.array(list("abca"))}, r"dataset.train\['labels'\] is <U1\[4\]; .* numbers"),
        ({"inputs": np.zeros((4, 2), object)}, r"is object\[4,2\]; it must hold numbers"),
    ],
)
def test_what_is_no_array_of_numbers(changed, message):
    with pytest.raises(TypeError, match=message):
        data.check(dataset(**changed))
    assert data.problems(dataset(**changed)).error.startswith("dataset.train[")


@pytest.mark.parametrize("weight", [[1.0, -1.0, 2.0, 3.0], [0.0] * 4])
def test_weights_that_add_up_to_nothing_sensible(weight):
    assert message(dataset(weight=np.array(weight))) == (
        f"dataset.train['weight'] runs from {min(weight)} to {max(weight)}; weights must be 0 or"
        " more, and some above 0"
    )
    data.check(dataset(weight=np.array([0.0, 1.0, 0.5, 3.0])))
