"""Metrics: the numbers of scikit-learn, and the laws of sums."""

import functools
import json
import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from golden import make_metrics
from golden.compare import quick_jit
from jaxdl import losses
from jaxdl import metrics as M
from jaxdl._checks import ShapeError

DATA = make_metrics.data()
GOLDEN = json.loads(make_metrics.PATH.read_text())
F = {k: v.astype(np.float32 if v.dtype == float else np.int32) for k, v in DATA.items()}
N = len(F["labels"])

CLASS, SCORE, NUMBER = ("logits", "labels"), ("scores", "binary"), ("predictions", "targets")
# By name: the sums, and the arrays that they are of.
SUMS: dict[str, tuple[Callable[..., Any], tuple[str, str]]] = {
    "mean": (lambda values, _, weight=None: M.mean(values, weight=weight), NUMBER),
    "accuracy": (M.accuracy, CLASS),
    "binary_accuracy": (functools.partial(M.binary_accuracy, threshold=0.5), SCORE),
    "top_k_accuracy-1": (functools.partial(M.top_k_accuracy, k=1), CLASS),
    "top_k_accuracy-2": (functools.partial(M.top_k_accuracy, k=2), CLASS),
    "top_k_accuracy-3": (functools.partial(M.top_k_accuracy, k=3), CLASS),
    "confusion_matrix": (M.confusion_matrix, CLASS),
    "score_histogram": (functools.partial(M.score_histogram, bins=200), SCORE),
    "mean_absolute_error": (M.mean_absolute_error, NUMBER),
    "mean_squared_error": (M.mean_squared_error, NUMBER),
    "variation": (functools.partial(M.variation, shift=3.0), NUMBER),
    "negative_log_likelihood": (M.negative_log_likelihood, CLASS),
    "calibration": (M.calibration, CLASS),
}
AVERAGES = ("micro", "macro", "weighted", "none")
# By name: the number, of sums or of rows, and whose.
NUMBERS: dict[str, tuple[Callable[..., Any], str]] = {
    **{name: (M.compute, name) for name in SUMS if name in GOLDEN["plain"]},
    "confusion_matrix": (lambda confusion: confusion, "confusion_matrix"),
    "roc_auc": (M.roc_auc, "score_histogram"),
    "pr_auc": (M.pr_auc, "score_histogram"),
    "root_mean_squared_error": (M.root_mean_squared_error, "mean_squared_error"),
    "r_squared": (M.r_squared, "variation"),
    "iou": (M.iou, "confusion_matrix"),
    "mean_iou": (M.mean_iou, "confusion_matrix"),
    **{
        f"{fn.__name__}-{average}": (functools.partial(fn, average=average), "confusion_matrix")
        for fn in (M.precision, M.recall)
        for average in AVERAGES
    },
    **{
        f"f_beta-{average}-{beta}": (
            functools.partial(M.f_beta, beta=beta, average=average),
            "confusion_matrix",
        )
        for beta in (1.0, 0.5, 2.0)
        for average in AVERAGES
    },
}


@functools.cache
def compiled(name):
    return quick_jit(SUMS[name][0])


def sums(name, rows=slice(None), weight=None, **changes):
    fn, arrays = compiled(name), SUMS[name][1]
    data = F | changes
    weight = None if weight is None else weight[rows]
    return fn(*(data[array][rows] for array in arrays), weight=weight)


def assert_close(got, expected, rtol=1e-5):
    close = lambda a, b: np.testing.assert_allclose(a, b, rtol, 1e-5, equal_nan=False)
    jax.tree.map(close, got, expected)


@pytest.mark.parametrize("kind", ["plain", "weighted"])
@pytest.mark.parametrize("name", GOLDEN["plain"])
def test_equals_scikit_learn(name, kind):
    number, of = NUMBERS[name]
    got = number(sums(of, weight=F["weight"] if kind == "weighted" else None))
    np.testing.assert_allclose(got, GOLDEN[kind][name], rtol=2e-5)


