"""Every loss on a batch of rows: what the properties and the messages are tested over."""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from jaxdl import losses as L

CLASSES, FEATURES, STEPS = 4, 3, 6
Arrays = tuple[np.ndarray, ...]


class Batch(NamedTuple):
    """A loss with one setting of its options, and how to draw batches for it.

    All arrays have the batch as their first axis; what all rows share is bound to the function.
    """

    id: str  # the name of the loss, and what is special about the row
    fn: Callable[..., Any]  # takes the arrays, reduction and where
    draw: Callable[[np.random.RandomState, int], Arrays]
    # The mean that the loss promises, of the values of "none" and the arrays.
    mean: Callable[..., Any] = lambda values, *arrays: np.mean(values)
    names: tuple[str, ...] = ()  # of arrays that the function takes by keyword, after the others


def call(row: Batch, arrays: Any, **options: Any) -> Any:
    """The loss of these arrays."""
    first = len(arrays) - len(row.names)
    named = dict(zip(row.names, arrays[first:], strict=True))
    return row.fn(*arrays[:first], **named, **options)


def name(row: Batch) -> str:
    """The name of the loss, as messages begin with it."""
    return row.id.split("-")[0]


def floats(*trailing: tuple[int, ...]) -> Callable[[np.random.RandomState, int], Arrays]:
    """Draws arrays of normal numbers with these axes after the batch."""
    return lambda random, n: tuple(random.randn(n, *axes) for axes in trailing)


def with_signs(*trailing: tuple[int, ...], of: tuple[int, ...] = ()) -> Callable[..., Arrays]:
    """Draws floats, and −1 or 1."""
    return lambda random, n: (*floats(*trailing)(random, n), random.choice([-1.0, 1.0], (n, *of)))


def with_labels(random: np.random.RandomState, n: int) -> Arrays:
    return random.randn(n, CLASSES), random.randint(CLASSES, size=n)


def partly_ignored(random: np.random.RandomState, n: int) -> Arrays:
    """Draws logits and labels, of which the second is ignored."""
    x, labels = with_labels(random, n)
    return x, np.where(np.arange(n) == 1, -100, labels)


def shares(random: np.random.RandomState, shape: tuple[int, ...]) -> np.ndarray:
    powers = np.exp(random.randn(*shape))
    return powers / powers.sum(axis=-1, keepdims=True)


def with_shares(random: np.random.RandomState, n: int) -> Arrays:
    return random.randn(n, CLASSES), shares(random, (n, CLASSES))


def with_one_hot(random: np.random.RandomState, n: int) -> Arrays:
    x, labels = with_labels(random, n)
    return x, np.eye(CLASSES)[labels]


def probabilities(random: np.random.RandomState, n: int) -> Arrays:
    return random.uniform(0.05, 0.95, (n, FEATURES)), random.uniform(0.05, 0.95, (n, FEATURES))


def positive(random: np.random.RandomState, n: int) -> Arrays:
    return tuple(np.exp(x) for x in floats((FEATURES,), (FEATURES,))(random, n))


def counts(random: np.random.RandomState, n: int) -> Arrays:
    return random.randn(n, FEATURES), random.poisson(2.0, (n, FEATURES)).astype(float)


def weighted(random: np.random.RandomState, n: int) -> Arrays:
    shape = (n, FEATURES)
    return random.randn(*shape), random.randn(*shape), random.uniform(0.2, 2, shape)


def with_variance(random: np.random.RandomState, n: int) -> Arrays:
    return *floats((FEATURES,), (FEATURES,))(random, n), random.uniform(0.2, 2, n)


def lists(random: np.random.RandomState, n: int) -> Arrays:
    labels = np.stack([random.permutation(CLASSES) for _ in range(n)])
    return random.randn(n, CLASSES), np.where(random.rand(n, CLASSES) < 0.3, -1, labels)


def sequences(random: np.random.RandomState, n: int) -> Arrays:
    log_p = np.log(shares(random, (n, STEPS, CLASSES)))
    labels = random.randint(1, CLASSES, (n, 2))
    return log_p, labels, random.randint(4, STEPS + 1, n), random.randint(0, 3, n)


def rows_of_a_matrix(random: np.random.RandomState, n: int) -> Arrays:
    return random.randn(n, FEATURES), random.randint(CLASSES, size=n)


def units(random: np.random.RandomState, n: int) -> Arrays:
    z = random.randn(n, FEATURES)
    return z / np.linalg.norm(z, axis=1, keepdims=True), random.randint(2, size=n)


def by_weight(values: Any, *arrays: Any) -> Any:
    """The mean of l1_loss and mse_loss: weights are in the values already."""
    return np.sum(values) / np.sum(arrays[-1])


def by_class_weight(values: Any, _: Any, labels: Any) -> Any:
    """The mean over class indices: what is ignored doesn't count."""
    return np.sum(values) / np.sum(WEIGHT[labels % CLASSES], where=labels >= 0)


def by_count(values: Any, _: Any, labels: Any) -> Any:
    return np.sum(values) / np.sum(labels >= 0)


def by_length(values: Any, *arrays: Any) -> Any:
    """The mean of ctc_loss: each loss a label."""
    return np.mean(values / np.maximum(arrays[-1], 1))


