"""Sets that are made by rule are what their formulas say, and the same for a seed."""

import hashlib
from collections.abc import Callable

import jax
import numpy as np
import pytest
import sklearn.datasets

from jaxdl import data
from jaxdl.data._dataset import parts

TOYS = {
    "xor": data.xor,
    "moons": data.moons,
    "circles": data.circles,
    "spirals": data.spirals,
    "blobs": data.blobs,
    "checkerboard": data.checkerboard,
    "sine_regression": data.sine_regression,
}
SEQUENCES: dict[str, Callable[..., data.Dataset]] = {
    "addition": data.addition,
    "reversal": data.reversal,
    "copy_task": data.copy_task,
}


def whole(dataset):
    """Inputs and labels of all parts."""
    return (
        np.concatenate([part[name] for _, part in parts(dataset)]) for name in ("inputs", "labels")
    )


@pytest.mark.parametrize("name", [*TOYS, *SEQUENCES])
def test_a_seed_fixes_the_set_and_its_split(name):
    make = (TOYS | SEQUENCES)[name]
    one, same, other = make(610, seed=3), make(610, seed=3), make(610, seed=4)
    for part in ("train", "validation", "test"):
        for array in ("inputs", "labels"):
            a, b = getattr(one, part)[array], getattr(same, part)[array]
            np.testing.assert_array_equal(a, b)
    assert not np.array_equal(one.train["inputs"], other.train["inputs"])
    assert sum(len(part["labels"]) for _, part in parts(one)) == 610
    data.check(one)
    assert name in one.description


@pytest.mark.parametrize("name", [*TOYS, *SEQUENCES])
def test_sizes_must_make_sense(name):
    with pytest.raises(ValueError, match=f"{name}: n is 0; it must be a positive integer"):
        (TOYS | SEQUENCES)[name](0)


@pytest.mark.parametrize("name", TOYS)
def test_noise_must_make_sense(name):
    with pytest.raises(
        ValueError, match=f"{name}: noise is -0.1; it must be finite and at least 0"
    ):
        TOYS[name](noise=-0.1)


@pytest.mark.parametrize("name", [name for name in TOYS if name != "sine_regression"])
def test_classes_are_balanced_in_every_part(name):
    for _, part in parts(TOYS[name](1200)):
        counts = np.bincount(part["labels"])
        assert counts.min() > 0.8 * counts.max()


def test_moons_are_those_of_scikit_learn():
    x, y = sklearn.datasets.make_moons(200, shuffle=False)
    ours, labels = whole(data.moons(200, noise=0.0))
    order = lambda x, y: np.lexsort((*x.round(5).T, y))
    ours_in_order, theirs = ours[order(ours, labels)], x[order(x.astype("f"), y)]
    np.testing.assert_allclose(ours_in_order, theirs, atol=1e-6)


def test_circles_are_circles():
    x, y = whole(data.circles(100, noise=0.0, factor=0.3))
    np.testing.assert_allclose(np.hypot(*x.T), np.where(y == 0, 1.0, 0.3), rtol=1e-6)


def test_xor_needs_both_coordinates():
    x, y = whole(data.xor(400, noise=0.1))
    np.testing.assert_array_equal(y, (x[:, 0] > 0) != (x[:, 1] > 0))


def test_spirals_turn():
    x, y = whole(data.spirals(300, arms=3, turns=2.0, noise=0.0))
    radius, angle = np.hypot(*x.T), np.arctan2(x[:, 1], x[:, 0]) / (2 * np.pi)
    np.testing.assert_allclose((angle - 2 * radius - y / 3 + 0.5) % 1, 0.5, atol=1e-5)


def test_checkerboard_is_one():
    x, y = whole(data.checkerboard(500, squares=2))
    np.testing.assert_array_equal(y, ((x[:, 0] >= 0) != (x[:, 1] >= 0)).astype(int))


def test_blobs_are_apart():
    x, y = whole(data.blobs(300, centers=3, noise=0.01))
    centers = np.stack([x[y == k].mean(axis=0) for k in range(3)])
    np.testing.assert_array_equal(np.linalg.norm(x[:, None] - centers, axis=-1).argmin(1), y)


def test_sine():
    x, y = whole(data.sine_regression(100, noise=0.0, periods=2.0))
    np.testing.assert_allclose(y, np.sin(x), atol=1e-6)
    assert np.pi < abs(x).max() <= 2 * np.pi


@pytest.mark.parametrize(("digits", "reverse"), [(1, False), (2, True), (3, True)])
def test_sums_are_right_and_never_come_twice(digits, reverse):
    dataset = data.addition(50, digits=digits, reverse=reverse)
    seen = set()
    for _, part in parts(dataset):
        for x, y in zip(part["inputs"], part["labels"], strict=True):
            question = data.decode(x[::-1] if reverse else x, dataset.classes)
            a, b = map(int, question.split("+"))
            assert int(data.decode(y, dataset.classes)) == a + b
            assert max(len(str(a)), len(str(b))) <= digits
            seen.add((min(a, b), max(a, b)))
    assert len(seen) == 50
    assert dataset.train["inputs"].shape[1] == 2 * digits + 1
    assert dataset.train["labels"].shape[1] == digits + 1


