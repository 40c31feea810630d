"""Splits are partitions, the same everywhere, and as Keras makes them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxdl import data


@settings(max_examples=60, deadline=None)
@given(
    labels=st.lists(st.integers(0, 4), min_size=4, max_size=80),
    weights=st.lists(st.integers(1, 9), min_size=1, max_size=4),
    seed=st.integers(0, 2**32 - 1),
)
def test_partition_in_proportion(labels, weights, seed):
    labels, shares = np.array(labels, int), np.array(weights) / sum(weights)
    parts = data.stratified_split(labels, shares, seed=seed)
    assert len(parts) == len(shares) and min(map(len, parts)) > 0
    np.testing.assert_array_equal(np.sort(np.concatenate(parts)), np.arange(len(labels)))
    for name in np.unique(labels):
        counts = [int((labels[rows] == name).sum()) for rows in parts]
        # Among few rows one more may be taken from a part, so that no other is empty.
        atol = 1.0001 if len(labels) * shares.min() >= 5 else 2.0001
        np.testing.assert_allclose(counts, shares * (labels == name).sum(), rtol=0, atol=atol)


def test_shares_below_one_leave_rows_out():
    a, b = data.stratified_split(np.repeat([0, 1], 10), (0.5, 0.2))
    assert (len(a), len(b), len(np.intersect1d(a, b))) == (10, 4, 0)


def test_the_stream_is_frozen():
    (rows,) = data.stratified_split(np.zeros(8), (1.0,), seed=0)
    np.testing.assert_array_equal(rows, [6, 2, 1, 7, 3, 0, 5, 4])


def test_classes_are_mixed():
    (rows,) = data.stratified_split(np.repeat([0, 1], 500), (1.0,), seed=1)
    assert 30 < (rows[:100] < 500).sum() < 70


def test_strings_are_labels_too():
    a, b = data.stratified_split(["x", "y", "x", "y"], (0.5, 0.5))
    assert (len(a), len(b)) == (2, 2)


def test_nan_is_a_label_like_others():
    labels = np.array([0.0, np.nan] * 10)
    for rows in data.stratified_split(labels, (0.5, 0.5)):
        assert np.isnan(labels[rows]).sum() == 5 and len(rows) == 10


@pytest.mark.parametrize("fractions", [(), (0.8, 0.3), (0.5, 0.0), (1.2, -0.2)])
def test_wrong_fractions(fractions):
    with pytest.raises(ValueError, match="each must be above 0, and their sum at most 1"):
        data.stratified_split(np.zeros(4), fractions)


def test_wrong_labels():
    with pytest.raises(ValueError, match=r"labels has shape \(4, 1\); it needs \(N,\)"):
        data.stratified_split(np.zeros((4, 1)), (1.0,))


@pytest.mark.parametrize(("size", "fraction"), [(60000, 0.2), (10, 0.25), (7, 0.3), (1000, 0.1)])
def test_hold_out_as_keras(size, fraction):
    rows = {"inputs": np.arange(size), "labels": np.arange(size)}
    split = data.hold_out(data.Dataset(rows, None, rows, ("a",), "d"), fraction)
    # keras/src/trainers/data_adapters/array_slicing.py, train_validation_split
    at = int(np.floor(size * (1.0 - fraction)))
    for name in rows:
        np.testing.assert_array_equal(split.train[name], np.arange(at))
        np.testing.assert_array_equal(split.validation[name], np.arange(at, size))
    assert split.test is rows and split.classes == ("a",) and split.description == "d"


@pytest.mark.parametrize("fraction", [0.0, 1.0, -0.5, 2.0, 0.01])
def test_hold_out_leaves_no_part_empty(fraction):
    dataset = data.Dataset({"inputs": np.zeros(10)})
    if fraction == 0.01:  # int(10 · 0.99) = 9: one row moves, as in Keras
        assert len(data.hold_out(dataset, fraction).validation["inputs"]) == 1
    else:
        with pytest.raises(ValueError, match=f"fraction {fraction} of 10 rows leaves"):
            data.hold_out(dataset, fraction)


def test_hold_out_only_once():
    dataset = data.hold_out(data.Dataset({"inputs": np.zeros(10)}), 0.2)
    with pytest.raises(ValueError, match="has a validation part already"):
        data.hold_out(dataset, 0.2)