random = np.random.RandomState(7)
WEIGHT = random.uniform(0.2, 2, CLASSES).astype(np.float32)
KERNEL, BIAS = random.randn(FEATURES, CLASSES).astype(np.float32), WEIGHT - 1
PAIR = floats((FEATURES,), (FEATURES,))
TRIPLE = floats((FEATURES,), (FEATURES,), (FEATURES,))
SIGNED = with_signs((FEATURES,), of=(FEATURES,))


def linear(x: Any, labels: Any, **options: Any) -> Any:
    """Of chunks that are smaller than the batch, and don't divide it."""
    return L.linear_cross_entropy(x, KERNEL, labels, bias=BIAS, chunk_size=2, **options)


def options(fn: Callable[..., Any], **bound: Any) -> Callable[..., Any]:
    return functools.partial(fn, **bound)


BATCHES = [
    Batch("l1_loss", L.l1_loss, PAIR),
    Batch("l1_loss-flat", L.l1_loss, floats((), ())),
    Batch("l1_loss-deep", L.l1_loss, floats((2, 3), (2, 3))),
    Batch("l1_loss-weight", L.l1_loss, weighted, by_weight, ("weight",)),
    Batch("mse_loss", L.mse_loss, PAIR),
    Batch("mse_loss-weight", L.mse_loss, weighted, by_weight, ("weight",)),
    Batch("smooth_l1_loss", options(L.smooth_l1_loss, beta=0.5), PAIR),
    Batch("huber_loss", L.huber_loss, PAIR),
    Batch("huber_loss-weight", L.huber_loss, weighted, names=("weight",)),
    Batch("log_cosh", L.log_cosh, PAIR),
    Batch("mean_absolute_percentage_error", L.mean_absolute_percentage_error, PAIR),
    Batch("mean_squared_logarithmic_error", L.mean_squared_logarithmic_error, positive),
    Batch("poisson_nll_loss", options(L.poisson_nll_loss, full=True), counts),
    Batch("gaussian_nll_loss", L.gaussian_nll_loss, with_variance),
    Batch("kl_div", options(L.kl_div, log_target=True), PAIR),
    Batch("cross_entropy", L.cross_entropy, partly_ignored, by_count),
    Batch(
        "cross_entropy-weight",
        options(L.cross_entropy, weight=WEIGHT, label_smoothing=0.2),
        partly_ignored,
        by_class_weight,
    ),
    Batch("cross_entropy-shares", options(L.cross_entropy, weight=WEIGHT), with_shares),
    Batch("nll_loss", options(L.nll_loss, weight=WEIGHT), partly_ignored, by_class_weight),
    Batch("linear_cross_entropy", linear, rows_of_a_matrix),
    Batch(
        "linear_cross_entropy-shares",
        linear,
        lambda random, n: (random.randn(n, FEATURES), shares(random, (n, CLASSES))),
    ),
    Batch("generalized_cross_entropy", L.generalized_cross_entropy, with_labels),
    Batch("categorical_focal_cross_entropy", L.categorical_focal_cross_entropy, with_shares),
    Batch("binary_cross_entropy", L.binary_cross_entropy, probabilities),
    Batch("binary_cross_entropy_with_logits", L.binary_cross_entropy_with_logits, probabilities),
    Batch(
        "binary_cross_entropy_with_logits-weight",
        L.binary_cross_entropy_with_logits,
        lambda random, n: (*probabilities(random, n), *probabilities(random, n)),
        names=("weight", "pos_weight"),
    ),
    Batch("binary_focal_cross_entropy", options(L.binary_focal_cross_entropy, alpha=0.3), PAIR),
    Batch("hinge", L.hinge, SIGNED),
    Batch("squared_hinge", L.squared_hinge, SIGNED),
    Batch("perceptron_loss", L.perceptron_loss, SIGNED),
    Batch("soft_margin_loss", L.soft_margin_loss, SIGNED),
    Batch("hinge_embedding_loss", L.hinge_embedding_loss, SIGNED),
    Batch("categorical_hinge", L.categorical_hinge, with_one_hot),
    Batch("multi_margin_loss", options(L.multi_margin_loss, weight=WEIGHT), with_labels),
    Batch("multilabel_margin_loss", L.multilabel_margin_loss, lists),
    Batch(
        "multilabel_soft_margin_loss",
        options(L.multilabel_soft_margin_loss, weight=WEIGHT),
        with_shares,
    ),
    Batch(
        "margin_ranking_loss",
        options(L.margin_ranking_loss, margin=0.5),
        with_signs((FEATURES,), (FEATURES,), of=(FEATURES,)),
    ),
    Batch("cosine_embedding_loss", L.cosine_embedding_loss, with_signs((FEATURES,), (FEATURES,))),
    Batch("triplet_margin_loss", options(L.triplet_margin_loss, swap=True), TRIPLE),
    Batch("triplet_margin_with_distance_loss", L.triplet_margin_with_distance_loss, TRIPLE),
    Batch("ctc_loss", L.ctc_loss, sequences, by_length),
    Batch("dice", L.dice, probabilities),
    Batch("tversky", options(L.tversky, alpha=0.3, beta=0.6), probabilities),
    Batch("circle", options(L.circle, gamma=4.0), units),
    Batch("info_nce", L.info_nce, PAIR),
]
