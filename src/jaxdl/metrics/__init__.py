"""Metrics as exact sums that add up over batches and devices, and their finalizers.

A metric is a function ``(predictions, labels, *, weight) -> sums``. Its sums are arrays, and the
sums of two batches add up to those of the combined batch, on one device (``merge``) or many
(``jax.lax.psum``). ``weight`` is the weight of each row; a row of weight 0 is ignored, even if it
is nan. Most sums are a ``Mean``, which ``compute`` turns into a number; the others have finalizers
of their own:

| sums | finalizers |
|---|---|
| any ``Mean`` | ``compute`` |
| ``mean_squared_error`` | ``root_mean_squared_error`` |
| ``negative_log_likelihood`` | ``perplexity`` |
| ``confusion_matrix`` | ``precision``, ``recall``, ``f_beta``, ``iou``, ``mean_iou`` |
| ``score_histogram`` | ``roc_auc``, ``pr_auc`` |
| ``variation`` | ``r_squared`` |
| ``calibration`` | ``expected_calibration_error`` |

Sums are float32, so counts are exact up to 2²⁴ rows, or float64 if the values are. Labels equal to
``ignore_index`` (−100, as in the losses) are ignored; nan elsewhere makes the metric nan.
Invalid arguments raise at once: ShapeError for mismatched shapes, TypeError for labels that aren't
integers, ValueError for a label or an option out of range. Traced labels can't be checked: one out
of range counts as wrong, makes a likelihood nan, and is left out of a confusion matrix.
"""

from jaxdl import _face
from jaxdl.metrics._calibration import (
    Calibration,
    calibration,
    expected_calibration_error,
    negative_log_likelihood,
    perplexity,
)
from jaxdl.metrics._classification import (
    accuracy,
    binary_accuracy,
    confusion_matrix,
    top_k_accuracy,
)
from jaxdl.metrics._confusion import f_beta, iou, mean_iou, precision, recall
from jaxdl.metrics._curves import exact_pr_auc, exact_roc_auc, pr_auc, roc_auc, score_histogram
from jaxdl.metrics._regression import (
    Variation,
    mean_absolute_error,
    mean_squared_error,
    r_squared,
    root_mean_squared_error,
    variation,
)
from jaxdl.metrics._sums import Mean, compute, mean, merge

__all__ = [
    "Calibration",
    "Mean",
    "Variation",
    "accuracy",
    "binary_accuracy",
    "calibration",
    "compute",
    "confusion_matrix",
    "exact_pr_auc",
    "exact_roc_auc",
    "expected_calibration_error",
    "f_beta",
    "iou",
    "mean",
    "mean_absolute_error",
    "mean_iou",
    "mean_squared_error",
    "merge",
    "negative_log_likelihood",
    "perplexity",
    "pr_auc",
    "precision",
    "r_squared",
    "recall",
    "roc_auc",
    "root_mean_squared_error",
    "score_histogram",
    "top_k_accuracy",
    "variation",
]

__doc__ = _face.index(globals())
