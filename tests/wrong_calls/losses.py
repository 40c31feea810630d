"""Wrong calls of losses."""

import jax.numpy as jnp
import numpy as np

from jaxdl import losses as L
from wrong_calls.row import Wrong

X, DEEP = jnp.zeros((5, 4)), jnp.zeros((5, 2, 4))
LABELS, NUMBERS = jnp.zeros(5, jnp.int32), jnp.zeros((5, 3))
KERNEL = jnp.zeros((3, 4))
THREE, FOUR = jnp.ones(3), jnp.ones(4)
FIVE = np.arange(5)

ROWS = [
    Wrong(
        lambda: L.cross_entropy(X, LABELS, label_smoothing=1.1),
        "label_smoothing is 1.1; it must",
    ),
    Wrong(lambda: L.cross_entropy(X, X, ignore_index=2), "ignore_index is 2; it needs class ind"),
    Wrong(lambda: L.cross_entropy(jnp.float32(0), LABELS), "labels are int32"),
    Wrong(lambda: L.binary_focal_cross_entropy(X, X, alpha=2), "alpha is 2; it must lie in"),
    Wrong(
        lambda: L.categorical_focal_cross_entropy(X, X, label_smoothing=-1), "label_smoothing is"
    ),
    Wrong(lambda: L.generalized_cross_entropy(X, LABELS, q=0), r"q is 0; it must lie in \(0, 1\]"),
    Wrong(lambda: L.huber_loss(X, X, delta=0), "delta is 0; it must be positive"),
    Wrong(lambda: L.smooth_l1_loss(X, X, beta=-1), "beta is -1; it must be at least 0"),
    Wrong(lambda: L.multi_margin_loss(X, LABELS, p=3), "p is 3; it must be 1 or 2"),
    Wrong(lambda: L.triplet_margin_loss(X, X, X, margin=0), "margin is 0; it must be positive"),
    Wrong(
        lambda: L.triplet_margin_with_distance_loss(
            X, X, X, distance_function=lambda u, v: (u - v) ** 2
        ),
        r"distance_function returned float32\[5,4\] for vectors float32\[5,4\]; it must return",
    ),
    Wrong(lambda: L.info_nce(X, X, temperature=0.0), "temperature is 0.0; it must be positive"),
    Wrong(lambda: L.info_nce(DEEP, DEEP), r"queries is float32\[5,2,4\]; it needs shape \(N, D\)"),
    Wrong(lambda: L.circle(FOUR, LABELS), r"embeddings is float32\[4\]; it needs shape"),
    Wrong(lambda: L.ctc_loss(X, LABELS, LABELS, LABELS), r"log_probabilities is float32\[5,4\]"),
    Wrong(
        lambda: L.ctc_loss(DEEP, LABELS[:, None], LABELS, LABELS, blank=4),
        "blank is 4; it must be one of 4 classes",
    ),
    Wrong(
        lambda: L.gaussian_nll_loss(X, X, THREE),
        r"variance is float32\[3\] for predictions float32\[5,4\]; it needs their shape",
    ),
    Wrong(lambda: L.kl_div(FOUR[0], FOUR[0], reduction="batchmean"), "batchmean.*got a scalar"),
    Wrong(lambda: L.hinge(FOUR[0], FOUR), "needs arguments of one shape, got predictions float32"),
    Wrong(lambda: L.categorical_hinge(FOUR[0], FOUR[0]), "predictions is .*at least 1 axes"),
    Wrong(lambda: L.linear_cross_entropy(X, KERNEL, LABELS), r"inputs are float32\[5,4\] and kern"),
    Wrong(
        lambda: L.linear_cross_entropy(NUMBERS, KERNEL, LABELS, chunk_size=0),
        "chunk_size is 0; it must be a positive integer",
    ),
    Wrong(
        lambda: L.dice(X, X, axis=(1, 2)),
        r"dice: axis is \(1, 2\) for predictions float32\[5,4\]",
    ),
    Wrong(lambda: L.tversky(X, X, axis=-3), "tversky: axis is -3 .* must be one of their axes"),
    Wrong(lambda: L.dice(X, X, axis=(1, -1)), r"axis is \(1, -1\)"),
    Wrong(lambda: L.dice(jnp.float32(1), 1.0, axis=0), "axis is 0"),
    Wrong(lambda: L.cosine_similarity(X, X[:, :1]), "needs arguments of one shape"),
    Wrong(lambda: L.pairwise_distance(X, X[:1]), "needs arguments of one shape"),
    # Labels that are no class, and lengths that are none: -100 is what is ignored
    Wrong(lambda: L.cross_entropy(X, FIVE), "cross_entropy: labels hold 4; with 4 classes they mu"),
    Wrong(lambda: L.cross_entropy(X, LABELS - 1), r"labels hold -1; .* \[0, 3\], or be -100"),
    Wrong(lambda: L.cross_entropy(X, FIVE, ignore_index=9), "labels hold 4"),
    Wrong(lambda: L.cross_entropy(X, np.full(5, 2**40)), "labels hold 1099511627776"),
    Wrong(lambda: L.nll_loss(X, FIVE), "nll_loss: labels hold 4"),
    Wrong(lambda: L.nll_loss(X, FIVE, where=FIVE > 2), "nll_loss: labels hold 4"),
    Wrong(
        lambda: L.linear_cross_entropy(NUMBERS, KERNEL, FIVE), "linear_cross_entropy: labels hold"
    ),
    Wrong(lambda: L.multi_margin_loss(X, FIVE), "multi_margin_loss: labels hold 4"),
    Wrong(
        lambda: L.multilabel_margin_loss(X, np.full((5, 4), 4)), "multilabel_margin_loss: labels"
    ),
    Wrong(lambda: L.generalized_cross_entropy(X, FIVE), "generalized_cross_entropy: labels hold 4"),
    Wrong(
        lambda: L.ctc_loss(DEEP, FIVE[:, None], LABELS + 2, LABELS + 1), "ctc_loss: labels hold 4"
    ),
    Wrong(lambda: L.ctc_loss(DEEP, LABELS[:, None], LABELS + 3, LABELS), r"input_lengths are \[3,"),
    Wrong(lambda: L.ctc_loss(DEEP, LABELS[:, None], LABELS, LABELS + 2), "label_lengths are .*1]"),
    Wrong(lambda: L.ctc_loss(DEEP, LABELS[:, None], LABELS, LABELS, blank=1.0), "blank is 1.0"),
    # No arrays at all
    Wrong(lambda: L.cross_entropy(None, LABELS), "cross_entropy: logits is None", TypeError),
    Wrong(lambda: L.cross_entropy(X, None), "cross_entropy: labels is None", TypeError),
    Wrong(lambda: L.cross_entropy(X, ["cat"] * 5), "labels is .'cat'", TypeError),
    Wrong(lambda: L.cross_entropy(X, LABELS, weight="balanced"), "weight is 'balanced'", TypeError),
    Wrong(lambda: L.mse_loss("1", "2"), "mse_loss: predictions is '1'", TypeError),
    Wrong(lambda: L.mse_loss(X, None), "mse_loss", (TypeError, ValueError)),
]
