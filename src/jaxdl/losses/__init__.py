"""Loss functions with the names and options of torch.nn.functional; the class axis is last.

Each is called as ``loss(predictions, targets, *, options, reduction="mean", where=None)``:

- ``reduction``: ``"mean"`` and ``"sum"`` return a scalar. ``"none"`` returns one value per element,
  or one per row if the loss spans the last axis; ignored and masked values are 0.
- ``where``: a boolean mask with the shape of those values, or of their leading axes. Masked values
  affect neither value nor gradient, even if they are nan or inf, and the mean divides by the number
  that remain. If none remain, the mean is nan and its gradient 0.
- Shapes must match: nothing broadcasts. Targets may have any real dtype.
- The result has the dtype of the predictions; float16 and bfloat16 are computed in float32.
- Invalid arguments raise at once: ShapeError for mismatched shapes, TypeError for predictions that
  aren't floating point or labels that aren't integers, ValueError for an option or a label out of
  range. Traced values can't be checked: an option is then used as is, and a label out of range
  makes the loss nan.

<!-- table of equals: begin -->
Relative bounds that the tests hold values and gradients to, in float32 and in float64. A star
marks where PyTorch itself is less exact, or wrong at some points; tests/tables says where and why.

| PyTorch | jaxdl | equal to |
|---|---|---|
| `F.binary_cross_entropy` | `binary_cross_entropy` | 1e-5, 1e-8 * |
| `F.binary_cross_entropy_with_logits` | `binary_cross_entropy_with_logits` | 1e-5, 1e-12 * |
| its formula | `binary_focal_cross_entropy` | 1e-5, 1e-12 |
| its formula | `categorical_focal_cross_entropy` | 1e-5, 1e-12 |
| its formula | `categorical_hinge` | 1e-5, 1e-12 |
| its formula | `circle` | 1e-5, 1e-12 |
| `F.cosine_embedding_loss` | `cosine_embedding_loss` | 1e-5, 1e-8 * |
| `F.cosine_similarity` | `cosine_similarity` | 1e-5, 1e-12 * |
| `F.cross_entropy` | `cross_entropy` | 1e-5, 1e-12 |
| `F.ctc_loss` | `ctc_loss` | 1e-5, 1e-12 |
| its formula | `dice` | 1e-5, 1e-12 |
| `F.gaussian_nll_loss` | `gaussian_nll_loss` | 1e-5, 1e-12 |
| its formula | `generalized_cross_entropy` | 1e-5, 1e-12 |
| its formula | `hinge` | 1e-5, 1e-12 |
| `F.hinge_embedding_loss` | `hinge_embedding_loss` | 1e-5, 1e-12 * |
| `F.huber_loss` | `huber_loss` | 1e-5, 1e-12 * |
| its formula | `info_nce` | 1e-5, 1e-12 |
| `F.kl_div` | `kl_div` | 1e-5, 1e-12 * |
| `F.l1_loss` | `l1_loss` | 1e-5, 1e-12 * |
| `F.linear_cross_entropy` | `linear_cross_entropy` | 1e-5, 1e-12 |
| its formula | `log_cosh` | 1e-5, 1e-12 |
| `F.margin_ranking_loss` | `margin_ranking_loss` | 1e-5, 1e-12 * |
| its formula | `mean_absolute_percentage_error` | 1e-5, 1e-12 |
| its formula | `mean_squared_logarithmic_error` | 1e-5, 1e-12 |
| `F.mse_loss` | `mse_loss` | 1e-5, 1e-12 |
| `F.multi_margin_loss` | `multi_margin_loss` | 1e-5, 1e-12 |
| `F.multilabel_margin_loss` | `multilabel_margin_loss` | 1e-5, 1e-12 |
| `F.multilabel_soft_margin_loss` | `multilabel_soft_margin_loss` | 1e-5, 1e-12 |
| `F.nll_loss` | `nll_loss` | 1e-5, 1e-12 |
| `F.pairwise_distance` | `pairwise_distance` | 1e-5, 1e-12 |
| its formula | `perceptron_loss` | 1e-5, 1e-12 |
| `F.poisson_nll_loss` | `poisson_nll_loss` | 1e-5, 1e-12 |
| `F.smooth_l1_loss` | `smooth_l1_loss` | 1e-5, 1e-12 * |
| `F.soft_margin_loss` | `soft_margin_loss` | 1e-5, 1e-12 * |
| its formula | `squared_hinge` | 1e-5, 1e-12 |
| `F.triplet_margin_loss` | `triplet_margin_loss` | 1e-5, 1e-12 |
| `F.triplet_margin_with_distance_loss` | `triplet_margin_with_distance_loss` | 1e-5, 1e-12 |
| its formula | `tversky` | 1e-5, 1e-12 |
<!-- table of equals: end -->
"""

from jaxdl import _face
from jaxdl.losses._binary import (
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    binary_focal_cross_entropy,
)
from jaxdl.losses._classification import cross_entropy, nll_loss
from jaxdl.losses._contrastive import circle, info_nce
from jaxdl.losses._distance import cosine_similarity, pairwise_distance
from jaxdl.losses._focal import categorical_focal_cross_entropy, generalized_cross_entropy
from jaxdl.losses._likelihood import gaussian_nll_loss, kl_div, poisson_nll_loss
from jaxdl.losses._margin import (
    hinge,
    hinge_embedding_loss,
    perceptron_loss,
    soft_margin_loss,
    squared_hinge,
)
from jaxdl.losses._multiclass import (
    categorical_hinge,
    multi_margin_loss,
    multilabel_margin_loss,
    multilabel_soft_margin_loss,
)
from jaxdl.losses._overlap import dice, tversky
from jaxdl.losses._percentage import mean_absolute_percentage_error, mean_squared_logarithmic_error
from jaxdl.losses._ranking import (
    cosine_embedding_loss,
    margin_ranking_loss,
    triplet_margin_loss,
    triplet_margin_with_distance_loss,
)
from jaxdl.losses._regression import huber_loss, l1_loss, log_cosh, mse_loss, smooth_l1_loss
from jaxdl.losses._sequence import ctc_loss
from jaxdl.losses._vocabulary import linear_cross_entropy

__all__ = [
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "binary_focal_cross_entropy",
    "categorical_focal_cross_entropy",
    "categorical_hinge",
    "circle",
    "cosine_embedding_loss",
    "cosine_similarity",
    "cross_entropy",
    "ctc_loss",
    "dice",
    "gaussian_nll_loss",
    "generalized_cross_entropy",
    "hinge",
    "hinge_embedding_loss",
    "huber_loss",
    "info_nce",
    "kl_div",
    "l1_loss",
    "linear_cross_entropy",
    "log_cosh",
    "margin_ranking_loss",
    "mean_absolute_percentage_error",
    "mean_squared_logarithmic_error",
    "mse_loss",
    "multi_margin_loss",
    "multilabel_margin_loss",
    "multilabel_soft_margin_loss",
    "nll_loss",
    "pairwise_distance",
    "perceptron_loss",
    "poisson_nll_loss",
    "smooth_l1_loss",
    "soft_margin_loss",
    "squared_hinge",
    "triplet_margin_loss",
    "triplet_margin_with_distance_loss",
    "tversky",
]

__doc__ = _face.index(globals())