def test_nearly_all_sums_of_two_digits():
    assert sum(len(part["labels"]) for _, part in parts(data.addition(5000, digits=2))) == 5000


def test_more_sums_than_there_are():
    with pytest.raises(ValueError, match="n is 56; there are 55 questions of 1 digits"):
        data.addition(56, digits=1)
    assert len(data.addition(55, digits=1).train["labels"]) == 50


def test_reversal():
    dataset = data.reversal()
    assert [len(part["labels"]) for _, part in parts(dataset)] == [50_000, 1_000, 10_000]
    np.testing.assert_array_equal(dataset.test["labels"], dataset.test["inputs"][:, ::-1])


def test_copy():
    part = data.copy_task(100, length=3, delay=4, n_tokens=5).train
    np.testing.assert_array_equal(part["inputs"][:, :3], part["labels"][:, -3:])
    assert (part["inputs"][:, 6] == 6).all() and (part["inputs"] == 6).sum() == len(part["inputs"])
    assert not part["labels"][:, :-3].any() and not part["inputs"][:, 7:].any()
    assert set(np.unique(part["labels"][:, -3:])) == {1, 2, 3, 4, 5}


class TestMnist1d:
    def test_it_is_the_published_set(self):
        dataset = data.mnist1d()
        digest = hashlib.sha256()
        for part in (dataset.train, dataset.test):
            # Rounded, so that a last bit from another version of NumPy changes nothing.
            digest.update(np.round(part["inputs"], 4).astype("<f4").tobytes())
            digest.update(part["labels"].astype("<i4").tobytes())
        # That of mnist1d_data.pkl in github.com/greydanus/mnist1d, whose float32 it is bit by bit.
        assert digest.hexdigest() == (
            "1d8e5840a0bf685fc12cd49afb4397201b055deae877d1b31e2bba618b1867e1"
        )
        np.testing.assert_array_equal(dataset.train["labels"][:8], [2, 6, 4, 5, 6, 6, 6, 0])
        first = [-0.332005667, -0.471910366, -0.778697076, -1.009740827]
        np.testing.assert_allclose(dataset.train["inputs"][0, :4], first, rtol=1e-6)

    def test_other_sizes(self):
        dataset = data.mnist1d(100, seed=1)
        assert dataset.train["inputs"].shape == (80, 40) and len(dataset.test["labels"]) == 20
        with pytest.raises(ValueError, match="n is 15; it must be a multiple of the 10 digits"):
            data.mnist1d(15)


class TestText:
    def test_bytes_there_and_back(self):
        text = "Grüße, 世界"
        np.testing.assert_array_equal(data.encode(text), list(text.encode()))
        assert data.decode(data.encode(text)) == text

    def test_broken_bytes_are_replaced(self):
        assert data.decode(data.encode("ä")[:1]) == "\ufffd"

    def test_unknown_character(self):
        with pytest.raises(ValueError, match="character 'x' at 2 isn't one of the 2 known"):
            data.encode("abx", ("a", "b"))

    @pytest.mark.parametrize("level", ["bytes", "characters"])
    def test_windows_follow_the_text(self, level):
        text = "".join(chr(97 + i * i % 26) for i in range(1000)) + "é"
        dataset = data.text_windows(text, 16, level=level, fractions=(0.8, 0.1, 0.1))
        decode = lambda x: data.decode(x, dataset.classes)
        joined = "".join(decode(row) for row in dataset.train["inputs"])
        assert text.startswith(joined) and 784 <= len(joined) <= 800
        for _, part in parts(dataset):
            np.testing.assert_array_equal(part["inputs"][:, 1:], part["labels"][:, :-1])
            row, label = decode(part["inputs"][-1]), decode(part["labels"][-1])
            assert row + label[-1] in text
        data.check(dataset)

    def test_stride_is_for_training_alone(self):
        dense, sparse = (data.text_windows("abcdefghij" * 20, 8, stride=s) for s in (1, None))
        assert len(dense.train["inputs"]) == 172 and len(sparse.train["inputs"]) == 22
        np.testing.assert_array_equal(dense.test["inputs"], sparse.test["inputs"])

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"length": 50}, "a part of the text has 5 tokens; a window of 50 .* need 51"),
            ({"length": 0}, "length is 0"),
            ({"length": 2, "level": "words"}, "level is 'words'"),
            ({"length": 2, "fractions": (0.9, 0.2, 0.1)}, "their sum at most 1"),
        ],
    )
    def test_wrong_arguments(self, options, message):
        with pytest.raises(ValueError, match=message):
            data.text_windows("a" * 100, **options)


def test_what_was_raw_or_silent_once_and_is_meant():
    """A tuple is a tree, a lone surrogate is replaced, a square reaches over the edge."""
    assert isinstance(next(data.prefetch([(np.ones(2), np.ones(2))])), tuple)
    assert data.decode(data.encode("a\ud800b")) == "a?b"
    assert float(data.cutout(jax.random.key(0), np.ones((2, 8, 8, 1)), size=99).sum()) == 0