@pytest.mark.parametrize("kind", ["plain", "weighted"])
def test_exact_areas_equal_scikit_learn(kind):
    weight = F["weight"] if kind == "weighted" else None
    for area, name in [(M.exact_roc_auc, "roc_auc"), (M.exact_pr_auc, "pr_auc")]:
        got = quick_jit(area)(F["scores"], F["binary"], weight=weight)
        np.testing.assert_allclose(got, GOLDEN[kind][name], rtol=2e-5)


@pytest.mark.parametrize("name", SUMS)
def test_sums_of_two_batches_add_up(name):
    parts = M.merge(sums(name, slice(0, 100), F["weight"]), sums(name, slice(100, N), F["weight"]))
    whole = sums(name, weight=F["weight"])
    both = (parts, whole) if name != "variation" else map(M.r_squared, (parts, whole))
    assert_close(*both)


@pytest.mark.parametrize("name", SUMS)
def test_rows_of_weight_0_are_left_out_even_where_they_are_nan(name):
    kept = DATA["weight"] > 0
    assert 0 < kept.sum() < N
    weight = kept.astype(np.float32)
    spoilt = {}
    for array in SUMS[name][1]:
        bad = np.nan if F[array].dtype == np.float32 else -100
        shape = (N,) + (1,) * (F[array].ndim - 1)
        spoilt[array] = np.where(kept.reshape(shape), F[array], np.array(bad, F[array].dtype))
    got = sums(name, weight=weight, **spoilt)
    assert_close(got, sums(name, rows=kept))


@pytest.mark.parametrize("name", SUMS)
def test_a_weight_of_2_counts_a_row_twice_and_order_does_not_count(name):
    twice = np.tile(np.random.RandomState(0).permutation(N), 2)
    assert_close(sums(name, twice), sums(name, weight=np.full(N, 2, np.float32)))


