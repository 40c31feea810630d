"""Stores what scikit-learn computes on random rows with random weights, some of them 0.

Command:  PYTHONPATH=src:tests python tests/golden/make_metrics.py
Needs:    scikit-learn
Result:   tests/golden/metrics.json, which the tests compare with
"""

import json
from pathlib import Path
from typing import Any

import numpy as np

PATH = Path(__file__).parent / "metrics.json"
CLASSES = 5


def data() -> dict[str, np.ndarray]:
    """Rows of a classifier that is right more often than not, of a detector and a regression."""
    random = np.random.RandomState(0)
    labels = random.randint(CLASSES, size=200)
    logits = random.randn(200, CLASSES) + 1.5 * np.eye(CLASSES)[labels]
    binary = random.randint(2, size=200)
    scores = np.round(1 / (1 + np.exp(-random.randn(200) - binary)), 2)  # with many ties
    targets = 3 + random.randn(200)
    weight = random.uniform(0.1, 2, 200) * (random.rand(200) < 0.8)
    return {
        "labels": labels, "logits": logits, "binary": binary, "scores": scores,
        "targets": targets, "predictions": targets + 0.5 * random.randn(200), "weight": weight,
    }  # fmt: skip


def expected(d: dict[str, np.ndarray], weight: np.ndarray | None) -> dict[str, Any]:
    """All metrics of the rows, by the names of jaxdl."""
    import sklearn.metrics as sk

    y, guess, w = d["labels"], d["logits"].argmax(1), {"sample_weight": weight}
    every = {"labels": range(CLASSES), "zero_division": 0.0} | w
    numbers = {
        "accuracy": sk.accuracy_score(y, guess, **w),
        "binary_accuracy": sk.accuracy_score(d["binary"], d["scores"] > 0.5, **w),
        "confusion_matrix": sk.confusion_matrix(y, guess, **w).tolist(),
        "roc_auc": sk.roc_auc_score(d["binary"], d["scores"], **w),
        "pr_auc": sk.average_precision_score(d["binary"], d["scores"], **w),
        "mean_absolute_error": sk.mean_absolute_error(d["targets"], d["predictions"], **w),
        "mean_squared_error": sk.mean_squared_error(d["targets"], d["predictions"], **w),
        "root_mean_squared_error": sk.root_mean_squared_error(d["targets"], d["predictions"], **w),
        "r_squared": sk.r2_score(d["targets"], d["predictions"], **w),
        "negative_log_likelihood": sk.log_loss(y, softmax(d["logits"]), **w),
        "iou": sk.jaccard_score(y, guess, average=None, **every).tolist(),
        "mean_iou": sk.jaccard_score(y, guess, average="macro", **every),
    }
    for k in (1, 2, 3):
        numbers[f"top_k_accuracy-{k}"] = sk.top_k_accuracy_score(y, d["logits"], k=k, **w)
    for average in ("micro", "macro", "weighted", "none"):
        how = every | {"average": None if average == "none" else average}
        numbers[f"precision-{average}"] = sk.precision_score(y, guess, **how)
        numbers[f"recall-{average}"] = sk.recall_score(y, guess, **how)
        for beta in (1.0, 0.5, 2.0):
            score = sk.fbeta_score(y, guess, beta=beta, **how)
            numbers[f"f_beta-{average}-{beta}"] = score
    return {name: np.asarray(number).tolist() for name, number in numbers.items()}


def softmax(x: np.ndarray) -> np.ndarray:
    powers = np.exp(x - x.max(1, keepdims=True))
    return powers / powers.sum(1, keepdims=True)


if __name__ == "__main__":
    rows = data()
    golden = {"plain": expected(rows, None), "weighted": expected(rows, rows["weight"])}
    PATH.write_text(json.dumps(golden, indent=1) + "\n")
