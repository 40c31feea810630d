"""Wrong calls of metrics."""

import jax.numpy as jnp
import numpy as np

from jaxdl import metrics as M
from wrong_calls.row import Wrong

ROWS = [
    Wrong(lambda: M.mean(jnp.ones(3), weight=jnp.ones(2)), r"mean: weight is float32\[2\]"),
    Wrong(lambda: M.mean(jnp.ones(3), weight=jnp.ones((3, 1))), "mean: weight is"),
    Wrong(
        lambda: M.accuracy(jnp.ones((3, 2)), jnp.ones((3, 1))), "accuracy needs arguments of one"
    ),
    Wrong(lambda: M.top_k_accuracy(jnp.ones((3, 2)), jnp.ones(3)), "top_k_accuracy: k is 5"),
    Wrong(lambda: M.confusion_matrix(jnp.arange(3), jnp.arange(3)), "pass n_classes too"),
    Wrong(lambda: M.confusion_matrix(jnp.ones((3, 2)), jnp.arange(2)), "confusion_matrix needs"),
    Wrong(lambda: M.precision(jnp.ones((2, 3))), r"precision: confusion is float32\[2,3\]"),
    Wrong(lambda: M.recall(jnp.ones((2, 2)), average="binary"), "recall: average is 'binary'"),
    Wrong(lambda: M.roc_auc(jnp.ones(3)), r"roc_auc: histogram is float32\[3\]"),
    Wrong(lambda: M.score_histogram(jnp.ones(3), jnp.ones(3), low=1.0), "low is 1.0 and high is"),
    Wrong(lambda: M.score_histogram(jnp.ones(3), jnp.ones((3, 1))), "score_histogram needs"),
    Wrong(lambda: M.mean_squared_error(jnp.ones(3), jnp.ones((3, 1))), "mean_squared_error needs"),
    Wrong(lambda: M.calibration(jnp.ones((3, 2)), jnp.ones(3), bins=0), "calibration: bins is 0"),
    Wrong(lambda: M.accuracy(np.eye(3), np.array([0, 9, 1])), "accuracy: labels hold 9; with 3 cl"),
    Wrong(lambda: M.top_k_accuracy(np.eye(3), np.array([0, 3, 1]), k=1), "labels hold 3"),
    Wrong(lambda: M.negative_log_likelihood(np.eye(3), np.array([-1, 0, 0])), "labels hold -1"),
    Wrong(lambda: M.calibration(np.eye(3), np.array([-1, 0, 0])), "calibration: labels hold -1"),
    Wrong(
        lambda: M.confusion_matrix(np.arange(3), np.arange(3), n_classes=2),
        "confusion_matrix: labels hold 2; with 2 classes",
    ),
    Wrong(lambda: M.confusion_matrix(np.arange(3), np.arange(3), n_classes=0), "n_classes is 0"),
    Wrong(lambda: M.accuracy(jnp.float32(1), jnp.int32(0)), r"logits is float32\[\]; it needs"),
    Wrong(lambda: M.accuracy(None, np.arange(3)), "accuracy: logits is None", TypeError),
    Wrong(lambda: M.accuracy(np.eye(3), None), "accuracy: labels is None", TypeError),
    Wrong(lambda: M.accuracy(np.eye(3), np.arange(3), weight="all"), "weight is 'all'", TypeError),
    Wrong(lambda: M.mean_squared_error("1", "2"), "predictions is '1'", TypeError),
    Wrong(lambda: M.top_k_accuracy(np.eye(3), np.arange(3), k=0), "top_k_accuracy: k is 0"),
]
