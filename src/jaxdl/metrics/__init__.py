"""Metrics as exact sums that add up over batches and devices, and what turns sums into numbers.

A metric is a function ``(predictions, labels, *, weight) -> sums``. Its sums are arrays, and those
of two batches add up to those of the batches as one, on one device (``merge``) or on many
(``jax.lax.psum``). ``weight`` says how much each row counts; a row of weight 0 counts for nothing,
even where it is nan. Most sums are a ``Mean``, which ``compute`` turns into a number; the others
have finalisers of their own:

| sums | finalisers |
|---|---|
| any ``Mean`` | ``compute`` |
| ``mean_squared_error`` | ``root_mean_squared_error`` |
| ``negative_log_likelihood`` | ``perplexity`` |
| ``confusion_matrix`` | ``precision``, ``recall``, ``f_beta``, ``iou``, ``mean_iou`` |
| ``score_histogram`` | ``roc_auc``, ``pr_auc`` |
| ``variation`` | ``r_squared`` |
| ``calibration`` | ``expected_calibration_error`` |

Sums are float32, so that a count is exact up to 2²⁴ rows, and float64 where the values are.
"""

from jaxdl.metrics.calibration import Calibration as Calibration
from jaxdl.metrics.calibration import calibration as calibration
from jaxdl.metrics.calibration import expected_calibration_error as expected_calibration_error
from jaxdl.metrics.calibration import negative_log_likelihood as negative_log_likelihood
from jaxdl.metrics.calibration import perplexity as perplexity
from jaxdl.metrics.classification import accuracy as accuracy
from jaxdl.metrics.classification import binary_accuracy as binary_accuracy
from jaxdl.metrics.classification import confusion_matrix as confusion_matrix
from jaxdl.metrics.classification import top_k_accuracy as top_k_accuracy
from jaxdl.metrics.confusion import f_beta as f_beta
from jaxdl.metrics.confusion import iou as iou
from jaxdl.metrics.confusion import mean_iou as mean_iou
from jaxdl.metrics.confusion import precision as precision
from jaxdl.metrics.confusion import recall as recall
from jaxdl.metrics.curves import exact_pr_auc as exact_pr_auc
from jaxdl.metrics.curves import exact_roc_auc as exact_roc_auc
from jaxdl.metrics.curves import pr_auc as pr_auc
from jaxdl.metrics.curves import roc_auc as roc_auc
from jaxdl.metrics.curves import score_histogram as score_histogram
from jaxdl.metrics.regression import Variation as Variation
from jaxdl.metrics.regression import mean_absolute_error as mean_absolute_error
from jaxdl.metrics.regression import mean_squared_error as mean_squared_error
from jaxdl.metrics.regression import r_squared as r_squared
from jaxdl.metrics.regression import root_mean_squared_error as root_mean_squared_error
from jaxdl.metrics.regression import variation as variation
from jaxdl.metrics.sums import Mean as Mean
from jaxdl.metrics.sums import compute as compute
from jaxdl.metrics.sums import mean as mean
from jaxdl.metrics.sums import merge as merge