@pytest.mark.parametrize("name", SUMS)
def test_jit_vmap_and_eight_devices_agree_with_eager(name):
    fn, arrays = SUMS[name]
    rows = [jnp.asarray(F[array]) for array in (*arrays, "weight")]
    call = lambda x, y, w: fn(x, y, weight=w)
    whole = call(*rows)
    split = [x.reshape(8, N // 8, *x.shape[1:]) for x in rows]
    compiled, each = quick_jit(lambda rows, split: (call(*rows), jax.vmap(call)(*split)))(
        rows, split
    )
    # The sums of one batch have its own centre: what they say is the same.
    said = M.r_squared if name == "variation" else lambda sums: sums
    assert_close(compiled, whole)
    assert_close(said(jax.tree.map(lambda x: x.sum(0), each)), said(whole))
    across = jax.pmap(lambda *rows: jax.lax.psum(call(*rows), "data"), "data", out_axes=None)
    assert_close(said(across(*split)), said(whole))


@pytest.mark.parametrize("dtype", [jnp.float16, jnp.bfloat16, jnp.float64])
@pytest.mark.parametrize("name", SUMS)
def test_sums_are_float32_and_float64_for_float64(name, dtype):
    fn, arrays = SUMS[name]
    with jax.enable_x64(dtype == jnp.float64):
        floats = lambda x: jnp.asarray(x).astype(dtype if x.dtype == np.float32 else x.dtype)
        got = jax.eval_shape(fn, *(floats(F[array]) for array in arrays))
        wide = dtype == jnp.float64 and not name.endswith(("accuracy", "-1", "-2", "-3", "matrix"))
        expected = jnp.float64 if wide else jnp.float32
        assert {x.dtype for x in jax.tree.leaves(got)} == {jnp.dtype(expected)}


@pytest.mark.parametrize("labels", [np.uint8, np.int64, bool])
def test_labels_may_be_of_any_integer_dtype(labels):
    logits, y = np.eye(2, dtype=np.float32)[[0, 1, 1]], np.array([0, 1, 0]).astype(labels)
    assert M.compute(M.accuracy(logits, y)) == pytest.approx(2 / 3)
    assert M.compute(M.top_k_accuracy(logits, y, k=1)) == pytest.approx(2 / 3)
    np.testing.assert_array_equal(M.confusion_matrix(logits, y), [[1, 1], [0, 1]])
    np.testing.assert_array_equal(M.score_histogram(logits[:, 1], y, bins=2), [[1, 1], [0, 1]])


def test_values_of_a_row_share_its_weight():
    logits = np.random.RandomState(0).randn(4, 3, 5).astype(np.float32)
    labels = np.random.RandomState(1).randint(5, size=(4, 3))
    weight = np.array([1, 0, 2, 0.5], np.float32)
    tokens = np.repeat(weight, 3)
    fns = (M.accuracy, M.confusion_matrix, M.negative_log_likelihood, M.calibration)
    every = quick_jit(lambda *rows, weight: [fn(*rows, weight=weight) for fn in fns])
    flat = every(logits.reshape(12, 5), labels.reshape(12), weight=tokens)
    assert_close(every(logits, labels, weight=weight), flat)
    assert_close(every(logits, labels, weight=tokens.reshape(4, 3)), flat)


def test_labels_that_are_no_class():
    """Named where they can be seen; traced, they are wrong, left out, or nan."""
    logits, labels = jnp.zeros((3, 2)), jnp.array([-1, 2, -100])
    for metric in (M.accuracy, M.confusion_matrix, M.negative_log_likelihood, M.calibration):
        with pytest.raises(ValueError, match=f"{metric.__name__}: labels hold -1; with 2 classes"):
            metric(logits, labels)
    found = (M.accuracy, M.confusion_matrix, M.negative_log_likelihood)
    traced = jax.jit(lambda *batch: [metric(*batch) for metric in found])(logits, labels)
    assert traced[0] == (0, 2) and traced[1].sum() == 0 and math.isnan(traced[2].total)


def test_64_bit_labels_do_not_wrap():
    with jax.enable_x64(True):
        logits, labels = jnp.eye(2), jnp.array([2**32, 2**32 + 1])
        right = jax.jit(lambda y: (M.accuracy(logits, y), M.binary_accuracy(-logits[0], y)))
        assert [x.total for x in right(labels)] == [0, 2]
        with pytest.raises(ValueError, match="labels hold 4294967296"):
            M.accuracy(logits, labels)


def test_nan_logits_are_no_guess():
    logits, labels = jnp.array([[0.1, jnp.nan, 0.5], [1.0, 0.0, 0.0]]), jnp.array([1, 0])
    every = quick_jit(
        lambda weight: (
            M.accuracy(logits, labels, weight=weight).total,
            M.top_k_accuracy(logits, labels, k=2, weight=weight).total,
            M.binary_accuracy(logits[:, 1], labels * 0, weight=weight).total,
            M.mean_iou(M.confusion_matrix(logits, labels, weight=weight)),
        )
    )
    for weight, nan in ((None, True), (jnp.array([0.0, 1.0]), False)):
        assert all(bool(np.isnan(x)) == nan for x in every(weight))


def test_ignored_labels_count_for_nothing():
    """As rows that are left out, for tokens too, and as cross_entropy's own mean."""
    random = np.random.RandomState(3)
    logits, labels = random.randn(4, 6, 5).astype("f"), random.randint(5, size=(4, 6))
    weight = random.uniform(0.1, 2, (4, 6)).astype("f")
    kept = random.rand(4, 6) < 0.6
    for ignored in (-100, 2):
        kept &= labels != ignored
        given = np.where(kept, labels, ignored).astype(np.int32)
        top: Callable = functools.partial(M.top_k_accuracy, k=2)
        of = (M.accuracy, top, M.negative_log_likelihood, M.confusion_matrix)
        every = quick_jit(
            lambda *rows, weight, ignored, of=of: [
                fn(*rows, ignore_index=ignored, weight=weight) for fn in of
            ],
            static_argnames="ignored",
        )
        left = every(logits[kept], labels[kept], weight=weight[kept], ignored=None)
        assert_close(every(logits, given, weight=weight, ignored=ignored), left)
        loss = losses.cross_entropy(logits, given, ignore_index=ignored)
        mean = M.compute(M.negative_log_likelihood(logits, given, ignore_index=ignored))
        np.testing.assert_allclose(mean, loss, rtol=1e-5)


@given(
    st.lists(st.integers(0, 20), min_size=12, max_size=12),
    st.lists(st.integers(0, 1), min_size=12, max_size=12),
    st.lists(st.integers(0, 3), min_size=12, max_size=12),
)
@settings(max_examples=60, deadline=None)
def test_areas_equal_their_definition(scores, labels, weight):
    """Pair by pair, and threshold by threshold, in plain Python."""
    rows = list(zip(scores, labels, weight, strict=True))
    n, p = (sum(w for _, y, w in rows if y == c) for c in (0, 1))
    arrays = (jnp.array(scores) / 20, jnp.array(labels), jnp.array(weight, jnp.float32))
    histogram = M.score_histogram(*arrays[:2], bins=21, high=1.05, weight=arrays[2])
    if n and p:
        pairs = [(a > b) + (a == b) / 2 for a, y, v in rows if y for b, x, w in rows if not x
                 for _ in range(v * w)]  # fmt: skip
        exact = M.exact_roc_auc(*arrays[:2], weight=arrays[2])
        assert exact == pytest.approx(sum(pairs) / (n * p), abs=1e-5)
        assert M.roc_auc(histogram) == pytest.approx(sum(pairs) / (n * p), abs=1e-5)
    if p:
        above = lambda s, c: sum(w for a, y, w in rows if a >= s and y in c)
        shares = [w * above(s, (1,)) / above(s, (0, 1)) for s, y, w in rows if y and w]
        exact = M.exact_pr_auc(*arrays[:2], weight=arrays[2])
        assert exact == pytest.approx(sum(shares) / p, abs=1e-5)
        assert M.pr_auc(histogram) == pytest.approx(sum(shares) / p, abs=1e-5)


@pytest.mark.parametrize("bins", [5, 20, 100])
def test_the_error_of_binned_roc_is_within_the_bound_of_its_docstring(bins):
    histogram = M.score_histogram(F["scores"], F["binary"], bins=bins)
    n, p = np.asarray(histogram, np.float64)
    bound = (n * p).sum() / (2 * n.sum() * p.sum())
    assert 0 < abs(M.roc_auc(histogram) - GOLDEN["plain"]["roc_auc"]) <= bound


def test_scores_outside_fall_into_the_outer_bins():
    scores = jnp.array([-jnp.inf, -1.0, 0.0, 1.0, 2.0, jnp.inf])
    got = M.score_histogram(scores, jnp.ones(6, jnp.int32), bins=2)
    np.testing.assert_array_equal(got, [[0, 0], [3, 3]])


def test_scores_that_are_nan_show():
    scores, labels = jnp.array([jnp.nan, 0.3, 0.4]), jnp.array([0, 1, 0])
    assert np.isnan(M.roc_auc(M.score_histogram(scores, labels)))
    assert np.isnan(M.exact_roc_auc(scores, labels))
    assert np.isnan(M.exact_pr_auc(scores, labels))
    assert np.isnan(M.calibration(jnp.full((1, 2), jnp.nan), jnp.array([0])).confidence).any()


def test_areas_without_positives_or_negatives_are_nan():
    one = jnp.array([0.5])
    for label in (0, 1):
        assert np.isnan(M.exact_roc_auc(one, jnp.array([label])))
        assert np.isnan(M.roc_auc(M.score_histogram(one, jnp.array([label]))))
    assert np.isnan(M.exact_pr_auc(one, jnp.array([0])))


def test_expected_calibration_error_by_its_definition():
    p = make_metrics.softmax(DATA["logits"])
    sure, right = p.max(1), p.argmax(1) == DATA["labels"]
    w, total = DATA["weight"], 0.0
    for low in np.arange(10) / 10:
        inside = (sure > low) & (sure <= low + 0.1)
        total += abs((w * (right - sure))[inside].sum())
    sums = M.calibration(F["logits"], F["labels"], bins=10, weight=F["weight"])
    np.testing.assert_allclose(M.expected_calibration_error(sums), total / w.sum(), rtol=1e-5)


def test_perplexity_is_the_exponential_of_the_likelihood():
    sums = M.negative_log_likelihood(F["logits"], F["labels"])
    likelihood = GOLDEN["plain"]["negative_log_likelihood"]
    np.testing.assert_allclose(M.perplexity(sums), math.exp(likelihood), rtol=1e-5)


def test_shift_keeps_the_digits_of_r_squared():
    targets = (DATA["targets"] + 1e4).astype(np.float32)
    predictions = (DATA["predictions"] + 1e4).astype(np.float32)
    t, p = targets.astype(np.float64), predictions.astype(np.float64)
    exact = 1 - ((t - p) ** 2).sum() / ((t - t.mean()) ** 2).sum()
    assert M.r_squared(M.variation(predictions, targets)) == pytest.approx(exact, rel=1e-4)
    halves = (slice(0, N // 2), slice(N // 2, N))
    near, far = (
        M.r_squared(M.merge(*(M.variation(predictions[i], targets[i], shift=c) for i in halves)))
        for c in (1e4, 0.0)
    )
    assert near == pytest.approx(exact, rel=1e-4) and far == pytest.approx(exact, abs=0.02)


def test_nearly_constant_targets_keep_the_digits_of_r_squared():
    t = np.array([-5.1608, -5.1609, -5.1608, -5.1608, -5.1608, -5.1608], np.float32)
    p = np.array([-3.9865, -5.4648, -5.0238, -4.3899, -5.6672, -4.7336], np.float32)
    wide, error = t.astype(float), t.astype(float) - p
    exact = 1 - (error**2).sum() / ((wide - wide.mean()) ** 2).sum()
    assert M.r_squared(M.variation(p, t)) == pytest.approx(exact, rel=1e-4)


@pytest.mark.parametrize("average", AVERAGES)
def test_a_class_that_never_occurs_has_score_0(average):
    confusion = jnp.array([[2.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 0.0]])
    for fn in (M.precision, M.recall, M.f_beta):
        assert np.isfinite(fn(confusion, average=average)).all()
    np.testing.assert_allclose(M.precision(confusion, average="none"), [2 / 3, 0, 0])
    assert np.isnan(M.iou(confusion)[2]) and M.mean_iou(confusion) == pytest.approx(1 / 3)
    assert (M.precision(jnp.zeros((3, 3)), average=average) == 0).all()


def test_compute_makes_floats_and_leaves_other_sums():
    confusion = M.confusion_matrix(F["logits"], F["labels"])
    tree = {"a": M.Mean(jnp.float32(3), jnp.float32(2)), "b": (confusion, M.Mean(0.0, 0.0))}
    got = M.compute(tree)
    assert type(got["a"]) is float and got["a"] == 1.5
    assert isinstance(got["b"][0], np.ndarray) and math.isnan(got["b"][1])


def test_compute_of_many_models_makes_an_array():
    many = jax.vmap(lambda bias: M.accuracy(F["logits"] + bias[None], F["labels"]))
    got = M.compute(many(jnp.eye(5)))
    assert isinstance(got, np.ndarray) and got.shape == (5,)


def test_compute_compiles_nothing(caplog):
    sums = jax.block_until_ready(M.accuracy(F["logits"], F["labels"]))
    with jax.log_compiles(), caplog.at_level("WARNING"):
        M.compute({"accuracy": sums})
    assert "ompil" not in caplog.text


@pytest.mark.parametrize(
    "metric",
    [M.accuracy, M.top_k_accuracy, M.confusion_matrix, M.negative_log_likelihood, M.calibration],
)
def test_classes_are_whole_numbers(metric):
    logits, labels = jnp.zeros((3, 6)), jnp.array([0.9, 1.0, 2.0])  # 0.9 is not class 0
    with pytest.raises(TypeError, match=rf"^{metric.__name__}: labels are float32\[3\]; classes"):
        metric(logits, labels)


def test_shape_errors_are_shape_errors():
    with pytest.raises(ShapeError):
        M.mean(jnp.ones(3), weight=jnp.ones(2))
