"""Scaling, weights and problems: measured on the training part, counted exactly."""

import jax.numpy as jnp
import numpy as np
import pytest
import sklearn.preprocessing
import sklearn.utils.class_weight

from jaxdl import data, losses, train


def dataset(**parts):
    named = lambda part: dict(zip(("inputs", "labels"), part, strict=False))
    return data.Dataset(**{name: named(part) for name, part in parts.items()})


class TestScaling:
    def test_as_scikit_learn_and_by_train_alone(self):
        draw = np.random.RandomState(0)
        x, y = draw.randn(50, 3) * [1, 1000, 1e-3] + [0, 500, 7], draw.randn(20, 3)
        made, scaling = data.standardize(dataset(train=[x], test=[y]))
        oracle = sklearn.preprocessing.StandardScaler().fit(x)
        for part, rows in (("train", x), ("test", y)):
            theirs = oracle.transform(rows)
            np.testing.assert_allclose(getattr(made, part)["inputs"], theirs, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(scaling.std, oracle.scale_, rtol=1e-6)
        assert made.train["inputs"].dtype == np.float32 and made.validation is None

    @pytest.mark.parametrize("dtype", ["uint8", "float16", "bfloat16", "float32", "float64"])
    def test_channels_of_images(self, dtype):
        x = np.random.RandomState(1).randint(0, 200, (9, 8, 7, 3)).astype(jnp.dtype(dtype))
        made, scaling = data.standardize(dataset(train=[x]), axis=(0, 1, 2))
        assert scaling.mean.shape == (1, 1, 3)
        np.testing.assert_allclose(made.train["inputs"].mean((0, 1, 2)), 0, atol=1e-5)
        np.testing.assert_allclose(made.train["inputs"].std((0, 1, 2)), 1, atol=1e-5)

    @pytest.mark.parametrize("value", [0.0, 1.0, 0.1, 1e30, -7.3e-20])
    def test_a_constant_becomes_nought(self, value):
        x = np.full((7, 1), value)
        np.testing.assert_allclose(data.scaled(x, data.fit_scaling(x)), 0, atol=abs(value) * 1e-6)

    @pytest.mark.parametrize("n", [1000, 200_000])
    def test_a_constant_of_many_rows_is_one(self, n):
        x = np.stack([np.full(n, 0.1), np.arange(n)], axis=1)  # summed row by row, not pairwise
        assert data.fit_scaling(x).std.tolist() == [1.0, np.arange(n).std()]

    def test_other_rows(self):
        scaling = data.fit_scaling(np.ones((4, 3)))
        with pytest.raises(ValueError, match=r"x is float64\[4,2\], the .* mean float64\[3\]"):
            data.scaled(np.ones((4, 2)), scaling)
        with pytest.raises(ValueError, match="axis is 1; it must be different axes"):
            data.fit_scaling(np.ones((4, 3)), axis=1)
        with pytest.raises(ValueError, match="it needs rows"):
            data.fit_scaling(np.ones((0, 3)))


class TestWeights:
    def test_as_scikit_learn(self):
        labels = np.array([0, 1, 1, 2, 2, 2, 2])
        theirs = sklearn.utils.class_weight.compute_class_weight(
            "balanced", classes=np.arange(3), y=labels
        )
        ours = data.balanced_class_weights(labels, 3)
        np.testing.assert_allclose(ours, theirs, rtol=1e-6)
        np.testing.assert_allclose(ours[labels].mean(), 1, rtol=1e-6)
        weigh = train.class_weights(ours)
        weight = weigh(None, {"labels": jnp.asarray(labels)})["weight"]
        np.testing.assert_allclose(weight, theirs[labels], rtol=1e-6)
        losses.cross_entropy(jnp.zeros((7, 3)), jnp.asarray(labels), weight=jnp.asarray(ours))

    @pytest.mark.parametrize("labels", [[0, 0, 1], [0, 1, 2, 3]])
    def test_classes_without_rows(self, labels):
        with pytest.raises(
            ValueError,
            match=r"some of each of 3|run from .* are 3 classes",
        ):
            data.balanced_class_weights(labels, 3)


class TestProblems:
    def test_none(self):
        x = np.arange(12).reshape(6, 2)
        label = np.array([0, 1, 0, 1])
        sound = dataset(train=[x[:4], label], test=[x[4:], label[:2]])
        assert data.problems(sound) == data.Problems("", 0, (), {}, {}, 0)
        assert data.describe_problems(data.problems(sound)) == []

    @pytest.mark.parametrize("dtype", ["uint8", "float32", "bfloat16", "int64"])
    def test_all_at_once(self, dtype):
        train_x = np.array([[1, 5], [2, 5], [1, 5], [3, 5]], jnp.dtype(dtype))
        test_x = np.array([[1, 5], [3, 5], [4, 5]], jnp.dtype(dtype))
        spoilt = dataset(
            train=[train_x, np.array([0, 1, 0, 1])],
            validation=[test_x[2:], np.array([2])],
            test=[test_x, np.array([0, 0, 1])],
        )._replace(classes=("a", "b", "c"))
        found = data.problems(spoilt)
        assert found == data.Problems("", 1, ("c",), {"test": 2}, {"test": 1}, 1)
        assert data.describe_problems(found) == [
            "1 input feature is constant in train",
            "1 class has no row to train on: c",
            "2 rows of test are in train too, 1 of them with another label",
            "1 row is in train more than once",
        ]

    def test_what_check_refuses_comes_first(self):
        spoilt = dataset(train=[np.array([[np.nan], [1.0]]), np.array([0, 1])])
        (line,) = data.describe_problems(data.problems(spoilt))
        assert line == "dataset.train['inputs'] has 1 row with nan or infinity, the first is row 0"

    def test_real_sets(self):
        assert data.problems(data.load("animals")).untrained_classes == ()
        assert data.problems(data.mnist1d()) == data.Problems("", 0, (), {}, {}, 0)

    def test_without_labels_and_classes(self):
        found = data.problems(dataset(train=[np.eye(3)], test=[np.eye(3)[:1]]))
        assert found.leaked == {"test": 1} and found.relabeled == {}
