"""A wrong call of a loss raises while tracing, in the caller's words; nothing broadcasts."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl import losses as L
from jaxdl._checks import ShapeError
from tables.batches import BATCHES, CLASSES, FEATURES, call, name

ROWS = 5
X, DEEP = jnp.zeros((ROWS, CLASSES)), jnp.zeros((ROWS, 2, CLASSES))
LABELS, NUMBERS = jnp.zeros(ROWS, jnp.int32), jnp.zeros((ROWS, FEATURES))
KERNEL = jnp.zeros((FEATURES, CLASSES))
SEVERAL = [
    pytest.param(row, i, id=f"{row.id}-{i}")
    for row in BATCHES
    for i in range(1, len(row.draw(np.random.RandomState(0), 1)))
]
every_loss = pytest.mark.parametrize("row", BATCHES, ids=lambda row: row.id)


def batch(row):
    single = lambda x: jnp.asarray(x, np.float32 if x.dtype.kind == "f" else np.int32)
    return [single(x) for x in row.draw(np.random.RandomState(0), ROWS)]


def trace(row, arrays, **options):
    return jax.eval_shape(lambda *arrays: call(row, arrays, **options), *arrays)


def changed(row, i, change):
    """Traces the loss with its i-th array changed."""
    arrays = batch(row)
    arrays[i] = change(arrays[i])
    return trace(row, arrays)


@pytest.mark.parametrize("size", [1, ROWS - 1])
@pytest.mark.parametrize(("row", "i"), SEVERAL)
def test_batches_of_unequal_size_raise(row, i, size):
    with pytest.raises((ShapeError, TypeError), match=f"^{name(row)}.*{size}"):
        changed(row, i, lambda x: x[:size])


@pytest.mark.parametrize(("row", "i"), SEVERAL)
def test_a_column_is_not_a_row(row, i):
    """(N,) against (N, 1), which NumPy would make (N, N) of."""
    if (row.id, i) == ("gaussian_nll_loss", 2):
        return  # a variance for each row may be either, and isn't broadcast to (N, N)
    with pytest.raises((ShapeError, TypeError), match=f"^{name(row)}.*{ROWS}"):
        changed(row, i, lambda x: x.reshape(ROWS, *x.shape[1:], 1))


@every_loss
def test_predictions_must_be_floating(row):
    with pytest.raises(TypeError, match=rf"^{name(row)}: \w+ (is|are) int32\[{ROWS}"):
        changed(row, 0, lambda x: x.astype(jnp.int32))


@pytest.mark.parametrize(("row", "i"), SEVERAL)
def test_what_is_not_real_is_refused(row, i):
    with pytest.raises(TypeError, match=rf"^{name(row)}: \w+ (is|are) complex64\[{ROWS}"):
        changed(row, i, lambda x: x.astype(jnp.complex64))


@every_loss
def test_reductions_are_three(row):
    needed = '"mean", "sum" or "none"'
    with pytest.raises(ValueError, match=f"^{name(row)}: reduction is 'avg'; it must be {needed}"):
        trace(row, batch(row), reduction="avg")


@every_loss
def test_masks_must_fit(row):
    with pytest.raises(TypeError, match=rf"^{name(row)}: where is float32\[5\]; it must be bool"):
        trace(row, batch(row), where=jnp.ones(ROWS))
    with pytest.raises(ShapeError, match=rf"^{name(row)}: where is bool\[4\]; its shape must be"):
        trace(row, batch(row), where=jnp.ones(ROWS - 1, bool))


def of_labels(loss, x=X, **options):
    """The loss as a function of its labels."""
    return lambda labels: loss(x, labels, **options)


INDEXED = {
    "cross_entropy": of_labels(L.cross_entropy),
    "nll_loss": of_labels(L.nll_loss),
    "multi_margin_loss": of_labels(L.multi_margin_loss),
    "generalized_cross_entropy": of_labels(L.generalized_cross_entropy),
    "circle": of_labels(L.circle),
    "linear_cross_entropy": lambda labels: L.linear_cross_entropy(NUMBERS, KERNEL, labels),
}


@pytest.mark.parametrize("loss", INDEXED)
def test_labels_must_be_integers(loss):
    for dtype in ("float32", "bool"):
        with pytest.raises(TypeError, match=rf"^{loss}: labels are {dtype}\[5\].*must be integers"):
            INDEXED[loss](jnp.zeros(ROWS, dtype))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        # Labels of the logits' shape that are no probabilities.
        (
            lambda: L.cross_entropy(X, jnp.zeros((ROWS, CLASSES), jnp.int32)),
            r"cross_entropy: labels are int32\[5,4\] for logits of shape \(5, 4\); class indices",
        ),
        (
            lambda: L.multilabel_margin_loss(X, jnp.zeros((ROWS, CLASSES))),
            r"multilabel_margin_loss: labels are float32\[5,4\]; class indices must be integers",
        ),
        (
            lambda: L.ctc_loss(DEEP, jnp.zeros((ROWS, 2)), LABELS, LABELS),
            r"ctc_loss: labels are float32\[5,2\]; class indices must be integers",
        ),
        (
            lambda: L.ctc_loss(DEEP, LABELS[:, None], jnp.zeros(ROWS), LABELS),
            r"ctc_loss: input_lengths are float32\[5\]; they must be integers",
        ),
        (
            lambda: L.ctc_loss(DEEP, LABELS[:, None], LABELS, jnp.zeros(ROWS)),
            r"ctc_loss: label_lengths are float32\[5\]; they must be integers",
        ),
    ],
)
def test_other_labels(call, message):
    with pytest.raises(TypeError, match=f"^{message}"):
        call()


# What the weights of three and of four classes look like.
THREE, FOUR = jnp.ones(CLASSES - 1), jnp.ones(CLASSES)


@pytest.mark.parametrize(
    ("loss", "argument", "call"),
    [
        ("cross_entropy", "weight", lambda w: L.cross_entropy(X, LABELS, weight=w)),
        ("cross_entropy", "weight", lambda w: L.cross_entropy(X, X, weight=w)),
        ("nll_loss", "weight", lambda w: L.nll_loss(X, LABELS, weight=w)),
        (
            "linear_cross_entropy",
            "weight",
            lambda w: L.linear_cross_entropy(NUMBERS, KERNEL, LABELS, weight=w),
        ),
        (
            "linear_cross_entropy",
            "bias",
            lambda b: L.linear_cross_entropy(NUMBERS, KERNEL, LABELS, bias=b),
        ),
        ("multi_margin_loss", "weight", lambda w: L.multi_margin_loss(X, LABELS, weight=w)),
        (
            "multilabel_soft_margin_loss",
            "weight",
            lambda w: L.multilabel_soft_margin_loss(X, X, weight=w),
        ),
        ("binary_cross_entropy", "weight", lambda w: L.binary_cross_entropy(X, X, weight=w)),
        (
            "binary_cross_entropy_with_logits",
            "weight",
            lambda w: L.binary_cross_entropy_with_logits(X, X, weight=w),
        ),
        (
            "binary_cross_entropy_with_logits",
            "pos_weight",
            lambda w: L.binary_cross_entropy_with_logits(X, X, pos_weight=w),
        ),
        (
            "categorical_focal_cross_entropy",
            "alpha",
            lambda a: L.categorical_focal_cross_entropy(X, X, alpha=a),
        ),
    ],
)
def test_weights_of_classes_have_their_number(loss, argument, call):
    call(FOUR)
    for wrong in (THREE, jnp.ones((CLASSES, 1)), jnp.ones(CLASSES + 1)):
        shape = ",".join(map(str, wrong.shape))
        with pytest.raises(ShapeError, match=rf"^{loss}: {argument} is float32\[{shape}\]"):
            call(wrong)


@pytest.mark.parametrize("loss", [L.l1_loss, L.mse_loss, L.huber_loss])
def test_weights_of_values_have_their_shape(loss):
    for shape in ((ROWS,), (CLASSES,), (ROWS, 1), ()):
        with pytest.raises(ShapeError, match=f"^{loss.__name__} needs arguments of one shape"):
            loss(X, X, weight=jnp.ones(shape))
